"""Runs that read something and write a text, as a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ostinato.training.example_kind import file_names
from ostinato.training.kinds import Kind, PartName
from ostinato.training.memory import named_in_words
from ostinato.training.run_files import Which
from ostinato.training.writing_recipe import WritingRecipe

if TYPE_CHECKING:
    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.task import Task


class WritingKind(Kind):
    """See ``Kind``."""

    verb: ClassVar[str] = "translate"
    is_served: ClassVar[bool] = False
    is_looked_into: ClassVar[bool] = False

    def task(self, recipe: WritingRecipe, device: torch.device) -> Task[Any]:
        """Read the pairs."""
        from ostinato.training.writing_task import WritingTask

        return WritingTask.from_recipe(recipe, device)

    def score_name(self, recipe: WritingRecipe) -> str:
        """Return the score that chooses the weights."""
        from ostinato.training.writing_scores import writing_metric

        return writing_metric(recipe).name

    def hint(self, recipe: WritingRecipe, run: str) -> str:
        """Return how it writes for a line, or for a picture."""
        of_images = recipe.task == "image-to-text"
        how = f"predict {run} image.png" if of_images else f"translate {run}"
        return f"let it write with: ostinato {how}"

    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run on pairs."""
        from ostinato.training.writing_evaluation import evaluate_writing_run

        return evaluate_writing_run(run, data, part, which, changes)

    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Refuse: scores of texts are not pooled."""
        from ostinato.training.writing_evaluation import evaluate_writing_runs

        return evaluate_writing_runs(runs)

    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare runs on the same pairs."""
        from ostinato.training.writing_evaluation import compare_writing_runs

        return compare_writing_runs(runs, part)

    def data_in_words(self, recipe: WritingRecipe) -> str:
        """Name the set, or the files."""
        return named_in_words(recipe.data.name) or file_names(recipe.data.train)

    def call(self, recipe: WritingRecipe, facts: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what lets the model write."""
        if recipe.task == "image-to-text":
            return "print(model.predict([image])[0])  # [H, W], [H, W, 3], or the path of a file"
        return 'print(model.predict(["a text"])[0])'

    def pipeline_tag(self, recipe: WritingRecipe, facts: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Return what the hub calls it."""
        return "image-to-text" if recipe.task == "image-to-text" else "text2text-generation"


KIND = WritingKind()
