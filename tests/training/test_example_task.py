"""Every kind of task, from a file to scores better than those of naive predictors."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data import DataError
from ostinato.data.batches import Batch, Example, make_batch
from ostinato.data.pipeline import Pipeline
from ostinato.training.errors import RunError
from ostinato.training.events import Evaluated, Event, Noted, Started, Stepped
from ostinato.training.example_task import ExampleTask, predict
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import validate
from ostinato.training.session import resume, train
from ostinato.training.trained import load_examples
from tests.training.examples import (
    TASKS,
    Values,
    ordered_texts,
    recipe_for,
    recipe_of,
    tagged,
    write_rows,
)
from tests.training.helpers import last

CPU = torch.device("cpu")


def task_for(name: str, folder: Path, num: int = 60, **changes: Any) -> ExampleTask:
    return ExampleTask.from_recipe(recipe_for(name, folder, num, **changes), CPU)


@pytest.mark.parametrize("name", TASKS)
def test_learned_better_than_by_naive_predictors(name: str, tmp_path: Path):
    events: list[Event] = []
    recipe = recipe_for(name, tmp_path)
    finished = train(recipe, tmp_path / "run", observe=events.append)
    started = next(event for event in events if isinstance(event, Started))
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert [event.step for event in evaluated] == [0, 25, 50]
    assert len(started.baselines) >= 2
    sign = 1 if started.higher_is_better else -1
    best = max(sign * score for score in started.baselines.values())
    assert sign * finished.best_score > best
    assert sign * finished.best_score > sign * evaluated[0].scores[started.score_name]

    if name == "texts":
        # A bag of words is at chance where the order alone tells.
        assert started.baselines["bag of words"] < 0.7
        assert finished.best_score > 0.9

    # Read from the folder, it says the same of the same examples.
    trained = load_examples(tmp_path / "run")
    task = ExampleTask.from_recipe(recipe, CPU)
    assert trained.pipeline.to_json() == task.pipeline.to_json()
    scores = task.evaluate(trained.model, StopRequest())
    assert scores[task.score_name] == finished.best_score
    assert scores == max(
        (event.scores for event in evaluated),
        key=lambda each: (sign * each[task.score_name], -each["loss"]),
    )


class StopAt:
    def __init__(self, step: int) -> None:
        self.step = step
        self.request = StopRequest()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stepped) and event.step == self.step:
            self.request.signal = signal.SIGINT


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("texts", {"model": {"dropout": 0.3, "unit_dropout": 0.2}, "training": {"accumulate": 3}}),
        ("arrays", {"frames": {"noise": 0.3, "mask": 0.3, "time_stretch": 0.2}}),
        ("spelled tags", {"training": {"batch_tokens": 60}, "model": {"dropout": 0.2}}),
    ],
)
def test_resumed_to_the_same_bits(name: str, changes: dict[str, Any], tmp_path: Path):
    training = {**changes.get("training", {}), "max_steps": 8}
    changes = {**changes, "training": training, "evaluation": {"every": 3}}
    recipe = recipe_for(name, tmp_path, 40, **changes)
    train(recipe, tmp_path / "whole")
    watch = StopAt(4)
    assert train(recipe, tmp_path / "run", observe=watch, stop=watch.request).step == 4
    assert resume(tmp_path / "run").reason == "finished"
    ours, theirs = last(tmp_path / "run"), last(tmp_path / "whole")
    for mine, other in ((ours.model, theirs.model), (ours.training, theirs.training)):
        assert mine.keys() == other.keys()
        for key in mine:
            assert mine[key].numpy().tobytes() == other[key].numpy().tobytes(), key
    metrics = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("run", "whole")]
    assert metrics[0] == metrics[1]


def test_changed_labels_are_noticed_on_resuming(tmp_path: Path):
    recipe = recipe_for("texts", tmp_path, 60)
    watch = StopAt(3)
    train(recipe, tmp_path / "run", observe=watch, stop=watch.request)
    renamed: list[Values] = [{**row, "y": f"{row['y']}!"} for row in ordered_texts(60)]
    write_rows(tmp_path / "examples.jsonl", renamed)
    with pytest.raises(RunError, match="the data changed"):
        resume(tmp_path / "run")


def test_the_batches_are_a_function_of_the_step(tmp_path: Path):
    changes: dict[str, Any] = {"frames": {"noise": 0.3}, "training": {"accumulate": 2}}
    task, again = (task_for("arrays", tmp_path, **changes) for _ in range(2))
    assert task.steps_per_epoch == 2
    again.batches(7)
    for step in (5, 0, 3):
        for mine, other in zip(task.batches(step), again.batches(step), strict=True):
            assert mine.inputs["frames"].tobytes() == other.inputs["frames"].tobytes()
            assert mine.rows.tolist() == other.rows.tolist()
    first, second = (task.batches(step) for step in (0, task.steps_per_epoch))
    assert {b.inputs["frames"].tobytes() for b in first}.isdisjoint(
        b.inputs["frames"].tobytes() for b in second
    )
    rows = [row for step in (2, 3) for batch in task.batches(step) for row in batch.rows.tolist()]
    assert sorted(rows) == list(range(len(task.train)))


def test_music_is_moved_with_its_targets(tmp_path: Path):
    task = task_for("music", tmp_path)
    moves = set[int]()
    for step in range(task.steps_per_epoch):
        for batch in task.batches(step):
            assert isinstance(batch, Batch)
            assert batch.targets is not None
            for place, row in enumerate(batch.rows):
                length = int(batch.lengths[place])
                frames = batch.inputs["frames"][:length, place]
                assert np.array_equal(frames[1:], batch.targets[: length - 1, place])
                note = int(frames[0].argmax()) - int(task.train[int(row)].steps[0].argmax())
                moves.add(note)
    assert moves == {-1, 0, 1}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("size", [1, 5])
def test_the_size_of_batches_changes_no_prediction(name: str, size: int, tmp_path: Path):
    task = task_for(name, tmp_path)
    torch.manual_seed(0)
    model = task.build_model()
    ours, theirs = (predict(model, task.pipeline, task.train, n, CPU) for n in (size, 64))
    assert ours.labels == theirs.labels
    for mine, other in zip(ours.probabilities, theirs.probabilities, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    assert ours.losses is not None
    assert theirs.losses is not None
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-4, atol=1e-5)
    if ours.numbers is not None:
        assert theirs.numbers is not None
        np.testing.assert_allclose(ours.numbers, theirs.numbers, rtol=1e-4)


@pytest.mark.parametrize("name", TASKS)
def test_the_loss_of_training_is_that_of_predicting(name: str, tmp_path: Path):
    task = task_for(name, tmp_path, frames={}, model={})
    model = task.build_model().eval()
    total = count = 0.0
    plain = replace(
        task.pipeline.options, frames=replace(task.pipeline.options.frames, transpose=0)
    )
    task.pipeline = replace(task.pipeline, options=plain)
    for step in range(task.steps_per_epoch):
        for batch in task.batches(step):
            total += float(task.loss(model, batch, None).loss_sum.detach())
            count += batch.num_targets
    found = predict(model, task.pipeline, task.train, 64, CPU)
    assert found.losses is not None
    np.testing.assert_allclose(found.losses.sum(), total, rtol=1e-4)
    task.dev = task.train
    loss = task.evaluate(model, StopRequest())["loss"]
    np.testing.assert_allclose(loss, total / count, rtol=1e-4)


def test_asked_to_stop_within_an_evaluation(tmp_path: Path):
    task = task_for("texts", tmp_path)
    stop = StopRequest()
    stop.signal = signal.SIGINT
    with pytest.raises(Stopped):
        task.evaluate(task.build_model(), stop)


def test_what_was_unseen_cut_and_left_out_is_told(tmp_path: Path):
    rows = [*ordered_texts(80), {"x": "a", "y": ""}]
    dev: list[Values] = [{"x": "a b", "y": "b first"}, {"x": "a zzz", "y": "neither"}]
    recipe = recipe_of(
        "classification",
        write_rows(tmp_path / "train.jsonl", rows),
        data={"dev": str(write_rows(tmp_path / "dev.jsonl", dev)), "malformed": 0.1},
        text={"max_length": 5},
        training={"max_steps": 2},
    )
    events: list[Event] = []
    train(recipe, tmp_path / "run", observe=events.append)
    notes = "\n".join(event.text for event in events if isinstance(event, Noted))
    assert "5 steps" in notes
    assert "dev: 1 target with a label that training never has (neither)" in notes
    assert "1 malformed row left out: train.jsonl, line 81: the label is empty" in notes
    assert "dev: 25.0 % of the units are unknown" in notes
    evaluated = [event.scores for event in events if isinstance(event, Evaluated)]
    assert all(scores["accuracy"] in (0, 0.5) for scores in evaluated)


def test_malformed_rows_are_refused_with_their_places(tmp_path: Path):
    rows = [*tagged(20), {"x": ["a", "b"], "y": ["O"]}, {"x": ["a"]}]
    path = write_rows(tmp_path / "t.jsonl", rows)
    recipe = recipe_of("tagging", path, data={"split": {"test": 0.0}})
    with pytest.raises(DataError) as raised:
        ExampleTask.from_recipe(recipe, CPU)
    said = str(raised.value)
    assert said.splitlines()[0] == "2 malformed rows of 22:"
    assert "t.jsonl, line 21: 2 steps, but 1 tag" in said
    assert "t.jsonl, line 22: 1 step, but 0 tags" in said


def test_a_dev_part_without_a_usable_example(tmp_path: Path):
    recipe = recipe_of(
        "classification",
        write_rows(tmp_path / "train.jsonl", ordered_texts(50)),
        data={"dev": str(write_rows(tmp_path / "dev.jsonl", [{"x": "a"}])), "malformed": 0.5},
    )
    with pytest.raises(DataError, match=r"dev part holds no usable example: .*line 1.*\nmend: "):
        ExampleTask.from_recipe(recipe, CPU)


def test_pictures_move_and_stay_at_their_steps(
    ostinato_data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    raw = {
        "task": "tagging",
        "data": {"name": "mnist_clips", "max_examples": 8},
        "frames": {"shift": 2},
        "model": {"cell": "gru", "hidden_size": 4},
        "training": {"batch_size": 4, "max_epochs": 1},
    }
    recipe = validate(raw, "clips")
    assert isinstance(recipe, ExampleRecipe)
    task = ExampleTask.from_recipe(recipe, CPU)
    assert task.pipeline.picture == (28, 28)
    assert Pipeline.from_json(task.pipeline.to_json()).picture == (28, 28)
    (batch,) = task.batches(0)
    plain = make_batch(task.train, batch.rows)
    assert np.array_equal(batch.targets, plain.targets)
    assert np.array_equal(batch.lengths, plain.lengths)
    frames, still = batch.inputs["frames"], plain.inputs["frames"]
    assert frames.shape == still.shape
    assert not np.array_equal(frames, still)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("texts", {"frames": {"noise": 0.1}}, "the examples are text"),
        ("arrays", {"frames": {"transpose": 1}}, "goes with task: polyphony"),
        ("music", {"frames": {"time_stretch": 0.1}}, "part the steps from their targets"),
        ("music", {"frames": {"shift": 1}}, "part the steps from their targets"),
        ("texts", {"evaluation": {"scheme": "BIO"}}, "the task is classification"),
        ("texts", {"evaluation": {"metric": "f1"}}, "does not name it"),
    ],
)
def test_what_makes_no_sense(name: str, changes: dict[str, Any], said: str, tmp_path: Path):
    with pytest.raises(OptionError, match=rf"(?s){said}.*\nmend: "):
        task_for(name, tmp_path, **changes)


def test_a_positive_label_that_is_none(tmp_path: Path):
    with pytest.raises(UnknownNameError, match=r"'a frist'; did you mean 'a first'\?"):
        task_for("texts", tmp_path, evaluation={"positive": "a frist"})


@pytest.mark.parametrize("name", ["several labels", "numbers", "music"])
def test_classes_are_balanced_only_where_one_is_right(name: str, tmp_path: Path):
    task = task_for(name, tmp_path, training={"class_weights": "balanced"})
    with pytest.raises(OptionError, match=r"class_weights=balanced.*\nmend: "):
        task.build_model()


def test_balanced_weights_have_a_mean_of_one_over_the_examples(tmp_path: Path):
    rows: list[Values] = [
        {"x": f"word{n}", "y": "rare" if n % 10 == 0 else "usual"} for n in range(90)
    ]
    recipe = recipe_of(
        "classification",
        write_rows(tmp_path / "t.jsonl", rows),
        training={"class_weights": "balanced"},
    )
    task = ExampleTask.from_recipe(recipe, CPU)
    model: Any = task.build_model()
    weights = model.head.class_weights.double().numpy()
    targets = [int(example.target) for example in task.train if example.target is not None]
    np.testing.assert_allclose(weights[targets].mean(), 1, rtol=1e-6)
    counts = np.bincount(targets)
    np.testing.assert_allclose(weights[0] * counts[0], weights[1] * counts[1], rtol=1e-6)


def test_no_examples_no_predictions(tmp_path: Path):
    task = task_for("texts", tmp_path)
    found = predict(task.build_model(), task.pipeline, list[Example](), 4, CPU)
    assert (found.labels, found.numbers) == ([], None)
    assert Pipeline.from_json(task.facts(task.build_model())["pipeline"]).labels is not None


def test_a_layer_without_its_residual_connection_is_told(tmp_path: Path):
    changes = {"model": {"residual": True, "num_layers": 2}}
    task = ExampleTask.from_recipe(recipe_for("texts", tmp_path, **changes), CPU)
    assert not any("residual" in note for note in task.notes())
    task.build_model()
    assert any("layer 1 has no residual connection" in note for note in task.notes())
