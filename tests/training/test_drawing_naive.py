"""Naive densities against scipy and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ostinato.data.drawings import DrawingPipeline
from ostinato.data.rows import Malformed, Row
from ostinato.training.drawing_naive import naive_losses

random = np.random.default_rng(0)


def walk(num: int) -> np.ndarray:
    steps = random.normal([3, -2], [10, 4], (num, 2)).round()
    return np.concatenate([steps, random.integers(0, 2, (num, 1))], 1)


def encoded(drawings: list[np.ndarray]):
    rows = [Row(str(n), {"strokes": each}) for n, each in enumerate(drawings)]
    pipeline = DrawingPipeline.learn(rows, "strokes", 100)
    return pipeline, pipeline.examples(rows, Malformed())


TRAIN = [walk(int(n)) for n in random.integers(1, 9, 80)]


def test_one_gaussian_is_that_of_scipy_in_the_unit_of_the_data():
    pipeline, train = encoded(TRAIN)
    losses = naive_losses(pipeline, train, train, 2)["one Gaussian"]
    points = np.concatenate(TRAIN)
    covariance = np.cov(points[:, :2].T, bias=True) + np.eye(2) / 12
    density = multivariate_normal(points[:, :2].mean(0), covariance)
    counts = np.array([(points[:, 2] == 0).sum(), (points[:, 2] == 1).sum(), len(TRAIN)]) + 1
    pens = np.log(counts / counts.sum())
    expected = [
        -density.logpdf(each[:, :2]).sum() - pens[each[:, 2].astype(int)].sum() - pens[2]
        for each in TRAIN
    ]
    assert losses == pytest.approx(np.array(expected), rel=1e-6)


def test_a_mixture_of_two_clouds_beats_one_gaussian_and_repeats():
    def drawing() -> np.ndarray:
        where = random.choice([-40, 40], 6)
        steps = np.stack([where + random.integers(-2, 3, 6), random.integers(-2, 3, 6)], 1)
        return np.concatenate([steps, np.zeros((6, 1))], 1)

    pipeline, train = encoded([drawing() for _ in range(100)])
    found = naive_losses(pipeline, train, train[:7], 2)
    assert all(each.shape == (7,) for each in found.values())
    one, mixture = found["one Gaussian"].sum(), found["mixture without memory"].sum()
    # Knowing the cloud is worth log(40 / 1.4) - log 2 a point, more or less.
    assert (one - mixture) / 42 == pytest.approx(math.log(40 / 1.4) - math.log(2), abs=0.5)
    again = naive_losses(pipeline, train, train[:7], 2)["mixture without memory"]
    assert again.tolist() == found["mixture without memory"].tolist()


def test_the_last_step_repeated_is_good_where_a_line_goes_on():
    straight = [np.array([[n, 2 * n, 0]] * 9 + [[n, 2 * n, 1]]) for n in range(-9, 10)]
    pipeline, train = encoded(straight)
    found = {name: each.sum() for name, each in naive_losses(pipeline, train, train, 3).items()}
    assert min(found, key=lambda name: found[name]) == "last step repeated"


def test_the_pen_is_known_by_its_state_before():
    """The pen is lifted at every second point: only what looks back can know."""
    lifted = [np.array([[1, 1, 0], [-1, 2, 1]] * 5) for _ in range(20)]
    pipeline, train = encoded(lifted)
    found = naive_losses(pipeline, train, train, 1)
    counts = np.array([[1, 101, 1], [81, 1, 21], [21, 1, 1]])
    logs = np.log(counts / counts.sum(1, keepdims=True))
    pens = -(logs[2, 0] + 5 * logs[0, 1] + 4 * logs[1, 0] + logs[1, 2])
    steps = np.concatenate([each[:, :2] - np.concatenate([[[0, 0]], each[:-1, :2]])
                            for each in lifted])  # fmt: skip
    covariance = np.cov(steps.T, bias=True) + np.eye(2) / 12
    places = -multivariate_normal(steps.mean(0), covariance).logpdf(steps[:10]).sum()
    assert found["last step repeated"][0] == pytest.approx(pens + places, rel=1e-6)


def test_one_point_that_repeats():
    pipeline, train = encoded([np.array([[4, 4, 1]])] * 5)
    found = naive_losses(pipeline, train, train, 20)
    least = math.log(2 * math.pi / 12)  # no density is above that of the rounding
    assert all((each > least).all() for each in found.values())
