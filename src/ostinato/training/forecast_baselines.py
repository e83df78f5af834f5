"""Forecasts that need no network: what one must beat to have learned anything.

- naive: the last value; seasonal naive: the value one season before; drift: the last value and the
  mean change from the first row on (Hyndman and Athanasopoulos, *Forecasting*, section 5.2);
- seasonal mean: the mean of the last seven seasons, at the same place in each;
- ridge: a linear autoregression for each target, on the window less its last value; the dev part
  chooses how many steps it reads, and whether it learned from its target or from all.

Each says quantiles, too: the point, and around it the quantiles of what came less what it said, in
the training part, at each step ahead of each target.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.data.forecast_windows import Borders, ForecastWindows, Rows
from ostinato.training.forecast_ridge import apply_ridge, ridge_by_target
from ostinato.training.metrics.forecasts import CRPS_LEVELS, Said

Numbers = npt.NDArray[np.float64]
Say = Callable[[ForecastWindows, Rows], Numbers]
"""From the windows of a series and origins ``[N]`` to forecasts ``[N, A, O]``."""

_SEASONS: Final = 7
# More origins change the quantiles of residuals no more.
_MOST_RESIDUALS: Final = 2000


class NaiveForecaster(NamedTuple):
    """A forecaster without a network.

    Attributes:
        say: its points.
        around: quantiles of its residuals at ``CRPS_LEVELS``, ``[A, O, Q]``; None of one that
            learned from nothing, or is asked for points alone.
    """

    say: Say
    around: Numbers | None = None

    def said(self, windows: ForecastWindows, origins: Rows) -> Said:
        """Forecast from some origins of a series."""
        point = self.say(windows, origins)
        return Said(point, None if self.around is None else point[..., None] + self.around)


def naive_forecasters(season: int) -> dict[str, NaiveForecaster]:
    """Return forecasters of points that learn nothing, by name.

    Args:
        season: in steps; 1: there is none, and the last season is the last value.
    """
    return {
        "naive": NaiveForecaster(_naive),
        "seasonal naive": NaiveForecaster(partial(_seasonal, season=season, most=1)),
        "drift": NaiveForecaster(_drift),
        "seasonal mean": NaiveForecaster(partial(_seasonal, season=season, most=_SEASONS)),
    }


def learned_forecasters(
    windows: ForecastWindows, borders: Borders, season: int, *, with_quantiles: bool = True
) -> dict[str, NaiveForecaster]:
    """Return all forecasters without a network, by name, as the training part teaches them.

    Args:
        windows: of the series.
        borders: of its parts.
        season: see ``naive_forecasters``.
        with_quantiles: whether they say them; that takes some time, and the CRPS alone asks.
    """
    weights = ridge_by_target(windows, borders)
    found = naive_forecasters(season)
    found["ridge"] = NaiveForecaster(partial(apply_ridge, weights))
    if not with_quantiles:
        return found
    train = windows.origins("train", borders)
    if len(train) > _MOST_RESIDUALS:
        # Drawn, as steps of equal length could always meet the same hour of the day.
        train = np.sort(np.random.default_rng(0).choice(train, _MOST_RESIDUALS, replace=False))
    return {
        name: each._replace(around=_residuals(each.say, windows, train))
        for name, each in found.items()
    }


def _residuals(say: Say, windows: ForecastWindows, origins: Rows) -> Numbers:
    """Return quantiles ``[A, O, Q]`` of what came less what was said; 0 where nothing came."""
    batch = windows.batch(origins)
    assert batch.targets is not None
    assert batch.is_known is not None
    is_known = batch.is_known.transpose(1, 0, 2)
    found = batch.targets.astype(np.float64).transpose(1, 0, 2) - say(windows, origins)
    found[:, ~is_known.any(0)] = 0.0
    if is_known.all():
        return np.moveaxis(np.quantile(found, CRPS_LEVELS, axis=0), 0, -1)
    found[~is_known & is_known.any(0)] = np.nan
    return np.moveaxis(np.nanquantile(found, CRPS_LEVELS, axis=0), 0, -1)


def _values(windows: ForecastWindows) -> Numbers:
    return windows.table.targets.astype(np.float64)


def _naive(windows: ForecastWindows, origins: Rows) -> Numbers:
    return np.repeat(_values(windows)[origins - 1][:, None], windows.horizon, axis=1)


def _drift(windows: ForecastWindows, origins: Rows) -> Numbers:
    values = _values(windows)
    last = values[origins - 1][:, None]
    num_changes = np.maximum(origins - 1, 1)[:, None, None]
    slope = (last - values[0]) / num_changes
    return last + slope * np.arange(1, windows.horizon + 1)[:, None]


def _seasonal(windows: ForecastWindows, origins: Rows, season: int, most: int) -> Numbers:
    """Return the mean of the last seasons, or of as many as there are since the first row."""
    values = _values(windows)
    ahead = np.arange(windows.horizon) % season
    sums = np.zeros((len(origins), windows.horizon, values.shape[1]))
    counts = np.zeros((len(origins), windows.horizon, 1))
    for back in range(1, most + 1):
        rows = origins[:, None] + ahead - back * season
        is_there = (rows >= 0)[..., None]
        sums += np.where(is_there, values[np.maximum(rows, 0)], 0.0)
        counts += is_there
    last = values[origins - 1][:, None]
    # Before the first season is over, its value is not known: the last one stands for it.
    return np.where(counts > 0, sums / np.maximum(counts, 1), last)
