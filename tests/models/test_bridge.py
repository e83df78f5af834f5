"""What a decoder's state starts from."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.equations import Cell
from ostinato.equations.positive import positive_states
from ostinato.models.bridge import Bridge
from ostinato.models.encoder import SequenceEncoder


def encoder(cell: Cell, num_layers: int = 1, **given: object) -> SequenceEncoder:
    output_size = 4 if "output_size" in cell.dimensions.classes else None
    return SequenceEncoder(cell, 6, 6, output_size=output_size, num_layers=num_layers, **given)


@pytest.mark.parametrize("name", cells.names())
def test_every_state_of_every_cell(name: str):
    torch.manual_seed(0)
    layers = encoder(cells.get(name), num_layers=1)
    bridge = Bridge([5], layers)
    read = torch.randn(3, 5)
    state = layers.joined_state(bridge([read]))
    _, expected = layers.run(torch.zeros(1, 3, 6), torch.ones(3, dtype=torch.int64))
    assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in expected.items()}
    assert all(len(set(part.flatten().tolist())) > 1 for part in state.values())
    output, after = layers.run(torch.randn(8, 3, 6), torch.tensor([8, 0, 5]), state)
    assert output.isfinite().all()
    output.sum().backward()
    assert all(t.isfinite().all() for t in after.values())
    assert all(p.grad.isfinite().all() and p.grad.any() for p in bridge.parameters())


def test_states_by_which_is_divided():
    positive = {name: positive_states(cells.get(name).graph) for name in cells.names()}
    assert {name: set(states) for name, states in positive.items() if states} == {"slstm": {"n"}}
    assert positive_states(Cell("a = 1 / (2 + s); s = tanh(W @ x) + a").graph) == {"s"}
    assert positive_states(Cell("s = s + exp(x); h = log(s) * s").graph) == {"s"}
    # A product of matrix and state may have any sign, whatever the state's is.
    assert positive_states(Cell("h = x / (2 + W @ h)").graph) == frozenset()


def test_the_normaliser_of_an_slstm_starts_above_0():
    layers = encoder(cells.get("slstm"))
    state = Bridge([5], layers)([torch.randn(40, 5) * 100])[0]
    assert state["n"].min() >= 1 / torch.e - 1e-6
    assert state["m"].isfinite().all()
    assert state["c"].min() < -0.9


@pytest.mark.parametrize(
    ("read", "num_layers", "sources"),
    [(1, 3, (0, 0, 0)), (3, 1, (2,)), (3, 2, (1, 2)), (2, 2, (0, 1)), (2, 3, (0, 1, 1))],
)
def test_depths_are_matched(read: int, num_layers: int, sources: tuple[int, ...]):
    layers = encoder(cells.get("lstm"), num_layers)
    bridge = Bridge([5 + depth for depth in range(read)], layers)
    assert bridge.sources == sources
    made = bridge([torch.randn(2, 5 + depth) for depth in range(read)])
    assert [set(part) for part in made] == [{"h", "c"}] * num_layers


@pytest.mark.parametrize("given", [{}, {"residual": True}, {"bidirectional": True}], ids=str)
def test_states_of_layers(given: dict[str, object]):
    layers = encoder(cells.get("lstm"), 2, **given)
    lengths = torch.tensor([4, 2, 0])
    _, state = layers.run(torch.randn(4, 3, 6), lengths)
    parts = layers.layer_states(state)
    assert [part.shape for part in parts] == [(3, 24 if given.get("bidirectional") else 12)] * 2
    if given.get("bidirectional"):
        expected = torch.cat(
            [state["0.h"][2], state["0.h"][3], state["0.c"][2], state["0.c"][3]], 1
        )
        assert torch.equal(parts[1], expected)
        return
    first, second = (dict(zip("hc", part.split(6, -1), strict=True)) for part in parts)
    joined = layers.joined_state([first, second])
    assert joined.keys() == state.keys()
    assert all(torch.equal(joined[name], state[name]) for name in state)
