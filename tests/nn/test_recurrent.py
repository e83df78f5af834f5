"""``Recurrent``: construction, options, errors; what holds for every cell is in the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ostinato.core.errors import EquationError, OptionError, OstinatoError, ShapeError
from ostinato.equations import Cell
from ostinato.nn import Recurrent
from tests.tolerances import assert_close


def test_a_cell_may_be_named_written_or_made() -> None:
    text = "h = tanh(W @ h + U @ x)"
    for cell in ("lstm", text, Cell(text)):
        assert Recurrent(cell, 3, 4)(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)


def test_parameters_carry_the_names_of_the_equations() -> None:
    layer = Recurrent("gru_2014", 3, 4, num_layers=2, bidirectional=True)
    assert dict(layer.named_parameters())["W_n_l1_reverse"].shape == (4, 4 + 8)
    assert layer.output_size == 8
    assert repr(layer) == "Recurrent('gru_2014', 3, 4, num_layers=2, bidirectional=True)"


def test_two_directions_are_two_runs() -> None:
    layer = Recurrent("lstm", 3, 4, bidirectional=True)
    x = torch.randn(6, 2, 3)
    output, state = layer(x)
    for direction, suffix in enumerate(("", "_reverse")):
        alone = Recurrent("lstm", 3, 4)
        alone.load_state_dict(
            {f"{p}_l0": w for p, w in layer.cell_parameters(0, direction).items()}
        )
        expected, end = alone(x.flip(0) if suffix else x)
        part = output[..., 4 * direction : 4 * direction + 4]
        assert_close(part.flip(0) if suffix else part, expected)
        for name, value in end.items():
            assert_close(state[name][direction], value[0])


def test_layers_are_runs_on_top_of_one_another() -> None:
    layer = Recurrent("gru", 3, 4, num_layers=2)
    x = torch.randn(6, 2, 3)
    output, state = layer(x)
    for depth, size in enumerate((3, 4)):
        alone = Recurrent("gru", size, 4)
        alone.load_state_dict({f"{p}_l0": w for p, w in layer.cell_parameters(depth).items()})
        x, end = alone(x)
        assert_close(state["h"][depth], end["h"][0])
    assert_close(output, x)


def test_a_packed_sequence_comes_back_packed() -> None:
    layer = Recurrent("mingru", 3, 4, batch_first=True)
    x = torch.randn(3, 6, 3)
    lengths = torch.tensor([2, 6, 4])
    packed, state = layer(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    padded, counts = pad_packed_sequence(packed, batch_first=True)
    expected, end = layer(x, lengths=lengths)
    assert torch.equal(counts, lengths)
    assert_close(padded, expected)
    assert_close(state["h"], end["h"])


def test_zoneout_keeps_the_share_that_it_should() -> None:
    torch.manual_seed(0)
    layer = Recurrent("elman", 3, 200, zoneout=0.25, return_all_states=True)
    _, state = layer(torch.randn(50, 20, 3))
    kept = (state["h"][:, 1:] == state["h"][:, :-1]).double().mean()
    assert abs(kept - 0.25) < 0.01


def test_zoneout_by_state() -> None:
    torch.manual_seed(0)
    layer = Recurrent("slstm", 3, 50, zoneout={"c": 0.5}, return_all_states=True)
    _, state = layer(torch.randn(20, 4, 3))
    for name, stream in state.items():
        kept = (stream[:, 1:] == stream[:, :-1]).double().mean()
        assert abs(kept - 0.5) < 0.05 if name == "c" else kept < 0.05, name


def test_recurrent_dropout_holds_one_mask_a_sequence() -> None:
    torch.manual_seed(0)
    layer = Recurrent("h = W @ h + U @ x", 4, 4, recurrent_dropout=0.5)
    with torch.no_grad():
        layer.W_l0.copy_(torch.eye(4))
        layer.U_l0.zero_()
    state = {"h": torch.ones(1, 300, 4)}
    output, _ = layer(torch.zeros(3, 300, 4), state)
    assert set(output[0].unique().tolist()) == {0.0, 2.0}
    assert torch.equal(output[1] != 0, output[0] != 0)
    assert torch.equal(output[2], output[0] * 4)
    layer.eval()
    assert torch.equal(layer(torch.zeros(3, 300, 4), state)[0][2], torch.ones(300, 4))


def test_a_learned_initial_state_is_trained() -> None:
    layer = Recurrent("lstm", 3, 4, learn_initial_state=True)
    assert not layer.h_init_l0.any()
    layer(torch.randn(5, 2, 3))[0].square().sum().backward()
    assert layer.h_init_l0.grad.any()
    assert layer.c_init_l0.grad.any()


def test_layer_norm_is_a_norm() -> None:
    layer = Recurrent("h = tanh(W @ h + U @ x)", 3, 4, layer_norm=True)
    x = torch.randn(5, 2, 3)
    with torch.no_grad():
        layer.W_l0.mul_(100)
        layer.U_l0.mul_(100)
    scaled = layer(x)[0]
    with torch.no_grad():
        layer.W_l0.mul_(10)
        layer.U_l0.mul_(10)
    assert_close(layer(x)[0], scaled)


def test_half_precision_and_autocast() -> None:
    x = torch.randn(5, 2, 3)
    layer = Recurrent("lstm", 3, 4)
    expected = layer(x)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(layer(x)[0].float(), expected, tolerance=0.02)
    half = layer.to(torch.bfloat16)
    assert_close(half(x.bfloat16())[0].float(), expected, tolerance=0.03)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cell": "lstn"}, OptionError, "unknown cell 'lstn'; did you mean 'lstm'"),
        ({"cell": "h = tanh(W @ h)"}, EquationError, "the input `x` is never used"),
        ({"cell": "jordan"}, OptionError, "output_size"),
        ({"output_size": 7}, OptionError, "output_size was given, but"),
        ({"hidden_size": 0}, OptionError, "hidden_size must be a positive integer, got 0"),
        ({"hidden_size": 4.0}, OptionError, "hidden_size must be a positive integer, got 4.0"),
        ({"num_layers": 0}, OptionError, "num_layers must be a positive integer, got 0"),
        ({"dropout": 1.5}, OptionError, r"dropout must lie in \[0, 1\], got 1.5"),
        ({"dropout": "a"}, OptionError, "dropout must be a number, got 'a'"),
        ({"zoneout": "a"}, OptionError, "zoneout must be a number, got 'a'"),
        ({"recurrent_dropout": {"h": 0.1}}, OptionError, "recurrent_dropout must be a number"),
        ({"layer_norm": "yes"}, OptionError, "layer_norm must be True or False, got 'yes'"),
        ({"bidirectional": 2}, OptionError, "bidirectional must be True or False, got 2"),
        ({"zoneout": 1.0}, OptionError, r"zoneout must lie in \[0, 1\), got 1.0"),
        ({"zoneout": {"k": 0.1}}, OptionError, "unknown state in `zoneout` 'k'"),
        ({"cell": "slstm", "zoneout": 0.1}, OptionError, "'m' starts at -inf"),
        ({"recurrent_dropout": -0.1}, OptionError, r"recurrent_dropout must lie in \[0, 1\)"),
        ({"cell": "mingru", "recurrent_dropout": 0.1}, OptionError, "no product with its state"),
        ({"engine": "fast"}, OptionError, "unknown engine 'fast'"),
        ({"sizes": {"q": 3}}, OptionError, "no value called 'q'"),
        ({"cell": "sru", "hidden_size": 5}, EquationError, "`x` has size 3"),
    ],
)
def test_wrong_arguments_say_how_to_mend_them(
    arguments: dict[str, Any], error: type[OstinatoError], message: str
) -> None:
    given = {"cell": "lstm", "input_size": 3, "hidden_size": 4, **arguments}
    with pytest.raises(error, match=message) as caught:
        Recurrent(**given)
    text = str(caught.value)
    assert "mend: " in text or "expected one of: " in text


def test_wrong_calls_say_how_to_mend_them() -> None:
    layer = Recurrent("lstm", 3, 4, bidirectional=True)
    x = torch.randn(5, 2, 3)
    with pytest.raises(OptionError, match="cannot run as a stream"):
        layer.step(x[0])
    with pytest.raises(ShapeError, match="got a state with h, expected h, c\nmend: "):
        layer(x, {"h": torch.zeros(2, 2, 4)})
    with pytest.raises(ShapeError, match=r"got state 'h' of shape \[1, 2, 4\].*\[2, 2, 4\]"):
        layer(x, {"h": torch.zeros(1, 2, 4), "c": torch.zeros(2, 2, 4)})
    two = Recurrent(
        Cell("h = tanh(W @ h + U @ x + A @ v)", inputs=["x", "v"]), 3, 4, sizes={"v": 2}
    )
    with pytest.raises(ShapeError, match="got inputs x, expected x, v\nmend: "):
        two(x)
    with pytest.raises(ShapeError, match=r"input 'v' has 4 steps .*\nmend: "):
        two({"x": x, "v": torch.randn(4, 2, 2)})


def test_sizes_may_be_numpy_integers() -> None:
    layer = Recurrent("gru", np.int64(3), np.int32(4), num_layers=np.int64(2))
    assert layer(torch.randn(2, 1, 3))[0].shape == (2, 1, 4)


def test_dropout_without_a_place_is_told() -> None:
    with pytest.warns(UserWarning, match="acts between layers, and there is one"):
        Recurrent("gru", 3, 4, dropout=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer, x: layer(x, (x[:1],)), "state of type tuple, expected a mapping"),
        (lambda layer, x: layer(x, {"h": [0.0]}), "state 'h' is of type list"),
        (lambda layer, x: layer(x, {"h": torch.zeros(1, 2, 4).double()}), "of torch.float64"),
        (lambda layer, x: layer(x.tolist()), "input 'x' is of type list"),
        (lambda layer, x: layer(x, lengths=[6, "a"]), "lengths must be integers"),
        (lambda layer, x: layer(x.to("meta")), "got a tensor on meta"),
        (lambda layer, x: layer.step(x), r"got a step of shape \[6, 2, 3\], expected \[B, I\]"),
        (lambda layer, x: layer.step(x[0], x[0]), "state of type Tensor"),
    ],
)
def test_what_is_no_input_or_no_state(
    call: Callable[[Recurrent, Tensor], object], message: str
) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        call(Recurrent("gru", 3, 4), torch.zeros(6, 2, 3))
    assert "\nmend: " in str(caught.value)


def test_the_repr_shows_what_is_not_usual() -> None:
    layer = Recurrent("gru", 3, 4, layer_norm=True, zoneout=0.1)
    assert "layer_norm=True" in repr(layer)
    assert "zoneout={'h': 0.1}" in repr(layer)
