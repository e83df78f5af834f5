"""What follows a series: points, quantiles, paths, and series that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ostinato as ost
from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.time_series import SeriesOptions, read_series
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.forecasting import load_forecaster
from tests.training.examples import recipe_for
from tests.training.forecasts import forecast_run, write_series

NO_KNOWN = {"known": []}


@pytest.fixture(scope="module")
def gaussian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a distribution, that needs nothing known ahead but the calendar."""
    folder = tmp_path_factory.mktemp("gaussian")
    return forecast_run(folder, data=NO_KNOWN, model={"output": "gaussian"})


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("direct")
    model = {"forecast": "direct", "output": "quantile", "segment": 2}
    return forecast_run(folder, data=NO_KNOWN, model=model)


def test_what_follows_the_runs_own_series(gaussian: Path):
    found = ost.load_run(gaussian).forecast(quantiles=[0.1, 0.9], num_paths=3)
    assert found.moments() == [f"2020-01-09 {hour:02}:00:00" for hour in (8, 9, 10, 11)]
    assert found.names == ("y", "z")
    assert found.point.shape == (4, 2)
    assert found.quantiles.shape == (4, 2, 2)
    assert found.paths.shape == (3, 4, 2)
    assert (found.quantiles[..., 0] < found.quantiles[..., 1]).all()
    # In the units of the series: y rises to 2 in 200 rows.
    assert 0.5 < found.point[:, 0].mean() < 3.5
    records = list(found.records())
    assert len(records) == 8
    assert records[1]["target"] == "z"
    assert records[1].keys() >= {"step", "time", "forecast", "q0.1", "q0.9", "paths"}


def test_the_last_rows_alone_decide(gaussian: Path, tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    whole = ost.load_run(gaussian).forecast(path, quantiles=[0.5]).point
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[-16:]]) + "\n")
    np.testing.assert_allclose(ost.load_run(gaussian).forecast(path, quantiles=[]).point, whole)


def test_a_frame_a_mapping_and_a_file_say_the_same(gaussian: Path, tmp_path: Path):
    pd = pytest.importorskip("pandas")
    path = write_series(tmp_path / "s.csv")
    run = ost.load_run(gaussian)
    frame = pd.read_csv(path)
    indexed = frame.assign(time=pd.to_datetime(frame["time"])).set_index("time")
    expected = run.forecast(path, quantiles=[0.5])
    for table in (frame, indexed, {name: frame[name].tolist() for name in frame.columns}):
        found = run.forecast(table, quantiles=[0.5])
        np.testing.assert_array_equal(found.point, expected.point)
        assert found.moments() == expected.moments()
    assert list(expected.to_frame().columns) == ["y", "y 0.5", "z", "z 0.5"]
    assert str(expected.to_frame().index[0]) == "2020-01-09 08:00:00"


def test_paths_are_those_of_their_seed(gaussian: Path):
    run = ost.load_run(gaussian)
    first = run.forecast(num_paths=4, seed=1, quantiles=[]).paths
    np.testing.assert_array_equal(run.forecast(num_paths=4, seed=1, quantiles=[]).paths, first)
    assert not np.array_equal(run.forecast(num_paths=4, seed=2, quantiles=[]).paths, first)
    # The spread of what may come grows with the distance.
    many = run.forecast(num_paths=400, quantiles=[]).paths.std(0)
    assert (many > 0).all()


def test_the_horizon_of_a_recursive_forecaster_is_free(gaussian: Path):
    run = ost.load_run(gaussian)
    longer = run.forecast(horizon=9, quantiles=[])
    assert len(longer) == 9
    np.testing.assert_allclose(longer.point[:4], run.forecast(quantiles=[]).point)


def test_a_direct_forecaster_has_quantiles_and_no_paths(direct: Path):
    run = ost.load_run(direct)
    whole = run.forecast()
    assert whole.levels == (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    assert (np.diff(whole.quantiles, axis=-1) > 0).all()
    np.testing.assert_allclose(run.forecast(horizon=2).point, whole.point[:2])
    with pytest.raises(OptionError, match=r"has no paths\nmend: .*model.forecast=recursive"):
        run.forecast(num_paths=1)
    with pytest.raises(OptionError, match=r"got 5 steps, and the network says 4 at once"):
        run.forecast(horizon=5)
    with pytest.raises(OptionError, match=r"0.01 to 0.5 were asked for"):
        run.forecast(quantiles=[0.01, 0.5])


@pytest.mark.parametrize("horizon", [0, -3])
def test_no_steps_ahead(gaussian: Path, horizon: int):
    with pytest.raises(OptionError, match="expected 1 or more"):
        ost.load_run(gaussian).forecast(horizon=horizon)


def test_points_have_no_quantiles(tmp_path: Path):
    run = ost.load_run(forecast_run(tmp_path, data=NO_KNOWN))
    assert run.forecast().levels == ()
    for ask in ({"quantiles": [0.5]}, {"num_paths": 2}):
        with pytest.raises(OptionError, match="a forecast of points has no quantiles"):
            run.forecast(**ask)


def test_a_series_that_is_too_short(gaussian: Path, tmp_path: Path):
    path = write_series(tmp_path / "s.csv", 15)
    with pytest.raises(DataError, match=r"has 15 rows with targets, and the network reads .*=16"):
        ost.load_run(gaussian).forecast(path)


def test_what_has_to_be_known_ahead(tmp_path: Path):
    run = ost.load_run(forecast_run(tmp_path))
    with pytest.raises(
        DataError, match=r"k: known for 0 moments after the last target, expected 4"
    ):
        run.forecast()
    path = write_series(tmp_path / "ahead.csv", num_ahead=6)
    found = run.forecast(path)
    assert len(found) == 4
    assert found.moments()[0] == "2020-01-09 08:00:00"
    assert len(run.forecast(path, horizon=6)) == 6


def test_what_is_known_ahead_is_read(tmp_path: Path):
    changes = {"max_steps": 40, "learning_rate": 0.02}
    run = ost.load_run(forecast_run(tmp_path, training=changes), "last")
    path = write_series(tmp_path / "ahead.csv", num_ahead=4)
    before = run.forecast(path).point
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-4], *(line[:-1] + "1" for line in lines[-4:])]) + "\n")
    assert not np.allclose(run.forecast(path).point, before)


def test_a_file_in_another_form(gaussian: Path, tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    trained = load_forecaster(gaussian)
    expected = trained.forecast(trained.series(path)).point
    path.write_text(path.read_text().replace(",", ";").replace("time;", "when;"))
    with pytest.raises(ost.OstinatoError, match="unknown column 'time'"):
        trained.series(path)
    found = trained.forecast(trained.series(path, ["data.time=when", "data.separator=;"]))
    np.testing.assert_allclose(found.point, expected)
    with pytest.raises(RecipeError, match=r"data.context cannot be changed now"):
        trained.series(path, ["data.context=3"])


def test_missing_values_are_named_in_what_is_to_be_forecast(gaussian: Path, tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    text = path.read_text()
    path.write_text(text.replace("2020-01-02T05:00,", "2020-01-02T05:00,x"))
    with pytest.raises(DataError, match=r"s.csv, line 31, y: 'x"):
        ost.load_run(gaussian).forecast(path)


def test_a_run_of_another_kind(gaussian: Path, tmp_path: Path):
    from ostinato.training.session import train

    train(recipe_for("texts", tmp_path, 40, training={"max_steps": 1}), tmp_path / "run")
    with pytest.raises(RunError, match=r"learned classification, expected one that forecasts"):
        ost.load_run(tmp_path / "run").forecast()
    with pytest.raises(RunError, match=r"learned forecasting, expected one that learned from exa"):
        ost.load_run(gaussian).predict([[1.0]])
    with pytest.raises(RunError, match=r"learned forecasting, which the lens does not take"):
        ost.lens.gates(gaussian)


@pytest.mark.parametrize("changes", [{}, {"forecast": "direct"}])
def test_saved_and_opened_again(changes: dict[str, Any], tmp_path: Path):
    run = ost.load_run(forecast_run(tmp_path, data=NO_KNOWN, model=changes))
    run.save_pretrained(tmp_path / "saved")
    opened = ost.from_pretrained(tmp_path / "saved")
    path = tmp_path / "series.csv"
    np.testing.assert_array_equal(opened.forecast(path).point, run.forecast(path).point)
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "time-series-forecasting" in card
    assert "data: series.csv" in card
    assert str(tmp_path) not in (tmp_path / "saved" / "recipe.yaml").read_text()


def test_a_forecast_without_dates_counts_its_steps(tmp_path: Path):
    numbers = {"y": [float(n % 5) for n in range(60)]}
    series = read_series(numbers, SeriesOptions())
    assert series.moments_ahead(2) is None
