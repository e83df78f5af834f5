"""The counters of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ostinato.training.divergence import WATCHED_STEPS, has_exploded


@dataclass
class Progress:
    """The counters of a run; with the tensors of a checkpoint, all that the rest depends on.

    Attributes:
        step: optimizer steps done; epoch and place in the data follow from it.
        best_scores: of the held-out evaluations, the best first; as many as checkpoints are kept.
        best_losses: of the same evaluations; of equal scores the lower loss is the better one.
        best_step: where the best was reached.
        num_without_progress: evaluations since then.
        loss_sum: training loss since the last line of the log, summed over targets.
        num_targets: how many targets that sum is over.
        seconds: time spent, over all sittings.
        first_steps: loss and gradient norm of each of the first steps.
        newest_steps: the same of the newest.
        is_evaluation_due: whether the evaluation that belongs to this step is not done yet.
        finished: why the run is over; empty while it is not.
    """

    step: int = 0
    best_scores: list[float] = field(default_factory=list[float])
    best_losses: list[float] = field(default_factory=list[float])
    best_step: int = 0
    num_without_progress: int = 0
    loss_sum: float = 0.0
    num_targets: int = 0
    seconds: float = 0.0
    first_steps: list[list[float]] = field(default_factory=list[list[float]])
    newest_steps: list[list[float]] = field(default_factory=list[list[float]])
    is_evaluation_due: bool = False
    finished: Literal["", "finished", "no more progress"] = ""

    def rank(self, score: float, loss: float, *, higher_is_better: bool, keep: int) -> int | None:
        """Count an evaluation; return its place among the best, from 0, or None behind them."""
        sign = -1 if higher_is_better else 1
        others = zip(self.best_scores, self.best_losses, strict=True)
        place = sum((sign * other, its_loss) <= (sign * score, loss) for other, its_loss in others)
        self.best_scores.insert(place, score)
        self.best_losses.insert(place, loss)
        del self.best_scores[keep:], self.best_losses[keep:]
        if place == 0:
            self.best_step, self.num_without_progress = self.step, 0
        else:
            self.num_without_progress += 1
        return place if place < keep else None

    def watch(self, loss: float, norm: float) -> bool:
        """Take note of a step; return whether the numbers exploded."""
        if len(self.first_steps) < WATCHED_STEPS:
            self.first_steps.append([loss, norm])
        self.newest_steps.append([loss, norm])
        del self.newest_steps[:-WATCHED_STEPS]
        return has_exploded(self.first_steps, self.newest_steps)
