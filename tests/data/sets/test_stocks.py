"""Windows of prices: nothing of the day that is to be told, or later, is in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ostinato.data.rows import LAST_TARGET, Malformed, Row
from ostinato.data.sets.catalogue import find_set, rows_of
from ostinato.data.sets.stocks import WINDOW, direction_rows

NUM_DAYS = 60


def days(num: int = NUM_DAYS) -> list[str]:
    first = dt.date(2015, 1, 1)
    return [(first + dt.timedelta(days=day)).isoformat() for day in range(num)]


def table(prices: np.ndarray, volumes: np.ndarray) -> Iterator[Row]:
    # Newest first, as the file is.
    for day, price, volume in reversed(list(zip(days(), prices, volumes, strict=True))):
        values = {"Date": day, "AdjClose": f"{price}", "AdjVolume": f"{volume}", "Stock": "X"}
        yield Row(day, values)


def walk() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    prices = 100 * np.exp(np.cumsum(random.normal(0, 0.02, NUM_DAYS)))
    return prices, random.integers(1000, 9000, NUM_DAYS).astype(float)


def test_features_and_labels_by_hand():
    prices, volumes = walk()
    rows = list(direction_rows(table(prices, volumes), first="", last="9"))
    assert [row.values["date"] for row in rows] == days()[WINDOW + 1 :]
    row, target = rows[7].values, WINDOW + 1 + 7
    for column, values in enumerate((prices, volumes)):
        changes = np.diff(np.log(values[target - WINDOW - 1 : target]))
        expected = changes / np.sqrt((changes**2).mean())
        np.testing.assert_allclose(row["series"][:, column], expected, rtol=1e-5)
    assert row["label"] == ("up" if prices[target] > prices[target - 1] else "down")
    assert row[LAST_TARGET] == ("up" if prices[target - 1] > prices[target - 2] else "down")
    assert rows[6].values["label"] == row[LAST_TARGET]


@pytest.mark.parametrize("day", range(WINDOW + 1, NUM_DAYS))
def test_prices_from_the_target_day_on_change_no_feature(day: int):
    prices, volumes = walk()
    before = {row.place: row for row in direction_rows(table(prices, volumes), first="", last="9")}
    for later in range(day, NUM_DAYS):
        changed, other = prices.copy(), volumes.copy()
        changed[later] *= 3
        other[later] *= 5
        for row in direction_rows(table(changed, other), first="", last="9"):
            if row.values["date"] <= days()[day]:
                known = before[row.place].values
                assert np.array_equal(row.values["series"], known["series"])
                assert row.values[LAST_TARGET] == known[LAST_TARGET]


def test_a_price_that_stands_still_and_a_volume_of_nothing():
    volumes = np.zeros(NUM_DAYS)
    rows = list(direction_rows(table(np.full(NUM_DAYS, 7.0), volumes), first="", last="9"))
    assert {row.values["label"] for row in rows} == {"down"}
    assert all((row.values["series"] == 0).all() for row in rows)


def test_the_parts_of_the_real_set(ostinato_data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    named = find_set("stock_direction")
    malformed = Malformed()
    parts = {part: list(rows_of(named, part, malformed)) for part in named.parts}
    malformed.check()
    assert {part: len(rows) for part, rows in parts.items()} == {
        "train": 9965,
        "dev": 2079,
        "test": 2545,
    }
    dates = {part: [row.values["date"] for row in rows] for part, rows in parts.items()}
    assert all(found == sorted(found) for found in dates.values())
    assert max(dates["train"]) < "2015-01-01" < min(dates["dev"])
    assert max(dates["dev"]) < "2016-01-01" < min(dates["test"])
    # The first target of a part stands a window and more behind the part's first day.
    assert min(dates["dev"]) > "2015-01-30"
    places = [row.place for rows in parts.values() for row in rows]
    assert len(set(places)) == len(places)
    for rows in parts.values():
        assert all(np.isfinite(row.values["series"]).all() for row in rows)
        share = np.mean([row.values["label"] == "up" for row in rows])
        assert 0.48 < share < 0.56
    tickers = {row.values["ticker"] for rows in parts.values() for row in rows}
    assert tickers == {"AAPL", "COKE", "GOOGL", "GSPC", "IBM", "MSFT", "SBUX", "TSLA", "YHOO"}


def test_walking_forward(ostinato_data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    tested: list[str] = []
    for year in (2016, 2017, 2018):
        named = find_set(f"stock_direction_{year}")
        dates = {
            part: [row.values["date"] for row in rows_of(named, part, Malformed())]
            for part in named.parts
        }
        assert max(dates["train"]) < f"{year - 1}-01-01" < min(dates["dev"])
        assert max(dates["dev"]) < f"{year}-01-01" < min(dates["test"])
        assert max(dates["test"]) <= f"{year}-12-31"
        tested += dates["test"]
    assert tested == sorted(tested)
