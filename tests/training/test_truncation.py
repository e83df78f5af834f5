"""Truncated backpropagation: k1 steps from update to update, gradients back over k2."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ostinato.data import PADDING
from ostinato.training.language_model import LanguageModelTask
from tests.training.helpers import tiny

TEXT = "abcabdabeabcfabcgabhabiajabkabl" * 3
PLAIN = {"dropout": 0.0, "recurrent_dropout": 0.0}


def task_of(k2: int, k1: int | None, batch_size: int = 1) -> LanguageModelTask:
    recipe = tiny(
        data={"text": TEXT, "held_out": 0},
        model=PLAIN,
        training={"tbptt_steps": k2, "tbptt_stride": k1, "batch_size": batch_size},
    )
    return LanguageModelTask.from_recipe(recipe, torch.device("cpu"))


def gradients(model: nn.Module) -> list[Tensor]:
    found = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    return found


def by_hand(model: nn.Module, ids: Tensor, end: int, k1: int, k2: int) -> float:
    """Unroll one step at a time; cut the graph k2 steps before the end of the window."""
    begin = end - k1
    state = None
    total = torch.zeros(())
    for step in range(end):
        if state is not None and step == max(0, end - k2):
            state = {name: value.detach() for name, value in state.items()}
        logits, state = model(ids[step].view(1, 1), state)
        if step >= begin and step >= end - k2:
            total = total + functional.cross_entropy(logits[0], ids[step + 1].view(1))
    total.backward()
    return float(total.detach())


@pytest.mark.parametrize(("k1", "k2"), [(4, 4), (3, 8), (2, 3), (1, 6), (5, 10), (8, 3), (6, 5)])
def test_gradients_are_those_of_a_window_unrolled_by_hand(k1: int, k2: int):
    task = task_of(k2, k1)
    torch.manual_seed(0)
    model = task.build_model()
    ids = torch.as_tensor(task.corpus.train.ids)
    carried = None
    for step in range(7):
        (batch,) = task.batches(step)
        result = task.loss(model, batch, carried)
        result.loss_sum.backward()
        found = gradients(model)
        carried = result.carried
        assert all(not value.requires_grad for value in carried.values())
        loss = by_hand(model, ids, (step + 1) * k1, k1, k2)
        assert float(result.loss_sum.detach()) == pytest.approx(loss, rel=1e-5)
        for ours, theirs in zip(found, gradients(model), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("k1", "k2"), [(3, 8), (1, 4), (5, 5), (7, 12)])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_target_is_learned_once_an_epoch(k1: int, k2: int, batch_size: int):
    task = task_of(k2, k1, batch_size)
    learned: list[int] = []
    for step in range(task.steps_per_epoch):
        (batch,) = task.batches(step)
        targets = batch.window.targets
        assert len(targets) <= k2
        learned += targets[targets != PADDING].tolist()
    np.testing.assert_array_equal(np.sort(learned), np.sort(task.corpus.train.ids[1:]))
    assert not any("not learned" in note for note in task.notes())


def test_a_stride_that_leaves_targets_out_says_so():
    task = task_of(3, 8)
    learned = sum(task.batches(step)[0].num_targets for step in range(task.steps_per_epoch))
    assert learned < len(task.corpus.train.ids) / 2
    assert any("first 5 are read but not learned" in note for note in task.notes())


def test_batches_of_one_step_are_one_long_window():
    recipe = tiny(data={"text": TEXT, "held_out": 0}, model=PLAIN, training={"accumulate": 3})
    task = LanguageModelTask.from_recipe(recipe, torch.device("cpu"))
    model = task.build_model()
    batches = task.batches(0)
    assert [batch.window.is_first for batch in batches] == [True, False, False]
    carried = None
    total = 0.0
    for batch in batches:
        result = task.loss(model, batch, carried)
        carried = result.carried
        total += float(result.loss_sum.detach())
    inputs, targets = (
        torch.as_tensor(np.concatenate([getattr(b.window, name) for b in batches]))
        for name in ("inputs", "targets")
    )
    logits, state = model(inputs)
    whole = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    assert total == pytest.approx(float(whole.detach()), rel=1e-5)
    for name, value in state.items():
        torch.testing.assert_close(carried[name], value.detach())
