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
    on_grid,
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


UNEVEN = [
    (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95),
    (0.1, 0.5, 0.9),
    (0.25, 0.5, 0.75),
    (0.02, 0.05, 0.2, 0.5, 0.6, 0.8, 0.97),
    (0.3, 0.31),
]


@pytest.mark.parametrize("levels", [CRPS_LEVELS, *UNEVEN])
def test_the_crps_is_the_same_by_any_levels(levels: tuple[float, ...]):
    # Truths are spread as the distribution is, which is right: its CRPS is then 1/sqrt(pi).
    truth = stats.norm.ppf((np.arange(2000) + 0.5) / 2000).reshape(2000, 1, 1)
    quantiles = np.broadcast_to(stats.norm.ppf(levels), (2000, 1, 1, len(levels)))
    one = ForecastUnits(SeriesScaling(np.zeros(1), np.ones(1)), np.ones(1), True)
    said = Said(np.zeros_like(truth), quantiles, levels)
    found = scores_of(tables(said, truth, np.ones_like(truth, bool), one))["crps"].value
    # The grid gives 0.2 % too much; straight lines between few levels up to 0.8 % more.
    assert found == pytest.approx(np.pi**-0.5, rel=0.01)
    assert found >= np.pi**-0.5 * 0.999


def test_quantiles_come_onto_the_grid():
    shape = stats.norm(3, 2)
    grid = np.array(CRPS_LEVELS)
    for levels in UNEVEN:
        found = on_grid(shape.ppf(levels)[None], levels)[0]
        inside = (grid >= levels[0]) & (grid <= levels[-1])
        np.testing.assert_allclose(
            found[inside], np.interp(grid[inside], levels, shape.ppf(levels))
        )
        # Beyond the outermost levels a normal distribution goes on as itself.
        np.testing.assert_allclose(found[~inside], shape.ppf(grid[~inside]))
        assert (np.diff(found) > 0).all()
    assert on_grid(np.array([[3.0]]), (0.5,)).tolist() == [[3.0] * 20]
    kept = shape.ppf(CRPS_LEVELS)[None]
    assert on_grid(kept, CRPS_LEVELS) is kept


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
