"""A table as a time series: dates found and checked, numbers read, what is missing named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UnknownNameError
from ostinato.data.dates import Step, Times, find_step, looks_like_dates, parse_dates
from ostinato.data.errors import DataError
from ostinato.data.missing import is_missing
from ostinato.data.wording import counted

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Missing = Literal["error", "interpolate", "last"]
Dates = Literal["error", "mend"]

_MOST_SHOWN: Final = 3
_SAMPLE: Final = 50


@dataclass(frozen=True)
class SeriesOptions:
    """How a table becomes a series.

    Attributes:
        time: the column of dates; None to find it, or to go on without dates.
        date_format: of the dates, as ``strptime`` takes it; None to find it.
        targets: columns to forecast; None for all numbers that are nothing else.
        past: columns that are known up to now alone.
        known: columns that are known ahead, such as holidays.
        missing: what to do about numbers that are not there.
        dates: what to do about dates out of order, repeated or left out.
    """

    time: str | None = None
    date_format: str | None = None
    targets: tuple[str, ...] | None = None
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    missing: Missing = "error"
    dates: Dates = "error"


@dataclass(frozen=True)
class TimeSeries:
    """Numbers at regular moments.

    Attributes:
        names: of the targets, of the past and of the known covariates.
        targets: float64 ``[N, O]``; what was missing is filled.
        past: float64 ``[N, P]``.
        known: float64 ``[N, G]``.
        is_known: bool ``[N, O]``, whether a target was there: others are not scored.
        times: of the moments; None without dates.
        step: between them; None without dates.
        ahead: float64 ``[A, G]``, known covariates of moments after the last target.
        notes: sentences about what was mended or left out, counted.
        time: the column of dates; None where there was none.
    """

    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    targets: Numbers
    past: Numbers
    known: Numbers
    is_known: Flags
    times: Times | None = None
    step: Step | None = None
    ahead: Numbers = field(default_factory=lambda: np.zeros((0, 0)))
    notes: tuple[str, ...] = ()
    time: str | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def moments_ahead(self, num: int) -> Times | None:
        """Return the moments after the last one; None without dates."""
        if self.times is None or self.step is None:
            return None
        return self.step.after(self.times[-1], num)


Table = Mapping[str, Sequence[Any]]
"""Column name to what stands in its rows."""


def table_of(data: Any, time: str | None = None) -> Table:
    """Return columns by name of a pandas frame or series, of a mapping, or of an array.

    An index of dates, or of texts that are some, becomes a column, named as it is, as ``time``, or
    ``time``; columns of an array are ``value_1``, …, or ``value`` where there is one.

    Args:
        data: rows in the order of time.
        time: the name of the column of dates, if there is one.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(data, Mapping):
        given = cast("Mapping[str, Sequence[Any]]", data)
        return {str(name): list(values) for name, values in given.items()}
    if hasattr(data, "to_frame") and not hasattr(data, "columns"):
        name = "value" if data.name is None else str(data.name)
        data = data.to_frame(name)
    if hasattr(data, "columns") and hasattr(data, "index"):
        table: dict[str, Sequence[Any]] = {}
        index: Any = data.index
        if hasattr(index, "to_timestamp"):
            index = index.to_timestamp()
        if _holds_dates(index):
            table[str(index.name or time or "time")] = [str(moment) for moment in index.tolist()]
        names = [str(name) for name in data.columns]
        return table | {name: data.iloc[:, place].tolist() for place, name in enumerate(names)}
    try:
        array: Numbers = np.atleast_1d(np.asarray(data, np.float64))
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2 or not array.size:
        raise DataError(
            f"got a {type(data).__name__} that is no series\n"
            "mend: a pandas frame or series, columns by name, or numbers [T] or [T, O]"
        )
    width = len(array[0])
    names = ["value"] if width == 1 else [f"value_{place}" for place in range(1, width + 1)]
    return {name: array[:, place].tolist() for place, name in enumerate(names)}


def _holds_dates(index: Any) -> bool:
    """Whether the index of a frame is of times, or of texts that are dates."""
    kind = getattr(index, "inferred_type", "")
    if kind == "string":
        return looks_like_dates(index.tolist())
    return kind in ("datetime64", "datetime", "date")


def read_series(
    table: Table, options: SeriesOptions, place: Callable[[int], str] = "row {}".format
) -> TimeSeries:
    """Read a series.

    Args:
        table: columns of equal length, in the order of time.
        options: what they are.
        place: names a row, counted from 0.

    Raises:
        UnknownNameError: there is no such column.
        DataError: a number or a date cannot be used; the first ones are named, all are counted.
    """
    num = _num_rows(table)
    for name in (*(options.targets or ()), *options.past, *options.known):
        _check_column(table, name)
    time = _time_column(table, options)
    names, notes = _roles(table, options, time)
    columns = [name for group in names for name in group]
    values = _numbers(table, columns, place)
    num_targets = len(names[0])
    num_ahead = _num_ahead(values[:, :num_targets]) if names[2] or time is not None else 0
    times: Times | None = None
    step: Step | None = None
    said = _Said(place, table[time] if time is not None else None)
    if time is not None:
        times = _times(table[time], options, said)
        values, times, step, num_ahead, mended = _arranged(values, times, options, said, num_ahead)
        notes += mended
    end = num - num_ahead if step is None else len(values) - num_ahead
    if not end:
        what = "column" if num_targets == 1 else "columns"
        verb = "holds" if num_targets == 1 else "hold"
        raise DataError(
            f"the {what} {', '.join(names[0])} to forecast {verb} no number\nmend: other columns"
        )
    is_known = ~np.isnan(values[:end, :num_targets])
    num_read = num_targets + len(names[1])
    values, filled = _filled(values, end, columns, num_read, options.missing, said, times)
    notes += filled
    if num_ahead:
        rows = counted(num_ahead, "row")
        notes.append(f"{rows} at the end without a target: what is known of moments ahead")
    parts = np.split(values, np.cumsum([len(group) for group in names])[:2], axis=1)
    return TimeSeries(
        names,
        parts[0][:end],
        parts[1][:end],
        parts[2][:end],
        is_known,
        None if times is None else times[:end],
        step,
        parts[2][end:],
        tuple(notes),
        time,
    )


class _Said:
    """Names rows in errors: where they stand, and their date.

    Args:
        place: names a row of the table.
        dates: as the table has them.
    """

    def __init__(self, place: Callable[[int], str], dates: Sequence[Any] | None) -> None:
        self._place = place
        self._dates = dates

    def row(self, number: int) -> str:
        """Name a row of the table."""
        if self._dates is None:
            return self._place(number)
        date = self._dates[number]
        return f"{self._place(number)} ({'empty' if is_missing(date) else date})"

    def rows(self, numbers: Sequence[int]) -> str:
        """Name some rows, and how many more there are."""
        shown = ", ".join(self.row(int(number)) for number in numbers[:_MOST_SHOWN])
        more = len(numbers) - _MOST_SHOWN
        return f"{shown} and {more:,} more" if more > 0 else shown


def _num_rows(table: Table) -> int:
    lengths = {name: len(column) for name, column in table.items()}
    if not lengths or not max(lengths.values()):
        raise DataError("the table holds no rows\nmend: give a table with a row for each moment")
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise DataError(f"the columns have different lengths: {shown}\nmend: make them equal")
    return next(iter(lengths.values()))


def _check_column(table: Table, name: str) -> None:
    if name not in table:
        raise UnknownNameError("column", name, tuple(table))


def _time_column(table: Table, options: SeriesOptions) -> str | None:
    if options.time is not None:
        _check_column(table, options.time)
        return options.time
    taken = {*(options.targets or ()), *options.past, *options.known}
    found = [
        name for name, values in table.items() if name not in taken and looks_like_dates(values)
    ]
    # A single number in each row that looks like a year is the series, not its time.
    others = [name for name in table if name not in found]
    return found[0] if found and others else None


def _roles(
    table: Table, options: SeriesOptions, time: str | None
) -> tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], list[str]]:
    """Return the columns of targets, past and known covariates, and what was left out."""
    notes: list[str] = []
    targets = options.targets
    if targets is None:
        rest = [name for name in table if name not in {time, *options.past, *options.known}]
        targets = tuple(name for name in rest if _is_numeric(table[name]))
        if others := [name for name in rest if name not in targets]:
            names = ", ".join(others)
            notes.append(f"left out, neither dates nor numbers: {names}")
    for name in targets:
        if name in (time, *options.past, *options.known):
            raise DataError(f"the column {name!r} has two roles\nmend: name it once")
    if not targets:
        raise DataError(
            f"no column of numbers to forecast among {', '.join(table)}\nmend: data.targets=[…]"
        )
    return (targets, options.past, options.known), notes


def _is_numeric(values: Sequence[Any]) -> bool:
    sample = [value for value in values if not is_missing(value)][:_SAMPLE]
    found = [_number(value) is not None for value in sample]
    return bool(found) and sum(found) * 2 > len(found)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _numbers(table: Table, columns: Sequence[str], place: Callable[[int], str]) -> Numbers:
    """Return the numbers of columns ``[N, K]``, NaN where they are missing.

    Raises:
        DataError: something else stands there.
    """
    found = np.full((_num_rows(table), len(columns)), np.nan)
    bad: list[str] = []
    for column, name in enumerate(columns):
        for row, value in enumerate(table[name]):
            if is_missing(value):
                continue
            number = _number(value)
            if number is None:
                bad.append(f"{place(row)}, {name}: {value!r}")
            else:
                found[row, column] = number
    if bad:
        more = len(bad) - _MOST_SHOWN
        shown = "; ".join(bad[:_MOST_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
        what = "that is no finite number" if len(bad) == 1 else "that are no finite numbers"
        raise DataError(
            f"{counted(len(bad), 'value')} {what}: {shown}\n"
            "mend: repair them, or leave them empty and say data.missing=interpolate"
        )
    return found


def _num_ahead(targets: Numbers) -> int:
    """Return how many rows at the end have no target: what is known of moments ahead."""
    has_target = np.flatnonzero(~np.isnan(targets).all(1))
    return len(targets) - 1 - int(has_target[-1]) if len(has_target) else len(targets)


def _times(values: Sequence[Any], options: SeriesOptions, said: _Said) -> Times:
    found = parse_dates(values, options.date_format)
    bad = [row for row, time in enumerate(found) if time is None]
    if bad:
        raise DataError(
            f"{counted(len(bad), 'date')} that cannot be read: {said.rows(bad)}\n"
            "mend: repair them, or say how they are written: data.date_format='%d.%m.%Y %H:%M'"
        )
    return np.array(cast("list[np.datetime64]", found), dtype="datetime64[s]")


def _arranged(
    values: Numbers, times: Times, options: SeriesOptions, said: _Said, num_ahead: int
) -> tuple[Numbers, Times, Step, int, list[str]]:
    """Return rows in order, one for every moment; what is not there is NaN.

    Raises:
        DataError: dates are out of order, repeated, left out, or not a whole number of steps apart.
    """
    unique = np.unique(times)
    if len(unique) < 2:
        raise DataError(
            f"{counted(len(times), 'row')} with one date: {said.row(0)}\nmend: give more moments"
        )
    step = find_step(unique)
    _, is_exact = step.places(unique)
    if not is_exact.all():
        off = np.flatnonzero(np.isin(times, unique[~is_exact]))
        raise DataError(
            f"{counted(len(off), 'date')} not a whole number of steps ({step}) after the first: "
            f"{said.rows(off.tolist())}\n"
            "mend: round them, or take means over regular steps, before they come here"
        )
    places, _ = step.places(np.concatenate([unique[:1], times]))
    places = places[1:]
    problems = _problems(places, step, said)
    if problems and options.dates == "error":
        raise DataError(
            "; ".join(problems) + "\nmend: repair them, or data.dates=mend: rows are put in order, "
            "of equal dates the mean is taken, and moments left out are filled as data.missing says"
        )
    num = int(places.max()) + 1
    sums, counts = np.zeros((num, values.shape[1])), np.zeros((num, values.shape[1]))
    np.add.at(sums, places, np.nan_to_num(values))
    np.add.at(counts, places, ~np.isnan(values))
    with np.errstate(invalid="ignore"):
        arranged = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    ahead = _num_ahead(arranged[:, : _num_of(options, values)]) if num_ahead else 0
    grid = np.concatenate([unique[:1], step.after(unique[0], num - 1)])
    return arranged, grid, step, ahead, [f"mended: {problem}" for problem in problems]


def _num_of(options: SeriesOptions, values: Numbers) -> int:
    return values.shape[1] - len(options.past) - len(options.known)


def _problems(places: npt.NDArray[np.int64], step: Step, said: _Said) -> list[str]:
    """Say what is wrong with the order of rows, whose places in time are given."""
    problems: list[str] = []
    if len(back := np.flatnonzero(np.diff(places) < 0) + 1):
        problems.append(
            f"{counted(len(back), 'row')} earlier than the one before: {said.rows(back.tolist())}"
        )
    order = np.argsort(places, kind="stable")
    if len(again := order[1:][np.diff(places[order]) == 0]):
        problems.append(
            f"{counted(len(again), 'repeated date')}: {said.rows(sorted(again.tolist()))}"
        )
    after = np.flatnonzero(np.diff(places[order]) > 1)
    if len(after):
        num = int((np.diff(places[order])[after] - 1).sum())
        problems.append(
            f"{counted(num, 'moment')} left out (the step is {step}), the first after "
            f"{said.rows(order[after].tolist())}"
        )
    return problems


def _filled(
    values: Numbers,
    end: int,
    columns: Sequence[str],
    num_read: int,
    missing: Missing,
    said: _Said,
    times: Times | None,
) -> tuple[Numbers, list[str]]:
    """Return values without NaN before ``end``; known covariates have to be there behind it, too.

    Args:
        values: of targets, past and known covariates, in this order.
        end: the row after the last target.
        columns: their names.
        num_read: of targets and past covariates.
        missing: what is done.
        said: names rows.
        times: of the rows, if there are any.

    Raises:
        DataError: something is missing, and nothing is to be done about it; or a column is empty.
    """
    is_absent = np.isnan(values)
    # Behind the last target nothing but what is known ahead is read.
    is_absent[end:, :num_read] = False
    num = int(is_absent.sum())
    if not num:
        return values, []
    rows, places = np.nonzero(is_absent)
    shown = ", ".join(
        f"{columns[column]} {_moment(row, said, times)}"
        for row, column in list(zip(rows.tolist(), places.tolist(), strict=True))[:_MOST_SHOWN]
    )
    more = f" and {num - _MOST_SHOWN:,} more" if num > _MOST_SHOWN else ""
    if missing == "error":
        raise DataError(
            f"{counted(num, 'missing value')}: {shown}{more}\nmend: repair them, or "
            "data.missing=interpolate, or data.missing=last, which looks at nothing ahead"
        )
    filled = values.copy()
    moments = np.arange(len(values))
    for column in np.unique(places):
        known = np.flatnonzero(~np.isnan(values[:, column]))
        if not len(known):
            raise DataError(f"the column {columns[column]} holds no number\nmend: leave it out")
        if missing == "interpolate":
            new = np.interp(moments, known, values[known, column])
        else:
            before = np.maximum(np.searchsorted(known, moments, side="right") - 1, 0)
            new = values[known[before], column]
        filled[:, column] = np.where(is_absent[:, column], new, values[:, column])
    how = "by interpolation" if missing == "interpolate" else "with the value before"
    return filled, [f"{counted(num, 'missing value')} filled {how}: {shown}{more}"]


def _moment(row: int, said: _Said, times: Times | None) -> str:
    return f"at {np.datetime_as_string(times[row])}" if times is not None else f"in {said.row(row)}"
