"""What writes: any cell over the units written so far, and over what was read."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Writing:
    """What decoding carries from step to step, ``[B, …]`` of everything.

    Attributes:
        state: of the decoder's layers, ``[L, B, size]`` by name.
        weights: how much the last step looked at each step of the source ``[B, S]``; None before
            the first, and without attention.
    """

    state: dict[str, Tensor]
    weights: Tensor | None = None

    def select(self, rows: Tensor) -> Writing:
        """Return the rows of these numbers, int64 ``[N]``; a row may be left out or repeated."""
        raise NotImplementedError


class Decoder(nn.Module):
    """To be."""
