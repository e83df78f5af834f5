"""What a training run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Reason = Literal["finished", "no more progress", "interrupted", "out of time"]


@dataclass(frozen=True)
class Noted:
    """A sentence about data, model or what is going on."""

    text: str


@dataclass(frozen=True)
class Started:
    """The run is set up and planned.

    Attributes:
        folder: the run folder.
        num_parameters: of the model.
        baselines: score of naive predictors, by name, in the unit of ``score_name``.
        score_name: what an evaluation is judged by.
        higher_is_better: whether a higher score is the better one.
        scored_on: what the scores are of, in words: ``held out``, unless nothing is.
        item_name: what speed is counted in.
        max_steps: where the run ends.
        steps_per_epoch: of one pass over the data.
        step: where it begins: not 0 when it goes on.
    """

    folder: Path
    num_parameters: int
    baselines: Mapping[str, float]
    score_name: str
    higher_is_better: bool
    scored_on: str
    item_name: str
    max_steps: int
    steps_per_epoch: int
    step: int


@dataclass(frozen=True)
class Stepped:
    """One optimizer step.

    Attributes:
        step: steps done.
        scores: of this step's batch, by name.
        items_per_second: characters, for a language model.
        sequences_per_second: 0 where the steps are those of a stream.
        seconds_left: estimated.
    """

    step: int
    scores: Mapping[str, float]
    items_per_second: float
    sequences_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Evaluated:
    """The model was scored on what it does not learn from.

    Attributes:
        step: steps done.
        scores: by name.
        is_best: whether no evaluation before was better.
        sample: what the model writes now; empty where no sample is asked for.
    """

    step: int
    scores: Mapping[str, float]
    is_best: bool
    sample: str


@dataclass(frozen=True)
class Finished:
    """The run ended, for good or until it is resumed.

    Attributes:
        folder: the run folder.
        reason: why it ended.
        step: steps done.
        best_step: the step of the best evaluation.
        best_score: its score.
        seconds: time spent training, over all sittings.
    """

    folder: Path
    reason: Reason
    step: int
    best_step: int
    best_score: float
    seconds: float


Event = Noted | Started | Stepped | Evaluated | Finished
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Watch nothing."""
