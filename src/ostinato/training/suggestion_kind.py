"""Runs that complete queries, as a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ostinato.training.example_kind import file_names
from ostinato.training.kinds import Kind, PartName
from ostinato.training.memory import named_in_words
from ostinato.training.run_files import Which
from ostinato.training.suggestion_recipe import SuggestionRecipe

if TYPE_CHECKING:
    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.task import Task


class SuggestionKind(Kind):
    """See ``Kind``."""

    verb: ClassVar[str] = "suggest"
    is_served: ClassVar[bool] = False
    is_looked_into: ClassVar[bool] = False

    def task(self, recipe: SuggestionRecipe, device: torch.device) -> Task[Any]:
        """Read the queries."""
        from ostinato.training.suggestion_task import SuggestionTask

        return SuggestionTask.from_recipe(recipe, device)

    def score_name(self, recipe: SuggestionRecipe) -> str:
        """Return the score that chooses the weights."""
        from ostinato.training.suggestion_scores import suggestion_metric

        return suggestion_metric(recipe).name

    def hint(self, recipe: SuggestionRecipe, run: str) -> str:  # noqa: ARG002
        """Return how it completes what is typed."""
        return f"let it complete queries with: ostinato suggest {run}"

    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run on queries."""
        from ostinato.training.suggestion_evaluation import evaluate_suggestion_run

        return evaluate_suggestion_run(run, data, part, which, changes)

    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Refuse: what several networks suggest is not pooled."""
        from ostinato.training.suggestion_evaluation import evaluate_suggestion_runs

        return evaluate_suggestion_runs(runs)

    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare runs on the same beginnings."""
        from ostinato.training.suggestion_evaluation import compare_suggestion_runs

        return compare_suggestion_runs(runs, part)

    def data_in_words(self, recipe: SuggestionRecipe) -> str:
        """Name the set, or the files."""
        return named_in_words(recipe.data.name) or file_names(recipe.data.train)

    def call(self, recipe: SuggestionRecipe, facts: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what lets the model suggest."""
        return 'print(model.suggest("a beginning"))'

    def pipeline_tag(self, recipe: SuggestionRecipe, facts: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Return what the hub calls it."""
        return "text-generation"


KIND = SuggestionKind()
