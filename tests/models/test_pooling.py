"""Pooling against numbers that can be seen."""

from __future__ import annotations

import pytest
import torch

from ostinato.core.errors import UnknownNameError
from ostinato.models.pooling import POOLINGS, AttentionPooling, choose_pooling

NAN = torch.nan
# Two directions of one unit each: [T=3, B=3, D*O=2]
STEPS = torch.tensor(
    [
        [[1.0, 10.0], [7.0, 70.0], [NAN, NAN]],
        [[-5.0, 20.0], [NAN, NAN], [NAN, NAN]],
        [[3.0, -30.0], [NAN, NAN], [NAN, NAN]],
    ]
)
LENGTHS = torch.tensor([3, 1, 0])


@pytest.mark.parametrize(
    ("name", "first"), [("last", [3.0, 10.0]), ("mean", [-1 / 3, 0.0]), ("max", [3.0, 20.0])]
)
def test_each(name: str, first: list[float]):
    pooled = choose_pooling(name, 2, 2)(STEPS, LENGTHS)
    torch.testing.assert_close(pooled, torch.tensor([first, [7.0, 70.0], [0.0, 0.0]]))


def test_the_last_of_one_direction():
    pooled = choose_pooling("last", 2, 1)(STEPS, LENGTHS)
    assert pooled.tolist() == [[3, -30], [7, 70], [0, 0]]


def test_attention_is_a_weighted_mean():
    torch.manual_seed(0)
    pooling = AttentionPooling(2)
    weights = pooling.weights(STEPS, LENGTHS)
    torch.testing.assert_close(weights.sum(0), torch.tensor([1.0, 1.0, 0.0]))
    assert (weights[:, 0] > 0).all()
    pooled = pooling(STEPS, LENGTHS)
    torch.testing.assert_close(pooled[0], weights[:, 0] @ STEPS[:, 0])
    assert pooled[1:].tolist() == [[7, 70], [0, 0]]


@pytest.mark.parametrize("name", POOLINGS)
def test_gradients_of_garbage_are_zero(name: str):
    pooling = choose_pooling(name, 2, 2)
    steps = STEPS.clone().requires_grad_()
    pooling(steps, LENGTHS).square().sum().backward()
    assert steps.grad is not None
    assert steps.grad.isfinite().all()
    assert not steps.grad[1:, 1].any()
    assert not steps.grad[:, 2].any()


@pytest.mark.parametrize("name", POOLINGS)
def test_no_steps_at_all(name: str):
    assert choose_pooling(name, 2, 1)(STEPS[:0], LENGTHS * 0).tolist() == [[0, 0]] * 3


def test_an_unknown_name():
    with pytest.raises(UnknownNameError, match="did you mean 'mean'"):
        choose_pooling("meen", 2, 1)
