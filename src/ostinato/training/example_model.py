"""The network of a recipe of examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ostinato.data.pipeline import Pipeline
from ostinato.models.building import (
    Frames,
    SequenceModelOptions,
    Targets,
    Tokens,
    Words,
    build_sequence_model,
)
from ostinato.models.sequence_model import SequenceModel
from ostinato.training.cell_text import cell_of_text
from ostinato.training.model_memory import fitting_into_memory
from ostinato.training.recipe import ExampleRecipe


def build_example_model(
    recipe: ExampleRecipe, pipeline: Pipeline, class_weights: Sequence[float] | None = None
) -> SequenceModel:
    """Return a new network for what the pipeline makes.

    Args:
        recipe: the section ``model``, and how tags mark spans.
        pipeline: sizes of inputs and outputs.
        class_weights: ``[O]``, for the loss in training.

    Raises:
        UnknownNameError: the recipe names no known cell.
        EquationError: its equations cannot be read.
        OptionError: options that do not go together, or more than fits into memory.
    """
    # It tells a path or a misspelt name from equations.
    cell_of_text(recipe.model.cell, recipe.model.functions)
    options = SequenceModelOptions(**recipe.model.model_dump())
    targets = _targets(recipe, pipeline, class_weights)
    with fitting_into_memory(recipe.model.hidden_size):
        return build_sequence_model(_inputs(recipe, pipeline), targets, options)


def _inputs(recipe: ExampleRecipe, pipeline: Pipeline) -> Tokens | Words | Frames:
    if pipeline.kind == "frames":
        scaling = pipeline.scaling if recipe.frames.standardize else None
        return Frames(
            pipeline.num_features,
            None if scaling is None else cast("list[float]", scaling.mean.tolist()),
            None if scaling is None else cast("list[float]", scaling.scale.tolist()),
            pipeline.picture,
        )
    assert pipeline.encoder is not None
    if pipeline.spelling is not None:
        return Words(pipeline.encoder.num_symbols, pipeline.spelling.num_characters)
    return Tokens(pipeline.encoder.num_symbols)


def _targets(
    recipe: ExampleRecipe, pipeline: Pipeline, class_weights: Sequence[float] | None
) -> Targets:
    labels = () if pipeline.labels is None else pipeline.labels.names
    scaling = pipeline.target_scaling
    if recipe.task == "polyphony":
        num_outputs = pipeline.num_features
    else:
        num_outputs = len(labels) if scaling is None else len(scaling.mean)
    return Targets(
        recipe.task,
        num_outputs,
        class_weights=class_weights,
        label_smoothing=recipe.training.label_smoothing,
        labels=labels,
        scheme=recipe.evaluation.scheme,
        mean=None if scaling is None else cast("list[float]", scaling.mean.tolist()),
        scale=None if scaling is None else cast("list[float]", scaling.scale.tolist()),
    )
