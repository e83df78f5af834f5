"""What the loop needs to know about a kind of problem, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from ostinato.training.interrupt import StopRequest

State = dict[str, Tensor]


@dataclass(frozen=True)
class StepLoss:
    """The loss of one step of the loop.

    Attributes:
        loss: mean over the targets, in nats; a scalar with a graph.
        num_targets: how many targets it is the mean of.
        carried: the state to carry into the next step, without a graph.
    """

    loss: Tensor
    num_targets: int
    carried: State


class Task(Protocol):
    """Data, model and scores of one kind of problem."""

    score_name: str
    """The score that decides; lower is better."""
    scored_on: str
    """What the scores are of, in words."""
    item_name: str
    """What speed is counted in."""
    items_per_target: float
    steps_per_epoch: int

    def build_model(self) -> nn.Module:
        """Return a new model, from torch's random state."""
        ...

    def loss(self, model: nn.Module, step: int, carried: State | None) -> StepLoss:
        """Run the batch of step ``step``, counted from the start of the run."""
        ...

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return what to report for a mean training loss."""
        ...

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the whole held-out part; the same model gives the same scores.

        Raises:
            Stopped: someone asked to stop.
        """
        ...

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:
        """Show what the model does now; empty where there is nothing to show.

        Raises:
            Stopped: someone asked to stop.
        """
        ...

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of naive predictors, by name."""
        ...

    def notes(self) -> tuple[str, ...]:
        """Describe the data in sentences."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return, as JSON, what using the model later needs, and the data's fingerprint."""
        ...
