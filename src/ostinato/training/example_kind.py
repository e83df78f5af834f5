"""Runs that learned from examples, as a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from ostinato.training.example_scores import deciding_metric
from ostinato.training.kinds import Kind, PartName
from ostinato.training.memory import named_in_words
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_parts import DataRecipe, Files
from ostinato.training.run_files import Which

if TYPE_CHECKING:
    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.task import Task

_PIPELINE_TAGS = {
    "classification": "text-classification",
    "multi-label": "text-classification",
    "tagging": "token-classification",
}


class ExampleKind(Kind):
    """See ``Kind``."""

    def task(self, recipe: ExampleRecipe, device: torch.device) -> Task[Any]:
        """Read the examples."""
        from ostinato.training.example_task import ExampleTask

        return ExampleTask.from_recipe(recipe, device)

    def score_name(self, recipe: ExampleRecipe) -> str:
        """Return the score that chooses the weights."""
        return deciding_metric(recipe).name

    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run on examples."""
        from ostinato.training.evaluation import evaluate_example_run

        return evaluate_example_run(run, data, part, which, changes)

    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Score the examples of several runs as one part."""
        from ostinato.training.evaluation import evaluate_example_runs

        return evaluate_example_runs(runs)

    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare runs on the same examples."""
        from ostinato.training.evaluation import compare_example_runs

        return compare_example_runs(runs, part)

    def data_in_words(self, recipe: ExampleRecipe) -> str:
        """Name the set, the problem that is made, or the files."""
        data = recipe.data
        return named_in_words(data.name) or _made(data) or file_names(data.train)

    def call(self, recipe: ExampleRecipe, facts: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what lets the model predict."""
        inputs = {"text": '["a text"]', "words": '[["some", "words"]]'}
        value = inputs.get(_inputs(facts))
        return f"model.predict({value})" if value else "model.predict([array])  # [T, I]"

    def pipeline_tag(self, recipe: ExampleRecipe, facts: Mapping[str, Any]) -> str | None:
        """Return what the hub calls tasks on texts."""
        return None if _inputs(facts) == "frames" else _PIPELINE_TAGS.get(recipe.task)


def _inputs(facts: Mapping[str, Any]) -> str:
    return str(cast("dict[str, Any]", facts.get("pipeline") or {}).get("kind", ""))


def _made(data: DataRecipe) -> str:
    made = data.made
    return "" if made is None else f"made: {made.problem}, {made.steps:,} steps"


def file_names(files: Files | None) -> str:
    """Return the names of files, without their folders; ``unknown`` for none."""
    match files:
        case None:
            return "unknown"
        case list():
            return ", ".join(path.name for path in files)
        case dict():
            return ", ".join(path.name for path in files.values())
        case _:
            return files.name


KIND = ExampleKind()
