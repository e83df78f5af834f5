"""Scores of forecasts, as sums over origins: a forecast from one moment is one example.

With ``e`` the error of a number, ``m`` the season and means over all numbers that are known:

- MAE ``|e|``; MSE ``e²``;
- MASE ``|e| / mean |y_t - y_(t-m)|`` of the training part (Hyndman and Koehler, 2006);
- sMAPE ``200·|e| / (|y| + |ŷ|)``, 0 where both are 0;
- CRPS ``∫ 2·pinball_q(e_q) dq`` over ``0 < q < 1`` (Gneiting and Raftery, 2007), the mean over the
  even grid ``CRPS_LEVELS``, onto which quantiles at other levels are brought (``on_grid``); of a
  single number, its absolute error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.data.forecast_windows import SeriesScaling
from ostinato.training.metrics.per_example import ExampleScores, rate

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Tables = Mapping[str, Numbers]

SCORES: Final = ("mse", "mae", "mase", "smape", "crps")
CRPS_LEVELS: Final = tuple((place + 0.5) / 20 for place in range(20))
"""Middles of twenty equal parts: of quantiles there, the mean pinball loss is half the CRPS.

Of a normal distribution that is right it is 0.2 % too large.
"""


class Said(NamedTuple):
    """Forecasts from some origins, in standard deviations of the training part.

    Attributes:
        point: ``[N, A, O]``.
        quantiles: ``[N, A, O, Q]``; None of a forecaster that gives points.
        levels: of the quantiles.
    """

    point: Numbers
    quantiles: Numbers | None = None
    levels: tuple[float, ...] = CRPS_LEVELS


@dataclass(frozen=True)
class ForecastUnits:
    """In what errors are counted.

    Attributes:
        scaling: of the targets by the training part.
        naive: mean absolute error of the seasonal naive forecast of the training part, of each
            target in its own unit; 0 where the target never changes.
        standardized: whether MSE, MAE and CRPS are counted in standard deviations.
    """

    scaling: SeriesScaling
    naive: Numbers
    standardized: bool

    @classmethod
    def learn(
        cls, train: Numbers, scaling: SeriesScaling, season: int, *, standardized: bool
    ) -> ForecastUnits:
        """Measure the training part ``[N, O]``, in its own units."""
        lag = season if len(train) > season else 1
        naive = np.abs(train[lag:] - train[:-lag]).mean(0)
        return cls(scaling, naive, standardized)


def tables(said: Said, targets: Numbers, is_known: Flags, units: ForecastUnits) -> Tables:
    """Return what each origin adds to each score: a sum and a count, ``[N, K]``.

    Args:
        said: forecasts.
        targets: ``[N, A, O]``, standardized.
        is_known: bool ``[N, A, O]``, which of them are there.
        units: of the errors.
    """
    scale = units.scaling.scale
    size = np.ones_like(scale) if units.standardized else scale
    error = (said.point - targets) * size
    absolute = np.abs(said.point - targets) * scale
    truth, point = units.scaling.back(targets), units.scaling.back(said.point)
    together = np.abs(truth) + np.abs(point)
    can_scale = is_known & (units.naive > 0)
    naive = np.where(units.naive > 0, units.naive, 1.0)
    percent = 200 * absolute / np.where(together > 0, together, 1.0)
    crps = np.abs(error)
    if said.quantiles is not None:
        crps = 2 * size * pinball(on_grid(said.quantiles, said.levels), targets)
    return {
        "mse": _sums(error**2, is_known),
        "mae": _sums(np.abs(error), is_known),
        "mase": _sums(absolute / naive, can_scale),
        "smape": _sums(percent, is_known),
        "crps": _sums(crps, is_known),
    }


def on_grid(quantiles: Numbers, levels: Sequence[float]) -> Numbers:
    """Return quantiles at ``CRPS_LEVELS`` of the distribution that has the given ones.

    Between two levels they are interpolated linearly in the level. Beyond the outermost ones the
    distribution goes on as the normal one that has the two outermost quantiles: linearly in
    ``Φ⁻¹(q)``. With a single level, it is a point. The lines between levels make the CRPS of a
    normal distribution that is right 0.02 % larger with seven usual levels, 0.4 % with 0.1, 0.5
    and 0.9.

    Args:
        quantiles: ``[..., Q]``, which do not cross.
        levels: of them, rising, between 0 and 1.

    Returns:
        ``[..., 20]``; what was given, where it is on the grid already.
    """
    from scipy.special import ndtri

    if tuple(levels) == CRPS_LEVELS:
        return quantiles
    known, asked = np.asarray(levels, np.float64), np.asarray(CRPS_LEVELS)
    if len(known) == 1:
        return np.repeat(quantiles, len(asked), -1)
    below = np.clip(np.searchsorted(known, asked, side="right") - 1, 0, len(known) - 2)
    low, high, place = known[below], known[below + 1], asked
    is_beyond = (asked < known[0]) | (asked > known[-1])
    low, high, place = (np.where(is_beyond, ndtri(each), each) for each in (low, high, place))
    share = (place - low) / (high - low)
    return quantiles[..., below] * (1 - share) + quantiles[..., below + 1] * share


def pinball(quantiles: Numbers, targets: Numbers) -> Numbers:
    """Return the pinball loss of each target ``[N, A, O]``, the mean over ``CRPS_LEVELS``."""
    total = np.zeros_like(targets)
    for place, level in enumerate(CRPS_LEVELS):
        error = targets - quantiles[..., place]
        total += np.maximum(level * error, (level - 1) * error)
    return total / len(CRPS_LEVELS)


def _sums(values: Numbers, counts: Flags) -> Numbers:
    kept = np.where(counts, values, 0.0).reshape(len(values), -1).sum(1)
    return np.stack([kept, counts.reshape(len(values), -1).sum(1)], 1).astype(np.float64)


def scores_of(found: Tables) -> dict[str, ExampleScores]:
    """Return scores from tables, by name."""
    return {
        name: rate(name, table[:, 0], table[:, 1], higher_is_better=False)
        for name, table in found.items()
    }


def joined(parts: Sequence[Tables]) -> dict[str, Numbers]:
    """Return the tables of batches as one of all their origins."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def evened(found: Tables) -> dict[str, Numbers]:
    """Return tables whose counts sum to 1: several series of any length then weigh the same."""
    return {name: table / max(1.0, float(table[:, 1].sum())) for name, table in found.items()}
