"""Attention, held against the papers' equations written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.models.attention import Attention

LENGTHS = torch.tensor([3, 0, 5, 1])
NUM_STEPS = 6


def score(attention: Attention, query: Tensor, step: Tensor) -> Tensor:
    """Luong et al. 2015, equation 8; Bahdanau et al. 2015, appendix A.1.2."""
    if attention.score == "dot":
        return query @ step
    if attention.score == "general":
        return query @ (attention.key.weight @ step)
    # W [q; m] is W_q q + W_m m.
    stacked = torch.cat([attention.query.weight, attention.key.weight], 1)
    return attention.weight.weight[0] @ torch.tanh(stacked @ torch.cat([query, step]))


@pytest.mark.parametrize("name", ["dot", "general", "concat", "bahdanau"])
def test_weights_and_context(name: str):
    torch.manual_seed(0)
    size = 4 if name == "dot" else 3
    attention = Attention(name, size, 4).double()
    memory = torch.randn(NUM_STEPS, 4, 4, dtype=torch.float64)
    queries = torch.randn(4, 2, size, dtype=torch.float64)
    memory[5, 0], memory[2, 1], memory[1, 3] = torch.nan, torch.inf, -torch.inf
    found = attention(queries, attention.source(memory, LENGTHS))
    assert found.weights.shape == (4, 2, NUM_STEPS)
    for row, length in enumerate(LENGTHS.tolist()):
        for number, query in enumerate(queries[row]):
            scores = [score(attention, query, memory[s, row]).item() for s in range(length)]
            total = sum(map(math.exp, scores))
            weights = [math.exp(each) / total for each in scores]
            expected = sum(
                (w * memory[s, row] for s, w in enumerate(weights)), torch.zeros_like(memory[0, 0])
            )
            padded = torch.tensor([*weights, *[0.0] * (NUM_STEPS - length)], dtype=torch.float64)
            torch.testing.assert_close(found.weights[row, number], padded)
            torch.testing.assert_close(found.context[row, number], expected)


def test_the_padding_gets_no_gradient():
    attention = Attention("bahdanau", 3, 4)
    memory = torch.randn(NUM_STEPS, 4, 4, requires_grad=True)
    found = attention(torch.randn(4, 2, 3), attention.source(memory, LENGTHS))
    found.context.square().sum().backward()
    for row, length in enumerate(LENGTHS.tolist()):
        assert not memory.grad[length:, row].any()
        assert memory.grad[:length, row].all()


def test_large_scores_do_not_overflow():
    attention = Attention("dot", 4, 4)
    memory = torch.full((NUM_STEPS, 4, 4), 1e4)
    found = attention(torch.full((4, 1, 4), 1e4), attention.source(memory, LENGTHS))
    assert found.weights.sum(-1)[:, 0].tolist() == pytest.approx([1, 0, 1, 1])


def test_what_does_not_fit():
    with pytest.raises(OptionError, match=r"mend: decoder\.hidden_size=4, or decoder\.attention"):
        Attention("dot", 3, 4)
    with pytest.raises(UnknownNameError, match="did you mean 'general'"):
        Attention("genral", 3, 4)
