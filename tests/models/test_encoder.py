"""Stacked layers: whole, in pieces and step by step."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.models.encoder import SequenceEncoder

LENGTHS = torch.tensor([6, 0, 3])
WAYS: list[dict[str, object]] = [{}, {"num_layers": 3}, {"num_layers": 3, "residual": True}]


def make(cell: str, **given: object) -> SequenceEncoder:
    torch.manual_seed(0)
    return SequenceEncoder(cells.get(cell), 4, 4, **given).double()


@pytest.mark.parametrize("given", WAYS, ids=str)
@pytest.mark.parametrize("cell", ["lstm", "slstm", "jordan", "lstm_projected"])
def test_pieces_and_steps(cell: str, given: dict[str, object]):
    layers = make(cell, **given)
    vectors = torch.randn(6, 3, 4, dtype=torch.float64)
    whole, end = layers.run(vectors, LENGTHS)
    first, state = layers.run(vectors[:2], LENGTHS.clamp(max=2))
    second, state = layers.run(vectors[2:], (LENGTHS - 2).clamp(min=0), state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    assert state.keys() == end.keys()
    for name, tensor in end.items():
        torch.testing.assert_close(state[name], tensor)
    assert torch.equal(layers.eval()(vectors, LENGTHS), whole)

    state = None
    for step in range(6):
        output, state = layers.step(vectors[step, :1], state)
        torch.testing.assert_close(output, whole[step, :1])
    for name, tensor in end.items():
        torch.testing.assert_close(state[name], tensor[:, :1])


def test_dropout_is_left_out_of_a_run():
    layers = make("gru", dropout=0.5)
    vectors = torch.ones(6, 3, 4, dtype=torch.float64)
    torch.manual_seed(0)
    plain, _ = layers.run(vectors, LENGTHS)
    torch.manual_seed(0)
    dropped = layers(vectors, LENGTHS)
    is_kept = dropped != 0
    assert torch.equal(dropped[is_kept], 2 * plain[is_kept])
    assert 0 < is_kept.sum() < (plain != 0).sum()
