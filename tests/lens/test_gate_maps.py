"""Saturation, idle units and maps against networks whose gates are set by hand."""

import math

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.equations import Cell
from ostinato.lens.gate_maps import gates, influences, kinds
from ostinato.nn.probes import Place
from tests.lens.subjects import TEXT, writer


def test_what_bounds_a_value_is_read_from_the_equations():
    cell = Cell("""
        f = sigmoid(W_f @ [h, x] + b_f)
        k = 1 - f
        g = tanh(W_g @ [h, x])
        c = f * c + k * g
        h = c
    """)
    assert kinds(cell.graph) == {"f": "gate", "k": "gate", "g": "squashed", "c": "free"} | {
        name: "free" for name in ("h",) if name in dict(cell.graph.names)
    }


def test_saturation_is_the_share_of_values_beyond_the_bounds():
    subject = writer("lstm", hidden_size=4, num_layers=2)
    found = gates(subject, subject.piece(TEXT))
    value = found.map("f", layer=1) if any(m.name == "f" for m in found.maps[Place(1, 0)]) else None
    assert value is not None, [m.name for m in found.maps[Place(1, 0)]]
    assert value.closed == pytest.approx((value.values < 0.1).mean())
    assert value.open == pytest.approx((value.values > 0.9).mean())
    assert math.isnan(value.flat)
    assert value.values.shape == (len(TEXT), 4)


def test_a_gate_that_a_bias_holds_open_is_stuck():
    subject = writer("h = f * h + (1 - f) * tanh(U @ x); f = sigmoid(W @ h + V @ x + b)")
    (layer,) = subject.layers
    bias = torch.zeros(6)
    bias[2], bias[4] = 20, -20
    layer.set_cell_parameter("b", bias)
    value = gates(subject, subject.piece(TEXT)).map("f")
    assert value.stuck == (2, 4)
    assert value.open >= 1 / 6
    assert value.closed >= 1 / 6


def test_still_units_and_units_without_influence_are_named():
    subject = writer("h = tanh(W @ h + U @ x + b)")
    (layer,) = subject.layers
    weights = {name: tensor.detach().clone() for name, tensor in layer.cell_parameters().items()}
    weights["W"][1] = 0
    weights["U"][1] = 0
    weights["W"][:, 3] = 0
    for name, tensor in weights.items():
        layer.set_cell_parameter(name, tensor)
    with torch.no_grad():
        subject.writer.head.weight[:, 3] = 0
    found = gates(subject, subject.piece(TEXT))
    idle = found.idle[Place(0, 0)]["h"]
    assert idle.still == (1,)
    assert idle.without_influence == (3,)
    assert (found.num_idle, found.num_units) == (2, 6)


def test_influence_is_what_holding_a_unit_at_its_mean_changes():
    """Of a network that is linear in the unit and a small move, to first order exactly."""
    subject = writer("h = a * h + U @ x", hidden_size=6)
    (layer,) = subject.layers
    layer.set_cell_parameter("a", torch.zeros(6))
    layer.set_cell_parameter("U", 1e-3 * torch.eye(6))
    piece = subject.piece(TEXT)
    felt = influences(subject, piece)[Place(0, 0)]["h"]
    states = 1e-3 * subject.writer.embedding(piece.inputs["ids"][:, 0])
    states = states.detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(
        subject.writer.head(states), piece.targets, ignore_index=-100
    )
    (gradient,) = torch.autograd.grad(loss, states)
    expected = (gradient * (states - states.mean(0))).abs().sum(0)
    np.testing.assert_allclose(felt, expected.detach().numpy(), rtol=1e-4)


def test_the_figures_hold_the_numbers():
    subject = writer("gru", num_layers=2)
    found = gates(subject, subject.piece(TEXT))
    value = next(v for v in found.maps[Place(1, 0)] if v.kind == "gate")
    figure = found.figure(value.name, layer=1)
    np.testing.assert_array_equal(figure.data[0].z, value.values.T)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 1)
    assert "closed" in figure.layout.meta["description"]
    bars = found.saturation_figure()
    total = sum(np.array(bar.x) for bar in bars.data)
    np.testing.assert_allclose(total, 1)
    assert "layer 1" in bars.data[0].y[-1]


def test_an_unknown_value_is_an_error_with_the_known_ones():
    subject = writer("gru")
    found = gates(subject, subject.piece(TEXT))
    with pytest.raises(OptionError, match="no value 'q' in layer 0"):
        found.map("q")
    with pytest.raises(OptionError, match="layer 5"):
        found.figure(layer=5)
