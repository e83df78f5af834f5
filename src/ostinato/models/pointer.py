"""Copying of source units into what is written."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import ShapeError
from ostinato.models.masking import at_least_float32


@dataclass(frozen=True, slots=True)
class Copying:
    """How probable it is at each of ``N`` steps that a unit is written or copied.

    Attributes:
        log_written: ``[N]``, that it is one of the vocabulary.
        log_copied: ``[N, S]``, that it is the copy of this step of the source.
        copied: int64 ``[N, S]``, the number of each step's unit, -1 where it is not copied.
    """

    log_written: Tensor
    log_copied: Tensor
    copied: Tensor

    def select(self, steps: Tensor) -> Copying:
        """Return the steps of these numbers, int64 ``[M]``."""
        return Copying(self.log_written[steps], self.log_copied[steps], self.copied[steps])

    def of(self, targets: Tensor, log_vocabulary: Tensor, num_symbols: int) -> Tensor:
        """Return the log-probability of each target ``[N]``.

        Args:
            targets: int64 ``[N]``, below ``V``, or that of a source unit.
            log_vocabulary: ``[N]``, of the target if it is written; not read from ``V`` on.
            num_symbols: ``V``.

        Raises:
            ShapeError: a target from ``V`` on is no unit of its row's source.
        """
        is_it = self.copied == targets[:, None]
        is_foreign = targets >= num_symbols
        if bool((is_foreign & ~is_it.any(-1)).any()):
            raise ShapeError(
                f"targets hold a number from V={num_symbols} on that is not among the units of "
                "their row's source\nmend: give such units the number of the unknown"
            )
        lowest = torch.finfo(self.log_copied.dtype).min
        written = (self.log_written + log_vocabulary).masked_fill(is_foreign, lowest)
        if not self.copied.shape[1]:
            return written
        copied = self.log_copied.masked_fill(~is_it, lowest).logsumexp(-1)
        return torch.logaddexp(written, copied)

    def all(self, log_vocabulary: Tensor, num_extended: int) -> Tensor:
        """Return the log-probability of every unit ``[N, V + X]``.

        Args:
            log_vocabulary: ``[N, V]``, of each unit if it is written.
            num_extended: ``X``.
        """
        written = self.log_written[:, None] + log_vocabulary
        # One column more, for what is not copied.
        found = F.pad(written, (0, num_extended + 1), value=-torch.inf)
        if not self.copied.shape[1]:
            return found[:, :-1]
        places = self.copied.masked_fill(self.copied < 0, found.shape[1] - 1)
        lowest = torch.finfo(self.log_copied.dtype).min
        is_same = places[:, :, None] == places[:, None]
        # Equal units of the source share their probability, and every one of them writes it.
        sums = self.log_copied[:, None].masked_fill(~is_same, lowest).logsumexp(-1)
        both = torch.logaddexp(found.gather(1, places), sums)
        return found.scatter(1, places, both)[:, :-1]


class Pointer(nn.Module):
    """``P(w) = g P_vocabulary(w) + (1 - g) sum_{s: w_s = w} a_s``, ``g = sigmoid(w · f + b)``.

    See, Liu, Manning 2017 (arXiv:1704.04368). The attention is spread over the steps that can be
    copied, so that the probabilities have the sum 1; where none can, g is 1.

    Args:
        num_features: length of f: context, output and input of the step.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.gate = nn.Linear(num_features, 1)

    def forward(self, features: Tensor, scores: Tensor, copied: Tensor) -> Copying:
        """Return how probable each copy is.

        Args:
            features: ``[N, F]``.
            scores: of the attention, before the softmax, ``[N, S]``.
            copied: int64 ``[N, S]``, see ``Copying``.
        """
        scores = at_least_float32(scores)
        lowest = torch.finfo(scores.dtype).min
        gate = at_least_float32(self.gate(features)[:, 0])
        can_copy = copied >= 0
        is_any = can_copy.any(-1)
        log_written = F.logsigmoid(gate).masked_fill(~is_any, 0)
        log_copy = F.logsigmoid(-gate).masked_fill(~is_any, lowest)
        shares = scores.masked_fill(~can_copy, lowest).log_softmax(-1)
        return Copying(log_written, log_copy[:, None] + shares, copied)
