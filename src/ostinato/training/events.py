"""What a training run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Reason = Literal["finished", "no more progress", "interrupted"]


@dataclass(frozen=True)
class Started:
    """The run is set up; nothing is trained yet.

    Attributes:
        folder: the run folder.
        notes: sentences about data and model.
        baselines: score of naive predictors, by name, in the unit of ``score_name``.
        score_name: what an evaluation is judged by; lower is better.
        max_steps: where the run ends.
        step: where it begins: not 0 when it goes on.
    """

    folder: Path
    notes: tuple[str, ...]
    baselines: Mapping[str, float]
    score_name: str
    max_steps: int
    step: int


@dataclass(frozen=True)
class Stepped:
    """One optimizer step; ``scores`` are averages since the last line of the log.

    Attributes:
        step: steps done.
        scores: by name.
        items_per_second: characters, for a language model.
        seconds_left: estimated.
    """

    step: int
    scores: Mapping[str, float]
    items_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Evaluated:
    """The held-out part was scored.

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


Event = Started | Stepped | Evaluated | Finished
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Watch nothing."""
