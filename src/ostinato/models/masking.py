"""Which steps of a batch are there, and which are padding."""

from __future__ import annotations

import torch
from torch import Tensor

NO_TARGET = -100
"""Stands where a step has no target, and past the end of a row."""


def valid_steps(lengths: Tensor, num_steps: int) -> Tensor:
    """Return booleans ``[T, B]``, true up to the length of each row.

    Args:
        lengths: int64 ``[B]``.
        num_steps: ``T``.
    """
    return torch.arange(num_steps, device=lengths.device)[:, None] < lengths


def without_padding(steps: Tensor, lengths: Tensor, value: float = 0) -> Tensor:
    """Return steps ``[T, B, …]`` with ``value`` past the end of each row, whatever stood there."""
    valid = valid_steps(lengths, steps.shape[0])
    return steps.masked_fill(~valid.reshape(*valid.shape, *[1] * (steps.dim() - 2)), value)


def at_least_float32(scores: Tensor) -> Tensor:
    """Return scores in float32 or wider: sums of logarithms need more digits than bfloat16 has."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))
