"""The next unit of many texts at once, each by its own settings and random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.runtime.arrays import Array

Numbers = npt.NDArray[np.float64]


def draw(
    logits: Array, temperatures: Numbers, top_ps: Numbers, uniforms: Numbers
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Draw one unit for each row, as ``runtime.language_model.choose`` draws it for one.

    No row's unit depends on the other rows.

    Args:
        logits: ``[B, V]``.
        temperatures: ``[B]``; 0 takes the likeliest unit.
        top_ps: ``[B]``, share of the probability that is drawn from.
        uniforms: ``[B]``, a random number from 0 to 1 for each.

    Returns:
        The units ``[B]``, and which rows had finite logits: those of the others mean nothing.
    """
    highest = logits.max(-1)
    is_finite = np.isfinite(highest)
    units = logits.argmax(-1)
    rows = np.flatnonzero(is_finite & (temperatures > 0))
    if rows.size:
        # The largest becomes 0 first: dividing by a tiny temperature must not overflow.
        wide = logits[rows].astype(np.float64) - highest[rows, None].astype(np.float64)
        with np.errstate(over="ignore"):
            shares = np.exp(wide / temperatures[rows, None])
        shares /= shares.sum(-1, keepdims=True)
        _keep_likeliest(shares, top_ps[rows])
        bounds: Any = shares.cumsum(-1)
        ends = bounds[:, -1:]
        # Rounding could let the draw reach the units of share 0 behind the last bound.
        last = (bounds < ends).sum(-1)
        units[rows] = np.minimum((bounds <= uniforms[rows, None] * ends).sum(-1), last)
    return units, is_finite


def _keep_likeliest(shares: Numbers, top_ps: Numbers) -> None:
    """Set the units outside the smallest sets of these shares to 0, in place."""
    rows = np.flatnonzero(top_ps < 1)
    if not rows.size:
        return
    some = shares[rows]
    places = np.argsort(-some, axis=-1, kind="stable")
    ordered = np.take_along_axis(some, places, -1)
    ordered[ordered.cumsum(-1) - ordered >= top_ps[rows, None]] = 0.0
    np.put_along_axis(some, places, ordered, -1)
    shares[rows] = some
