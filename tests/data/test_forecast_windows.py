"""Windows: what is forecast lies in its own part, what is measured in the training part."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.calendar import calendar_table, check_features, usual_features
from ostinato.data.dates import Step
from ostinato.data.forecast_windows import Borders, ForecastWindows, SeriesPipeline, SeriesScaling
from ostinato.data.seasons import find_season
from ostinato.data.time_series import SeriesOptions, TimeSeries, read_series

BORDERS = Borders(60, 80, 100)


def series(num: int = 100) -> TimeSeries:
    random = np.random.default_rng(0)
    table = {"y": random.normal(5, 3, num).tolist(), "z": [2.0] * num, "k": random.random(num)}
    return read_series(table, SeriesOptions(targets=("y", "z"), past=("k",), known=("k",)))


def windows(context: int = 10, horizon: int = 5) -> ForecastWindows:
    read = series()
    return ForecastWindows(SeriesPipeline.learn(read, 60, ()).apply(read), context, horizon)


def test_targets_of_a_part_lie_in_it_and_windows_may_begin_before():
    found = windows()
    assert found.origins("train", BORDERS).tolist() == list(range(10, 56))
    assert found.origins("dev", BORDERS).tolist() == list(range(60, 76))
    assert found.origins("test", BORDERS, stride=5).tolist() == [80, 85, 90, 95]
    batch = found.batch(found.origins("dev", BORDERS)[:2])
    assert batch.values.shape == (10, 2, 2)
    assert batch.targets is not None
    assert batch.targets.shape == (5, 2, 2)
    assert batch.known.shape == (5, 2, 1)
    assert batch.past.shape == (10, 2, 1)
    np.testing.assert_array_equal(batch.values[:, 1], found.table.targets[51:61])
    np.testing.assert_array_equal(batch.targets[:, 1], found.table.targets[61:66])
    assert batch.num_targets == 5 * 2 * 2


def test_scaling_is_measured_in_the_training_part_alone():
    read = series()
    pipeline = SeriesPipeline.learn(read, 60, ())
    changed = series()
    changed.targets[60:] += 1000
    assert SeriesPipeline.learn(changed, 60, ()).to_json() == pipeline.to_json()
    scaled = pipeline.apply(read).targets
    np.testing.assert_allclose(scaled[:60, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[:60, 0].std(), 1, atol=1e-6)
    # A column that never changes is not divided by nothing.
    assert scaled[:, 1].tolist() == [0] * 100
    np.testing.assert_allclose(pipeline.targets.back(scaled), read.targets, atol=1e-5)
    assert SeriesPipeline.from_json(pipeline.to_json()).to_json() == pipeline.to_json()


def test_a_horizon_that_is_longer_than_a_part():
    with pytest.raises(DataError, match=r"the dev part has 20 rows, rows 60 to 79: no window of "):
        windows(10, 21).origins("dev", BORDERS)
    with pytest.raises(DataError, match=r"data.context=58 steps and data.horizon=5 steps ahead"):
        windows(58).origins("train", BORDERS)


@pytest.mark.parametrize(
    ("borders", "reason"),
    [((60, 50, 100), "not in order"), ((60, 80, 101), "row 101, but the series has 100")],
)
def test_borders_that_make_no_sense(borders: tuple[int, int, int], reason: str):
    with pytest.raises(DataError, match=reason):
        Borders(*borders).check(100)


def test_borders_by_share():
    assert Borders.by_share(100, 0.2, 0.1) == Borders(70, 90, 100)


def test_other_columns_are_refused():
    pipeline = SeriesPipeline.learn(series(), 60, ())
    other = read_series({"y": [1.0, 2.0]}, SeriesOptions())
    with pytest.raises(DataError, match="has the columns y; the run learned from y, z, k, k"):
        pipeline.apply(other)


def test_what_has_to_be_known_ahead():
    read = series()
    pipeline = SeriesPipeline.learn(read, 60, ())
    with pytest.raises(DataError, match="k: known for 0 moments after the last target, expected 3"):
        pipeline.known_ahead(read, 3)


def test_the_calendar():
    times = np.array(["2020-01-06T06:00", "2020-01-11T12:00"], "datetime64[s]")
    table = calendar_table(times, ("hour", "weekday", "weekend"))
    np.testing.assert_allclose(table[0], [1, 0, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(table[1, :2], [0, -1], atol=1e-12)
    assert table[1, 4] == 1
    year = calendar_table(np.array(["2020-07-01", "2021-07-02"], "datetime64[s]"), ["year_day"])
    np.testing.assert_allclose(year[:, 1], -1, atol=1e-2)
    with pytest.raises(OptionError, match=r"data.calendar has hour, but the series has no dates"):
        check_features(None, ["hour"])


@pytest.mark.parametrize(
    ("step", "num", "expected"),
    [
        (Step("second", 3600), 24 * 300, ("hour", "weekday", "weekend")),
        (Step("second", 3600), 24 * 800, ("hour", "weekday", "weekend", "year_day")),
        (Step("second", 3600), 30, ()),
        (Step("second", 86400), 1000, ("weekday", "weekend", "year_day")),
        (Step("business day", 1), 1000, ("weekday", "year_day")),
        (Step("month", 1), 100, ("year_day",)),
        (Step("month", 12), 100, ()),
    ],
)
def test_of_the_calendar_is_read_what_training_saw_twice(
    step: Step, num: int, expected: tuple[str, ...]
):
    assert usual_features(step, num) == expected


def test_a_season_is_found_by_its_correlation():
    steps = np.arange(300)
    noise = np.random.default_rng(0).normal(0, 0.2, 300)
    assert find_season((np.sin(2 * np.pi * steps / 17) + noise)[:, None], None) == 17
    assert find_season(noise.cumsum()[:, None], None) == 1
    assert find_season(np.zeros((50, 1)), None) == 1
    assert find_season(np.zeros((50, 1)), Step("second", 3600)) == 24
    # One day of hours is no season yet.
    assert find_season(np.zeros((30, 1)), Step("second", 3600)) == 1


def test_scaling_of_one_row():
    scaling = SeriesScaling.of(np.array([[3.0]]))
    assert scaling.forth(np.array([[4.0]])).tolist() == [[1.0]]


def test_processes_share_a_batch():
    whole = windows().batch(np.arange(20, 27))
    parts = [whole.share(index, 3) for index in range(3)]
    assert sum(part.num_targets for part in parts) == whole.num_targets
    assert [part.num_sequences for part in parts] == [3, 2, 2]
    np.testing.assert_array_equal(parts[1].values, whole.values[:, 1::3])
    assert windows().batch(np.arange(20, 21)).share(1, 2).is_empty
