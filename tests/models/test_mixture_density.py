"""The density against scipy, against its integral, and against the numbers that are drawn of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from ostinato.models.mixture_density import (
    END,
    LIFTED,
    Mixture,
    MixtureDensityHead,
    chosen_by,
)
from tests.tolerances import assert_close

NUM = 4
SCALE, FLOOR = 20.0, 0.3


def make_head(num: int = NUM, seed: int = 0, scale: float = SCALE, floor: float = FLOOR):
    torch.manual_seed(seed)
    return MixtureDensityHead(6, num, scale=scale, least_deviation=floor).double()


def make_outputs(head: MixtureDensityHead, *shape: int, spread: float = 1.5) -> torch.Tensor:
    return spread * torch.randn(*shape, head.linear.out_features, dtype=torch.float64)


def scipy_density(mixture: Mixture, points: np.ndarray) -> np.ndarray:
    """The density of one mixture, from the definition of its covariances."""
    floor = float(mixture.f) ** 2
    total = np.zeros(len(points))
    for place in range(mixture.log_weights.shape[-1]):
        x, y, a, b, r = (float(each[place]) for each in mixture[1:6])
        covariance = [[a * a + floor, r * a * b], [r * a * b, b * b + floor]]
        each = stats.multivariate_normal([x, y], covariance)
        total += math.exp(mixture.log_weights[place]) * each.pdf(points)
    return total


def test_the_density_is_that_of_scipy():
    head = make_head()
    mixture, _ = head.said(make_outputs(head))
    points = torch.randn(50, 2, dtype=torch.float64) * 2
    expected = torch.from_numpy(np.log(scipy_density(mixture, points.numpy())))
    assert_close(mixture.log_density(points), expected)


def test_the_density_integrates_to_one():
    head = make_head(seed=3)
    mixture, _ = head.said(make_outputs(head))
    side = torch.linspace(-25, 25, 1501, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
    mass = mixture.log_density(grid).exp().sum() * (side[1] - side[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-9)


def test_the_pen_and_the_place_are_in_the_unit_of_the_data():
    head = make_head()
    outputs = make_outputs(head, 3, 1)
    targets = torch.tensor([[[30.0, -4, 0]], [[-11, 25, LIFTED]], [[0, 0, END]]])
    mixture, pen = head.said(outputs)
    expected = 0.0
    for step in range(3):
        expected -= float(pen[step, 0].log_softmax(-1)[int(targets[step, 0, 2])])
        if step < 2:
            one = Mixture(*(each[step, 0] for each in mixture[:6]), mixture.f)
            # Of the data's own unit: the point shrinks by the scale, the density by its square.
            density = scipy_density(one, targets[step, :, :2].numpy() / SCALE) / SCALE**2
            expected -= math.log(density[0])
    loss = head.loss(outputs, targets, torch.tensor([3]))
    assert loss.item() == pytest.approx(expected, rel=1e-6)  # the scale is a float32


@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_another_unit_moves_the_loss_by_the_logarithm_of_the_area(factor: float):
    head, other = make_head(), make_head(scale=SCALE * factor, floor=FLOOR * factor)
    outputs, lengths = make_outputs(head, 5, 2), torch.tensor([5, 3])
    targets = torch.cat([30 * torch.randn(5, 2, 2), torch.zeros(5, 2, 1)], -1).double()
    moved = targets * torch.tensor([factor, factor, 1.0])
    difference = other.losses(outputs, moved, lengths) - head.losses(outputs, targets, lengths)
    torch.testing.assert_close(
        difference, 2 * math.log(factor) * lengths.double(), rtol=1e-5, atol=1e-5
    )


def test_gradients_are_those_of_differences():
    head = make_head(num=3)
    outputs = make_outputs(head, 4, 2, spread=0.7).requires_grad_()
    targets = torch.cat(
        [10 * torch.randn(4, 2, 2), torch.randint(3, (4, 2, 1)).float()], -1
    ).double()
    lengths = torch.tensor([4, 2])
    assert torch.autograd.gradcheck(lambda each: head.losses(each, targets, lengths), outputs)


def test_what_lies_behind_a_row_is_not_read():
    head = make_head()
    outputs, targets = make_outputs(head, 4, 2), torch.zeros(4, 2, 3).double()
    lengths = torch.tensor([4, 1])
    expected = head.losses(outputs, targets, lengths)
    outputs[1:, 1], targets[1:, 1] = math.nan, math.nan
    outputs.requires_grad_()
    got = head.losses(outputs, targets, lengths)
    got.sum().backward()
    assert got.tolist() == expected.tolist()
    assert outputs.grad is not None
    assert bool(outputs.grad.isfinite().all())


@pytest.mark.parametrize("value", [-1e4, -80.0, 80.0, 1e4])
def test_no_numbers_of_the_network_are_too_large(value: float):
    head = make_head().float()
    outputs = torch.full((2, 1, head.linear.out_features), value, requires_grad=True)
    targets = torch.tensor([[[300.0, 300, 0]], [[0, 0, 1]]])
    loss = head.loss(outputs, targets, torch.tensor([2]))
    loss.backward()
    assert loss.isfinite()
    assert outputs.grad is not None
    assert bool(outputs.grad.isfinite().all())


def test_a_line_that_repeats_is_not_worth_an_infinite_density():
    head = make_head(num=1).double()
    # Mean 0, no deviation, full correlation: as sure as a network can be.
    outputs = torch.tensor([0.0, 0, 0, -1e3, -1e3, 1e3, 0, 0, 0]).double()[None, None]
    mixture, _ = head.said(outputs)
    most = mixture.log_density(torch.zeros(1, 1, 2).double()).item() - 2 * math.log(SCALE)
    assert most == pytest.approx(-math.log(2 * math.pi * FLOOR**2), rel=1e-5)


def test_draws_have_the_moments_of_the_mixture():
    head = make_head(seed=5)
    mixture, _ = head.said(make_outputs(head, spread=1.0))
    weights = mixture.log_weights.exp()
    means = torch.stack([mixture.x, mixture.y], -1)
    mean = (weights[:, None] * means).sum(0)
    xx, xy, yy, _ = mixture.covariances()
    own = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)
    away = means - mean
    covariance = (weights[:, None, None] * (own + away[:, :, None] * away[:, None, :])).sum(0)
    num = 400_000
    many = Mixture(*(each.expand(num, *each.shape) for each in mixture[:6]), mixture.f)
    drawn = many.sample(torch.rand(num).double(), torch.randn(num, 2).double())
    error = drawn.mean(0) - mean
    # Four standard errors of the mean; the covariances to a hundredth of their size.
    assert bool((error.abs() < 4 * (covariance.diagonal() / num).sqrt()).all())
    torch.testing.assert_close(drawn.T.cov(), covariance, rtol=0.02, atol=0.02)


def test_temperature_narrows_each_gaussian_and_sharpens_the_choice():
    head = make_head(num=1)
    mixture, _ = head.said(make_outputs(head))
    many = Mixture(*(each.expand(100_000, *each.shape) for each in mixture[:6]), mixture.f)
    uniform, normal = torch.rand(100_000).double(), torch.randn(100_000, 2).double()
    wide, narrow = (many.sample(uniform, normal, t) for t in (1.0, 0.25))
    torch.testing.assert_close(narrow.T.cov(), 0.25 * wide.T.cov(), rtol=1e-9, atol=1e-9)
    chances = torch.tensor([0.1, 0.6, 0.3]).log() / 0.05
    assert set(chosen_by(chances.expand(100, 3), torch.linspace(0.01, 0.99, 100)).tolist()) == {1}


def test_a_class_has_its_share_of_the_numbers():
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(1000, 3)
    chosen = chosen_by(logits, (torch.arange(1000) + 0.5) / 1000)
    assert torch.bincount(chosen).tolist() == [200, 500, 300]
    assert chosen_by(logits[:1], torch.ones(1)).item() == 2
