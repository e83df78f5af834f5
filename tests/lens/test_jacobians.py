"""Jacobians and Lyapunov exponents against what linear algebra says they must be."""

import math

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OptionError, ShapeError
from ostinato.lens.jacobians import jacobian, lyapunov

SIZE = 6


def linear(radius: float, seed: int = 0) -> tuple[ost.Recurrent, torch.Tensor]:
    """Return ``h = W @ h + U @ x`` with a dense W of a spectral radius, and W."""
    torch.manual_seed(seed)
    layer = ost.Recurrent("h = W @ h + U @ x", 3, SIZE, dtype=torch.float64)
    weight = torch.randn(SIZE, SIZE, dtype=torch.float64)
    weight *= radius / torch.linalg.eigvals(weight).abs().max()
    layer.set_cell_parameter("W", weight)
    return layer, weight


@pytest.mark.parametrize("radius", [0.5, 1.5])
def test_singular_values_of_a_linear_cell_are_those_of_the_power(radius: float):
    layer, weight = linear(radius)
    found = jacobian(layer, torch.randn(20, 3), step=17, spans=[1, 4, 9])
    for row, span in zip(found.singular_values, found.spans, strict=True):
        expected = torch.linalg.svdvals(torch.linalg.matrix_power(weight, span)).numpy()
        np.testing.assert_allclose(row, expected, rtol=1e-9)
    np.testing.assert_allclose(found.rates, found.singular_values[:, 0] ** [1, 1 / 4, 1 / 9])


@pytest.mark.parametrize("cell", ["lstm", "gru", "mingru", "h = relu(W @ h + U @ x)"])
def test_it_is_the_jacobian_that_autograd_finds(cell: str):
    torch.manual_seed(0)
    layer = ost.Recurrent(cell, 3, 4, dtype=torch.float64)
    x = torch.randn(8, 1, 3, dtype=torch.float64)
    found = jacobian(layer, x[:, 0], spans=[3])
    _, before = layer(x[:5])
    names = list(before)

    def later(*states: torch.Tensor) -> torch.Tensor:
        _, last = layer(x[5:], dict(zip(names, states, strict=True)))
        return torch.cat([last[name].flatten() for name in names])

    given = tuple(before[name].detach() for name in names)
    parts = torch.autograd.functional.jacobian(later, given)
    whole = torch.cat([part.flatten(1) for part in parts], 1)
    expected = torch.linalg.svdvals(whole).numpy()
    np.testing.assert_allclose(found.singular_values[0], expected, atol=1e-12, rtol=1e-9)


def test_exponents_of_a_linear_cell_are_the_logarithms_of_its_eigenvalues():
    torch.manual_seed(0)
    layer = ost.Recurrent("h = W @ h + U @ x", 3, 4, dtype=torch.float64)
    basis = torch.randn(4, 4, dtype=torch.float64)
    values = torch.tensor([1.1, 0.9, 0.6, 0.3], dtype=torch.float64)
    layer.set_cell_parameter("W", basis @ torch.diag(values) @ torch.linalg.inv(basis))
    found = lyapunov(layer, torch.randn(600, 3, dtype=torch.float64))
    np.testing.assert_allclose(found.exponents, values.log().numpy(), atol=1e-6)
    assert found.half_life == math.inf
    assert "grow" in found.verdict
    assert (np.diff(found.exponents) <= 0).all()


@pytest.mark.parametrize("radius", [0.5, 0.8])
def test_an_elman_cell_that_reads_noughts_forgets_at_its_spectral_radius(radius: float):
    """At the fixed point 0 the derivative of tanh is 1, so the Jacobian is W."""
    layer, weight = linear(radius)
    elman = ost.Recurrent("h = tanh(W @ h + U @ x)", 3, SIZE, dtype=torch.float64)
    elman.set_cell_parameter("W", weight)
    found = lyapunov(elman, torch.zeros(400, 3, dtype=torch.float64), num_exponents=1)
    assert found.largest == pytest.approx(math.log(radius), abs=0.01)
    assert found.half_life == pytest.approx(math.log(2) / -math.log(radius), rel=0.03)
    assert layer is not elman


def test_an_elman_network_turns_chaotic_with_its_gain():
    """Sompolinsky, Crisanti, Sommers 1988: order below a gain of 1, chaos above."""
    torch.manual_seed(1)
    weight = torch.randn(100, 100, dtype=torch.float64) / 10
    exponents = []
    for gain in (0.5, 1.0, 1.5, 3.0):
        elman = ost.Recurrent("h = tanh(W @ h + U @ x)", 1, 100, dtype=torch.float64)
        elman.set_cell_parameter("W", gain * weight)
        x = torch.zeros(300, 1, dtype=torch.float64)
        x[0] = 1
        exponents.append(lyapunov(elman, x, num_exponents=1).largest)
    assert exponents == sorted(exponents)
    assert exponents[0] < -0.5
    assert exponents[-1] > 0.05


def test_the_backward_direction_reads_from_the_end():
    torch.manual_seed(0)
    both = ost.Recurrent("gru", 3, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(9, 3, dtype=torch.float64)
    found = jacobian(both, x, direction=1, spans=[2])
    alone = ost.Recurrent("gru", 3, 4, dtype=torch.float64)
    for name, tensor in both.cell_parameters(0, 1).items():
        alone.set_cell_parameter(name, tensor)
    expected = jacobian(alone, x.flip(0), spans=[2])
    np.testing.assert_allclose(found.singular_values, expected.singular_values, rtol=1e-9)
    assert jacobian(both, x, layer=1, direction=1).states == {"h": 4}


def test_the_figure_holds_the_numbers():
    layer, _ = linear(0.5)
    found = jacobian(layer, torch.randn(40, 3))
    figure = found.figure()
    np.testing.assert_allclose(figure.data[0].y, found.singular_values[:, 0])
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.meta["description"]
    spectrum = lyapunov(layer, torch.randn(100, 3))
    np.testing.assert_allclose(spectrum.figure().data[0].y, spectrum.exponents)


def test_what_cannot_be_is_said():
    layer, _ = linear(0.5)
    x = torch.randn(10, 3)
    with pytest.raises(OptionError, match="steps 0 to 9"):
        jacobian(layer, x, step=10)
    with pytest.raises(OptionError, match="longer text"):
        jacobian(layer, x, spans=[12])
    with pytest.raises(OptionError, match="got layer=1"):
        jacobian(layer, x, layer=1)
    with pytest.raises(OptionError, match="direction=0"):
        jacobian(layer, x, direction=1)
    with pytest.raises(OptionError, match="got 10 steps"):
        lyapunov(layer, x)
    with pytest.raises(ShapeError, match=r"\[T, I\]"):
        jacobian(layer, x[:, None])
    layer.set_cell_parameter("W", torch.full((SIZE, SIZE), math.nan))
    with pytest.raises(OptionError, match="not finite"):
        jacobian(layer, x)
