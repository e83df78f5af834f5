"""How weights start."""

from __future__ import annotations

import math

import pytest
import torch

import ostinato.nn as onn
from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.equations import Cell
from ostinato.nn import init
from tests.tolerances import assert_close


def test_the_default_start_follows_the_roles() -> None:
    torch.manual_seed(0)
    layer = onn.Recurrent("gru_2014", 30, 40)
    weight = layer.W_r_l0
    assert_close(weight[:, :40] @ weight[:, :40].T, torch.eye(40))
    bound = math.sqrt(6 / (30 + 40))
    inputs = weight[:, 40:]
    assert bound * 0.9 < inputs.abs().max() <= bound
    assert not layer.b_r_l0.any()
    named = onn.Recurrent("irnn", 3, 4)
    assert torch.equal(named.W_hh_l0, torch.eye(4))
    assert onn.Recurrent("leaky", 3, 4).alpha_l0.item() == 0.5
    peephole = onn.Recurrent("lstm_peephole", 3, 400).p_i_l0
    assert 0.04 < peephole.abs().max() <= 1 / 20
    gain = onn.Recurrent("h = tanh(g * layer_norm(W @ h + U @ x))", 3, 4).g_l0
    assert (gain == 1).all()


@pytest.mark.parametrize(
    "layer",
    [
        onn.Recurrent("lstm", 3, 6, num_layers=2, bidirectional=True),
        onn.LSTM(3, 6, num_layers=2, bidirectional=True),
        onn.Recurrent("cifg", 3, 6),
    ],
    ids=["recurrent", "torch_like", "concatenated"],
)
def test_schemes_act_on_every_layer_and_direction(layer: onn.Recurrent) -> None:
    blocks = init.recurrent_blocks(layer.stack.graph)
    places = [
        (k, d) for k in range(layer.stack.num_layers) for d in range(layer.stack.num_directions)
    ]
    init.orthogonal(layer, gain=2.0)
    for place in places:
        for name, _ in blocks:
            block = layer.cell_parameters(*place)[name][:, :6]
            assert_close(block @ block.T, 4 * torch.eye(6))
    init.apply(layer, "identity")
    for place in places:
        for name, _ in blocks:
            assert torch.equal(layer.cell_parameters(*place)[name][:, :6], torch.eye(6))
    init.apply(layer, "forget_bias", value=2.5)
    for place in places:
        assert (layer.cell_parameters(*place)["b_f"] == 2.5).all()


def test_a_gate_that_is_written_the_other_way_round_gets_the_negative() -> None:
    layer = onn.Recurrent("mgu", 3, 6)
    init.forget_bias(layer, 1.5)
    assert (layer.b_f_l0 == -1.5).all()
    gru = onn.GRU(3, 6)
    init.forget_bias(gru, 1.5)
    assert (gru.cell_parameters()["b_z"] == 1.5).all()
    assert (gru.bias_ih_l0[6:12] == 1.5).all()
    assert not gru.bias_hh_l0[6:12].any()


def test_chrono_spreads_the_memory() -> None:
    torch.manual_seed(0)
    layer = onn.LSTM(3, 500)
    init.chrono(layer, max_steps=100)
    weights = layer.cell_parameters()
    steps = weights["b_f"].exp()
    assert steps.min() >= 1
    assert 90 < steps.max() <= 99
    assert 40 < steps.mean() < 60
    assert_close(weights["b_i"], -weights["b_f"])


def test_schemes_refuse_what_they_cannot_do() -> None:
    with pytest.raises(OptionError, match="multiplies no state by a matrix\nmend: "):
        init.orthogonal(onn.Recurrent("mingru", 3, 4))
    with pytest.raises(OptionError, match=r"no gate with a bias.*\nmend: "):
        init.forget_bias(onn.Recurrent("elman", 3, 4))
    with pytest.raises(OptionError, match="max_steps must be 3 or more, got 2\nmend: "):
        init.chrono(onn.LSTM(3, 4), max_steps=2)
    with pytest.raises(
        UnknownNameError, match="unknown initialisation scheme 'ortogonal'; did you"
    ):
        init.apply(onn.LSTM(3, 4), "ortogonal")
    cell = Cell("h = tanh(W @ h + U @ x)", start={"W": "diagonal"})
    with pytest.raises(UnknownNameError, match="unknown initialiser 'diagonal'"):
        onn.Recurrent(cell, 3, 4)
    with pytest.raises(UnknownNameError, match="unknown parameter in `start` 'V'"):
        Cell("h = tanh(W @ h + U @ x)", start={"V": "identity"})
