"""The recipe of networks that forecast a series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from ostinato.data.calendar import CalendarFeature
from ostinato.training.recipe_parts import (
    Count,
    EvaluationRecipe,
    ModelRecipe,
    Recipe,
    Section,
    Share,
    SourceRecipe,
    TrainingRecipe,
    no_dash,
)

SeriesFormat = Literal["auto", "csv", "tsv", "jsonl", "parquet"]
Level = Annotated[float, Field(gt=0, lt=1)]


class SeriesSplitRecipe(Section, frozen=True):
    """How the rows are dealt: the first to learn from, then those that choose, then the test."""

    dev: Share = Field(0.2, description="share that chooses the model")
    test: Share = Field(0.2, description="share at the end, scored once")

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.dev + self.test >= 1:
            raise ValueError("leaves nothing to learn from\nmend: dev + test below 1")
        return self


class SeriesRecipe(SourceRecipe, frozen=True):
    """Where the series comes from, and what its columns are. Exactly one of path and name."""

    sources: ClassVar[tuple[str, ...]] = ("path", "name")

    path: Path | None = Field(None, description="a table with a row for each moment")
    name: str | None = Field(None, description="a set of `ostinato recipes --data`")
    format: SeriesFormat = Field("auto", description="auto: by the file's name")
    encoding: str = Field("utf-8", description="of the file")
    header: bool | None = Field(None, description="whether line 1 names the columns; null: look")
    columns: list[str] | None = Field(None, description="names of the columns without a header")
    separator: str | None = Field(None, description="between columns; null: by the format")
    time: str | None = Field(None, description="column of dates; null: look for one")
    date_format: str | None = Field(
        None, description="how dates are written, such as %d.%m.%Y; null: look"
    )
    targets: list[str] | None = Field(
        None, description="columns to forecast; null: all numbers that are nothing else"
    )
    past: list[str] = Field([], description="columns that are known up to now alone")
    known: list[str] = Field([], description="columns that are known ahead, such as holidays")
    calendar: Literal["auto"] | list[CalendarFeature] = Field(
        "auto", description="what is read of dates ahead; auto: of what training saw two cycles"
    )
    missing: Literal["error", "interpolate", "last"] = Field(
        "error", description="what is done about missing values; last: the value before"
    )
    dates: Literal["error", "mend"] = Field(
        "error", description="what is done about dates out of order, repeated, or left out"
    )
    context: Count = Field(96, description="steps that are read")
    horizon: Count = Field(24, description="steps ahead that are forecast")
    season: Count | None = Field(None, description="period in steps; null: look for it")
    borders: tuple[Count, Count, Count] | None = Field(
        None, description="rows before the end of train, dev and test; null: as the set says, split"
    )
    split: SeriesSplitRecipe = SeriesSplitRecipe.model_construct()

    @field_validator("path", mode="before")
    @classmethod
    def _names_a_file(cls, path: object) -> object:
        return no_dash(path)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("path", "name") if getattr(self, name) is not None]
        if not given:
            raise ValueError("needs a series\nmend: add data=FILE, or data.name=SET")
        if len(given) > 1:
            raise ValueError(
                f"has {len(given)} sources ({', '.join(given)})\nmend: set one to null"
            )
        return self


class ForecastModelRecipe(ModelRecipe, frozen=True):
    """The network of a forecaster."""

    cell: str = Field("gru", description="a name of `ostinato cells`, or equations")
    hidden_size: Annotated[int, Field(gt=0, le=65_536)] = Field(
        64, description="units of the hidden state, of encoder and decoder"
    )
    forecast: Literal["recursive", "direct"] = Field(
        "recursive",
        description="recursive: a step at a time, reading its own; direct: all steps at once",
    )
    channels: Literal["shared", "joint"] = Field(
        "shared", description="shared: each target by itself, by the same weights; joint: together"
    )
    channel_size: int = Field(
        8, ge=0, le=65_536, description="shared: length of a target's vector; 0: none"
    )
    segment: Count = Field(1, description="direct: steps that are read and said at a time")
    skip: Literal["none", "learned", "ridge"] = Field(
        "ridge", description="linear path beside the recurrent one; ridge: starts as a regression"
    )
    normalization: Literal["last", "mean", "none"] = Field(
        "last", description="what is taken off each window, and added to its forecast"
    )
    stretch: bool = Field(False, description="divide each window by its standard deviation")
    output: Literal["point", "quantile", "gaussian", "student-t"] = Field(
        "point", description="what is said of a number"
    )
    levels: list[Level] = Field(
        [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], description="quantile: which, rising"
    )

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.levels or self.levels != sorted(set(self.levels)):
            raise ValueError(
                f"has levels {self.levels}, expected rising ones\nmend: levels=[0.1, 0.5, 0.9]"
            )
        return self


class ForecastTrainingRecipe(TrainingRecipe, frozen=True):
    """Training on windows."""

    batch_size: Count = Field(64, description="windows side by side")
    loss: Literal["mse", "mae", "huber"] = Field("mse", description="of points")


class ForecastEvaluationRecipe(EvaluationRecipe, frozen=True):
    """When and how forecasts are scored."""

    batch_size: Count = Field(256, description="windows side by side")
    metric: Literal["auto", "mse", "mae", "mase", "smape", "crps"] = Field(
        "auto", description="what chooses the best weights; auto: mse of points, crps of others"
    )
    standardized: bool = Field(
        False, description="mse, mae and crps in standard deviations of the training part"
    )
    stride: Count = Field(1, description="steps between the origins of two forecasts")
    num_paths: Count = Field(
        50, description="recursive with a distribution: paths that its quantiles are taken from"
    )


class ForecastRecipe(Recipe, frozen=True):
    """A run that learns to forecast a series of one or several targets."""

    task: Literal["forecasting"]
    data: SeriesRecipe
    model: ForecastModelRecipe = ForecastModelRecipe.model_construct()
    training: ForecastTrainingRecipe
    evaluation: ForecastEvaluationRecipe = ForecastEvaluationRecipe.model_construct()
