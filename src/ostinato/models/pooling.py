"""How the steps of a sequence become one vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from ostinato.core.errors import UnknownNameError
from ostinato.models.masking import valid_steps, without_padding


class Pooling(nn.Module):
    """Steps ``[T, B, D*O]`` and lengths ``[B]`` to vectors ``[B, D*O]``; zeros for no steps.

    What the padding holds changes nothing.
    """

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return one vector for each row."""
        if not steps.shape[0]:
            return steps.new_zeros(steps.shape[1:])
        return self._pool(without_padding(steps, lengths), lengths)

    def _pool(self, steps: Tensor, lengths: Tensor) -> Tensor:
        raise NotImplementedError


class LastPooling(Pooling):
    """What each direction says at its own end: forward at the last step, backward at the first.

    Args:
        num_directions: ``D``.
    """

    def __init__(self, num_directions: int = 1) -> None:
        super().__init__()
        self.num_directions = num_directions

    def _pool(self, steps: Tensor, lengths: Tensor) -> Tensor:
        size = steps.shape[-1] // self.num_directions
        rows = torch.arange(steps.shape[1], device=steps.device)
        last = steps[(lengths - 1).clamp_min(0), rows, :size]
        return last if self.num_directions == 1 else torch.cat([last, steps[0, :, size:]], -1)


class MeanPooling(Pooling):
    """The mean over the steps of each row."""

    def _pool(self, steps: Tensor, lengths: Tensor) -> Tensor:
        return steps.sum(0) / lengths.clamp_min(1)[:, None]


class MaxPooling(Pooling):
    """The largest value over the steps of each row, for each unit."""

    def _pool(self, steps: Tensor, lengths: Tensor) -> Tensor:
        lowest = torch.finfo(steps.dtype).min
        largest = without_padding(steps, lengths, lowest).amax(0)
        return largest.masked_fill(lengths[:, None] == 0, 0)


class AttentionPooling(Pooling):
    """A weighted mean: ``sum_t a_t y_t``, ``a = softmax_t(q · tanh(W y_t + b))``.

    Yang et al. 2016, "Hierarchical attention networks".

    Args:
        size: ``D*O``, of a step.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(size, size)
        self.query = nn.Linear(size, 1, bias=False)

    def weights(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return how much each step counts, ``[T, B]``: 1 in total for rows that have steps."""
        valid = valid_steps(lengths, steps.shape[0])
        scores = self.query(self.key(steps).tanh())[..., 0]
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~valid, lowest).softmax(0) * valid

    def _pool(self, steps: Tensor, lengths: Tensor) -> Tensor:
        return (self.weights(steps, lengths)[..., None] * steps).sum(0)


POOLINGS: Final[dict[str, Callable[[int, int], Pooling]]] = {
    "last": lambda size, num_directions: LastPooling(num_directions),
    "mean": lambda size, num_directions: MeanPooling(),
    "max": lambda size, num_directions: MaxPooling(),
    "attention": lambda size, num_directions: AttentionPooling(size),
}
"""What makes each pooling from the size of a step ``D*O`` and the number of directions."""


def choose_pooling(name: str, size: int, num_directions: int) -> Pooling:
    """Return the pooling of a name.

    Args:
        name: a key of ``POOLINGS``.
        size: ``D*O``, of a step.
        num_directions: ``D``.

    Raises:
        UnknownNameError: no pooling has this name.
    """
    if name not in POOLINGS:
        raise UnknownNameError("pooling", name, POOLINGS)
    return POOLINGS[name](size, num_directions)
