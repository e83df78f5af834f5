"""Keys of a forecasting recipe that say something, but to nobody."""

from __future__ import annotations

from collections.abc import Iterator

from ostinato import cells
from ostinato.data.readers.formats import TABLES, format_by_name
from ostinato.training.forecast_recipe import ForecastRecipe, SeriesRecipe
from ostinato.training.unused_keys import changed_keys, unused_training

_OF_TABLES = ("header", "columns", "separator")


def unused_forecast_keys(recipe: ForecastRecipe) -> tuple[str, ...]:
    """Return the keys that differ from their defaults and change nothing."""
    data = recipe.data
    found = [
        *changed_keys("data", data, _data(data)),
        *changed_keys("model", recipe.model, _model(recipe)),
        *changed_keys("training", recipe.training, _training(recipe)),
        *changed_keys("evaluation", recipe.evaluation, _evaluation(recipe)),
    ]
    if data.name is not None or data.borders is not None:
        found += changed_keys("data.split", data.split, iter(("dev", "test")))
    return tuple(found)


def _data(data: SeriesRecipe) -> Iterator[str]:
    kind = data.format
    if kind == "auto" and data.path is not None:
        kind = format_by_name(data.path) or "auto"
    if data.name is not None:
        yield from ("format", "encoding", *_OF_TABLES)
    elif kind != "auto" and kind not in TABLES:
        yield from _OF_TABLES
        if kind == "parquet":
            yield "encoding"


def _model(recipe: ForecastRecipe) -> Iterator[str]:
    model = recipe.model
    if model.channels == "joint":
        yield "channel_size"
    if model.output != "quantile":
        yield "levels"
    if model.cell.strip() in cells.names():
        yield "functions"


def _training(recipe: ForecastRecipe) -> Iterator[str]:
    yield from unused_training(recipe)
    if recipe.model.output != "point":
        yield "loss"


def _evaluation(recipe: ForecastRecipe) -> Iterator[str]:
    if recipe.model.forecast == "direct" or recipe.model.output == "point":
        yield "num_paths"
