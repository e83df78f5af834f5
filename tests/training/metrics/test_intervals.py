"""Intervals: against scipy, against what is known of a distribution, and of differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ostinato.training.metrics import per_example
from ostinato.training.metrics.intervals import (
    _weights,
    bootstrap_difference,
    bootstrap_interval,
)

DRAW = np.random.default_rng(7)


@pytest.mark.parametrize("decimals", [8, 0])  # many different rows, and few
def test_a_mean_as_scipy(decimals: int):
    errors = np.round(DRAW.exponential(2, 300), decimals)
    got = bootstrap_interval(per_example.mean_loss(errors), num_resamples=4000)
    expected = stats.bootstrap(
        (errors,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)
    ).confidence_interval
    # Both are simulations: their ends agree to a tenth of the width.
    assert got == pytest.approx(tuple(expected), abs=(expected.high - expected.low) / 20)


def test_f1_as_scipy():
    target = DRAW.integers(3, size=200)
    predicted = np.where(DRAW.random(200) < 0.7, target, DRAW.integers(3, size=200))

    def f1(p: np.ndarray, t: np.ndarray) -> float:
        hit = ((p == 1) & (t == 1)).sum()
        return 2 * hit / ((p == 1).sum() + (t == 1).sum())

    expected = stats.bootstrap(
        (predicted, target),
        f1,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=2000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    got = bootstrap_interval(per_example.f1(predicted, target, 1), num_resamples=2000)
    assert got == pytest.approx(tuple(expected), abs=(expected.high - expected.low) / 20)


def test_weights_are_draws_with_replacement():
    for of in (np.repeat([0, 1, 2], [40, 10, 10]), np.array([0, 0, 0, 0, 1, 2])):
        drawn = np.concatenate(list(_weights(of, 3, 4000, seed=0)))
        assert (drawn.sum(1) == len(of)).all()
        share = np.bincount(of) / len(of)
        assert drawn.mean(0) == pytest.approx(len(of) * share, rel=0.03)
        assert drawn.var(0) == pytest.approx(len(of) * share * (1 - share), rel=0.08)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    true, covered, num_trials = 2.0, 0, 600
    for trial in range(num_trials):
        losses = np.random.default_rng(trial).normal(true, size=400).round()
        low, high = bootstrap_interval(
            per_example.mean_loss(losses), num_resamples=200, confidence=0.9, seed=trial
        )
        covered += low <= true <= high
    # The standard error of the share is 0.012.
    assert covered / num_trials == pytest.approx(0.9, abs=0.03)


def test_same_seed_same_interval():
    scores = per_example.mean_loss(DRAW.normal(size=50))
    assert bootstrap_interval(scores) == bootstrap_interval(scores)
    assert bootstrap_interval(scores) != bootstrap_interval(scores, seed=1)


def test_a_score_without_doubt():
    assert bootstrap_interval(per_example.accuracy([1] * 9, [1] * 9)) == (1, 1)


def test_a_difference_on_the_same_examples_is_surer_than_two_scores():
    hard = DRAW.random(300)
    target = np.ones(300)
    first = per_example.accuracy(hard < 0.70, target)
    second = per_example.accuracy(hard < 0.75, target)
    difference = bootstrap_difference(first, second)
    assert difference.value == pytest.approx(second.value - first.value)
    assert 0 <= difference.low < difference.value < difference.high
    assert difference.flips < 0.01
    own = bootstrap_interval(second)
    assert difference.high - difference.low < (own[1] - own[0]) / 1.5
    turned = bootstrap_difference(second, first)
    assert (turned.low, turned.high) == (-difference.high, -difference.low)
    assert turned.flips == difference.flips


def test_a_difference_of_chance_flips():
    target = np.zeros(300)
    first, second = DRAW.random((2, 300)) < 0.7
    difference = bootstrap_difference(
        per_example.macro_f1(first, target), per_example.macro_f1(second, target)
    )
    assert difference.low < 0 < difference.high
    assert difference.flips > 0.05


def test_no_difference_always_flips():
    scores = per_example.accuracy([1, 0, 1], [1, 1, 1])
    difference = bootstrap_difference(scores, scores)
    assert (difference.value, difference.low, difference.high, difference.flips) == (0, 0, 0, 1)


def test_a_resample_may_miss_a_label():
    """A label of one example is absent in a third of the resamples: the others' mean remains."""
    target = np.array([0] * 30 + [1])
    low, high = bootstrap_interval(per_example.macro_f1(target, target))
    assert (low, high) == (1, 1)
