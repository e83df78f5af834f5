"""Language models, as a kind of run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ostinato.training.errors import RunError
from ostinato.training.kinds import Kind, PartName
from ostinato.training.memory import named_in_words
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which

if TYPE_CHECKING:
    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.task import Task


class TextKind(Kind):
    """See ``Kind``."""

    verb: ClassVar[str] = "generate"

    def task(self, recipe: LanguageModelRecipe, device: torch.device) -> Task[Any]:
        """Read the text."""
        from ostinato.training.language_model import LanguageModelTask

        return LanguageModelTask.from_recipe(recipe, device)

    def score_name(self, recipe: LanguageModelRecipe) -> str:  # noqa: ARG002
        """Return the score that chooses the weights."""
        return "bits_per_character"

    def hint(self, recipe: LanguageModelRecipe, run: str) -> str:
        """Return how it goes on writing from the prompt of its samples."""
        prompt = recipe.sample.prompt
        begun = f" --prompt {shlex.quote(prompt)}" if prompt else ""
        return f"let it write with: ostinato generate {run}{begun}"

    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run on a text."""
        from ostinato.training.text_evaluation import evaluate_text_run

        recipe = RunFolder.open(run).recipe()
        assert isinstance(recipe, LanguageModelRecipe)
        return evaluate_text_run(run, recipe, data, part, which, changes)

    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Refuse: texts have no examples to pool.

        Raises:
            RunError: always.
        """
        raise RunError(
            f"the runs {runs[0]} … learned to write: their test parts are no examples to pool\n"
            "mend: score each by itself"
        )

    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare runs on the windows of one text."""
        from ostinato.training.text_evaluation import compare_text_runs

        return compare_text_runs(runs, part)

    def data_in_words(self, recipe: LanguageModelRecipe) -> str:
        """Name the text."""
        data = recipe.data
        named = named_in_words(data.name)
        return named or (data.path.name if data.path else "a text in the recipe")

    def call(self, recipe: LanguageModelRecipe, facts: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what lets the model write."""
        return "print(model.generate())"

    def pipeline_tag(self, recipe: LanguageModelRecipe, facts: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Return what the hub calls it."""
        return "text-generation"


KIND = TextKind()
