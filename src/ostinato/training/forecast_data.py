"""The series of a recipe: read, checked, and cut into parts."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ostinato.data.calendar import CalendarFeature, check_features, usual_features
from ostinato.data.forecast_windows import Borders, ForecastWindows, SeriesPipeline
from ostinato.data.readers import ReadOptions, read_rows
from ostinato.data.rows import Malformed, Row
from ostinato.data.seasons import find_season
from ostinato.data.sets.catalogue import find_set, series_file
from ostinato.data.sets.named_set import SeriesLayout
from ostinato.data.time_series import SeriesOptions, Table, TimeSeries, read_series
from ostinato.training.errors import RecipeError
from ostinato.training.forecast_recipe import ForecastRecipe, SeriesRecipe
from ostinato.training.memory import MEMORY, not_kept
from ostinato.training.metrics.forecasts import ForecastUnits
from ostinato.training.recipe_files import changed, validate

OF_OTHER_FILES: Final = tuple(
    f"data.{name}"
    for name in (
        "format",
        "encoding",
        "header",
        "columns",
        "separator",
        "time",
        "date_format",
        "missing",
        "dates",
    )
)


@dataclass(frozen=True)
class SeriesData:
    """A series, its parts, and what was learned from the first one.

    Attributes:
        series: all rows up to the end of the test part.
        borders: of the parts.
        season: in steps.
        pipeline: scaling and calendar.
        windows: of the scaled series.
        units: of errors.
        notes: sentences about what was mended or left out.
    """

    series: TimeSeries
    borders: Borders
    season: int
    pipeline: SeriesPipeline
    windows: ForecastWindows
    units: ForecastUnits
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """The fingerprint of everything that is learned from or scored."""
        content = hashlib.sha256()
        series = self.series
        for array in (series.targets, series.past, series.known, series.is_known):
            content.update(np.ascontiguousarray(array[: self.borders.test]).tobytes())
        names = [name for group in series.names for name in group]
        borders = (self.borders.train, self.borders.dev, self.borders.test)
        content.update(repr((names, borders)).encode())
        if series.times is not None:
            content.update(np.ascontiguousarray(series.times[: self.borders.test]).tobytes())
        return content.hexdigest()

    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what using a network later needs."""
        return {
            "pipeline": self.pipeline.to_json(),
            "season": self.season,
            "naive": self.units.naive.tolist(),
            "time": self.series.time,
        }


def series_data(recipe: ForecastRecipe, table: Table | None = None) -> SeriesData:
    """Read the series of a recipe.

    Args:
        recipe: which, and how.
        table: in its place, columns that were given in Python.

    Raises:
        UnknownNameError: there is no such set or column.
        DataError: the series cannot be used; what is wrong is named by row and date.
        OptionError: features of the calendar without dates.
        RunError: the series was given in Python, and is in no file.
    """
    data = recipe.data
    if data.name == MEMORY and table is None:
        raise not_kept()
    layout = None if data.name in (None, MEMORY) else layout_of(data.name or "")
    if table is None:
        series = _read(data, layout)
    else:
        series = read_series(table, series_options(data, layout))
    return cut(recipe, series, layout)


def cut(
    recipe: ForecastRecipe, series: TimeSeries, layout: SeriesLayout | None = None
) -> SeriesData:
    """Cut a series into parts, and learn scaling and season from the first one.

    Raises:
        DataError: a part is too short for the horizon.
        OptionError: features of the calendar without dates.
    """
    data = recipe.data
    borders = _borders(data, series, layout)
    borders.check(len(series))
    train = series.targets[: borders.train]
    season = data.season or (layout.season if layout else find_season(train, series.step))
    calendar = _calendar(data, series, borders.train)
    pipeline = SeriesPipeline.learn(series, borders.train, calendar)
    windows = ForecastWindows(pipeline.apply(series), data.context, data.horizon)
    units = ForecastUnits.learn(
        train, pipeline.targets, season, standardized=recipe.evaluation.standardized
    )
    windows.origins("train", borders)
    windows.origins("dev", borders)
    return SeriesData(series, borders, season, pipeline, windows, units, series.notes)


def layout_of(name: str) -> SeriesLayout:
    """Return how the table of a named series is laid out.

    Raises:
        UnknownNameError: there is no such set.
        RecipeError: it is no series.
    """
    found = find_set(name)
    if found.series is None:
        raise RecipeError(
            f"the data set {name!r} is for {found.task}, and no series to forecast\n"
            "mend: a set of `ostinato recipes --data` for forecasting, or data=FILE"
        )
    return found.series


def _borders(data: SeriesRecipe, series: TimeSeries, layout: SeriesLayout | None) -> Borders:
    if data.borders is not None:
        return Borders(*data.borders)
    if layout is not None:
        return Borders(*layout.borders)
    return Borders.by_share(len(series), data.split.dev, data.split.test)


def _calendar(data: SeriesRecipe, series: TimeSeries, num: int) -> Sequence[CalendarFeature]:
    if data.calendar != "auto":
        check_features(series.times, data.calendar)
        return data.calendar
    return () if series.step is None else usual_features(series.step, num)


def series_options(data: SeriesRecipe, layout: SeriesLayout | None = None) -> SeriesOptions:
    """Return how the section of a recipe reads a table."""
    targets = data.targets
    if targets is None and layout is not None:
        taken = (*data.past, *data.known)
        targets = [name for name in layout.values if name not in taken]
    return SeriesOptions(
        time=data.time if layout is None else data.time or layout.time,
        date_format=data.date_format,
        targets=None if targets is None else tuple(targets),
        past=tuple(data.past),
        known=tuple(data.known),
        missing=data.missing,
        dates=data.dates,
    )


def _read(data: SeriesRecipe, layout: SeriesLayout | None) -> TimeSeries:
    if layout is None:
        assert data.path is not None
        return read_file(data.path, _read_options(data), series_options(data))
    path = series_file(find_set(data.name or ""))
    options = series_options(data, layout)
    columns = {options.time, *(options.targets or ()), *options.past, *options.known}
    return read_file(path, layout.options, options, columns - {None} if layout.time else columns)


def read_file(
    path: Path,
    how: ReadOptions,
    options: SeriesOptions,
    columns: set[Any] | None = None,
) -> TimeSeries:
    """Read a series from a file.

    Args:
        path: a table.
        how: its format.
        options: what its columns are.
        columns: that are read; None for all.

    Raises:
        DataError: it cannot be used; rows are named by their line.
    """
    rows = series_rows(path, how)
    return read_series(table_of_rows(rows, columns), options, lambda row: rows[row].place)


def series_rows(path: Path, how: ReadOptions) -> list[Row]:
    """Return the rows of a file, none of which may be malformed.

    Raises:
        DataError: some are; they are named by their line.
    """
    malformed = Malformed()
    rows = list(malformed.counting(read_rows(path, how, malformed)))
    malformed.check(can_tolerate=False)
    return rows


def table_of_rows(rows: Sequence[Row], columns: Collection[str] | None = None) -> Table:
    """Return the columns of rows, all or those that are named."""
    names = dict.fromkeys(name for row in rows for name in row.values)
    return {
        name: [row.values.get(name) for row in rows]
        for name in names
        if columns is None or name in columns
    }


def _read_options(data: SeriesRecipe) -> ReadOptions:
    return ReadOptions(
        format=data.format,
        encoding=data.encoding,
        header=data.header,
        columns=None if data.columns is None else tuple(data.columns),
        separator=data.separator,
    )


def other_series(
    recipe: ForecastRecipe, facts: Mapping[str, Any], path: Path, changes: Sequence[str] = ()
) -> TimeSeries:
    """Read another file, with the columns that a run learned from.

    Args:
        recipe: of the run.
        facts: of the run.
        path: the file.
        changes: ``data.key=value``, where it is in another form.

    Raises:
        RecipeError: a change is not of how a file is read.
        DataError: it cannot be used.
    """
    data = _of_file(recipe, changes)
    options = _options_of_facts(data, facts)
    layout = None if data.name in (None, MEMORY) else layout_of(data.name or "")
    how = _read_options(data)
    if layout is not None and layout.options.columns is not None and not changes:
        # A set whose file has no header: a file in its form has none, either.
        how = layout.options
    return read_file(path, how, options)


def series_of_table(recipe: ForecastRecipe, facts: Mapping[str, Any], table: Table) -> TimeSeries:
    """Read columns that were given in Python as what a run learned from.

    Raises:
        DataError: they cannot be used.
    """
    return read_series(table, _options_of_facts(recipe.data, facts))


def _options_of_facts(data: SeriesRecipe, facts: Mapping[str, Any]) -> SeriesOptions:
    targets, past, known = (tuple(group) for group in facts["pipeline"]["names"])
    return SeriesOptions(
        time=data.time or facts.get("time"),
        date_format=data.date_format,
        targets=targets,
        past=past,
        known=known,
        missing=data.missing,
        dates=data.dates,
    )


def _of_file(recipe: ForecastRecipe, changes: Sequence[str]) -> SeriesRecipe:
    for change in changes:
        key = change.partition("=")[0]
        if key not in OF_OTHER_FILES:
            raise RecipeError(
                f"{key} cannot be changed now: the model has learned\n"
                f"mend: only how another file is read: {', '.join(OF_OTHER_FILES)}"
            )
    found = validate(changed(recipe.model_dump(mode="json"), changes), "of the run")
    assert isinstance(found, ForecastRecipe)
    return found.data
