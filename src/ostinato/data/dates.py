"""Dates of a series: read in any usual form, and the regular step between them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.missing import is_missing

Times = npt.NDArray[np.datetime64]
"""Of seconds, ``[N]``."""
Places = npt.NDArray[np.int64]

StepUnit = Literal["second", "business day", "month", "month end"]

_DAY: Final = 86_400
_FORMATS: Final = (
    "%Y-%m",
    "%Y",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y년 %m월 %d일",
    "%Y년 %m월",
)
_YEAR = re.compile(r"[12]\d{3}")
_SAMPLE: Final = 200
# Of a column of dates; the others are mistakes, which are named.
_MOSTLY: Final = 0.8
_SIZES: Final = ((604_800, "week"), (_DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
# Steps of each size to their usual period, in steps.
_SEASONS: Final = {604_800: 52, _DAY: 7, 3600: 24, 1800: 48, 900: 96, 600: 144, 300: 288, 60: 1440}


@dataclass(frozen=True)
class Step:
    """What lies between two moments of a series.

    Attributes:
        unit: seconds; business days, Monday to Friday; months; or months that are dated by their
            last day.
        count: of them.
    """

    unit: StepUnit
    count: int

    def places(self, times: Times) -> tuple[Places, npt.NDArray[np.bool_]]:
        """Return how many steps each time is from the first one, and whether it is so exactly."""
        if self.unit == "business day":
            days = times.astype("datetime64[D]")
            is_exact = np.is_busday(days) & (_of_day(times) == _of_day(times)[0])
            return np.busday_count(days[0], days).astype(np.int64), is_exact
        if self.unit == "second":
            seconds = (times - times[0]).astype("timedelta64[s]").astype(np.int64)
            return seconds // self.count, seconds % self.count == 0
        months = times.astype("datetime64[M]").astype(np.int64)
        places = (months - months[0]) // self.count
        return places, (months - months[0]) % self.count == 0

    def after(self, last: np.datetime64, num: int) -> Times:
        """Return the ``num`` moments that follow ``last``."""
        steps = np.arange(1, num + 1) * self.count
        last = last.astype("datetime64[s]")
        if self.unit == "second":
            return last + steps.astype("timedelta64[s]")
        time_of_day = last - last.astype("datetime64[D]")
        if self.unit == "business day":
            return np.busday_offset(last.astype("datetime64[D]"), steps) + time_of_day
        month = last.astype("datetime64[M]")
        day_of_month = last.astype("datetime64[D]") - month.astype("datetime64[D]")
        months = month + steps.astype("timedelta64[M]")
        if self.unit == "month end":
            day = np.timedelta64(1, "D")
            return (months + 1).astype("datetime64[D]") - day + time_of_day
        return months.astype("datetime64[D]") + day_of_month + time_of_day

    @property
    def season(self) -> int | None:
        """The usual period in steps: a day of hours, a week of days, a year of months."""
        if self.unit == "business day":
            return 5
        if self.unit == "second":
            return _SEASONS.get(self.count)
        return 12 // self.count if 12 % self.count == 0 else None

    @property
    def seconds(self) -> int:
        """How long a step is, about."""
        return self.count * {"second": 1, "business day": _DAY}.get(self.unit, 30 * _DAY)

    def __str__(self) -> str:
        if self.unit == "second":
            size, name = next((size, name) for size, name in _SIZES if self.count % size == 0)
            return _words(self.count // size, name)
        if self.unit != "business day" and self.count % 12 == 0:
            return _words(self.count // 12, "year")
        return _words(self.count, self.unit)


def _words(count: int, unit: str) -> str:
    return f"1 {unit}" if count == 1 else f"{count:,} {unit}s"


def _of_day(times: Times) -> Places:
    """Return the seconds since midnight."""
    return (times - times.astype("datetime64[D]")).astype("timedelta64[s]").astype(np.int64)


def find_step(times: Times) -> Step:
    """Return the step of times that are in order, without repeats: the commonest difference."""
    months = times.astype("datetime64[M]")
    days = times.astype("datetime64[D]")
    is_same_hour = bool((_of_day(times) == _of_day(times)[0]).all())
    of_month = (days - months.astype("datetime64[D]")).astype(np.int64)
    lengths = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int)
    between = np.diff(months.astype(np.int64))
    if is_same_hour and bool((between > 0).all()):
        if bool((of_month == of_month[0]).all()):
            return Step("month", _commonest(between))
        if bool((of_month == lengths - 1).all()):
            return Step("month end", _commonest(between))
    seconds = _commonest(np.diff(times).astype("timedelta64[s]").astype(np.int64))
    num_days = int(np.diff(days.astype(np.int64)).sum())
    spans_weekend = np.busday_count(days[:1], days[-1:]).tolist() < [num_days]
    if seconds == _DAY and is_same_hour and spans_weekend and bool(np.is_busday(days).all()):
        return Step("business day", 1)
    return Step("second", seconds)


def _commonest(values: npt.NDArray[np.int64]) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def looks_like_dates(values: Sequence[Any]) -> bool:
    """Whether four fifths of what a column holds are dates; of numbers, whether all can be years.

    Args:
        values: what is empty does not count.
    """
    sample = _sampled([value for value in values if not is_missing(value)])
    readers = _fitting(sample)
    if not readers:
        return False
    found = [readers[0](value) is not None for value in sample]
    are_years = any(
        _YEAR.fullmatch(str(value).strip()) for value in itertools.compress(sample, found)
    )
    return all(found) if are_years else sum(found) >= _MOSTLY * len(found)


def num_dates(values: Sequence[Any]) -> int:
    """Return how many values can be read as dates, in the form that fits the most."""
    readers = _fitting([value for value in values if not is_missing(value)])
    return sum(readers[0](value) is not None for value in values) if readers else 0


def parse_dates(values: Sequence[Any], form: str | None) -> list[np.datetime64 | None]:
    """Return dates in seconds; None for what is none.

    Times of day with an offset become those of UTC. Several at the same local time of day stay
    local: a day of a zone with summer time is not always 24 hours long.

    Args:
        values: texts such as 2016-07-01 00:00:00, 1949-01 or 1.7.2016, or dates already.
        form: as ``strptime`` takes it; None to find it.

    Raises:
        DataError: several forms fit, and mean different days.
    """
    if form is not None:
        return _read(_by_format(form), values)
    given = [value for value in values if not is_missing(value)]
    readers = _fitting(given)
    if not readers:
        return [None] * len(values)
    found = _read(readers[0], values)
    for other in readers[1:]:
        if _read(other, values) != found:
            raise DataError(
                f"the dates can be read in two ways, day or month first: {given[0]}\n"
                "mend: data.date_format='%d/%m/%Y', or '%m/%d/%Y'"
            )
    return found


_Reader = Callable[[Any], datetime | None]


def _fitting(values: Sequence[Any]) -> list[_Reader]:
    """Return the readers that read the most of some values; several only where all of them fit."""
    sample = _sampled(values)
    readers: list[_Reader] = [_iso, *map(_by_format, _FORMATS)]
    counts = [sum(reader(value) is not None for value in sample) for reader in readers]
    best = max(counts, default=0)
    if not best:
        return []
    chosen = [r for r, count in zip(readers, counts, strict=True) if count == best]
    # What fits the beginning alone is no second way to read the whole.
    return chosen[:1] + [r for r in chosen[1:] if all(r(value) is not None for value in values)]


def _sampled(values: Sequence[Any]) -> Sequence[Any]:
    """Return some values, spread over all: dates at the beginning may be of one month."""
    return values[:: max(1, len(values) // _SAMPLE)]


def _read(reader: _Reader, values: Sequence[Any]) -> list[np.datetime64 | None]:
    found = [reader(value) for value in values]
    given = [time for time in found if time is not None]
    are_local = len(given) > 1 and len({time.time() for time in given}) == 1
    return [None if time is None else _seconds(time, is_local=are_local) for time in found]


def _seconds(time: datetime, *, is_local: bool) -> np.datetime64:
    if time.tzinfo is not None:
        time = (time if is_local else time.astimezone(UTC)).replace(tzinfo=None)
    return np.datetime64(time, "s")


def _iso(value: Any) -> datetime | None:
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, datetime):
        # A frame's missing time is a date that equals nothing, not even itself.
        return value if value == value else None  # noqa: PLR0124
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = str(value).strip()
    if "-" not in text:
        # Eight digits are a number as well.
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _by_format(form: str) -> _Reader:
    def read(value: Any) -> datetime | None:
        if not isinstance(value, str):
            # A date is one in any form.
            return _iso(value) if isinstance(value, date | np.datetime64) else None
        text = value.strip()
        if form == "%Y" and not _YEAR.fullmatch(text):
            return None
        try:
            return datetime.strptime(text, form)
        except ValueError:
            return None

    return read
