"""Naive predictors of the next unit: what a model must beat to have learned anything."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ostinato.data import Ids

_DISCOUNT = 0.75


def unigram_bits(train: Ids, scored: Ids, num_symbols: int) -> float:
    """Return bits per unit of ``scored[1:]`` under the frequencies of ``train`` (add-one)."""
    return _mean_bits(_unigram(train, num_symbols)[scored[1:]])


def bigram_bits(train: Ids, scored: Ids, num_symbols: int) -> float:
    """Return bits per unit of ``scored[1:]`` given the unit before; see ``bigram``."""
    return _mean_bits(bigram(train, scored, num_symbols))


def bigram(train: Ids, scored: Ids, num_symbols: int) -> npt.NDArray[np.float64]:
    """Return the probability of each unit of ``scored[1:]`` given the unit before ``[N]``.

    ``P(b|a) = max(n_ab - D, 0)/n_a + D·k_a/n_a · P(b)``: absolute discounting with D = 0.75
    (Ney, Essen and Kneser, 1994), where ``n_ab`` counts pairs, ``n_a`` pairs that begin with a and
    ``k_a`` the different units seen after a; what is taken off goes to the unigram ``P(b)``.

    Args:
        train: int64 ``[number of units]``, counted.
        scored: int64 ``[number of units]``, its units from the second on are predicted.
        num_symbols: ``V``.
    """
    lower = _unigram(train, num_symbols)
    pairs, counts = np.unique(train[:-1] * num_symbols + train[1:], return_counts=True)
    firsts = pairs // num_symbols
    num_after = np.bincount(firsts, weights=counts, minlength=num_symbols)  # n_a
    num_kinds = np.bincount(firsts, minlength=num_symbols)  # k_a

    before, after = scored[:-1], scored[1:]
    keys = before * num_symbols + after
    places = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
    seen = np.where(pairs[places] == keys, counts[places], 0)  # n_ab
    total = np.maximum(num_after[before], 1)
    kept = np.maximum(seen - _DISCOUNT, 0) / total
    freed = np.where(num_after[before] > 0, _DISCOUNT * num_kinds[before] / total, 1.0)
    return kept + freed * lower[after]


def _unigram(train: Ids, num_symbols: int) -> npt.NDArray[np.float64]:
    counts = np.bincount(train, minlength=num_symbols) + 1
    return counts / counts.sum()


def _mean_bits(probabilities: npt.NDArray[np.float64]) -> float:
    # Certainty costs 0.0 bits, where the negated logarithm is -0.0.
    return max(0.0, float(-np.log(probabilities).mean() / math.log(2)))
