"""What the loop needs to know about a kind of problem, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, TypeVar, runtime_checkable

from torch import Tensor, nn

from ostinato.data import Ids
from ostinato.training.interrupt import StopRequest

State = dict[str, Tensor]


@dataclass(frozen=True)
class StepLoss:
    """The loss of one batch.

    Attributes:
        loss_sum: over the targets, in nats; a scalar with a graph.
        carried: the state to carry into the next batch, without a graph; the second dimension of
            each tensor is that of the sequences side by side.
    """

    loss_sum: Tensor
    carried: State


class EndLoss(NamedTuple):
    """The loss of the last step of sequences side by side.

    Attributes:
        loss: summed over the sequences; a scalar with a graph.
        ends: the last step of each, int64 ``[B]``; None where it is every layer's own last step.
        is_whole: it is of the whole sequence: a run from the end to the start counts, too.
    """

    loss: Tensor
    ends: Ids | None
    is_whole: bool


class TaskBatch(Protocol):
    """Sequences side by side."""

    @property
    def num_targets(self) -> int:
        """How many targets the loss is the sum over."""
        ...

    @property
    def num_items(self) -> int:
        """How many steps there are, without padding: what speed is counted in."""
        ...

    @property
    def is_empty(self) -> bool:
        """Whether a share has nothing to run; streams that have ended are run all the same."""
        ...

    @property
    def num_sequences(self) -> int:
        """How many whole sequences there are; 0 for pieces of a stream."""
        ...

    def share(self, index: int, num: int) -> Self:
        """Return the sequences that process ``index`` of ``num`` runs."""
        ...


BatchT = TypeVar("BatchT", bound=TaskBatch)


@runtime_checkable
class SelfMeasured(Protocol):
    """What a task says of its own sizes, for ``ostinato check`` and the estimates of a run."""

    @property
    def num_scored(self) -> int:
        """How many steps an evaluation runs through."""
        ...

    def narrow(self) -> tuple[Sequence[tuple[int, TaskBatch]], int]:
        """Return batches of one and a few sequences, as long as any, and how many a batch holds."""
        ...

    def shapes(self, model: nn.Module) -> Iterator[str]:
        """Describe the tensors of the largest batch, one in each sentence."""
        ...


class Task(Protocol[BatchT]):
    """Data, model and scores of one kind of problem."""

    score_name: str
    """The score that decides."""
    higher_is_better: bool
    scored_on: str
    """What the scores are of, in words."""
    item_name: str
    """What speed is counted in."""
    items_per_target: float
    """How many of ``item_name`` one of a batch's ``num_items`` is."""
    steps_per_epoch: int

    def build_model(self) -> nn.Module:
        """Return a new model, from torch's random state."""
        ...

    def batches(self, step: int) -> Sequence[BatchT]:
        """Return the batches of optimizer step ``step``, counted from the start of the run."""
        ...

    def loss(self, model: nn.Module, batch: BatchT, carried: State | None) -> StepLoss:
        """Run one batch, or a process's share of it."""
        ...

    def end_loss(self, model: nn.Module) -> EndLoss:
        """Run some held-out sequences, the same each time; the loss of their ends alone."""
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

    def facts(self, model: nn.Module) -> Mapping[str, Any]:
        """Return, as JSON, what using the model later needs, and ``data_sha256``."""
        ...
