"""Forecasts without a network, each against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.data.forecast_windows import Borders
from ostinato.training.forecast_baselines import learned_forecasters, naive_forecasters
from ostinato.training.metrics.forecasts import CRPS_LEVELS
from tests.training.forecasts import windows_of

BORDERS = Borders(60, 80, 100)
NAMES = ["naive", "seasonal naive", "drift", "seasonal mean", "ridge"]


def noise(num: int = 100, size: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(num, size)).astype(np.float32).astype(float)


def test_each_by_its_definition():
    y = noise(size=2)
    windows = windows_of(y, 6, 5)
    origins = np.array([60, 71])
    found = learned_forecasters(windows, BORDERS, 3)
    said = {name: each.said(windows, origins).point for name, each in found.items()}
    assert list(said) == NAMES
    for row, origin in enumerate(origins):
        for ahead in range(5):
            last = y[origin - 1]
            np.testing.assert_allclose(said["naive"][row, ahead], last)
            season = y[origin - 3 + ahead % 3]
            np.testing.assert_allclose(said["seasonal naive"][row, ahead], season)
            slope = (last - y[0]) / (origin - 1)
            np.testing.assert_allclose(said["drift"][row, ahead], last + (ahead + 1) * slope)
            seven = np.mean([y[origin - 3 * back + ahead % 3] for back in range(1, 8)], axis=0)
            np.testing.assert_allclose(said["seasonal mean"][row, ahead], seven)


def test_nothing_reads_what_is_to_come():
    y = noise()
    changed = y.copy()
    changed[80:] += 100
    origins = np.array([80])
    said = []
    for values in (y, changed):
        windows = windows_of(values, 6, 5)
        found = learned_forecasters(windows, BORDERS, 3)
        said.append({name: each.said(windows, origins) for name, each in found.items()})
    for name in NAMES:
        np.testing.assert_array_equal(said[0][name].point, said[1][name].point, err_msg=name)
        np.testing.assert_array_equal(
            said[0][name].quantiles, said[1][name].quantiles, err_msg=name
        )


def test_of_few_seasons_those_that_there_are():
    windows = windows_of(np.arange(100.0)[:, None], 6, 5)
    found = naive_forecasters(40)
    assert found["seasonal mean"].say(windows, np.array([60]))[0, 0, 0] == 20
    # Before the first season is over, the last value stands for it.
    assert found["seasonal naive"].say(windows, np.array([10]))[0, 0, 0] == 9


def test_without_a_season_it_is_the_last_value():
    windows = windows_of(noise(), 6, 5)
    found = naive_forecasters(1)
    origins = np.array([60, 61])
    np.testing.assert_array_equal(
        found["seasonal naive"].say(windows, origins), found["naive"].say(windows, origins)
    )
    assert list(found) == NAMES[:-1]
    assert all(each.said(windows, origins).quantiles is None for each in found.values())


def test_the_quantiles_are_those_of_residuals_of_the_training_part():
    y = noise(size=2).cumsum(0)
    windows = windows_of(y, 6, 5)
    found = learned_forecasters(windows, BORDERS, 3)
    origins = np.array([80, 81, 90])
    starts = np.arange(6, 56)
    for name, each in found.items():
        residuals = y[starts[:, None] + np.arange(5)] - each.say(windows, starts)
        spread = np.quantile(residuals, CRPS_LEVELS, axis=0)  # [Q, A, O]
        said = each.said(windows, origins)
        assert said.quantiles is not None
        expected = said.point[..., None] + np.moveaxis(spread, 0, -1)
        np.testing.assert_allclose(said.quantiles, expected, atol=1e-5, err_msg=name)
        assert said.levels == CRPS_LEVELS
    # A random walk moves the further the longer.
    wide = found["naive"].around
    assert wide is not None
    assert (np.ptp(wide[4], axis=-1) > 1.2 * np.ptp(wide[0], axis=-1)).all()


def test_residuals_are_of_all_hours_of_the_day(monkeypatch: pytest.MonkeyPatch):
    # Every tenth step is far from the one before: a tenth of the residuals has to say so.
    monkeypatch.setattr("ostinato.training.forecast_baselines._MOST_RESIDUALS", 200)
    y = noise(3000) + 100 * (np.arange(3000) % 10 == 0)[:, None]
    windows, borders = windows_of(y, 10, 1), Borders(2010, 2500, 3000)
    around = learned_forecasters(windows, borders, 1)["naive"].around
    assert around is not None
    assert around[0, 0, 0] < -50 < 50 < around[0, 0, -1]
    again = learned_forecasters(windows, borders, 1)["naive"].around
    np.testing.assert_array_equal(around, again)


def test_points_alone_where_nobody_asks_for_more():
    found = learned_forecasters(windows_of(noise(), 6, 5), BORDERS, 3, with_quantiles=False)
    assert list(found) == NAMES
    assert all(each.around is None for each in found.values())


@pytest.mark.parametrize("filled", [slice(20, 30), slice(0, 60)])
def test_residuals_of_what_was_filled_do_not_count(filled: slice):
    y = noise()
    y[filled] += 1000
    is_known = np.ones_like(y, bool)
    is_known[filled] = False
    around = learned_forecasters(windows_of(y, 6, 1, is_known), BORDERS, 1)["naive"].around
    assert around is not None
    assert np.isfinite(around).all()
    if filled.stop == 60:
        assert (around == 0).all()
    else:
        # The step after what was filled is known, and as far off.
        assert around[0, 0, -2] < 10
