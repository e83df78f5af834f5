"""Masks from a counter-based generator: the same on every engine, and never stored.

Philox on the counter (unit // 4, row, step, stream) under the key of a 64-bit seed; word unit % 4
belongs to the unit.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ostinato.core.philox import philox

_WORD: Final = 0xFFFFFFFF


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
