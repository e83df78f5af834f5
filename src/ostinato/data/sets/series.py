"""Time series, each whole, with the borders between its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice

from ostinato.data.readers import ReadOptions
from ostinato.data.rows import Row
from ostinato.data.sets.named_set import NamedSet, Part, SeriesLayout, SeriesStep
from ostinato.data.sets.sources import public_files

TIME = "time"
"""The column of rows that says when; where the file has no dates, the number of the row."""

_PARTS = ("train", "dev", "test")
_ETT = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
_CURRENCIES = ("AUD", "GBP", "CAD", "CHF", "CNY", "JPY", "NZD", "SGD")
_NUM_DAYS_OF_RATES = 7588
_HOURS_OF_A_MONTH = 30 * 24


@dataclass(frozen=True)
class _Classic:
    """One table of dates and values.

    Attributes:
        file: its name.
        title: what is counted or measured.
        columns: as its header has them.
        num_rows: without the header.
        step: between two rows.
        season: steps of the usual period.
        has_dates: whether the first column holds dates: ``1-01`` is none.
    """

    file: str
    title: str
    columns: tuple[str, str]
    num_rows: int
    step: SeriesStep
    season: int
    has_dates: bool = True


_CLASSICS = {
    "airline_passengers": _Classic(
        "airline-passengers.csv",
        "airline passengers, thousands a month, 1949 to 1960",
        ("Month", "Passengers"),
        144,
        "month",
        12,
    ),
    "monthly_sunspots": _Classic(
        "monthly-sunspots.csv",
        "sunspots, mean of a month, 1749 to 1983",
        ("Month", "Sunspots"),
        2820,
        "month",
        12,
    ),
    "daily_min_temperatures": _Classic(
        "daily-min-temperatures.csv",
        "lowest temperature of a day in Melbourne, 1981 to 1990",
        ("Date", "Temp"),
        3650,
        "day",
        365,
    ),
    "daily_max_temperatures": _Classic(
        "daily-max-temperatures.csv",
        "highest temperature of a day in Melbourne, 1981 to 1990",
        ("Date", "Temperature"),
        3650,
        "day",
        365,
    ),
    "daily_female_births": _Classic(
        "daily-total-female-births.csv",
        "girls born on a day in California, 1959",
        ("Date", "Births"),
        365,
        "day",
        7,
    ),
    "monthly_mean_temperature": _Classic(
        "monthly-mean-temp.csv",
        "mean temperature of a month in Nottingham, 1920 to 1939",
        ("Month", "Temperature"),
        240,
        "month",
        12,
    ),
    "monthly_car_sales": _Classic(
        "monthly-car-sales.csv",
        "cars sold in Quebec in a month, 1960 to 1968",
        ("Month", "Sales"),
        108,
        "month",
        12,
    ),
    "monthly_robberies": _Classic(
        "monthly-robberies.csv",
        "armed robberies in Boston in a month, 1966 to 1975",
        ("Month", "Robberies"),
        118,
        "month",
        12,
    ),
    "monthly_writing_paper_sales": _Classic(
        "monthly-writing-paper-sales.csv",
        "writing paper sold in a month of some twelve years",
        ("Month", "Sales"),
        147,
        "month",
        12,
        has_dates=False,
    ),
    "monthly_champagne_sales": _Classic(
        "monthly_champagne_sales.csv",
        "champagne sold in a month, 1964 to 1972",
        ("Month", "Sales"),
        105,
        "month",
        12,
    ),
    "shampoo_sales": _Classic(
        "shampoo.csv",
        "shampoo sold in a month of three years",
        ("Month", "Sales"),
        36,
        "month",
        12,
        has_dates=False,
    ),
    "yearly_water_usage": _Classic(
        "yearly-water-usage.csv",
        "water used in Baltimore in a year, 1885 to 1963",
        ("Year", "Water"),
        79,
        "year",
        1,
    ),
}


def series() -> Iterator[NamedSet]:
    """Yield the sets."""
    yield _transformer()
    yield _rates()
    yield from _classics()


def _transformer() -> NamedSet:
    commit = "1d16c8f4f943005d613b5bc962e9eeb06058cf07"
    table = ReadOptions(format="csv", header=True)
    # Twelve months, four and four, as in Zhou et al. 2021, arXiv:2012.07436.
    borders = (12 * _HOURS_OF_A_MONTH, 16 * _HOURS_OF_A_MONTH, 20 * _HOURS_OF_A_MONTH)
    layout = SeriesLayout("ETTh1.csv", table, "date", _ETT, borders, "hour", 24)
    return NamedSet(
        "etth1",
        "load and oil temperature of an electricity transformer, hourly: 12, 4 and 4 months",
        "CC BY-ND 4.0",
        f"github.com/zhouhaoyi/ETDataset@{commit}",
        "etth1",
        public_files("etth1", "zhouhaoyi/ETDataset", commit, "ETT-small/{}".format),
        _parts(layout),
        input=TIME,
        target="OT",
        task="forecasting",
        series=layout,
    )


def _rates() -> NamedSet:
    commit = "7f402f185cc2435b5e66aed13a3b560ed142e023"
    table = ReadOptions(format="csv", header=False, columns=_CURRENCIES)
    borders = _in_order(_NUM_DAYS_OF_RATES)
    layout = SeriesLayout("exchange_rate.txt.gz", table, None, _CURRENCIES, borders, "day", 7)
    return NamedSet(
        "exchange_rate",
        "eight currencies in US dollars, daily, 1990 to 2016",
        "none stated",
        f"github.com/laiguokun/multivariate-time-series-data@{commit}",
        "exchange_rate",
        public_files(
            "exchange_rate",
            "laiguokun/multivariate-time-series-data",
            commit,
            "exchange_rate/{}".format,
        ),
        _parts(layout),
        input=TIME,
        target=None,
        task="forecasting",
        series=layout,
    )


def _classics() -> Iterator[NamedSet]:
    commit = "d20fcb6402ae34e653d4513b00f39257bb37ed7f"
    files = public_files("small_series", "jbrownlee/Datasets", commit)
    table = ReadOptions(format="csv", header=True)
    for name, classic in _CLASSICS.items():
        time, value = classic.columns
        layout = SeriesLayout(
            classic.file,
            table,
            time if classic.has_dates else None,
            (value,),
            _in_order(classic.num_rows),
            classic.step,
            classic.season,
        )
        yield NamedSet(
            name,
            classic.title,
            "none stated (Time Series Data Library)",
            f"github.com/jbrownlee/Datasets@{commit}",
            "small_series",
            {classic.file: files[classic.file]},
            _parts(layout),
            input=TIME,
            target=value,
            task="forecasting",
            series=layout,
        )


def _in_order(num_rows: int) -> tuple[int, int, int]:
    """Return the borders of 70, 10 and 20 per cent."""
    return num_rows * 7 // 10, num_rows * 8 // 10, num_rows


def _parts(layout: SeriesLayout) -> dict[str, Part]:
    borders = (0, *layout.borders)
    return {
        part: Part(
            layout.file,
            layout.options,
            partial(_between, layout=layout, start=start, stop=stop),
        )
        for part, start, stop in zip(_PARTS, borders[:-1], borders[1:], strict=True)
    }


def _between(rows: Iterator[Row], *, layout: SeriesLayout, start: int, stop: int) -> Iterator[Row]:
    """Keep the rows from one border to the next: when, and the numbers as the file has them."""
    for number, row in islice(zip(count(1), rows), start, stop):
        when = str(number) if layout.time is None else row.values[layout.time]
        values = {name: row.values[name] for name in layout.values}
        yield replace(row, values={TIME: when, **values})
