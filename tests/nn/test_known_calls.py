"""A call like one before is run without being checked again, and gives the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ostinato as ost
from ostinato.core.errors import ShapeError

Make = Callable[[], Any]
LAYERS: dict[str, Make] = {
    "lstm": lambda: ost.LSTM(3, 5, num_layers=2, bidirectional=True),
    "gru": lambda: ost.GRU(3, 5, batch_first=True),
    "cell": lambda: ost.Recurrent("slstm", 3, 5, num_layers=2),
}


def known(layer: Any) -> int:
    return len(layer.stack._known)


def twin(layer: Any) -> Any:
    """The same layer, which knows no call."""
    made = copy.deepcopy(layer)
    made.stack = type(layer.stack)(*layer.stack.__reduce__()[1])
    return made


def flat(result: tuple[Tensor, Any]) -> list[Tensor]:
    output, state = result
    if isinstance(state, Tensor):
        return [output, state]
    return [output, *(state if isinstance(state, tuple) else dict(state).values())]  # pyright: ignore[reportUnknownArgumentType]


def assert_same(layer: Any, *arguments: Any) -> None:
    got, expected = layer(*arguments), twin(layer)(*arguments)
    for a, b in zip(flat(got), flat(expected), strict=True):
        assert torch.equal(a, b)
        assert a.requires_grad == b.requires_grad
        assert a.shape == b.shape


@pytest.mark.parametrize("name", LAYERS)
def test_the_second_call_gives_what_the_first_gave(name: str):
    layer = LAYERS[name]()
    x = torch.randn(4, 2, 3)
    assert known(layer) == 0
    first = layer(x)
    assert known(layer) == 1
    for a, b in zip(flat(first), flat(layer(x)), strict=True):
        assert torch.equal(a, b)
    assert_same(layer, x)
    assert_same(layer, torch.randn(*((4, 7, 3) if layer.batch_first else (7, 2, 3))))
    assert_same(layer, x, first[1])
    assert_same(layer, x[:, :1], None)
    with torch.no_grad():
        assert_same(layer, x)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str):
    layer = LAYERS[name]()
    x = torch.randn(4, 2, 3, requires_grad=True)
    gradients: list[list[Tensor]] = []
    for _ in range(2):
        output, _ = layer(x)
        gradients.append(list(torch.autograd.grad(output.square().sum(), [x, *layer.parameters()])))
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b)


def test_a_call_learned_in_inference_mode_serves_training():
    layer = ost.LSTM(3, 5)
    x = torch.randn(4, 2, 3)
    with torch.inference_mode():
        layer(x)
    layer.train()
    layer(x)[0].sum().backward()
    assert all(p.grad is not None for p in layer.parameters())


def test_weights_are_those_of_the_call():
    layer: Any = ost.LSTM(3, 5)
    x = torch.randn(4, 2, 3)
    layer(x)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    assert_same(layer, x)
    layer.weight_hh_l0.data.mul_(0.5)
    assert_same(layer, x)
    layer.weight_hh_l0 = nn.Parameter(torch.randn(5, 20).t())
    assert_same(layer, x)
    other = copy.deepcopy(layer)  # shares what is known
    with torch.no_grad():
        other.weight_ih_l0.zero_()
    assert not torch.equal(layer(x)[0], other(x)[0])
    assert_same(layer, x)


def test_what_does_not_fit_is_refused_as_ever():
    layer = ost.LSTM(3, 5)
    x = torch.randn(4, 2, 3)
    layer(x)
    with pytest.raises(ShapeError, match="last"):
        layer(torch.randn(4, 2, 4))
    with pytest.raises(ShapeError):
        layer(x, (torch.randn(1, 2, 5), torch.randn(1, 3, 5)))
    with pytest.raises(ShapeError, match="float64"):
        layer(x, (torch.randn(1, 2, 5), torch.randn(1, 2, 5).double()))
    layer.double()
    with pytest.raises(ShapeError, match="float64"):
        layer(x)
    assert layer(x.double())[0].dtype == torch.float64


@pytest.mark.parametrize("training", [True, False])
def test_masks_are_drawn_in_training_alone(training: bool):
    layer = ost.LSTM(3, 5, num_layers=2, dropout=0.5, zoneout=0.5)
    x = torch.randn(9, 2, 3)
    layer.eval()
    layer(x)
    layer.train(training)
    outputs = [layer(x)[0] for _ in range(2)]
    assert torch.equal(*outputs) == (not training)
    assert known(layer) == 1


@pytest.mark.filterwarnings("ignore::ostinato.core.errors.EngineFallback")
def test_autocast_transforms_and_other_options_go_the_long_way():
    layer = ost.GRU(3, 5)
    x = torch.randn(4, 2, 3)
    layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(x)[0].dtype == torch.bfloat16

    def output(one: Tensor) -> Tensor:
        return layer(one)[0]

    mapped = torch.vmap(output)(x[None])
    torch.testing.assert_close(mapped[0], layer(x)[0])
    states = ost.GRU(3, 5, return_all_states=True)
    learned = ost.GRU(3, 5, learn_initial_state=True)
    for one in (states, learned):
        one(x)
        assert known(one) == 0
    before = known(layer)
    layer(x[:, :1], lengths=[2])
    layer(x[:, :1], resets=torch.ones(4, 1, dtype=torch.bool))
    assert known(layer) == before


def test_a_long_life_does_not_fill_the_memory():
    layer = ost.GRU(3, 5)
    for rows in range(1, 70):
        layer(torch.randn(1, rows, 3))
    assert known(layer) == 64
