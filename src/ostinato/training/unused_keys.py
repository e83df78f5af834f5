"""Keys of a recipe that say something, but to nobody: what they are for is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from ostinato import cells
from ostinato.data.pipeline import Pipeline
from ostinato.data.readers.formats import TABLES, format_by_name
from ostinato.models.decoding_options import METHOD_KEYS
from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_parts import DataRecipe, ReaderRecipe, Recipe
from ostinato.training.teacher_forcing import is_scheduled
from ostinato.training.writing_recipe import WritingReaderRecipe, WritingRecipe

_OF_SOUND = ("window_ms", "hop_ms", "num_mels")
_OF_FILES = ("format", "encoding", "header", "columns", "separator", "quoting", "streaming")
_OF_TABLES = ("header", "columns", "separator", "quoting")
_BINARY = ("parquet", "hub", "rolls", "midi", "audio", "images", "strokes")
_OF_PICTURES = ("auto", "images", "captions")
_OF_RECURRENCE = (
    "cell",
    "functions",
    "sizes",
    "output_size",
    "num_layers",
    "recurrent_dropout",
    "zoneout",
    "layer_norm",
    "engine",
    "memory",
    "checkpoint_every",
    "start",
    "start_steps",
    "bidirectional",
    "residual",
    "pooling",
)
_OF_UNITS = ("embedding_size", "unit_dropout")
_OF_SPELLING = ("spelling_size", "character_size")


def unused_keys(recipe: ExampleRecipe, pipeline: Pipeline, *, is_sound: bool) -> tuple[str, ...]:
    """Return the keys that differ from their defaults and change nothing for these data.

    Args:
        recipe: the recipe.
        pipeline: that learned from its data.
        is_sound: whether the examples are sounds.
    """
    found = [
        *changed_keys("frames", recipe.frames, _unused_frames(pipeline, is_sound=is_sound)),
        *changed_keys("text", recipe.text, _unused_text(pipeline)),
        *changed_keys("data", recipe.data, _unused_data(recipe.data, pipeline)),
        *changed_keys("model", recipe.model, _unused_model(recipe, pipeline)),
        *changed_keys("training", recipe.training, unused_training(recipe)),
        *changed_keys("evaluation", recipe.evaluation, _unused_evaluation(recipe)),
    ]
    data = recipe.data
    if data.made is not None or (data.dev is not None and data.test is not None):
        found += changed_keys("data.split", data.split, iter(("dev", "test", "by")))
    return tuple(found)


def unused_writing_keys(
    recipe: WritingRecipe, pipeline: Pipeline, *, is_sound: bool
) -> tuple[str, ...]:
    """Return the keys of a writer that differ from their defaults and change nothing.

    Args:
        recipe: the recipe.
        pipeline: that learned from its data.
        is_sound: whether what is read are sounds.
    """
    data, decoding = recipe.data, recipe.decoding
    bytes_alone = iter(
        ("vocabulary_size", "min_count") if recipe.target_text.unit == "bytes" else ()
    )
    own = (*METHOD_KEYS[decoding.method], "trie")
    of_others = (key for key in type(decoding).model_fields if key not in own)
    found = [
        *changed_keys("frames", recipe.frames, _unused_frames(pipeline, is_sound=is_sound)),
        *changed_keys("text", recipe.text, _unused_text(pipeline)),
        *changed_keys("target_text", recipe.target_text, bytes_alone),
        *changed_keys("data", data, _unused_data(data, pipeline)),
        *changed_keys("model", recipe.model, _unused_writing_reader(recipe.model, pipeline)),
        *changed_keys("decoder", recipe.decoder, _unused_decoder(recipe, pipeline)),
        *changed_keys("training", recipe.training, unused_training(recipe)),
        *changed_keys("training", recipe.training, _unused_forcing(recipe)),
        *changed_keys("decoding", decoding, of_others),
    ]
    if data.dev is not None and data.test is not None:
        found += changed_keys("data.split", data.split, iter(("dev", "test", "by")))
    return tuple(found)


def _unused_writing_reader(model: WritingReaderRecipe, pipeline: Pipeline) -> Iterator[str]:
    yield from _unused_reader(model, pipeline)
    if pipeline.kind != "pictures":
        yield "channels"


def _unused_forcing(recipe: WritingRecipe) -> Iterator[str]:
    if not is_scheduled(recipe.training):
        yield "free_choice"


def _unused_decoder(recipe: WritingRecipe, pipeline: Pipeline) -> Iterator[str]:
    decoder = recipe.decoder
    if pipeline.reads_nothing:
        yield "context"
    if (decoder.cell or "").strip() in cells.names():
        yield "functions"


def unused_text_keys(recipe: LanguageModelRecipe) -> tuple[str, ...]:
    """Return the keys of a language model that differ from their defaults and change nothing."""
    data, model, sample = recipe.data, recipe.model, recipe.sample
    is_named_cell = model.cell.strip() in cells.names()
    of_data = [] if data.path is not None else ["encoding"]
    of_data += [] if data.documents == "whole" else ["held_out_at"]
    found = [
        *changed_keys("data", data, iter(of_data)),
        *changed_keys("model", model, iter(("functions",) if is_named_cell else ())),
        *changed_keys("training", recipe.training, unused_training(recipe)),
    ]
    if not sample.length:
        found += changed_keys("sample", sample, iter(("prompt", "temperature", "top_p")))
    return tuple(found)


def unused_drawing_keys(recipe: DrawingRecipe) -> tuple[str, ...]:
    """Return the keys of a network that draws that differ from their defaults, without effect."""
    data, model = recipe.data, recipe.model
    is_named_cell = model.cell.strip() in cells.names()
    of_data = ["target", "label_separator", *(_OF_FILES if data.name is not None else ())]
    found = [
        *changed_keys("data", data, iter(of_data)),
        *changed_keys("model", model, iter(("functions",) if is_named_cell else ())),
        *changed_keys("training", recipe.training, unused_training(recipe)),
    ]
    if data.dev is not None and data.test is not None:
        found += changed_keys("data.split", data.split, iter(("dev", "test", "by")))
    return tuple(found)


def changed_keys(section: str, values: BaseModel, names: Iterator[str]) -> Iterator[str]:
    """Yield those of the names whose values differ from their defaults, with their section."""
    for name in names:
        default = type(values).model_fields[name].get_default(call_default_factory=True)
        if getattr(values, name) != default:
            yield f"{section}.{name}"


def _unused_frames(pipeline: Pipeline, *, is_sound: bool) -> Iterator[str]:
    fields = type(pipeline.options.frames).__dataclass_fields__
    if pipeline.kind == "pictures":
        yield from (name for name in fields if name != "shift")
    elif pipeline.kind != "frames":
        yield from fields
        yield "standardize"
    elif not is_sound:
        yield from _OF_SOUND


def _unused_text(pipeline: Pipeline) -> Iterator[str]:
    if pipeline.reads_nothing:
        yield from type(pipeline.options.text).__dataclass_fields__
    elif pipeline.kind in ("frames", "pictures"):
        names = type(pipeline.options.text).__dataclass_fields__
        yield from (n for n in names if n != "unit" or pipeline.options.text.unit != "numbers")
    elif pipeline.options.text.unit == "bytes":
        yield from ("vocabulary_size", "min_count")


def _unused_data(data: DataRecipe, pipeline: Pipeline) -> Iterator[str]:
    kind = data.format
    if kind == "auto" and isinstance(data.train, Path):
        kind = format_by_name(data.train) or "auto"
    if data.name is not None or data.made is not None:
        yield from _OF_FILES
    elif kind != "auto":
        if kind not in (*TABLES, "text", "captions"):
            yield from _OF_TABLES
        if kind not in ("hub", "parquet"):
            yield "streaming"
        if kind in _BINARY:
            yield "encoding"
    if pipeline.options.task not in ("multi-label", "regression"):
        yield "label_separator"
    is_of_files = data.name is None and kind in _OF_PICTURES
    if pipeline.kind in ("text", "words") or (pipeline.kind == "frames" and not is_of_files):
        yield "image_size"


def _unused_model(recipe: ExampleRecipe, pipeline: Pipeline) -> Iterator[str]:
    if recipe.model.shape == "one-to-one":
        yield from _OF_RECURRENCE
    yield from _unused_reader(recipe.model, pipeline)


def _unused_reader(model: ReaderRecipe, pipeline: Pipeline) -> Iterator[str]:
    if pipeline.kind == "frames":
        yield from _OF_UNITS
    if model.spelling == "none":
        yield from _OF_SPELLING
    if model.cell.strip() in cells.names():
        yield "functions"


def unused_training(recipe: Recipe) -> Iterator[str]:
    """Yield the keys of the section training that its other keys leave without effect."""
    training = recipe.training
    if training.optimizer != "sgd":
        yield "momentum"
    if training.schedule == "constant":
        yield "rate_floor"


def _unused_evaluation(recipe: ExampleRecipe) -> Iterator[str]:
    if recipe.task != "classification":
        yield "positive"
