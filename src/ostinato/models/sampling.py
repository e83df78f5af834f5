"""Units that are drawn, the same ones whatever stands beside them."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ostinato.engines.random import philox

_WORD: Final = 0xFFFFFFFF


def uniforms(seed: int, examples: Tensor, draws: Tensor, step: int) -> Tensor:
    """Return a number from [0, 1) for each row: a function of all arguments, and of nothing else.

    Args:
        seed: of 63 bits.
        examples: int64 ``[B]``, number of each row's example.
        draws: int64 ``[B]``, which of the texts of one example.
        step: of the text.

    Returns:
        float64 ``[B]``.
    """
    counter = (
        torch.full_like(examples, step),
        draws,
        examples & _WORD,
        (examples >> 32) & _WORD,
    )
    key = tuple(torch.full_like(examples, word) for word in (seed & _WORD, seed >> 32))
    high, low, *_ = philox(counter, (key[0], key[1]))
    # 53 bits, as many as a double holds.
    return ((high >> 5) * 2**26 + (low >> 6)).double() / 2**53


def draw(
    log_probabilities: Tensor,
    chance: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> Tensor:
    """Return a unit for each row; where nothing is possible, any.

    Args:
        log_probabilities: ``[B, V]``; -inf for what cannot come.
        chance: float64 ``[B]``, from [0, 1): where in the cumulated shares the unit lies.
        temperature: 1 draws as the network says, less is more careful.
        top_k: draw among this many likeliest units; None for all.
        top_p: draw from the smallest set of units that holds this share.

    Returns:
        int64 ``[B]``.
    """
    wide = log_probabilities.double()
    # The largest becomes 0 first: dividing by a tiny temperature must not overflow.
    shares = ((wide - wide.amax(-1, keepdim=True)) / temperature).softmax(-1)
    if top_k is not None and top_k < shares.shape[1]:
        largest, places = shares.topk(top_k)
        shares = torch.zeros_like(shares).scatter(1, places, largest)
        shares = shares / shares.sum(-1, keepdim=True)
    if top_p < 1:
        ordered, places = shares.sort(descending=True, stable=True)
        # The unit with which the sum reaches the share is still in the set.
        outside = ordered.cumsum(-1) - ordered >= top_p
        shares = shares.scatter(1, places, ordered.masked_fill(outside, 0))
    bounds = shares.cumsum(-1)
    ends = bounds[:, -1:]
    # Rounding could let the draw reach the units of share 0 behind the last bound.
    last = (bounds < ends).sum(-1)
    return torch.minimum((bounds <= chance[:, None] * ends).sum(-1), last)
