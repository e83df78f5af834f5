"""What kinds of runs there are, and where what is done with them lives.

A kind is a class of recipes. All that the commands do with a run, whatever it learned, goes through
its ``Kind``; nothing else asks which one it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.errors import RunError
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.suggestion_recipe import SuggestionRecipe
from ostinato.training.writing_recipe import WritingRecipe

if TYPE_CHECKING:
    import torch

    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.run_files import Which
    from ostinato.training.task import Task

PartName = Literal["train", "dev", "test"]

# The module of each kind has a ``KIND``; it is imported when a run of the kind is.
_MODULES: dict[type[Recipe], str] = {
    LanguageModelRecipe: "ostinato.training.text_kind",
    ExampleRecipe: "ostinato.training.example_kind",
    WritingRecipe: "ostinato.training.writing_kind",
    SuggestionRecipe: "ostinato.training.suggestion_kind",
    ForecastRecipe: "ostinato.training.forecast_kind",
    DrawingRecipe: "ostinato.training.drawing_kind",
}


class Kind(ABC):
    """What is done with runs of one kind; recipes are of its class."""

    verb: ClassVar[str] = "predict"
    """The command that uses a finished run."""
    is_served: ClassVar[bool] = True
    """Whether ``ostinato serve`` and the page take such a run."""
    is_looked_into: ClassVar[bool] = True
    """Whether the lens does."""

    @abstractmethod
    def task(self, recipe: Any, device: torch.device) -> Task[Any]:
        """Read the data of a recipe.

        Raises:
            DataError: the data cannot be used.
            RecipeError: the recipe does not fit the data.
        """

    @abstractmethod
    def score_name(self, recipe: Any) -> str:
        """Return the score that chooses the weights."""

    @abstractmethod
    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run; see ``evaluation.evaluate_run``."""

    @abstractmethod
    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Score several runs as one; see ``evaluation.evaluate_runs``."""

    @abstractmethod
    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare two runs or more; see ``evaluation.compare_runs``."""

    @abstractmethod
    def data_in_words(self, recipe: Any) -> str:
        """Name the data for a model card."""

    @abstractmethod
    def call(self, recipe: Any, facts: Mapping[str, Any]) -> str:
        """Return the line of Python that uses ``model``, for a model card."""

    def hint(self, recipe: Any, run: str) -> str:  # noqa: ARG002
        """Return how a run that was just trained is used, a line; empty where nothing is to say.

        Args:
            recipe: of the run.
            run: its folder, as a shell reads it.
        """
        return ""

    def pipeline_tag(self, recipe: Any, facts: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Return what the hub calls the task; None where it has no name for it."""
        return None


def refuse(run: Path, recipe: Recipe, what: str) -> RunError:
    """Return the error of a run whose kind is not for ``what``."""
    verb = kind_of(recipe).verb
    return RunError(
        f"the run {run} learned {recipe.task}, which {what} does not take\n"
        f"mend: use it with `ostinato {verb} {run}`"
    )


def kind_of(recipe: Recipe) -> Kind:
    """Return what is done with runs of a recipe."""
    found: Kind = import_module(_MODULES[type(recipe)]).KIND
    return found
