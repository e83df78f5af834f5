"""Forecasts without a network, each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ostinato.data.forecast_windows import Borders, ForecastWindows, SeriesTable
from ostinato.training.forecast_baselines import baselines, fit_ridge, ridge_of

BORDERS = Borders(60, 80, 100)


def windows(values: np.ndarray, context: int = 6, horizon: int = 5) -> ForecastWindows:
    empty = np.zeros((len(values), 0), np.float32)
    table = SeriesTable(values.astype(np.float32), empty, empty, np.ones(values.shape, bool))
    return ForecastWindows(table, context, horizon)


def test_each_by_its_definition():
    y = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32).astype(float)
    found = baselines(windows(y), BORDERS, 3)
    origins = np.array([60, 71])
    said = {name: say(origins) for name, say in found.items()}
    assert list(said) == ["naive", "seasonal naive", "drift", "seasonal mean", "ridge"]
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
    y = np.random.default_rng(0).normal(size=(100, 1))
    changed = y.copy()
    changed[70:] += 100
    origins = np.array([70])
    for name, say in baselines(windows(y), BORDERS, 3).items():
        other = baselines(windows(changed), BORDERS, 3)[name]
        np.testing.assert_array_equal(say(origins), other(origins), err_msg=name)


def test_of_few_seasons_those_that_there_are():
    y = np.arange(100.0)[:, None]
    found = baselines(windows(y), BORDERS, 40)
    assert found["seasonal mean"](np.array([60]))[0, 0, 0] == 20
    # Before the first season is over, the last value stands for it.
    assert found["seasonal naive"](np.array([10]))[0, 0, 0] == 9


def test_without_a_season_it_is_the_last_value():
    y = np.random.default_rng(0).normal(size=(100, 1))
    found = baselines(windows(y), BORDERS, 1, with_ridge=False)
    origins = np.array([60, 61])
    np.testing.assert_array_equal(found["seasonal naive"](origins), found["naive"](origins))
    assert "ridge" not in found


def test_the_ridge_regression_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    inputs, noise = random.normal(size=(200, 5)), random.normal(size=(200, 2))
    targets = inputs @ random.normal(size=(5, 2)) + 0.5 * noise
    found = fit_ridge(inputs, targets)
    mean = np.linalg.eigvalsh(inputs.T @ inputs).mean()
    penalties = np.logspace(-6, 2, 17) * mean
    possible = [Ridge(penalty, fit_intercept=False).fit(inputs, targets) for penalty in penalties]
    distance = [np.abs(each.coef_.T - found).max() for each in possible]
    assert min(distance) < 1e-8

    def cross_validated(model: Ridge, penalty: float) -> float:
        hat = inputs @ np.linalg.solve(inputs.T @ inputs + penalty * np.eye(5), inputs.T)
        rest = ((targets - model.predict(inputs)) ** 2).sum()
        return 200 * rest / (200 - np.trace(hat)) ** 2

    errors = [cross_validated(*pair) for pair in zip(possible, penalties, strict=True)]
    assert int(np.argmin(errors)) == int(np.argmin(distance))


@pytest.mark.parametrize("num", [2, 5, 40])
def test_a_ridge_regression_on_fewer_rows_than_columns(num: int):
    random = np.random.default_rng(0)
    weights = fit_ridge(random.normal(size=(num, 30)), random.normal(size=(num, 2)))
    assert np.isfinite(weights).all()
    assert fit_ridge(np.zeros((num, 3)), np.zeros((num, 1))).tolist() == [[0]] * 3


def test_the_ridge_regression_finds_an_autoregression():
    y = [1.0, 0.5]
    for _ in range(98):
        y.append(1.6 * y[-1] - 0.9 * y[-2])
    said = baselines(windows(np.array(y)[:, None]), BORDERS, 1)["ridge"]
    np.testing.assert_allclose(said(np.array([80]))[0, :, 0], y[80:85], atol=1e-3)
    assert ridge_of(windows(np.array(y)[:, None]), BORDERS, 5).shape == (6, 5)
