"""Recipes: everything that decides what a run does, validated before anything is touched."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ostinato.data.sets.made import find_problem
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.recipe_parts import (
    DataRecipe,
    ExampleEvaluationRecipe,
    ExampleTrainingRecipe,
    FramesRecipe,
    Recipe,
    SampleRecipe,
    SequenceModelRecipe,
    StreamEvaluationRecipe,
    StreamTrainingRecipe,
    TextModelRecipe,
    TextRecipe,
    TextStepsRecipe,
)
from ostinato.training.suggestion_recipe import SuggestionRecipe
from ostinato.training.writing_recipe import WritingRecipe


class LanguageModelRecipe(Recipe, frozen=True):
    """A run that learns to write."""

    task: Literal["language-model"]
    show: Literal["progress", "unrolled"] = Field("progress", description="what the screen shows")
    data: TextRecipe
    model: TextModelRecipe = TextModelRecipe.model_construct()
    training: StreamTrainingRecipe
    evaluation: StreamEvaluationRecipe = StreamEvaluationRecipe.model_construct()
    sample: SampleRecipe = SampleRecipe.model_construct()


ExampleTask = Literal["classification", "multi-label", "regression", "tagging", "polyphony"]


class ExampleRecipe(Recipe, frozen=True):
    """A run that learns from examples.

    classification: one label a sequence; multi-label: any number; regression: numbers; tagging: a
    label at every step; polyphony: the notes of the next step.
    """

    task: ExampleTask
    data: DataRecipe
    text: TextStepsRecipe = TextStepsRecipe.model_construct()
    frames: FramesRecipe = FramesRecipe.model_construct()
    model: SequenceModelRecipe = SequenceModelRecipe.model_construct()
    training: ExampleTrainingRecipe
    evaluation: ExampleEvaluationRecipe = ExampleEvaluationRecipe.model_construct()

    @model_validator(mode="after")
    def _suits_what_is_made(self) -> Self:
        made = self.data.made
        if made is None:
            return self
        task = find_problem(made.problem).task
        if self.task != task:
            raise ValueError(
                f"has task {self.task}, but the problem {made.problem!r} is one of {task}\n"
                f"mend: task={task}"
            )
        section = "text" if task == "tagging" else "frames"
        if made.length > getattr(self, section).max_length:
            raise ValueError(
                f"makes sequences of {made.length:,} steps and would cut them at "
                f"{section}.max_length={getattr(self, section).max_length}\n"
                f"mend: {section}.max_length={made.length}"
            )
        return self


RowsRecipe = ExampleRecipe | WritingRecipe
"""A recipe whose data are rows: an input each, and a target."""

RECIPES: dict[str, type[Recipe]] = {
    "language-model": LanguageModelRecipe,
    **dict.fromkeys(
        ("classification", "multi-label", "regression", "tagging", "polyphony"), ExampleRecipe
    ),
    **dict.fromkeys(("text-to-text", "image-to-text"), WritingRecipe),
    "suggestion": SuggestionRecipe,
    "forecasting": ForecastRecipe,
}


def recipe_class(raw: object) -> type[Recipe]:
    """Return the kind of recipe that nested dictionaries, or a task's name, are meant to be."""
    task: Any = raw.get("task") if isinstance(raw, dict) else raw  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return RECIPES.get(task if isinstance(task, str) else "", LanguageModelRecipe)
