"""Time series as tables with borders."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from ostinato.core.errors import UnknownNameError
from ostinato.data.readers import read_rows
from ostinato.data.rows import Malformed
from ostinato.data.sets.catalogue import find_set, named_sets, part_names, series_file
from ostinato.data.sets.series import TIME
from tests.data.sets.helpers import PARTS, read

NAMES = [name for name in named_sets() if find_set(name).series is not None]


def test_all_of_them_are_listed():
    assert len(NAMES) == 14
    assert all(find_set(name).task == "forecasting" for name in NAMES)
    assert all(part_names(find_set(name)) == PARTS for name in NAMES)
    with pytest.raises(UnknownNameError, match=r"(?s)unknown time series 'sst'.*etth1"):
        series_file(find_set("sst"))


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", NAMES)
def test_parts_follow_each_other_without_a_gap(name: str):
    named = find_set(name)
    layout = named.series
    assert layout is not None
    malformed = Malformed()
    whole = list(read_rows(series_file(named), layout.options, malformed))
    malformed.check()
    rows = [row for part in PARTS for row in read(name, part)]
    assert len(rows) == layout.borders[-1] <= len(whole)
    assert [[row[column] for column in layout.values] for row in rows] == [
        [row.values[column] for column in layout.values] for row in whole[: len(rows)]
    ]
    assert all(float(row[column]) == float(row[column]) for row in rows for column in layout.values)
    assert set(rows[0]) == {TIME, *layout.values}
    expected = [
        str(number) if layout.time is None else row.values[layout.time]
        for number, row in enumerate(whole, 1)
    ]
    assert [row[TIME] for row in rows] == expected[: len(rows)]
    assert named.target in (None, *layout.values)


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "etth1"])
def test_all_rows_are_used(name: str):
    named = find_set(name)
    layout = named.series
    assert layout is not None
    whole = list(read_rows(series_file(named), layout.options, Malformed()))
    train, dev, test = layout.borders
    assert test == len(whole)
    assert (train, dev) == (test * 7 // 10, test * 8 // 10)


@pytest.mark.usefixtures("data")
def test_the_months_of_the_transformer():
    parts = {part: read("etth1", part) for part in PARTS}
    assert {part: len(rows) // 720 for part, rows in parts.items()} == {
        "train": 12,
        "dev": 4,
        "test": 4,
    }
    hours = [dt.datetime.fromisoformat(row[TIME]) for rows in parts.values() for row in rows]
    assert {after - before for before, after in pairwise(hours)} == {dt.timedelta(hours=1)}
    assert float(parts["train"][0]["OT"]) == pytest.approx(30.531)
