"""Aligned examples that are learned in windows: k1 steps from update to update, back over k2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.batches import make_batch
from ostinato.data.example_streams import StreamedBatch
from ostinato.data.streams import PADDING
from ostinato.training.errors import RecipeError
from ostinato.training.example_task import ExampleTask, tensors
from ostinato.training.recipe_files import validate
from ostinato.training.session import resume, train
from ostinato.training.task import State
from tests.training.example_helpers import (
    raw_examples,
    raw_tags,
    tiny_tags,
    write_examples,
    write_tags,
)
from tests.training.test_resume import StopAt, assert_same_end

CPU = torch.device("cpu")


def task_of(path: Path, **changes: Any) -> ExampleTask:
    return ExampleTask.from_recipe(tiny_tags(path, **changes), CPU)


def gradients(model: nn.Module) -> list[Tensor]:
    found = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    return found


def windows(task: ExampleTask) -> list[StreamedBatch]:
    found = [batch for step in range(task.steps_per_epoch) for batch in task.batches(step)]
    return [batch for batch in found if isinstance(batch, StreamedBatch)]


MODELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deep": {"num_layers": 2},
    "residual": {"num_layers": 2, "residual": True, "hidden_size": 8},
    "spelled": {"spelling": "cnn", "spelling_size": 6, "character_size": 4},
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_one_window_over_all_is_the_loss_of_whole_examples(tmp_path: Path, model: dict[str, Any]):
    path = write_tags(tmp_path, 30)
    probe = task_of(path, model=model)
    num_steps = sum(map(len, probe.train))
    long = {"batch_size": 1, "tbptt_steps": num_steps, "tbptt_stride": None}
    task = task_of(path, model=model, training=long)
    network = task.build_model()
    (window,) = windows(task)
    found = task.loss(network, window, None).loss_sum
    found.backward()
    ours = gradients(network)
    batch = make_batch(task.train, range(len(task.train)))
    inputs, lengths = tensors(batch, CPU)
    whole = network(inputs, lengths, torch.as_tensor(batch.targets))
    whole.backward()
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
    for mine, other in zip(ours, gradients(network), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("k1", "k2"), [(4, 4), (2, 5), (1, 6)])
def test_the_state_is_carried_from_window_to_window(tmp_path: Path, k1: int, k2: int):
    path = write_tags(tmp_path, 20)
    training = {"batch_size": 1, "tbptt_steps": k2, "tbptt_stride": k1}
    task = task_of(path, training=training)
    network = task.build_model()
    carried: State | None = None
    total = 0.0
    for window in windows(task):
        result = task.loss(network, window, carried)
        carried = result.carried
        total += float(result.loss_sum.detach())
    batch = make_batch(task.train, range(len(task.train)))
    inputs, lengths = tensors(batch, CPU)
    whole = network(inputs, lengths, torch.as_tensor(batch.targets))
    assert total == pytest.approx(float(whole.detach()), rel=1e-5)


@pytest.mark.parametrize(("k1", "k2"), [(4, 4), (3, 8), (1, 6), (5, 10), (8, 3), (6, 5)])
def test_gradients_reach_back_over_k2_steps(tmp_path: Path, k1: int, k2: int):
    path = write_tags(tmp_path, 20)
    training = {"batch_size": 1, "tbptt_steps": k2, "tbptt_stride": k1}
    task = task_of(path, training=training)
    network = task.build_model()
    whole = task_of(
        path,
        training={"batch_size": 1, "tbptt_steps": sum(map(len, task.train)), "tbptt_stride": None},
    )
    (everything,) = windows(whole)
    carried: State | None = None
    for number, window in enumerate(windows(task)[:6]):
        result = task.loss(network, window, carried)
        carried = result.carried
        assert all(not value.requires_grad for value in carried.values())
        result.loss_sum.backward()
        ours = gradients(network)
        # By hand: run to k2 steps before the window's end, cut the graph, and learn k1 steps.
        end = min((number + 1) * k1, len(everything.columns[0]))
        cut = max(0, end - k2)
        state: State | None = None
        resets = torch.as_tensor(everything.resets)
        if cut:
            piece = everything.piece(slice(0, cut))
            with torch.no_grad():
                _, state = network(*tensors(piece, CPU), None, state, resets[:cut])
        piece = everything.piece(slice(cut, end))
        targets = torch.as_tensor(piece.targets).clone()
        targets[: max(0, number * k1 - cut)] = PADDING
        loss, _ = network(*tensors(piece, CPU), targets, state, resets[cut:end])
        loss.backward()
        assert float(result.loss_sum.detach()) == pytest.approx(float(loss.detach()), rel=1e-5)
        for mine, other in zip(ours, gradients(network), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("k1", "k2"), [(3, 8), (1, 4), (5, 5), (7, 12)])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_step_is_learned_once_an_epoch(tmp_path: Path, k1: int, k2: int, batch_size: int):
    path = write_tags(tmp_path, 20)
    training = {"batch_size": batch_size, "tbptt_steps": k2, "tbptt_stride": k1}
    task = task_of(path, training=training)
    found = windows(task)
    learned = sum(batch.num_targets for batch in found)
    assert learned == sum(map(len, task.train))
    # In each window a stream's targets are those of its words.
    names = {"before": 0, "after": 0}
    for batch in found:
        for column in batch.columns:
            assert column.target is not None
            assert (column.target != PADDING).sum() <= k1
            for target in column.target[column.target != PADDING]:
                assert task.pipeline.labels is not None
                names[task.pipeline.labels.names[int(target)]] += 1
    expected = [label for example in task.train for label in example.labels]
    assert names == {name: expected.count(name) for name in names}


def test_epochs_have_different_orders(tmp_path: Path):
    task = task_of(write_tags(tmp_path))
    first = [column.steps.tolist() for column in windows(task)[0].columns]
    (other,) = task.batches(task.steps_per_epoch)
    assert isinstance(other, StreamedBatch)
    assert first != [column.steps.tolist() for column in other.columns]
    again = [column.steps.tolist() for column in windows(task)[0].columns]
    assert first == again


def test_streams_learn_and_go_on_bit_by_bit(tmp_path: Path):
    recipe = tiny_tags(write_tags(tmp_path, 120), evaluation={"patience": None})
    finished = train(recipe, tmp_path / "whole")
    assert finished.best_score > 0.95
    watch = StopAt(57)
    train(recipe, tmp_path / "run", observe=watch, stop=watch.request)
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", tmp_path / "whole")


def test_music_is_transposed_as_a_whole(ostinato_data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    raw = {
        "task": "polyphony",
        "data": {"name": "music_jsb", "max_examples": 6},
        "frames": {"standardize": False, "transpose": 3},
        "model": {"cell": "gru", "hidden_size": 8},
        "training": {"batch_size": 2, "tbptt_steps": 10, "max_epochs": 1, "device": "cpu"},
    }
    recipe = validate(raw, "music")
    task = ExampleTask.from_recipe(recipe, CPU)  # type: ignore[arg-type]
    found = windows(task)
    notes = sum(int((column.target > 0).sum()) for b in found for column in b.columns)
    assert notes == sum(int(each.target.sum()) for each in task.train if each.target is not None)
    network = task.build_model()
    # What is not learned adds nothing, and has no gradient.
    piece = found[0].piece(slice(None))
    inputs, lengths = tensors(piece, CPU)
    targets = torch.as_tensor(piece.targets).clone()
    scores = network(inputs, lengths).detach().requires_grad_()
    targets[2:5] = PADDING
    loss = network.head.loss(scores, targets, lengths)  # type: ignore[operator]
    loss.backward()
    assert scores.grad is not None
    assert not scores.grad[2:5].any()
    assert scores.grad[5:].any()
    result = task.loss(network, found[0], None)
    assert float(result.loss_sum.detach()) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"bidirectional": True}}, "model.bidirectional reads from the end"),
        ({"model": {"crf": True}}, "model.crf weighs whole sequences"),
        ({"model": {"shape": "one-to-one"}}, "carries nothing"),
    ],
)
def test_what_needs_whole_sequences(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(OptionError, match=f"{message}[^$]*\nmend: training.tbptt_steps=null"):
        task_of(write_tags(tmp_path), **changes)


def test_one_label_for_a_sequence_has_no_streams(tmp_path: Path):
    recipe = validate(raw_examples(write_examples(tmp_path, 40), training={"tbptt_steps": 4}), "x")
    with pytest.raises(OptionError, match="classification says something at the end alone"):
        ExampleTask.from_recipe(recipe, CPU)  # type: ignore[arg-type]


def test_options_that_do_not_go_together(tmp_path: Path):
    path = write_tags(tmp_path)
    with pytest.raises(RecipeError, match="tbptt_steps and batch_tokens"):
        validate(raw_tags(path, training={"batch_tokens": 100}), "tags")
    with pytest.raises(RecipeError, match="has tbptt_stride, but"):
        validate(raw_tags(path, training={"tbptt_steps": None}), "tags")


def test_few_steps(tmp_path: Path):
    path = write_tags(tmp_path, 10)
    with pytest.raises(DataError, match=r"steps in all, expected 5,000 or more\nmend: "):
        task_of(path, training={"tbptt_steps": 5000})
    task = task_of(path, training={"tbptt_steps": 20, "tbptt_stride": 30, "batch_size": 8})
    notes = "\n".join(task.notes())
    assert "the first 10 are read but not learned" in notes
    num_streams = sum(map(len, task.train)) // 20
    assert 1 < num_streams < 8
    assert f"the examples are few: {num_streams} streams instead of batch_size=8" in notes
    assert {len(batch.columns) for batch in windows(task)} == {num_streams}
