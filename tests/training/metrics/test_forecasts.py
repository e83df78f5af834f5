"""Scores of forecasts, each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ostinato.data.forecast_windows import SeriesScaling
from ostinato.training.metrics.forecasts import (
    CRPS_LEVELS,
    ForecastUnits,
    Said,
    evened,
    joined,
    scores_of,
    tables,
)

SCALING = SeriesScaling(np.array([10.0, -5.0]), np.array([2.0, 0.5]))
NAIVE = np.array([4.0, 0.25])


def units(*, standardized: bool = False) -> ForecastUnits:
    return ForecastUnits(SCALING, NAIVE, standardized)


def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    said, truth = random.normal(size=(2, 6, 3, 2))
    return said, truth, random.random((6, 3, 2)) > 0.3


@pytest.mark.parametrize("standardized", [False, True])
def test_points(standardized: bool):
    said, truth, is_known = case()
    found = tables(Said(said), truth, is_known, units(standardized=standardized))
    scores = {name: score.value for name, score in scores_of(found).items()}
    size = 1.0 if standardized else SCALING.scale
    error = ((said - truth) * size)[is_known]
    own, real = SCALING.back(said), SCALING.back(truth)
    assert scores["mse"] == pytest.approx((error**2).mean())
    assert scores["mae"] == pytest.approx(np.abs(error).mean())
    # Of a point, the CRPS is the absolute error.
    assert scores["crps"] == pytest.approx(scores["mae"])
    assert scores["mase"] == pytest.approx((np.abs(own - real) / NAIVE)[is_known].mean())
    percent = 200 * np.abs(own - real) / (np.abs(own) + np.abs(real))
    assert scores["smape"] == pytest.approx(percent[is_known].mean())


def test_the_crps_is_that_of_a_gaussian():
    _, truth, _ = case()
    mean, size = 0.3, 0.8
    quantiles = np.broadcast_to(stats.norm.ppf(CRPS_LEVELS, mean, size), (6, 3, 2, 20))
    said = Said(np.full((6, 3, 2), mean), quantiles)
    found = tables(said, truth, np.ones_like(truth, bool), units(standardized=True))
    # Gneiting and Raftery, 2007, in closed form.
    z = (truth - mean) / size
    exact = size * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - np.pi**-0.5)
    assert scores_of(found)["crps"].value == pytest.approx(exact.mean(), rel=0.01)


def test_a_sure_and_right_forecast_scores_nothing():
    _, truth, is_known = case()
    quantiles = np.repeat(truth[..., None], 20, -1)
    found = tables(Said(truth, quantiles), truth, is_known, units())
    assert all(score.value == pytest.approx(0) for score in scores_of(found).values())


def test_zero_by_zero_is_no_error_of_smape():
    nothing = SeriesScaling(np.zeros(1), np.ones(1))
    zero = np.zeros((1, 1, 1))
    found = tables(Said(zero), zero, zero == 0, ForecastUnits(nothing, np.ones(1), False))
    assert scores_of(found)["smape"].value == 0


def test_the_unit_of_mase_is_the_seasonal_naive_error_of_training():
    train = np.array([[0.0, 7], [1, 7], [4, 7], [3, 7]])
    found = ForecastUnits.learn(train, SeriesScaling.of(train), 2, standardized=False)
    assert found.naive.tolist() == [3.0, 0.0]
    # A target that never changes has no such unit, and is left out of the mean.
    said, truth = np.zeros((1, 1, 2)), np.ones((1, 1, 2))
    scale = SeriesScaling.of(train).scale[0]
    score = scores_of(tables(Said(said), truth, truth == 1, found))["mase"]
    assert score.value == pytest.approx(scale / 3)
    # Shorter than a season: the step before stands for it.
    assert ForecastUnits.learn(train, SCALING, 9, standardized=False).naive[0] == 5 / 3


def test_series_of_any_length_weigh_the_same():
    said, truth, is_known = case()
    one = tables(Said(said[:1]), truth[:1], is_known[:1], units())
    more = tables(Said(said[1:]), truth[1:], is_known[1:], units())
    values = [scores_of(part)["mae"].value for part in (one, more)]
    pooled = scores_of(joined([evened(one), evened(more)]))["mae"].value
    assert pooled == pytest.approx(np.mean(values))
    whole = scores_of(joined([one, more]))["mae"].value
    assert whole == pytest.approx(
        scores_of(tables(Said(said), truth, is_known, units()))["mae"].value
    )
