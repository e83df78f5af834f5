"""The moving mean of a model's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MovingMean:
    """A second model whose weights follow those of the first.

    ``mean = d · mean + (1 - d) · weights`` in step t, with ``d = min(decay, (1 + t) / (10 + t))``:
    the first steps are forgotten soon.

    Args:
        model: followed, from where it is now.
        decay: of the mean.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow the weights after step ``step``."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for mean, new in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(new, 1 - decay)
        for mean, new in zip(self.model.buffers(), model.buffers(), strict=True):
            mean.copy_(new)
