"""Back-testing: the same origins for all, nothing from behind them, several series as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ostinato as ost
from ostinato.data import DataError
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.evaluation import compare_runs, evaluate_run, evaluate_runs
from ostinato.training.forecast_evaluation import back_test
from ostinato.training.forecasting import load_forecaster
from tests.training.forecasts import forecast_run, write_series

NAIVE = ["naive", "seasonal naive", "drift", "seasonal mean"]
GAUSSIAN = {"output": "gaussian"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return forecast_run(tmp_path_factory.mktemp("run"), model=GAUSSIAN)


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("direct")
    return forecast_run(folder, model={**GAUSSIAN, "forecast": "direct"}, data={"context": 8})


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_part_with_naive_forecasts_beside(run: Path, part: str):
    report = evaluate_run(run, part=part)  # pyright: ignore[reportArgumentType]
    assert list(report.scores) == ["model", *NAIVE, "ridge"]
    assert report.num_examples == 37
    assert (report.metric, report.higher_is_better, report.item) == ("crps", False, "forecast")
    for name, scores in report.scores.items():
        expected = {"mse", "mae", "mase", "smape", "crps"}
        assert scores.keys() - {"teacher_forced_mse"} == expected, name
        assert all(score.low <= score.value <= score.high for score in scores.values())
        # Of points, the CRPS is the absolute error; of a distribution it is less.
        assert scores["crps"].value < scores["mae"].value, name
    assert "teacher_forced_mse" in report.scores["model"]


def test_a_back_test_is_what_the_scores_are_of(run: Path):
    found = ost.load_run(run).back_test("dev")
    assert found.names == ("y", "z")
    assert found.origins.tolist() == list(range(120, 157))
    assert found.point.shape == found.targets.shape == (37, 4, 2)
    assert found.times is not None
    assert str(found.times[0]) == "2020-01-06T00:00:00"
    report = evaluate_run(run, part="dev")
    mae = np.abs(found.point - found.targets).mean()
    assert report.scores["model"]["mae"].value == pytest.approx(mae, rel=1e-6)
    np.testing.assert_allclose(found.error_by_step().mean(), mae)
    assert back_test(load_forecaster(run), "test", stride=10).origins.tolist() == [
        160,
        170,
        180,
        190,
    ]


def test_each_forecast_is_that_of_the_series_up_to_its_origin(direct: Path, tmp_path: Path):
    # Known columns are needed ahead: they are given behind the last target.
    trained = load_forecaster(direct)
    found = back_test(trained, "test")
    lines = write_series(tmp_path / "s.csv").read_text().splitlines()
    origin = int(found.origins[5])
    ahead = [
        ",".join([t, "", "", *rest])
        for t, _, _, *rest in (line.split(",") for line in lines[origin + 1 : origin + 5])
    ]
    (tmp_path / "s.csv").write_text("\n".join([*lines[: origin + 1], *ahead]) + "\n")
    said = trained.forecast(trained.series(tmp_path / "s.csv"))
    np.testing.assert_allclose(said.point, found.point[5], rtol=1e-5, atol=1e-5)


def test_another_file(run: Path, tmp_path: Path):
    path = write_series(tmp_path / "other.csv", 60)
    report = evaluate_run(run, path)
    assert report.num_examples == 60 - 16 - 4 + 1
    # What the run learned from is there, so that others can learn from it, too.
    assert list(report.scores) == ["model", *NAIVE, "ridge"]
    assert not report.notes
    for name, scores in report.scores.items():
        assert scores["crps"].value < scores["mae"].value, name
    with pytest.raises(DataError, match=r"no window of data.context=16 steps"):
        evaluate_run(run, write_series(tmp_path / "short.csv", 19))
    with pytest.raises(RecipeError, match=r"data\.horizon cannot be changed now"):
        evaluate_run(run, path, changes=["data.horizon=2"])


def test_another_file_where_what_the_run_learned_from_is_gone(tmp_path: Path):
    run = forecast_run(tmp_path, model=GAUSSIAN)
    path = write_series(tmp_path / "other.csv", 60)
    whole = evaluate_run(run, path)
    ost.load_run(run).save_pretrained(tmp_path / "saved")
    write_series(tmp_path / "series.csv", 199)
    for folder, reason in ((run, "the series changed since"), (tmp_path / "saved", "saved model")):
        report = evaluate_run(folder, path)
        assert list(report.scores) == ["model", *NAIVE]
        (note,) = report.notes
        assert note.startswith("no ridge regression and no CRPS of naive forecasts: ")
        assert reason in note
        for name in NAIVE:
            # A point has no CRPS that a distribution could be compared with.
            assert report.scores[name].keys() == {"mse", "mae", "mase", "smape"}
            assert report.scores[name]["mae"] == whole.scores[name]["mae"]
        assert report.scores["model"]["crps"] == whole.scores["model"]["crps"]


def test_a_series_that_changed(tmp_path: Path):
    run = forecast_run(tmp_path)
    write_series(tmp_path / "series.csv", 199)
    with pytest.raises(DataError, match="the series changed since the run"):
        evaluate_run(run)


def test_a_run_without_a_test_part(tmp_path: Path):
    run = forecast_run(tmp_path, data={"split": {"test": 0.0}})
    with pytest.raises(RunError, match=r"has no test part\nmend: .*--part dev"):
        evaluate_run(run)
    assert evaluate_run(run, part="dev").num_examples == 37


def test_runs_of_the_same_origins_are_compared(run: Path, direct: Path):
    found = compare_runs([run, direct])
    assert (found.metric, found.num_examples, found.item) == ("crps", 37, "forecast")
    own = evaluate_run(run, part="dev").scores["model"]["crps"].value
    other = evaluate_run(direct, part="dev").scores["model"]["crps"].value
    assert found.differences[0].value == pytest.approx(other - own)


def test_quantiles_are_compared_with_a_distribution_on_one_grid(tmp_path: Path):
    # Before they learned, all say the same normal distribution around the same regression.
    heads = [
        {"output": "gaussian"},
        {"output": "quantile"},
        {"output": "quantile", "levels": [0.1, 0.5, 0.9]},
    ]
    training = {"learning_rate": 1e-9, "max_steps": 1}
    runs = [
        forecast_run(tmp_path / str(n), model={**head, "forecast": "direct"}, training=training)
        for n, head in enumerate(heads)
    ]
    found = compare_runs(runs)
    assert found.metric == "crps"
    # Between three levels, straight lines are no longer the distribution.
    for score, tolerance in zip(found.scores[1:], (0.01, 0.05), strict=True):
        assert score.value == pytest.approx(found.scores[0].value, rel=tolerance)


def test_runs_that_cannot_be_compared(run: Path, tmp_path: Path):
    for name, changes, reason in (
        ("horizon", {"data": {"horizon": 3}, "model": GAUSSIAN}, "forecast different things"),
        ("targets", {"data": {"targets": ["y"]}, "model": GAUSSIAN}, "forecast different things"),
        ("metric", {}, "judged by different scores"),
        ("unit", {"evaluation": {"standardized": True}, "model": GAUSSIAN}, "different scores"),
    ):
        with pytest.raises(RunError, match=reason):
            compare_runs([run, forecast_run(tmp_path / name, **changes)])


def test_several_series_count_the_same(run: Path, tmp_path: Path):
    other = forecast_run(tmp_path, model=GAUSSIAN, data={"split": {"dev": 0.2, "test": 0.1}})
    parts = [evaluate_run(each) for each in (run, other)]
    report = evaluate_runs([run, other])
    assert report.num_examples == sum(part.num_examples for part in parts)
    assert parts[0].num_examples != parts[1].num_examples
    for name in ("model", *NAIVE, "ridge"):
        means = np.mean([part.scores[name]["mase"].value for part in parts])
        assert report.scores[name]["mase"].value == pytest.approx(means)
