"""Forecasters, as a kind of run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.kinds import Kind, PartName
from ostinato.training.memory import named_in_words
from ostinato.training.run_files import Which

if TYPE_CHECKING:
    from ostinato.training.evaluation import Comparison, Report
    from ostinato.training.task import Task


class ForecastKind(Kind):
    """See ``Kind``."""

    is_served: ClassVar[bool] = False
    is_looked_into: ClassVar[bool] = False

    def task(self, recipe: ForecastRecipe, device: torch.device) -> Task[Any]:
        """Read the series."""
        from ostinato.training.forecast_task import ForecastTask

        return ForecastTask.from_recipe(recipe, device)

    def score_name(self, recipe: ForecastRecipe) -> str:
        """Return the score that chooses the weights."""
        from ostinato.training.forecast_task import deciding_score

        return deciding_score(recipe)

    def hint(self, recipe: ForecastRecipe, run: str) -> str:
        """Return how what follows is drawn."""
        if recipe.data.known:
            return (
                f"let it forecast with: ostinato predict {run} FILE --figure fan.html, a table "
                f"whose last rows say {', '.join(recipe.data.known)} alone"
            )
        return f"let it forecast with: ostinato predict {run} --figure fan.html"

    def evaluate(
        self, run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
    ) -> Report:
        """Score a run on a part of its series, or on another."""
        from ostinato.training.forecast_evaluation import evaluate_forecast_run

        return evaluate_forecast_run(run, data, part, which, changes)

    def evaluate_together(self, runs: Sequence[Path]) -> Report:
        """Score runs of several series, each of which counts the same."""
        from ostinato.training.forecast_evaluation import evaluate_forecast_runs

        return evaluate_forecast_runs(runs)

    def compare(self, runs: Sequence[Path], part: PartName) -> Comparison:
        """Compare runs from the same origins."""
        from ostinato.training.forecast_evaluation import compare_forecast_runs

        return compare_forecast_runs(runs, part)

    def data_in_words(self, recipe: ForecastRecipe) -> str:
        """Name the series."""
        data = recipe.data
        return named_in_words(data.name) or (data.path.name if data.path else "unknown")

    def call(self, recipe: ForecastRecipe, facts: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what forecasts."""
        return "print(model.forecast(frame).to_frame())  # what follows the rows of a table"

    def pipeline_tag(self, recipe: ForecastRecipe, facts: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Return what the hub calls it."""
        return "time-series-forecasting"


KIND = ForecastKind()
