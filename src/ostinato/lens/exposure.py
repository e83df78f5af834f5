"""The exposure gap: what a network loses that in training never read its own mistakes.

In training each unit follows the right one (teacher forcing); free-running it follows what the
network wrote itself (Bengio et al. 2015, arXiv:1506.03099; Ranzato et al. 2016, arXiv:1511.06732).
Both are measured at every place of the right texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from ostinato.data.batches import Example
from ostinato.training.trained_writer import TrainedWriter
from ostinato.training.writing import Trace, trace

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ExposureGap:
    """Loss and accuracy by place of the unit, counted from the beginning of the text.

    Attributes:
        network: its name.
        counts: texts that have such a place, ``[T]``.
        forced_loss: nats of the right unit ``[T]``, where the right one was read before it.
        free_loss: the same, where the network's own was read: its likeliest, never the end.
        forced_accuracy: share of places where the right unit is the likeliest ``[T]``.
        free_accuracy: the same, where the network's own was read.
    """

    network: str
    counts: npt.NDArray[np.int64]
    forced_loss: Numbers
    free_loss: Numbers
    forced_accuracy: Numbers
    free_accuracy: Numbers

    @property
    def loss_gap(self) -> float:
        """How many nats a unit costs more in free running, over all places."""
        return self._mean(self.free_loss - self.forced_loss)

    @property
    def accuracy_gap(self) -> float:
        """Which share of the units is lost in free running, over all places."""
        return self._mean(self.forced_accuracy - self.free_accuracy)

    def figure(self) -> Figure:
        """Draw loss and accuracy over the place, teacher-forced and free-running."""
        from ostinato.lens.figures.writers import exposure_figure

        return exposure_figure(self)

    def _mean(self, values: Numbers) -> float:
        return float((values * self.counts).sum() / self.counts.sum())


def exposure_gap(trained: TrainedWriter, examples: Sequence[Example]) -> ExposureGap:
    """Measure what a network loses on texts when it reads what it writes itself.

    Args:
        trained: the network.
        examples: with right texts.
    """
    size = trained.recipe.evaluation.batch_size
    both = [
        trace(
            trained.model,
            trained.pipeline,
            examples,
            size,
            torch.device("cpu"),
            is_forced=is_forced,
        )
        for is_forced in (True, False)
    ]
    rights = [np.asarray(example.target) for example in examples]
    counts = np.bincount(np.concatenate([np.arange(len(right)) for right in rights]))
    losses = [_by_place([each.losses for each in found], counts) for found in both]
    accuracies = [_by_place(_hits(found, rights), counts) for found in both]
    return ExposureGap(trained.path.name, counts, *losses, *accuracies)


def _hits(found: Sequence[Trace], rights: Sequence[npt.NDArray[np.generic]]) -> list[Numbers]:
    pairs = zip(found, rights, strict=True)
    return [(each.numbers == right).astype(np.float64) for each, right in pairs]


def _by_place(values: Sequence[Numbers], counts: npt.NDArray[np.int64]) -> Numbers:
    """Return the mean over the texts that have each place, ``[T]``."""
    sums = np.zeros(len(counts))
    for each in values:
        sums[: len(each)] += each
    return sums / counts
