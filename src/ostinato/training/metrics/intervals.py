"""How sure a score is: what it would be of other examples, drawn from these (Efron 1979)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.training.metrics.per_example import ExampleScores, Sums, Table

CONFIDENCE: Final = 0.95
NUM_RESAMPLES: Final = 1000
_SEED: Final = 0
_MOST_WEIGHTS: Final = 4_000_000  # at a time


@dataclass(frozen=True, slots=True)
class Difference:
    """The second score less the first, on the same examples.

    Attributes:
        value: of all examples.
        low: lower end of the interval.
        high: upper end of the interval.
        flips: share of the resamples whose difference is 0 or of the other sign.
    """

    value: float
    low: float
    high: float
    flips: float


def bootstrap_interval(
    scores: ExampleScores,
    *,
    confidence: float = CONFIDENCE,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = _SEED,
) -> tuple[float, float]:
    """Return the percentile interval of a score.

    Args:
        scores: what each example adds.
        confidence: share of the resamples that lies inside.
        num_resamples: how often as many examples are drawn, with replacement.
        seed: of the draws; same seed, same interval.

    Returns:
        Its lower and upper end.
    """
    sums = _resampled(scores.table, num_resamples, seed)
    return _percentiles(scores.score(sums), confidence)


def bootstrap_difference(
    first: ExampleScores,
    second: ExampleScores,
    *,
    confidence: float = CONFIDENCE,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = _SEED,
) -> Difference:
    """Return how much higher the second of two runs scores: both on the same draws of examples.

    Args:
        first: what each example adds.
        second: the same score of the same examples in the same order.
        confidence: share of the resamples that lies inside the interval.
        num_resamples: how often as many examples are drawn, with replacement.
        seed: of the draws.
    """
    assert first.name == second.name, "two scores of one kind"
    assert len(first.table) == len(second.table), "two runs on the same examples"
    num_first = first.table.shape[1]
    both = np.concatenate([first.table, second.table], 1)
    sums = _resampled(both, num_resamples, seed)
    differences = second.score(sums[:, num_first:]) - first.score(sums[:, :num_first])
    value = second.value - first.value
    low, high = _percentiles(differences, confidence)
    flips = float((differences * np.sign(value) <= 0).mean())
    return Difference(value, low, high, flips)


def _percentiles(values: Sums, confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    # Resamples without any target have no score.
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _resampled(table: Table, num_resamples: int, seed: int) -> Sums:
    """Return the sums of each resample, ``[R, K]``."""
    # Equal examples are drawn together: tables of counts have few that differ.
    table = np.ascontiguousarray(table)
    as_bytes = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1])))[:, 0]
    _, first, of = np.unique(as_bytes, return_index=True, return_inverse=True)
    values = table[first].astype(np.float64)
    parts = [weights @ values for weights in _weights(of, len(first), num_resamples, seed)]
    return np.concatenate(parts)


def _weights(
    of: npt.NDArray[np.intp], num_rows: int, num_resamples: int, seed: int
) -> Iterator[Sums]:
    """Yield how often each resample draws each distinct row, ``[some of R, M]``."""
    draw = np.random.default_rng(seed)
    size = max(1, _MOST_WEIGHTS // num_rows)
    chances = np.bincount(of, minlength=num_rows) / len(of)
    for start in range(0, num_resamples, size):
        num = min(size, num_resamples - start)
        if 10 * num_rows < len(of):
            yield draw.multinomial(len(of), chances, num).astype(np.float64)
            continue
        # The same distribution; many rows are drawn faster one by one.
        drawn = (of[draw.integers(len(of), size=len(of))] for _ in range(num))
        yield np.stack([np.bincount(rows, minlength=num_rows) for rows in drawn]).astype(float)
