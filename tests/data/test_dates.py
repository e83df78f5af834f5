"""Dates in any usual form, and the step between them."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.dates import find_step, looks_like_dates, num_dates, parse_dates


def times(*values: str) -> np.ndarray:
    return np.array(values, dtype="datetime64[s]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-07-01 05:30:00", "2016-07-01T05:30:00"),
        ("2016-07-01T05:30", "2016-07-01T05:30:00"),
        ("2016-07-01T05:30:00+09:00", "2016-06-30T20:30:00"),
        ("1949-01", "1949-01-01"),
        ("1885", "1885-01-01"),
        ("2016/07/31", "2016-07-31"),
        ("31.7.2016", "2016-07-31"),
        ("7/31/2016", "2016-07-31"),
        ("31/7/2016 23:00", "2016-07-31T23:00"),
        ("2016년 7월 31일", "2016-07-31"),
    ],
)
def test_dates_are_read_in_any_usual_form(text: str, expected: str):
    assert parse_dates([text], None) == [np.datetime64(expected, "s")]


def test_a_form_that_is_given_is_the_only_one():
    assert parse_dates(["03-04-05", "x"], "%d-%m-%y") == [np.datetime64("2005-04-03", "s"), None]


def test_day_and_month_that_could_be_either_are_refused():
    with pytest.raises(DataError, match=r"two ways(.|\n)*mend: data.date_format"):
        parse_dates(["1/2/2016", "2/2/2016"], None)
    # One date settles it for all.
    assert parse_dates(["1/2/2016", "13/2/2016"], None)[0] == np.datetime64("2016-02-01", "s")


@pytest.mark.parametrize("values", [["1-01", "1-02"], ["12", "13"], ["1.5"], [""], [], ["a"]])
def test_what_is_no_date(values: list[str]):
    assert not looks_like_dates(values)


DAYS = [f"2020-01-{day:02}" for day in range(1, 31)]


@pytest.mark.parametrize(("num_bad", "are_dates"), [(0, True), (1, True), (6, True), (7, False)])
def test_four_fifths_of_a_column_of_dates_are_dates(num_bad: int, are_dates: bool):
    bad = ["soon", "?", "later"] * 4
    values = [*[word for word in bad if word != "?"][:num_bad], *DAYS[num_bad:], "", "?", None]
    assert looks_like_dates(values) == are_dates
    assert num_dates(values) == 30 - num_bad


def test_numbers_most_of_which_could_be_years_are_none():
    assert looks_like_dates(["1200", "1500", "2800"] * 10)
    assert not looks_like_dates([*["1200", "1500", "2800"] * 10, "980"])


def test_a_late_date_settles_which_is_the_day():
    hours = [f"{day:02}/01/2016 {hour:02}:00" for day in range(1, 31) for hour in range(24)]
    assert looks_like_dates(hours)
    assert parse_dates(hours, None)[24] == np.datetime64("2016-01-02", "s")


@pytest.mark.parametrize(
    ("values", "words", "season"),
    [
        (["2016-01-01 00:00", "2016-01-01 01:00", "2016-01-01 03:00", "2016-01-01 04:00"],
         "1 hour", 24),
        (["2016-01-01 00:00", "2016-01-01 00:15", "2016-01-01 00:30"], "15 minutes", 96),
        (["2016-01-31", "2016-02-29", "2016-03-31"], "1 month end", 12),
        (["2016-01-01", "2016-02-01", "2016-03-01"], "1 month", 12),
        (["2016-01-01", "2016-04-01", "2016-07-01"], "3 months", 4),
        (["1885-01-01", "1886-01-01", "1887-01-01"], "1 year", 1),
        (["2016-01-04", "2016-01-05", "2016-01-08", "2016-01-11", "2016-01-12"],
         "1 business day", 5),
        (["2016-01-04", "2016-01-11", "2016-01-18"], "1 week", 52),
        (["2016-01-01", "2016-01-02", "2016-01-03"], "1 day", 7),
    ],
)  # fmt: skip
def test_the_step_is_the_commonest_difference(values: list[str], words: str, season: int):
    step = find_step(times(*values))
    assert (str(step), step.season) == (words, season)
    places, is_exact = step.places(times(*values))
    assert is_exact.all()
    assert places[0] == 0
    # What follows the last one is one step further each.
    ahead = step.after(times(*values)[-1], 30)
    more, is_exact = step.places(np.concatenate([times(*values), ahead]))
    assert is_exact.all()
    assert np.diff(more[len(values) - 1 :]).tolist() == [1] * 30


def test_a_time_off_the_grid_is_found():
    step = find_step(times("2016-01-01 00:00", "2016-01-01 01:00", "2016-01-01 02:00"))
    _, is_exact = step.places(times("2016-01-01 00:00", "2016-01-01 05:00", "2016-01-01 05:07"))
    assert is_exact.tolist() == [True, True, False]


def test_days_of_a_zone_stay_its_days():
    pandas = pytest.importorskip("pandas")
    for zone in ("Europe/Berlin", "Asia/Seoul"):
        days = pandas.date_range("2024-03-01", periods=60, tz=zone)
        found = parse_dates([str(day) for day in days], None)
        assert found == [np.datetime64(day.date(), "s") for day in days]
        assert str(find_step(np.array(found))) == "1 day"


def test_hours_of_a_zone_become_those_of_utc():
    pandas = pytest.importorskip("pandas")
    hours = pandas.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")
    found = parse_dates([str(hour) for hour in hours], None)
    assert found[0] == np.datetime64("2024-03-29T23:00", "s")
    assert str(find_step(np.array(found))) == "1 hour"
