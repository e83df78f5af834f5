"""The task of drawings: what it learns, what it is scored by, and what it refuses."""

from __future__ import annotations

import json
import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.batches import make_batch
from ostinato.data.drawings import num_points
from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.drawing_task import DrawingTask, losses_of, tensors
from ostinato.training.errors import RecipeError
from ostinato.training.events import Event, Started, Stepped
from ostinato.training.interrupt import StopRequest
from ostinato.training.recipe_files import validate
from ostinato.training.session import resume, train
from ostinato.training.task import SelfMeasured
from tests.training.drawing_helpers import raw_drawings, tiny_drawings, write_drawings
from tests.training.helpers import last

CPU = torch.device("cpu")


def task_on(folder: Path, **changes: Any) -> DrawingTask:
    return DrawingTask.from_recipe(tiny_drawings(write_drawings(folder), **changes), CPU)


def test_a_network_learns_what_naive_predictors_cannot(tmp_path: Path):
    recipe = tiny_drawings(write_drawings(tmp_path), training={"max_steps": 150})
    train(recipe, tmp_path / "run")
    log = (tmp_path / "run" / "metrics.jsonl").read_text()
    records = [json.loads(line) for line in log.splitlines()]
    scores = [record for record in records if record["kind"] == "evaluation"]
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    naive = facts["baselines"]
    assert list(naive) == ["one Gaussian", "mixture without memory", "last step repeated"]
    assert scores[-1]["nats_per_point"] < min(naive.values()) - 1
    per_drawing = scores[-1]["nats_per_drawing"] / scores[-1]["nats_per_point"]
    assert 7 <= per_drawing <= 10  # points of a box with one or two ticks
    shown = [record for record in records if record["kind"] == "train"]
    assert shown[-1]["nats_per_point"] < shown[0]["nats_per_point"]


def test_the_loss_is_summed_over_drawings_and_per_point(tmp_path: Path):
    task = task_on(tmp_path)
    torch.manual_seed(0)
    model = task.build_model().eval()
    losses = losses_of(model, task.dev, 7, CPU)
    alone = [losses_of(model, [each], 1, CPU)[0] for each in task.dev]
    assert losses == pytest.approx(np.array(alone), rel=1e-5)
    scores = task.evaluate(model, StopRequest())
    assert scores["nats_per_point"] == pytest.approx(losses.sum() / num_points(task.dev))
    assert scores["nats_per_drawing"] == pytest.approx(losses.mean())
    (batch,) = task.batches(0)
    result = task.loss(model, batch, None)
    mean = float(result.loss_sum.detach()) / batch.num_targets
    points = num_points([task.train[int(row)] for row in batch.rows])
    expected = float(result.loss_sum.detach()) / points
    # Batches have other shares of ends: over an epoch they are one.
    assert task.train_scores(mean)["nats_per_point"] == pytest.approx(expected, rel=0.05)


def test_every_drawing_is_learned_once_an_epoch_and_stretched_anew(tmp_path: Path):
    task = task_on(tmp_path, strokes={"stretch": 0.2})
    seen: list[int] = []
    for step in range(task.steps_per_epoch):
        for batch in task.batches(step):
            seen += batch.rows.tolist()
    assert sorted(seen) == list(range(len(task.train)))
    (first,), (again,) = task.batches(0), task.batches(0)
    assert first.inputs["frames"].tobytes() == again.inputs["frames"].tobytes()
    row = int(first.rows[0])
    later = next(
        (batch, batch.rows.tolist().index(row))
        for step in range(task.steps_per_epoch, 2 * task.steps_per_epoch)
        for batch in task.batches(step)
        if row in batch.rows
    )
    assert first.targets is not None
    assert later[0].targets is not None
    assert first.targets[0, 0].tolist() != later[0].targets[0, later[1]].tolist()
    plain = make_batch(task.train, [row])
    assert plain.targets is not None
    assert first.targets[0, 0].tolist() != plain.targets[0, 0].tolist()


@pytest.mark.parametrize("step", [1, 4, 7])
def test_a_run_goes_on_to_the_same_weights(tmp_path: Path, step: int):
    recipe = tiny_drawings(
        write_drawings(tmp_path), strokes={"stretch": 0.1}, model={"dropout": 0.1}
    )
    train(recipe, tmp_path / "whole")
    stop = StopRequest()

    def observe(event: Event) -> None:
        if isinstance(event, Started | Stepped) and event.step == step:
            stop.signal = signal.SIGINT

    assert train(recipe, tmp_path / "run", observe=observe, stop=stop).reason == "interrupted"
    assert resume(tmp_path / "run").reason == "finished"
    ours, theirs = last(tmp_path / "run").model, last(tmp_path / "whole").model
    assert {n: t.numpy().tobytes() for n, t in ours.items()} == {
        n: t.numpy().tobytes() for n, t in theirs.items()
    }


@pytest.mark.parametrize("cell", ["elman", "lstm", "minlstm", "h = tanh(W @ h + U @ x + b)"])
def test_any_cell(tmp_path: Path, cell: str):
    task = task_on(tmp_path, model={"cell": cell, "num_layers": 2, "residual": True})
    model = task.build_model()
    (batch,) = task.batches(0)
    task.loss(model, batch, None).loss_sum.backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_the_loss_of_the_end_alone(tmp_path: Path):
    task = task_on(tmp_path)
    model = task.build_model().eval()
    found = task.end_loss(model)
    batch = make_batch(task.dev, np.argsort([-len(each) for each in task.dev], kind="stable")[:16])
    points, lengths, targets = tensors(batch, CPU)
    whole = model.head.losses(model(points, lengths), targets, lengths)
    before = model.head.losses(model(points, lengths), targets, lengths - 1)
    assert float(found.loss.detach()) == pytest.approx(
        float((whole - before).sum().detach()), rel=1e-3
    )
    assert found.ends.tolist() == (batch.lengths - 1).tolist()


def test_gradients_are_watched(tmp_path: Path):
    recipe = tiny_drawings(write_drawings(tmp_path), evaluation={"watch_gradients": True})
    assert train(recipe, tmp_path / "run").reason == "finished"
    assert '"kind": "gradients"' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_it_measures_itself(tmp_path: Path):
    task = task_on(tmp_path)
    assert isinstance(task, SelfMeasured)
    assert task.num_scored == num_points(task.dev) + len(task.dev)
    batches, num = task.narrow()
    assert ([rows for rows, _ in batches], num) == ([1, 2], 16)
    assert "points [T=11, B=16, 3]" in next(task.shapes(task.build_model()))


def test_notes_say_what_was_measured_cut_and_unused(tmp_path: Path):
    task = task_on(
        tmp_path, strokes={"max_length": 8}, data={"target": "x"}, training={"momentum": 0.5}
    )
    notes = "\n".join(task.notes())
    assert "120 drawings to learn from, 30 to choose by" in notes
    assert "no Gaussian is narrower than 0.289" in notes
    assert "drawings cut at strokes.max_length" in notes
    assert "without effect here: data.target, training.momentum" in notes


def test_a_malformed_drawing_is_named_and_left_out_where_that_is_allowed(tmp_path: Path):
    bad = np.array([[1, 2, 0], [3, math.nan, 1], [4, 5, 1], [6, 7, 1]], np.float32)
    path = write_drawings(tmp_path, valid_strokes=bad, valid_len=np.array([2, 0, 1, 1]))
    with pytest.raises(DataError, match=r"2 malformed rows(.|\n)*boxes\.npz, valid drawing 1:"):
        DrawingTask.from_recipe(tiny_drawings(path), CPU)
    recipe = tiny_drawings(path, data={"malformed": 0.1})
    task = DrawingTask.from_recipe(recipe, CPU)
    assert len(task.dev) == 2
    assert any("2 malformed rows left out" in note for note in task.notes())


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, keep: float):
    path = write_drawings(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(DataError, match=r"boxes\.npz"):
        DrawingTask.from_recipe(tiny_drawings(path), CPU)


@pytest.mark.parametrize(
    "arrays",
    [
        {"train_len": np.array([3, 4])},
        {"train_len": np.array([-1, 4])},
        {"train_strokes": np.zeros((7, 5), np.int16), "train_len": np.array([3, 4])},
        {"train_strokes": np.full((7, 3), "x"), "train_len": np.array([3, 4])},
        {"train_strokes": np.full((7, 3), 7), "train_len": np.array([3, 4])},
        {"train_strokes": np.zeros((0, 3)), "train_len": np.zeros(0, int)},
    ],
)
def test_arrays_that_are_no_drawings(tmp_path: Path, arrays: dict[str, Any]):
    with pytest.raises(DataError, match="train"):
        DrawingTask.from_recipe(tiny_drawings(write_drawings(tmp_path, **arrays)), CPU)


def test_another_column_and_another_part(tmp_path: Path):
    path = write_drawings(tmp_path)
    with pytest.raises(DataError, match="no column 'lines'"):
        DrawingTask.from_recipe(tiny_drawings(path, data={"input": "lines"}), CPU)
    with pytest.raises(DataError, match=r"no part 'dev'; known: .*#train"):
        DrawingTask.from_recipe(tiny_drawings(path, data={"dev": f"{path}#dev"}), CPU)


def test_rows_of_json(tmp_path: Path):
    path = tmp_path / "ticks.jsonl"
    rows = [{"strokes": [[n, 4.5, 0], [6, -n, 1]]} for n in range(1, 60)]
    path.write_text("\n".join(map(json.dumps, rows)))
    recipe = tiny_drawings(
        path, data={"train": str(path), "dev": None, "test": None, "input": "strokes"}
    )
    task = DrawingTask.from_recipe(recipe, CPU)
    assert len(task.train) + len(task.dev) < 59  # a share is kept for the test
    assert not task.pipeline.is_whole
    assert any("0.001 of the scale" in note for note in task.notes())


def test_recipes_that_make_no_sense(tmp_path: Path):
    raw = raw_drawings(tmp_path / "x.npz")
    with pytest.raises(RecipeError, match=r"the problem 'latch' makes none\nmend: data\.name=SET"):
        validate({**raw, "data": {"made": {"problem": "latch"}}}, "mine")
    with pytest.raises(RecipeError, match=r"unknown key `model\.bidirectional`"):
        validate({**raw, "model": {"bidirectional": True}}, "mine")
    with pytest.raises(RecipeError, match=r"`model\.num_components`: got 0"):
        validate({**raw, "model": {"num_components": 0}}, "mine")
    with pytest.raises(OptionError, match="unknown cell"):
        task_on(tmp_path, model={"cell": "LSTM"}).build_model()


def test_the_recipe_of_the_results_is_one_of_drawings():
    from ostinato.training.recipe_files import load_recipe

    assert isinstance(load_recipe("strokes"), DrawingRecipe)
