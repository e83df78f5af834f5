"""What a decoder carries from step to step, row by row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ostinato.models.attention import Source


@dataclass(frozen=True, slots=True)
class Sources:
    """What the rows of a batch read, as decoding needs it.

    Attributes:
        looked_at: with attention.
        summary: ``[B, F]``, where every step reads it.
        copied: int64 ``[B, S]``, with a pointer; -1 in the padding.
        num_extended: ``X``, numbers that source units have beyond the target vocabulary.
    """

    looked_at: Source | None
    summary: Tensor | None
    copied: Tensor | None
    num_extended: int

    def select(self, rows: Tensor) -> Sources:
        """Return the rows of these numbers, int64 ``[N]``."""
        return replace(
            self,
            looked_at=None if self.looked_at is None else self.looked_at.select(rows),
            summary=None if self.summary is None else self.summary[rows],
            copied=None if self.copied is None else self.copied[rows],
        )


@dataclass(frozen=True, slots=True)
class Writing:
    """What decoding carries from step to step.

    Rows that follow one another may share a source, as the hypotheses of a beam do.

    Attributes:
        state: of the decoder's layers, ``[L, B, size]`` by name.
        fed: ``[B, F]``, with input feeding: what the next step reads of the last one.
        sources: what was read: fewer rows than ``B`` where they are shared.
        owners: int64 ``[B]``, the row of the sources that each row reads; equally many each.
        weights: how much the last step looked at each step of the source ``[B, S]``; None before
            the first, and without attention.
    """

    state: dict[str, Tensor]
    fed: Tensor | None
    sources: Sources
    owners: Tensor
    weights: Tensor | None = None

    def select(self, rows: Tensor) -> Writing:
        """Return the rows of these numbers, int64 ``[N]``; a row may be left out or repeated."""
        owners = self.owners[rows]
        needed, width = _runs(owners)
        is_same = torch.equal(needed, _runs(self.owners)[0])
        return Writing(
            {name: tensor[:, rows] for name, tensor in self.state.items()},
            None if self.fed is None else self.fed[rows],
            self.sources if is_same else self.sources.select(needed),
            torch.arange(len(needed), device=rows.device).repeat_interleave(width),
            None if self.weights is None else self.weights[rows],
        )


def _runs(owners: Tensor) -> tuple[Tensor, int]:
    """Return the sources that rows read, and how many rows in a row read each: 1 if that varies."""
    num = len(owners)
    starts = torch.ones(num, dtype=torch.bool, device=owners.device)
    starts[1:] = owners[1:] != owners[:-1]
    needed = owners[starts]
    width = num // max(1, len(needed))
    if torch.equal(needed.repeat_interleave(width), owners):
        return needed, width
    return owners, 1
