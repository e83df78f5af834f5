"""What a forecast says, against the formulas: losses, quantiles, draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from ostinato.core.errors import OptionError
from ostinato.models.forecast_heads import (
    ForecastHead,
    GaussianHead,
    PointHead,
    QuantileHead,
    StudentTHead,
    check_levels,
)

LEVELS = (0.1, 0.3, 0.5, 0.8, 0.95)
HEADS = [GaussianHead, StudentTHead, lambda: QuantileHead(LEVELS)]


def said(head: ForecastHead, num: int = 7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(num, head.size, generator=generator, dtype=torch.float64)
    return head.parameters_of(raw, torch.randn(num, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_points(loss: str):
    head = PointHead(loss)  # pyright: ignore[reportArgumentType]
    parameters = head.parameters_of(torch.tensor([[1.0], [-2.0]]), torch.tensor([0.5, 0.0]))
    assert head.point(parameters).tolist() == [1.5, -2.0]
    expected = {"mse": [0.25, 4.0], "mae": [0.5, 2.0], "huber": [0.125, 1.5]}[loss]
    assert head.loss(parameters, torch.tensor([1.0, 0.0])).tolist() == expected
    for ask in (
        lambda: head.quantiles(parameters.numpy(), [0.5]),
        lambda: head.draw(parameters, torch.rand(2, 2)),
    ):
        with pytest.raises(OptionError, match=r"no quantiles and no paths\nmend: .*model.output"):
            ask()


def test_gaussian_and_student_losses_are_those_of_scipy():
    targets = torch.linspace(-3, 3, 7, dtype=torch.float64)
    mean, size = said(GaussianHead()).unbind(-1)
    np.testing.assert_allclose(
        GaussianHead().loss(torch.stack([mean, size], -1), targets),
        -stats.norm.logpdf(targets, mean, size),
    )
    parameters = said(StudentTHead())
    mean, size, degrees = parameters.unbind(-1)
    assert (degrees > 2).all()
    np.testing.assert_allclose(
        StudentTHead().loss(parameters, targets), -stats.t.logpdf(targets, degrees, mean, size)
    )


def test_the_pinball_loss_is_least_at_the_quantile():
    head = QuantileHead([0.2])
    values = torch.arange(0.0, 101.0)
    losses = [float(head.loss(torch.full((101, 1), float(at)), values).mean()) for at in range(101)]
    assert int(np.argmin(losses)) == 20
    one = head.loss(torch.tensor([[3.0]]), torch.tensor([5.0]))
    assert one.tolist() == pytest.approx([0.2 * 2])


@pytest.mark.parametrize("make", HEADS)
def test_quantiles_never_cross_and_move_with_the_forecast(make: type[ForecastHead]):
    head = make()
    parameters = said(head, 200)
    found = head.quantiles(parameters.numpy(), [0.1, 0.25, 0.5, 0.9])
    assert (np.diff(found, axis=-1) > 0).all()
    shift, stretch = torch.full((200,), 3.0), torch.full((200,), 2.0)
    moved = head.moved(parameters, shift, stretch)
    np.testing.assert_allclose(
        head.quantiles(moved.numpy(), [0.1, 0.25, 0.5, 0.9]), 3 + 2 * found, atol=1e-9
    )
    np.testing.assert_allclose(head.point(moved), 3 + 2 * head.point(parameters))


@pytest.mark.parametrize("make", HEADS)
def test_draws_have_the_quantiles_of_the_forecast(make: type[ForecastHead]):
    head = make()
    parameters = said(head, 1)
    num = 40_000
    chances = torch.as_tensor(np.random.default_rng(0).random((num, 2)))
    drawn = head.draw(parameters.expand(num, -1), chances)
    levels = [0.15, 0.5, 0.9]
    expected = head.quantiles(parameters.numpy(), levels)[0]
    spread = expected[-1] - expected[0]
    assert np.abs(np.quantile(drawn.numpy(), levels) - expected).max() < 0.02 * spread


def test_quantiles_between_levels_and_beyond_them():
    head = QuantileHead([0.1, 0.5, 0.9])
    found = head.quantiles(np.array([[0.0, 4.0, 6.0]]), [0.1, 0.3, 0.5, 0.7])
    assert found[0].tolist() == pytest.approx([0.0, 2.0, 4.0, 5.0], abs=1e-5)
    with pytest.raises(OptionError, match=r"0.05 to 0.5 were asked for.*knows 0.1 to 0.9"):
        head.quantiles(np.zeros((1, 3)), [0.05, 0.5])


@pytest.mark.parametrize("levels", [[], [0.5, 0.4], [0.0, 0.5], [0.5, 1.0], [0.2, 0.2]])
def test_levels_that_do_not_rise(levels: list[float]):
    with pytest.raises(OptionError, match=r"expected rising numbers between 0 and 1"):
        check_levels(levels)


@pytest.mark.parametrize("make", HEADS)
@pytest.mark.parametrize("spread", [0.02, 0.7])
def test_a_head_starts_with_errors_of_a_given_size(make: type[ForecastHead], spread: float):
    head = make()
    parameters = head.parameters_of(head.starting_bias(spread)[None], torch.zeros(1))
    found = head.quantiles(parameters.double().numpy(), [0.3, 0.8])[0]
    assert (found[1] - found[0]) == pytest.approx(spread * 1.366, rel=0.1)
    assert float(head.point(parameters)) == pytest.approx(0.0, abs=1e-6)
