"""The network of a recipe that writes, and how it writes."""

from __future__ import annotations

from dataclasses import fields
from typing import cast

from ostinato.data.pipeline import Pipeline
from ostinato.models.building import Frames, SequenceModelOptions, Tokens, Words
from ostinato.models.building_writers import (
    DecoderOptions,
    Nothing,
    Pictures,
    SourceKind,
    WriterOptions,
    build_encoder_decoder,
)
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.training.cell_text import cell_of_text
from ostinato.training.model_memory import fitting_into_memory
from ostinato.training.writing_recipe import DecodingRecipe, WritingRecipe

# No length was learned beyond the longest, but a writer has to be able to err.
_LONGER = 2


def build_writing_model(recipe: WritingRecipe, pipeline: Pipeline) -> EncoderDecoder:
    """Return a new network for what the pipeline makes.

    Args:
        recipe: the sections ``model`` and ``decoder``, and how it is trained.
        pipeline: sizes of inputs and outputs.

    Raises:
        UnknownNameError: the recipe names no known cell.
        EquationError: its equations cannot be read.
        OptionError: options that do not go together, or more than fits into memory.
    """
    # It tells a path or a misspelt name from equations.
    cell_of_text(recipe.model.cell, recipe.model.functions)
    decoder = recipe.decoder
    if decoder.cell is not None:
        cell_of_text(decoder.cell, decoder.functions)
    target, training = pipeline.target, recipe.training
    assert target is not None
    options = WriterOptions(
        model=SequenceModelOptions(**recipe.model.model_dump(exclude={"channels"})),
        decoder=DecoderOptions(**decoder.model_dump()),
        channels=recipe.model.channels,
    )
    with fitting_into_memory(max(recipe.model.hidden_size, decoder.hidden_size or 0)):
        return build_encoder_decoder(
            source_of(recipe, pipeline),
            target.num_symbols,
            options,
            start=target.start,
            end=target.end,
            label_smoothing=training.label_smoothing,
            free_choice=training.free_choice,
            never_written=target.never_written,
        )


def source_of(recipe: WritingRecipe, pipeline: Pipeline) -> SourceKind:
    """Return what a step of the source is, or that it is a picture."""
    if pipeline.kind == "pictures":
        return _pictures(recipe, pipeline)
    if pipeline.kind == "frames":
        scaling = pipeline.scaling if recipe.frames.standardize else None
        return Frames(
            pipeline.num_features,
            None if scaling is None else cast("list[float]", scaling.mean.tolist()),
            None if scaling is None else cast("list[float]", scaling.scale.tolist()),
            pipeline.picture,
        )
    assert pipeline.encoder is not None
    if pipeline.reads_nothing:
        return Nothing()
    if pipeline.spelling is not None:
        return Words(pipeline.encoder.num_symbols, pipeline.spelling.num_characters)
    return Tokens(pipeline.encoder.num_symbols)


def _pictures(recipe: WritingRecipe, pipeline: Pipeline) -> Pictures:
    """Return the form of the pictures; their bytes become floats where the network is."""
    form, scaling = pipeline.form, pipeline.scaling
    assert form is not None
    assert scaling is not None
    mean, scale = [0.0] * form.num_channels, [255.0] * form.num_channels
    if recipe.frames.standardize:
        mean = cast("list[float]", scaling.mean.tolist())
        scale = cast("list[float]", scaling.scale.tolist())
    return Pictures(form.num_channels, form.height, form.width, mean, scale)


def decoding_options(decoding: DecodingRecipe, pipeline: Pipeline) -> DecodingOptions:
    """Return how a text is written.

    Raises:
        OptionError: a value is of another method.
    """
    values = decoding.model_dump(include={each.name for each in fields(DecodingOptions)})
    values["max_length"] = _most_units(decoding, pipeline)
    return DecodingOptions(**values)


def greedy_options(decoding: DecodingRecipe, pipeline: Pipeline) -> DecodingOptions:
    """Return how a text is written in training: quickly."""
    return DecodingOptions(
        method="greedy",
        max_length=_most_units(decoding, pipeline),
        min_length=decoding.min_length,
    )


def _most_units(decoding: DecodingRecipe, pipeline: Pipeline) -> int:
    if decoding.max_length is not None:
        return decoding.max_length
    return max(1, _LONGER * pipeline.longest_target, decoding.min_length + 1)
