"""The recipe of a series that nobody has described: dates in one column, numbers in the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ostinato.data import DataError
from ostinato.data.dates import looks_like_dates, num_dates
from ostinato.data.forecast_windows import Borders
from ostinato.data.missing import is_missing
from ostinato.data.readers.formats import TABLES
from ostinato.data.rows import Row
from ostinato.data.seasons import find_season
from ostinato.data.time_series import SeriesOptions, TimeSeries, read_series
from ostinato.data.wording import counted
from ostinato.training.columns import Column
from ostinato.training.forecast_data import series_rows, table_of_rows
from ostinato.training.proposed import Line, Proposal, written_path
from ostinato.training.survey import Survey

_FEWEST_ROWS: Final = 30
_SHARE: Final = 0.2
# Of years that differ: numbers that repeat are measured rather than a time.
_DIFFERENT: Final = 0.95
_FORMATS: Final = (*TABLES, "jsonl", "parquet")
_CONTEXT_SEASONS: Final = 4
_USUAL_CONTEXT: Final = 24
_LONGEST: Final = 336


def is_series(seen: Survey) -> bool:
    """Whether a table is a series: one column of dates, and beside it numbers alone.

    Dates may be there twice, which is then said and mended; bare years may not.
    """
    if seen.options.format not in _FORMATS or seen.num_rows < _FEWEST_ROWS:
        return False
    dates = _dates(seen)
    if len(dates) != 1:
        return False
    time = seen.columns[dates[0]]
    if time.is_numeric and len(time.counts) < _DIFFERENT * seen.num_rows:
        return False
    others = [column for name, column in seen.columns.items() if name != dates[0]]
    # What is named a label, and has few values, is one, whatever stands beside it.
    has_label = any(each.target_rank is not None and not each.is_measured for each in others)
    return bool(others) and all(column.is_numeric for column in others) and not has_label


def propose_series(seen: Survey, time: str | None, target: str | None) -> Proposal:
    """Fill in the recipe of a series.

    Args:
        seen: the data.
        time: the column of dates; None to look for it.
        target: the column to forecast; None for all numbers.

    Raises:
        DataError: it is no table of numbers, or too short; or dates or numbers of it cannot be
            read: they are named by their line.
    """
    path = seen.files["train"]
    if seen.options.format not in _FORMATS or not isinstance(path, Path):
        raise DataError(
            f"a series is one table, {seen.name} is {seen.options.format}\n"
            "mend: give a table with a row for each moment"
        )
    if time is None:
        time = next(iter(_dates(seen)), None)
    numbers = [name for name, column in seen.columns.items() if column.is_numeric and name != time]
    targets = numbers if target is None else [target]
    if not targets:
        raise DataError(f"{seen.name} has no column of numbers to forecast\nmend: --target COLUMN")
    series, options = _read(series_rows(path, seen.options), time, targets)
    proposal = Proposal(
        f"Forecasts of {seen.name}: {counted(len(series), 'row')}",
        "forecasting",
        "dates beside numbers alone" if time else "as asked for",
    )
    proposal.notes += [*_left_out(seen, time, targets), *series.notes]
    sections = proposal.sections
    horizon, context, data = _data(seen, path, series, options)
    sections["data"] = data
    sections["model"] = _model(len(series), horizon)
    sections["training"] = [
        Line("batch_size", 16 if len(series) < 500 else 64, "windows side by side"),
        Line("learning_rate", 0.001, "the highest of its schedule"),
        Line("max_epochs", 30 if len(series) * context < 500_000 else 6, "passes over the windows"),
    ]
    sections["evaluation"] = [
        Line("standardized", len(targets) > 1, "several targets: errors in standard deviations"),
        Line("patience", 4, "evaluations without progress end the run; null: never"),
    ]
    return proposal


def _dates(seen: Survey) -> list[str]:
    return [name for name, column in seen.columns.items() if looks_like_dates(_values(column))]


def _values(column: Column) -> Sequence[Any]:
    return ["" if value is None else value for value in column.values]


def _left_out(seen: Survey, time: str | None, targets: Sequence[str]) -> list[str]:
    """Name the columns that are neither read as dates nor as numbers, and what they hold."""
    notes: list[str] = []
    for name, column in seen.columns.items():
        if name == time or name in targets or column.is_numeric:
            continue
        values = [value for value in column.values if not is_missing(value)]
        if num := num_dates(values):
            holds = f"{num:,} of its {counted(len(values), 'value')} can be read as dates"
            notes.append(f"left out: {name}: {holds}; --input {name} takes it for the time")
        else:
            notes.append(f"left out: {name}: neither dates nor numbers")
    return notes


def _read(
    rows: Sequence[Row], time: str | None, targets: Sequence[str]
) -> tuple[TimeSeries, SeriesOptions]:
    """Read the series, mended as far as it has to be."""
    table = table_of_rows(rows, {*targets, *([time] if time else ())})
    options = SeriesOptions(time=time, targets=tuple(targets))
    attempts = (
        options,
        replace(options, missing="last"),
        replace(options, dates="mend", missing="last"),
    )

    def read(attempt: SeriesOptions) -> TimeSeries:
        return read_series(table, attempt, lambda row: rows[row].place)

    for attempt in attempts[:-1]:
        try:
            return read(attempt), attempt
        except DataError:
            # What is wrong is said by the last attempt, or counted in its notes.
            continue
    return read(attempts[-1]), attempts[-1]


def _data(
    seen: Survey, path: Path, series: TimeSeries, options: SeriesOptions
) -> tuple[int, int, list[Line]]:
    """Return horizon, context, and the lines of the section."""
    borders = Borders.by_share(len(series), _SHARE, _SHARE)
    season = find_season(series.targets[: borders.train], series.step)
    held = borders.dev - borders.train
    horizon = max(1, min(season if season > 1 else 12, held // 2))
    room = borders.train - 2 * horizon
    wanted = max(_CONTEXT_SEASONS * season, _USUAL_CONTEXT)
    context = min(wanted, _LONGEST, max(room // 2, 1))
    if room < 2:
        noun = "row" if len(series) == seen.num_rows else "different moment"
        raise DataError(
            f"{seen.name} has {counted(len(series), noun)}, which is too short to learn from\n"
            "mend: give a longer series"
        )
    how = seen.options
    lines = [
        Line("path", written_path(path), "what was looked at"),
        Line("format", how.format, "a table"),
    ]
    if how.encoding != "utf-8":
        lines.append(Line("encoding", how.encoding, "it is not UTF-8"))
    if how.format in TABLES:
        lines.append(Line("header", how.header, "whether line 1 names the columns"))
        if how.separator is not None:
            lines.append(Line("separator", how.separator, "between the columns"))
    if how.columns is not None:
        lines.append(Line("columns", list(how.columns), "its header names one twice, or not"))
    step = f"a row every {series.step}" if series.step else "no dates: rows are numbered"
    lines.append(Line("time", options.time, step))
    names = list(options.targets or ())
    lines.append(Line("targets", names, "numbers; covariates go to past or known"))
    if options.missing != "error":
        lines.append(
            Line("missing", options.missing, "values are missing: the one before; or interpolate")
        )
    if options.dates != "error":
        why = "some are out of order, repeated (the mean is taken), or left out"
        lines.append(Line("dates", "mend", why))
    lines += [
        Line("season", season, "in steps; 1 for none"),
        Line("context", context, "steps that are read"),
        Line("horizon", horizon, "steps ahead that are forecast"),
        Line("split", {"dev": _SHARE, "test": _SHARE}, "by time: the last rows are the test"),
    ]
    return horizon, context, lines


def _model(num_rows: int, horizon: int) -> list[Line]:
    size = 16 if num_rows < 500 else 32 if num_rows < 5000 else 64
    return [
        Line("cell", "gru", "a name, or its equations"),
        Line("hidden_size", size, f"for {counted(num_rows, 'row')}"),
        Line("forecast", "direct", "all steps at once; recursive: one by one, which makes paths"),
        Line("segment", _segment(horizon), "steps that are read and said at a time"),
        Line("output", "quantile", "a fan; also possible: point, gaussian, student-t"),
        Line("dropout", 0.2, "against learning by heart"),
    ]


def _segment(horizon: int) -> int:
    return next(size for size in (24, 12, 6, 4, 3, 2, 1) if horizon % size == 0 and size <= horizon)
