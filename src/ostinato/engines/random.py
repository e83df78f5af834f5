"""Masks from a counter-based generator: the same on every engine, and never stored.

Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405) on the counter (unit // 4, row,
step, stream) under the key of a 64-bit seed; word unit % 4 belongs to the unit.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_ROUNDS: Final = 10
_WORD: Final = 0xFFFFFFFF


def philox(
    counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return four 32-bit words for each counter.

    Args:
        counter: four int64 tensors of 32-bit words that broadcast against each other.
        key: two int64 tensors of 32-bit words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        high0, low0 = _multiply(c0, _MULTIPLIERS[0])
        high1, low1 = _multiply(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + _WEYL[0]) & _WORD, (k1 + _WEYL[1]) & _WORD
    return c0, c1, c2, c3


def _multiply(a: Tensor, multiplier: int) -> tuple[Tensor, Tensor]:
    """Return the high and low words of a 64-bit product; wrapping does not touch either."""
    product = a * multiplier
    return (product >> 32) & _WORD, product & _WORD


def bernoulli_mask(
    seed: Tensor,
    stream: int,
    probability: float,
    *,
    steps: int | None,
    rows: int,
    units: int,
    first_step: int = 0,
    dtype: torch.dtype,
) -> Tensor:
    """Return ones with the given probability, else zeros.

    Args:
        seed: one int64.
        stream: separates masks of one seed.
        probability: the chance of a one.
        steps: how many steps; None for one mask a sequence.
        rows: batch rows.
        units: units of a row.
        first_step: the number of the first step, for a sequence run in pieces.
        dtype: of the mask.

    Returns:
        ``[steps, rows, units]``, or ``[rows, units]`` where ``steps`` is None.
    """
    device = seed.device
    lanes = torch.arange((units + 3) // 4, device=device)
    row = torch.arange(rows, device=device)[:, None]
    steps_drawn = range(1) if steps is None else range(first_step, first_step + steps)
    step = torch.arange(steps_drawn.start, steps_drawn.stop, device=device)[:, None, None]
    counter = (lanes, row, step, torch.full((), stream, device=device))
    words = torch.stack(philox(counter, (seed & _WORD, (seed >> 32) & _WORD)), dim=-1)
    mask = (words.flatten(-2)[..., :units] < round(probability * 2**32)).to(dtype)
    return mask[0] if steps is None else mask
