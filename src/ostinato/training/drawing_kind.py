"""Networks that draw, as a kind of run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.example_kind import file_names
from ostinato.training.kinds import Kind, PartName
from ostinato.training.memory import named_in_words
from ostinato.training.run_files import Which

if TYPE_CHECKING:
    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.task import Task


class DrawingKind(Kind):
    """See ``Kind``."""

    verb: ClassVar[str] = "draw"
    is_served: ClassVar[bool] = False
    is_looked_into: ClassVar[bool] = False

    def task(self, recipe: DrawingRecipe, device: torch.device) -> Task[Any]:
        """Read the drawings."""
        from ostinato.training.drawing_task import DrawingTask

        return DrawingTask.from_recipe(recipe, device)

    def score_name(self, recipe: DrawingRecipe) -> str:  # noqa: ARG002
        """Return the score that chooses the weights."""
        from ostinato.training.drawing_task import NATS_PER_POINT

        return NATS_PER_POINT

    def hint(self, recipe: DrawingRecipe, run: str) -> str:  # noqa: ARG002
        """Return how it draws a sheet."""
        return f"let it draw with: ostinato draw {run} --figure sheet.html"

    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run on drawings."""
        from ostinato.training.drawing_evaluation import evaluate_drawing_run

        return evaluate_drawing_run(run, data, part, which, changes)

    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Score the drawings of several runs as one part."""
        from ostinato.training.drawing_evaluation import evaluate_drawing_runs

        return evaluate_drawing_runs(runs)

    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare runs on the same drawings."""
        from ostinato.training.drawing_evaluation import compare_drawing_runs

        return compare_drawing_runs(runs, part)

    def data_in_words(self, recipe: DrawingRecipe) -> str:
        """Name the set, or the files."""
        return named_in_words(recipe.data.name) or file_names(recipe.data.train)

    def call(self, recipe: DrawingRecipe, facts: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what lets the model draw."""
        return "drawings = model.draw(10, seed=0)  # [N, 3] each: dx, dy, pen lifted"


KIND = DrawingKind()
