"""Probes give the gradient of a loss with respect to every state, and change nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import ostinato as ost
from ostinato.cells import names
from ostinato.nn.probes import Place, probing
from tests.tolerances import assert_close

T, B, WIDTH, H = 6, 3, 4, 5


def layer_of(cell: str, **options: object) -> ost.Recurrent:
    torch.manual_seed(1)
    sizes = {"output_size": 4} if "output_size" in ost.cells.get(cell).dimensions.classes else {}
    # A cell that adds its input to its state has one size for both.
    width = WIDTH if "hidden_size" in ost.cells.get(cell).dimensions.classes else H
    return ost.Recurrent(cell, width, H, dtype=torch.float64, **sizes, **options)


def gradients(layer: ost.Recurrent, x: Tensor, **call: object) -> dict[tuple[Place, str], Tensor]:
    """Those of a loss that weighs every output differently."""
    with probing(layer) as probes:
        output, _ = layer(x, **call)
        weight = torch.arange(output.numel(), dtype=output.dtype).reshape(output.shape).sin()
        (output * weight).sum().backward()
    return {(place, name): leaf.grad for place, name, leaf in probes.items()}


@pytest.mark.parametrize("cell", names())
def test_every_engine_gives_the_same_gradients_for_every_cell(cell: str):
    has_one_size = "hidden_size" not in ost.cells.get(cell).dimensions.classes
    num_layers = 1 if has_one_size else 2
    options = {"num_layers": num_layers, "bidirectional": True}
    eager = layer_of(cell, engine="eager", **options)
    x = torch.randn(T, B, eager.input_size, dtype=torch.float64, generator=torch.manual_seed(2))
    truth = gradients(eager, x, lengths=[6, 2, 4])
    found = gradients(layer_of(cell, **options), x, lengths=[6, 2, 4])
    states = ost.cells.get(cell).states
    assert set(truth) == {
        (Place(k, d), s) for k in range(num_layers) for d in (0, 1) for s in states
    }
    for key, gradient in truth.items():
        assert_close(found[key], gradient, str(key))
        # Nothing flows back from behind the end of a row.
        assert (gradient[2:, 1] == 0).all()


@pytest.mark.parametrize("cell", ["elman", "lstm", "slstm", "mingru"])
def test_outputs_and_other_gradients_stay_as_they_are(cell: str):
    layer = layer_of(cell, num_layers=2)
    x = torch.randn(T, B, WIDTH, dtype=torch.float64, generator=torch.manual_seed(2))

    def run() -> list[Tensor]:
        output, state = layer(x)
        loss = output.square().sum() + sum(s.sum() for s in state.values())
        return [output, *state.values(), *torch.autograd.grad(loss, list(layer.parameters()))]

    before = run()
    with probing(layer):
        probed = run()
    for got, expected in zip(probed, before, strict=True):
        assert_close(got, expected)
    after = run()
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def test_an_elman_network_by_hand():
    layer = layer_of("elman")
    weights = layer.cell_parameters()
    x = torch.randn(T, B, WIDTH, dtype=torch.float64, generator=torch.manual_seed(2))
    h, states = torch.zeros(B, H, dtype=torch.float64), []
    for x_t in x:
        h = torch.tanh(h @ weights["W_hh"].T + x_t @ weights["W_ih"].T + weights["b_h"])
        h.retain_grad()
        states.append(h)
    output = torch.stack(states)
    weight = torch.arange(output.numel(), dtype=output.dtype).reshape(output.shape).sin()
    (output * weight).sum().backward()
    found = gradients(layer, x)[Place(0, 0), "h"]
    assert_close(found, torch.stack([state.grad for state in states]))


def test_a_cell_state_counts_what_it_gives_to_the_output_of_its_own_step():
    # y_t = h_t = tanh(c_t), c_t = c_{t-1} / 2 + x_t: dL/dc_t = w_t sech²(c_t) + dL/dc_{t+1} / 2.
    layer = ost.Recurrent("c = 0.5 * c + x; h = tanh(c)", H, H, dtype=torch.float64)
    x = torch.randn(T, 1, H, dtype=torch.float64, generator=torch.manual_seed(3))
    found = gradients(layer, x)[Place(0, 0), "c"]
    c, values = torch.zeros(1, H, dtype=torch.float64), []
    for x_t in x:
        c = c / 2 + x_t
        values.append(c)
    weight = torch.arange(x.numel(), dtype=x.dtype).reshape(x.shape).sin()
    expected, carried = [], torch.zeros(1, H, dtype=torch.float64)
    for t in reversed(range(T)):
        carried = weight[t] * (1 - values[t].tanh() ** 2) + carried / 2
        expected.insert(0, carried)
    assert_close(found, torch.stack(expected))


def test_layers_of_a_model_are_counted_from_its_input_on():
    model = torch.nn.ModuleList(
        [ost.Recurrent("gru", WIDTH, H, num_layers=2), ost.Recurrent("elman", H, H)]
    )
    with probing(model) as probes:
        x = torch.randn(T, B, WIDTH)
        for layer in model:
            x, _ = layer(x)
        x.sum().backward()
    assert probes.places == (Place(0, 0), Place(1, 0), Place(2, 0))
    assert all(leaf.grad.abs().sum() > 0 for *_, leaf in probes.items())


def test_a_failure_leaves_the_model_as_it_was():
    layer = ost.Recurrent("gru", WIDTH, H)
    stack = layer.stack
    with pytest.raises(ost.OstinatoError), probing(layer):
        layer(torch.randn(T, B, WIDTH + 1))
    assert layer.stack is stack


def test_torchs_layers_have_probes_too():
    layer = ost.LSTM(WIDTH, H, num_layers=2, bidirectional=True)
    with probing(layer) as probes:
        layer(torch.randn(T, B, WIDTH))[0].sum().backward()
    assert [(place, name) for place, name, _ in probes.items()] == [
        (Place(layer, direction), state)
        for layer in (0, 1)
        for direction in (0, 1)
        for state in ("h", "c")
    ]
