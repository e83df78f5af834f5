"""Forecasts that need no network: what one must beat to have learned anything.

- naive: the last value; seasonal naive: the value one season before; drift: the last value and the
  mean change from the first row on (Hyndman and Athanasopoulos, *Forecasting*, section 5.2);
- seasonal mean: the mean of the last seven seasons, at the same place in each;
- ridge: a linear autoregression on the window less its last value, the same for every target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.data.forecast_windows import Borders, ForecastWindows, Rows

Numbers = npt.NDArray[np.float64]

_SEASONS: Final = 7
_PENALTIES: Final = np.logspace(-6, 2, 17)


def baselines(
    windows: ForecastWindows, borders: Borders, season: int, *, with_ridge: bool = True
) -> dict[str, Callable[[Rows], Numbers]]:
    """Return naive forecasters by name: from origins ``[N]`` to forecasts ``[N, A, O]``.

    Args:
        windows: of the series.
        borders: of its parts; the ridge regression learns from the training part.
        season: in steps; 1: there is none, and the last season is the last value.
        with_ridge: whether the training part is there to learn from.
    """
    values = windows.table.targets.astype(np.float64)
    horizon = windows.horizon
    found: dict[str, Callable[[Rows], Numbers]] = {
        "naive": lambda origins: _naive(values, origins, horizon),
        "seasonal naive": lambda origins: _seasonal(values, origins, horizon, season, 1),
        "drift": lambda origins: _drift(values, origins, horizon),
        "seasonal mean": lambda origins: _seasonal(values, origins, horizon, season, _SEASONS),
    }
    if with_ridge:
        weights = ridge_of(windows, borders, horizon)
        found["ridge"] = lambda origins: _linear(windows, weights, origins)
    return found


def _naive(values: Numbers, origins: Rows, horizon: int) -> Numbers:
    return np.repeat(values[origins - 1][:, None], horizon, axis=1)


def _drift(values: Numbers, origins: Rows, horizon: int) -> Numbers:
    last = values[origins - 1][:, None]
    num_changes = np.maximum(origins - 1, 1)[:, None, None]
    slope = (last - values[0]) / num_changes
    return last + slope * np.arange(1, horizon + 1)[:, None]


def _seasonal(values: Numbers, origins: Rows, horizon: int, season: int, most: int) -> Numbers:
    """Return the mean of the last seasons, or of as many as there are since the first row."""
    ahead = np.arange(horizon) % season
    sums = np.zeros((len(origins), horizon, values.shape[1]))
    counts = np.zeros((len(origins), horizon, 1))
    for back in range(1, most + 1):
        rows = origins[:, None] + ahead - back * season
        is_there = (rows >= 0)[..., None]
        sums += np.where(is_there, values[np.maximum(rows, 0)], 0.0)
        counts += is_there
    last = values[origins - 1][:, None]
    # Before the first season is over, its value is not known: the last one stands for it.
    return np.where(counts > 0, sums / np.maximum(counts, 1), last)


def ridge_of(windows: ForecastWindows, borders: Borders, horizon: int) -> Numbers:
    """Return the weights ``[T, A]`` of a ridge regression on windows less their last value."""
    starts = windows.origins("train", borders)
    pairs = sliding(windows, starts, horizon)
    last = pairs[:, -horizon - 1, None]
    return fit_ridge((pairs - last)[:, :-horizon], (pairs - last)[:, -horizon:])


def sliding(windows: ForecastWindows, origins: Rows, horizon: int) -> Numbers:
    """Return windows with what follows them, of every target by itself: ``[N, T+A]``."""
    values = windows.table.targets.astype(np.float64)
    steps = np.arange(-windows.context, horizon)
    return values[origins[:, None] + steps].transpose(0, 2, 1).reshape(-1, len(steps))


def fit_ridge(inputs: Numbers, targets: Numbers) -> Numbers:
    """Return the weights of a ridge regression without intercept ``[T, A]``.

    The penalty is the one of a grid with the least generalised cross-validation (Golub, Heath and
    Wahba, 1979): ``n·RSS / (n - df)²``.

    Args:
        inputs: ``[N, T]``.
        targets: ``[N, A]``.
    """
    values, vectors = np.linalg.eigh(inputs.T @ inputs)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ (inputs.T @ targets)
    total = float((targets**2).sum())
    mean = max(float(values.mean()), 1e-12)
    num = len(inputs)
    best, weights = np.inf, np.zeros_like(turned)
    for penalty in _PENALTIES * mean:
        damped = turned / (values + penalty)[:, None]
        rest = total - 2 * float((damped * turned).sum())
        rest += float((values[:, None] * damped**2).sum())
        freedom = float((values / (values + penalty)).sum())
        if freedom >= num:
            continue
        error = num * max(rest, 0.0) / (num - freedom) ** 2
        if error < best:
            best, weights = error, vectors @ damped
    return weights


def _linear(windows: ForecastWindows, weights: Numbers, origins: Rows) -> Numbers:
    batch = windows.batch(origins)
    values = batch.values.astype(np.float64)
    last = values[-1]
    said = np.einsum("tbo,ta->bao", values - last, weights)
    return said + last[:, None]
