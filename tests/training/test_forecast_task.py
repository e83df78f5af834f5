"""Forecasting on the loop: what is learned, what is scored, and what a recipe may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data import DataError
from ostinato.models.forecaster import Forecaster
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.forecast_data import series_data
from ostinato.training.forecast_ridge import fit_ridge, sliding
from ostinato.training.forecast_task import ForecastTask
from ostinato.training.gradient_watch import watch_gradients
from ostinato.training.interrupt import StopRequest
from ostinato.training.results_of_run import results_of_run
from ostinato.training.session import resume, train
from tests.training.forecasts import forecast_run, raw_forecast, tiny_forecast, write_series
from tests.training.helpers import last

CPU = torch.device("cpu")
KINDS: dict[str, dict[str, Any]] = {
    "recursive": {},
    "direct": {"forecast": "direct", "segment": 2, "channels": "joint"},
    "quantile": {"forecast": "direct", "output": "quantile"},
    "gaussian": {"output": "gaussian", "channels": "joint"},
    "student-t": {"output": "student-t"},
    "no skip": {"skip": "none", "normalization": "mean", "stretch": True},
}


def task_of(path: Path, **changes: Any) -> ForecastTask:
    return ForecastTask.from_recipe(tiny_forecast(write_series(path), **changes), CPU)


def built(task: ForecastTask) -> Forecaster:
    torch.manual_seed(0)
    model = task.build_model()
    assert isinstance(model, Forecaster)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_each_kind(kind: str, tmp_path: Path):
    run = forecast_run(tmp_path, model=KINDS[kind])
    found = results_of_run(run, "last")
    assert found.score_name == ("mse" if "output" not in KINDS[kind] else "crps")
    assert np.isfinite(list(found.scores.values())).all()
    assert {"mse", "mae", "mase", "smape", "crps", "loss"} <= found.scores.keys()
    # Running free and with a teacher are two scores, where they are two things.
    assert ("teacher_forced_mse" in found.scores) == (KINDS[kind].get("forecast") != "direct")
    assert list(found.baselines) == ["naive", "seasonal naive", "drift", "seasonal mean", "ridge"]


def test_before_it_learned_it_is_a_ridge_regression_of_all_targets(tmp_path: Path):
    task = task_of(tmp_path / "s.csv", model={"forecast": "direct"}, data={"context": 16})
    windows = task.data.windows

    def pairs(origins: np.ndarray) -> np.ndarray:
        found = sliding(windows, origins, 4)
        return found - found[:, 15:16]

    train, dev = pairs(task.train), pairs(task.dev)
    error = dev[:, :16] @ fit_ridge(train[:, :16], train[:, 16:]) - dev[:, 16:]
    error = error.reshape(len(task.dev), 2, 4) * task.data.pipeline.targets.scale[:, None]
    scores = task.evaluate(built(task), StopRequest())
    assert scores["mse"] == pytest.approx((error**2).mean(), rel=1e-4)


def test_a_recursive_one_starts_as_an_autoregression(tmp_path: Path):
    task = task_of(tmp_path / "s.csv")
    scores = task.evaluate(built(task), StopRequest())
    baselines = task.baselines()
    assert scores["mse"] < 0.8 * min(baselines["naive"], baselines["seasonal naive"])


@pytest.mark.parametrize("output", ["point", "gaussian"])
def test_naive_forecasts_are_scored_as_the_network_is(output: str, tmp_path: Path):
    task = task_of(tmp_path / "s.csv", model={"output": output})
    found = task.naive_scores(with_quantiles=True)
    assert task.baselines() == {
        name: pytest.approx(scores[task.score_name].value) for name, scores in found.items()
    }
    for scores in found.values():
        # A distribution is nearer to what came than the point it is around.
        assert scores["crps"].value < 0.9 * scores["mae"].value


@pytest.mark.parametrize(
    ("levels", "tolerance"),
    [([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], 0.01), ([0.1, 0.5, 0.9], 0.05)],
)
def test_the_crps_of_quantiles_is_that_of_the_normal_distribution_they_are_of(
    levels: list[float], tolerance: float, tmp_path: Path
):
    # Before they learned, both heads say the same normal distribution around a regression.
    scores: dict[str, float] = {}
    for output in ("gaussian", "quantile"):
        model = {"output": output, "forecast": "direct", "levels": levels}
        task = task_of(tmp_path / "s.csv", model=model)
        scores[output] = task.evaluate(built(task), StopRequest())["crps"]
    assert scores["quantile"] == pytest.approx(scores["gaussian"], rel=tolerance)


def test_learning_helps(tmp_path: Path):
    changes = {"skip": "none", "hidden_size": 16, "dropout": 0.0}
    training = {"max_steps": 150, "learning_rate": 0.01, "max_epochs": None}
    path = write_series(tmp_path / "s.csv")
    recipe = tiny_forecast(path, model=changes, training=training, evaluation={"every": 50})
    train(recipe, tmp_path / "run")
    log = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    scores = [r["mse"] for r in map(json.loads, log) if r["kind"] == "evaluation"]
    assert min(scores) < 0.2 * scores[0]


def test_the_dev_part_teaches_nothing(tmp_path: Path):
    path = tmp_path / "s.csv"
    found = task_of(path)
    lines = path.read_text().splitlines()
    row = found.data.borders.train + 1
    changed = [*lines[: row + 1], *(line.replace(",", ",9", 1) for line in lines[row + 1 :])]
    path.write_text("\n".join(changed))
    other = ForecastTask.from_recipe(tiny_forecast(path), CPU)
    assert found.data.facts() == other.data.facts()
    assert found.data.sha256 != other.data.sha256
    for (name, ours), theirs in zip(
        built(found).state_dict().items(), built(other).state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, msg=name)
    first, second = found.batches(3)[0], other.batches(3)[0]
    np.testing.assert_array_equal(first.values, second.values)


def test_an_epoch_has_every_window_once(tmp_path: Path):
    task = task_of(tmp_path / "s.csv", training={"accumulate": 3})
    rows = [
        int(row)
        for step in range(task.steps_per_epoch)
        for batch in task.batches(step)
        for row in batch.rows
    ]
    assert sorted(rows) == task.train.tolist()
    again = [int(row) for batch in task.batches(0) for row in batch.rows]
    assert rows[: len(again)] == again
    later = [int(row) for batch in task.batches(task.steps_per_epoch) for row in batch.rows]
    assert later != again


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path):
    whole = forecast_run(tmp_path / "whole")
    stop = StopRequest()

    def observe(event: object) -> None:
        if getattr(event, "step", 0) == 3:
            stop.note(2)

    recipe = tiny_forecast(tmp_path / "whole" / "series.csv")
    train(recipe, tmp_path / "parts", observe=observe, stop=stop)
    resume(tmp_path / "parts")
    for name, weight in last(whole).model.items():
        torch.testing.assert_close(weight, last(tmp_path / "parts").model[name], rtol=0, atol=0)


def test_a_run_whose_series_changed_does_not_go_on(tmp_path: Path):
    stop = StopRequest()
    path = write_series(tmp_path / "s.csv")

    def observe(event: object) -> None:
        if getattr(event, "step", 0) == 2:
            stop.note(2)

    train(tiny_forecast(path), tmp_path / "run", observe=observe, stop=stop)
    path.write_text(path.read_text().replace("2020-01-01T05:00,", "2020-01-01T05:00,7"))
    with pytest.raises(RunError, match="the data changed since the run"):
        resume(tmp_path / "run")


def test_gradients_through_encoder_and_decoder(tmp_path: Path):
    task = task_of(tmp_path / "s.csv", model={"forecast": "direct", "skip": "none"})
    model = built(task)
    torch.nn.init.normal_(model.said.weight)
    found = watch_gradients(task, model)
    assert found is not None
    assert sorted(found.decays) == [(0, 0), (1, 0)]


def test_known_targets_alone_are_scored(tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    lines = path.read_text().splitlines()
    stamp, _, rest = lines[130].split(",", 2)
    lines[130] = f"{stamp},,{rest}"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"1 missing value: y at 2020-01-06T09"):
        series_data(tiny_forecast(path))
    task = ForecastTask.from_recipe(tiny_forecast(path, data={"missing": "last"}), CPU)
    batch = task.data.windows.batch(task.dev)
    assert batch.num_targets == 2 * 4 * len(task.dev) - 4
    assert any("1 missing value filled with the value before" in note for note in task.notes())


def test_what_is_said_of_the_data(tmp_path: Path):
    notes = task_of(
        tmp_path / "s.csv", evaluation={"num_paths": 7}, model={"levels": [0.5]}
    ).notes()
    assert "120 rows to learn from; 40 to choose by, 40 to test" in notes[0]
    assert "step: 1 hour; season: 8 steps; calendar: hour" in notes[0]
    assert "without effect here: model.levels, evaluation.num_paths" in notes


def test_the_calendar_of_another_choice(tmp_path: Path):
    task = task_of(tmp_path / "s.csv", data={"calendar": ["weekend"]})
    assert task.data.pipeline.num_known == 2
    with pytest.raises(OptionError, match=r"data.calendar has hour, but the series has no dates"):
        task_of(
            tmp_path / "s.csv",
            data={"time": None, "calendar": ["hour"], "path": _dateless(tmp_path)},
        )


def _dateless(folder: Path) -> str:
    path = folder / "dateless.csv"
    rows = "\n".join(f"{n % 8},{n},{n},{n}" for n in range(200))
    path.write_text(f"y,z,p,k\n{rows}\n")
    return str(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": {"horizon": 41}}, r"the dev part has 40 rows, rows 120 to 159: .*horizon=41"),
        ({"data": {"context": 118}}, r"the train part has 120 rows, rows 0 to 119: .*context=118"),
        ({"data": {"borders": [100, 150, 201]}}, r"end at row 201, but the series has 200"),
        ({"data": {"borders": [100, 90, 200]}}, "not in order"),
        ({"model": {"segment": 2}}, r"model.segment=1, or model.forecast=direct"),
        ({"model": {"cell": "lst"}}, "did you mean 'lstm'"),
        ({"data": {"targets": ["y", "w"]}}, "unknown column 'w'"),
    ],
)
def test_what_cannot_be_learned(changes: dict[str, Any], reason: str, tmp_path: Path):
    with pytest.raises((DataError, OptionError, UnknownNameError), match=reason):
        built(task_of(tmp_path / "s.csv", **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": {"path": None}}, "needs a series"),
        ({"data": {"name": "etth1"}}, "2 sources"),
        ({"model": {"levels": [0.5, 0.5]}}, "expected rising ones"),
        ({"data": {"split": {"dev": 0.5, "test": 0.5}}}, "leaves nothing to learn from"),
        ({"data": {"calendar": ["moon"]}}, "data.calendar"),
        ({"data": {"horizn": 3}}, "did you mean `data.horizon`"),
    ],
)
def test_mistakes_in_recipes(changes: dict[str, Any], reason: str, tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    if changes.get("data", {}).get("path", "") is None:
        changes["data"] = {"path": None}
    with pytest.raises(RecipeError, match=reason):
        tiny_forecast(path, **changes)


def test_a_set_that_is_no_series(tmp_path: Path):
    raw = raw_forecast(tmp_path / "s.csv", data={"path": None, "name": "sms_spam"})
    from ostinato.training.recipe_files import validate

    with pytest.raises(RecipeError, match="is for classification, and no series"):
        ForecastTask.from_recipe(validate(raw, "x"), CPU)  # pyright: ignore[reportArgumentType]
