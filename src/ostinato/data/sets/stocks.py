"""Whether a share's price goes up tomorrow, from the days before: windows without a look ahead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ostinato.data.rows import LAST_TARGET, Row

WINDOW = 20
_TICKERS_SIDE_BY_SIDE = ("MSFT", "IBM", "SBUX", "AAPL", "GSPC")
_TICKER_OF_SINGLE_FILE = "TSLA"


@dataclass(frozen=True, order=True)
class _Day:
    date: str
    close: float
    volume: float | None = None


@dataclass
class _Series:
    """The days of one share in one file: files adjust their prices differently."""

    ticker: str
    days: list[_Day] = field(default_factory=list[_Day])


def direction_rows(rows: Iterable[Row], *, first: str, last: str) -> Iterator[Row]:
    """Yield a row for each day of each share: the days before it, and whether it closed higher.

    ``series`` is float32 ``[20, 2]``: the log returns of the 20 days before, and the log changes of
    their volume (0 where the file has none), each divided by its root mean square in this window.
    ``label`` is ``up`` if the day closed above the day before, else ``down``; ``last`` is the
    same of the day before; ``date`` and ``ticker`` name the day.

    Nothing of the day itself or later enters ``series`` or ``last``, and nothing from before
    ``first`` does, so that what one part learns as a target is no input of the next.

    Args:
        rows: of the files: a ticker a column, a ``Stock`` column, or ``date`` and ``close`` alone.
        first: the first date of the part, as 2015-12-31.
        last: its last date.
    """
    found: dict[tuple[str, str], Row] = {}
    for series in _collected(rows):
        days = sorted(series.days)
        for end in range(WINDOW + 1, len(days)):
            window, target = days[end - WINDOW - 1 : end], days[end]
            key = (target.date, series.ticker)
            if first <= window[0].date and target.date <= last and key not in found:
                found[key] = _example(series.ticker, window, target)
    for key in sorted(found):
        yield found[key]


def _collected(rows: Iterable[Row]) -> Iterable[_Series]:
    found: dict[tuple[str, ...], _Series] = {}
    for row in rows:
        layout = tuple(row.values)
        for ticker, day in _days(row.values):
            found.setdefault((*layout, ticker), _Series(ticker)).days.append(day)
    return found.values()


def _days(values: Mapping[str, str]) -> Iterator[tuple[str, _Day]]:
    """Yield the days of one line, whichever file it is from."""
    if "Stock" in values:
        day = _Day(values["Date"], float(values["AdjClose"]), _volume(values["AdjVolume"]))
        yield values["Stock"], day
    elif "GSPC" in values:
        for ticker in _TICKERS_SIDE_BY_SIDE:
            yield ticker, _Day(values["Date"], float(values[ticker]))
    elif "/" in values["date"]:
        # The line with a time in place of the date is of a day that had not ended.
        date = values["date"].replace("/", "-")
        yield _TICKER_OF_SINGLE_FILE, _Day(date, float(values["close"]), _volume(values["volume"]))


def _volume(text: str) -> float | None:
    number = float(text)
    return number if number > 0 else None


def _example(ticker: str, window: list[_Day], target: _Day) -> Row:
    returns = [math.log(after.close / before.close) for before, after in pairwise(window)]
    volumes = [_change(before, after) for before, after in pairwise(window)]
    series = np.stack([_scaled(returns), _scaled(volumes)], axis=1)
    return Row(
        f"{ticker} {target.date}",
        {
            "series": series,
            "label": _direction(window[-1], target),
            LAST_TARGET: _direction(window[-2], window[-1]),
            "date": target.date,
            "ticker": ticker,
        },
    )


def _change(before: _Day, after: _Day) -> float:
    if before.volume is None or after.volume is None:
        return 0.0
    return math.log(after.volume / before.volume)


def _direction(before: _Day, after: _Day) -> str:
    return "up" if after.close > before.close else "down"


def _scaled(changes: list[float]) -> npt.NDArray[np.float32]:
    values = np.array(changes)
    size = math.sqrt(float((values**2).mean()))
    return (values / size if size else values).astype(np.float32)
