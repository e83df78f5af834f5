"""Units that are drawn, the same ones whatever stands beside them; free of torch."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.core.philox import philox

_WORD: Final = 0xFFFFFFFF


def uniforms(
    seed: int, examples: npt.NDArray[np.int64], draws: npt.NDArray[np.int64], step: int
) -> npt.NDArray[np.float64]:
    """Return a number from [0, 1) for each row: a function of all arguments, and of nothing else.

    Args:
        seed: of 63 bits.
        examples: ``[B]``, number of each row's example.
        draws: ``[B]``, which of the texts of one example.
        step: of the text.

    Returns:
        ``[B]``.
    """
    counter = (
        np.full_like(examples, step),
        draws,
        examples & _WORD,
        (examples >> 32) & _WORD,
    )
    key = tuple(np.full_like(examples, word) for word in (seed & _WORD, seed >> 32))
    high, low, *_ = philox(counter, (key[0], key[1]))
    # 53 bits, as many as a double holds.
    return ((high >> 5) * 2**26 + (low >> 6)).astype(np.float64) / 2**53


def draw(
    log_probabilities: npt.NDArray[np.floating],
    chance: npt.NDArray[np.float64],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> npt.NDArray[np.int64]:
    """Return a unit for each row; where nothing is possible, any.

    Args:
        log_probabilities: ``[B, V]``; -inf for what cannot come.
        chance: ``[B]``, from [0, 1): where in the cumulated shares the unit lies.
        temperature: 1 draws as the network says, less is more careful.
        top_k: draw among this many likeliest units; None for all.
        top_p: draw from the smallest set of units that holds this share.

    Returns:
        ``[B]``.
    """
    wide = log_probabilities.astype(np.float64)
    highest = wide.max(-1, keepdims=True)
    # The largest becomes 0 first: dividing by a tiny temperature must not overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        shares = np.exp((wide - highest) / temperature)
        shares /= shares.sum(-1, keepdims=True)
    if top_k is not None and top_k < shares.shape[1]:
        outside = (-shares).argsort(axis=-1, kind="stable")[:, top_k:]
        np.put_along_axis(shares, outside, 0.0, -1)
        shares /= shares.sum(-1, keepdims=True)
    if top_p < 1:
        places = (-shares).argsort(axis=-1, kind="stable")
        ordered = np.take_along_axis(shares, places, -1)
        # The unit with which the sum reaches the share is still in the set.
        ordered[ordered.cumsum(-1) - ordered >= top_p] = 0
        np.put_along_axis(shares, places, ordered, -1)
    bounds = shares.cumsum(-1)
    ends = bounds[:, -1:]
    # Rounding could let the draw reach the units of share 0 behind the last bound.
    last = (bounds < ends).sum(-1)
    return np.minimum((bounds <= chance[:, None] * ends).sum(-1), last)
