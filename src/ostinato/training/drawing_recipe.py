"""Recipes of networks that draw."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ostinato.training.recipe_parts import (
    Count,
    DataRecipe,
    EvaluationRecipe,
    ModelRecipe,
    Recipe,
    Section,
    Share,
    TrainingRecipe,
)


class StrokesRecipe(Section, frozen=True):
    """How drawings become steps."""

    max_length: Count = Field(1000, description="points; the rest of a drawing is cut off, counted")
    stretch: Share = Field(
        0.0, description="width and height change by up to this share each, in training"
    )


class DrawingModelRecipe(ModelRecipe, frozen=True):
    """The network that draws."""

    residual: bool = Field(False, description="add each layer's input to its output")
    num_components: Count = Field(20, description="Gaussians of the mixture over the next point")


class DrawingRecipe(Recipe, frozen=True):
    """A run that learns to draw: at every point, where the pen goes next."""

    task: Literal["drawing"]
    data: DataRecipe
    strokes: StrokesRecipe = StrokesRecipe.model_construct()
    model: DrawingModelRecipe = DrawingModelRecipe.model_construct()
    training: TrainingRecipe
    evaluation: EvaluationRecipe = EvaluationRecipe.model_construct()

    @model_validator(mode="after")
    def _has_drawings(self) -> Self:
        if self.data.made is not None:
            raise ValueError(
                f"has task drawing, but the problem {self.data.made.problem!r} makes none\n"
                "mend: data.name=SET or data.train=FILE, with drawings"
            )
        return self
