"""What the log of a run says of its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ostinato.training.kinds import kind_of
from ostinato.training.run import RunFolder
from ostinato.training.run_files import CHECKPOINTS, RUN, Which, damaged_run, read_checkpoint

LOG = "metrics.jsonl"


@dataclass(frozen=True)
class Results:
    """The scores of weights on what they did not learn from.

    Attributes:
        step: optimizer steps done.
        scores: by name.
        score_name: the one that decides.
        scored_on: what the scores are of, in words.
        baselines: that score of naive predictors, by name.
    """

    step: int
    scores: Mapping[str, float]
    score_name: str
    scored_on: str
    baselines: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return what ``Results`` takes."""
        return asdict(self)


def results_of_run(run: Path, which: Which = "best") -> Results:
    """Read the scores of a checkpoint.

    Args:
        run: the run folder, or a saved model.
        which: of its checkpoints.

    Raises:
        RunError: there is no run, or it is damaged.
        CheckpointError: there is no checkpoint yet.
    """
    folder = RunFolder.open(run)
    facts = folder.facts()
    if "results" in facts:
        try:
            return Results(**facts["results"])
        except TypeError as error:
            raise damaged_run(run / RUN, "its results cannot be read") from error
    recipe = folder.recipe()
    step = int(read_checkpoint(run / CHECKPOINTS, which).progress["step"])
    scored = [r for r in metrics_of_run(run) if (r["kind"], r["step"]) == ("evaluation", step)]
    last = scored[-1] if scored else {}
    return Results(
        step,
        {name: value for name, value in last.items() if _is_score(name, value)},
        kind_of(recipe).score_name(recipe),
        facts.get("scored_on", ""),
        facts.get("baselines", {}),
    )


def metrics_of_run(run: Path) -> list[dict[str, Any]]:
    """Return the records of a run's log, in their order; of a saved model, none."""
    path = run / LOG
    if not path.is_file():
        return []
    records: list[dict[str, Any]] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            # A kill can cut the last line short; nothing after it is whole either.
            break
    return records


def _is_score(name: str, value: object) -> bool:
    return name not in ("kind", "step") and not isinstance(value, str)
