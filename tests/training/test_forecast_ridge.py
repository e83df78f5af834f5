"""Linear autoregressions: against scikit-learn, and each target by itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ostinato.data.forecast_windows import Borders
from ostinato.training.forecast_ridge import apply_ridge, fit_ridge, ridge_by_target, sliding
from tests.training.forecasts import windows_of

BORDERS = Borders(300, 400, 500)


def autoregression(*weights: float, num: int = 500, noise: float = 0.0) -> np.ndarray:
    """Return a series whose values follow from the last ones, the newest first."""
    random = np.random.default_rng(0)
    values = list(random.normal(size=len(weights)))
    while len(values) < num:
        last = values[: -len(weights) - 1 : -1]
        values.append(float(np.dot(weights, last)) + noise * random.normal())
    return np.array(values)


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


def test_each_target_has_its_own_regression():
    y = np.stack([autoregression(0.9, noise=1.0), autoregression(-0.9, noise=1.0)], 1)
    windows = windows_of(y, 6, 1)
    origins = np.arange(400, 499)

    def errors(weights: np.ndarray) -> np.ndarray:
        return ((apply_ridge(weights, windows, origins)[:, 0] - y[origins]) ** 2).mean(0)

    own = ridge_by_target(windows, BORDERS)
    assert own.shape == (2, 6, 1)
    pairs = sliding(windows, windows.origins("train", BORDERS), 1)
    pairs -= pairs[:, 5:6]
    pooled = fit_ridge(pairs[:, :6], pairs[:, 6:])
    # What rises in one series falls in the other: one regression for both foresees neither.
    assert (errors(own) < 0.9 * errors(np.stack([pooled, pooled]))).all()


def test_what_all_targets_teach_is_taken_where_it_is_better():
    # Short and noisy: what one target can teach is little.
    random = np.random.default_rng(0)
    y = np.zeros((120, 40))
    for step in range(2, 120):
        y[step] = 1.2 * y[step - 1] - 0.5 * y[step - 2] + random.normal(size=40)
    windows, borders = windows_of(y, 12, 2), Borders(40, 80, 120)
    pairs = sliding(windows, windows.origins("train", borders), 2)
    pairs -= pairs[:, 11:12]
    pooled = fit_ridge(pairs[:, :12], pairs[:, 12:])
    found = ridge_by_target(windows, borders)
    is_pooled = [np.allclose(each, pooled, atol=1e-8) for each in found]
    assert 20 < sum(is_pooled) < 40


def test_each_is_that_of_its_windows():
    y = autoregression(0.5, 0.2, noise=1.0)[:, None]
    windows = windows_of(y, 12, 3)
    pairs = sliding(windows, windows.origins("train", BORDERS), 3)
    pairs -= pairs[:, 11:12]
    expected = fit_ridge(pairs[:, :12], pairs[:, 12:])
    np.testing.assert_allclose(ridge_by_target(windows, BORDERS)[0], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("series", "lags"),
    [
        # What is 90 steps back says all, and what is near says nothing.
        (np.random.default_rng(1).normal(size=90)[np.arange(500) % 90], 96),
        (autoregression(0.6, noise=1.0).cumsum(), 24),
    ],
)
def test_the_dev_part_chooses_how_far_back_it_reads(series: np.ndarray, lags: int):
    windows = windows_of(series[:, None], 110, 2)
    parts: dict[str, np.ndarray] = {}
    for part in ("train", "dev"):
        pairs = sliding(windows, windows.origins(part, BORDERS), 2)
        parts[part] = pairs - pairs[:, 109:110]
    errors: dict[int, float] = {}
    for num in (24, 96, 110):
        weights = fit_ridge(parts["train"][:, 110 - num : 110], parts["train"][:, 110:])
        said = parts["dev"][:, 110 - num : 110] @ weights
        errors[num] = float(((said - parts["dev"][:, 110:]) ** 2).mean())
    assert min(errors, key=lambda num: errors[num]) == lags
    found = ridge_by_target(windows, BORDERS)[0]
    assert np.flatnonzero(np.abs(found).sum(1))[0] == 110 - lags
    np.testing.assert_array_equal(found, ridge_by_target(windows, BORDERS)[0])


def test_nothing_of_the_test_part_is_learned():
    y = autoregression(0.6, noise=1.0)[:, None]
    changed = y.copy()
    changed[400:] += 100
    found = [ridge_by_target(windows_of(each, 30, 2), BORDERS) for each in (y, changed)]
    np.testing.assert_array_equal(*found)
