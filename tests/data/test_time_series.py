"""A table as a series: what is wrong with it is found, named by row and date, and counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.data.time_series import SeriesOptions, read_series, table_of

DAYS = [f"2020-01-{day:02}" for day in range(1, 11)]


def table(**changes: Any) -> dict[str, list[Any]]:
    return {"day": DAYS, "y": [float(n) for n in range(10)], **changes}


def test_dates_and_numbers_are_found():
    series = read_series({**table(), "who": ["a"] * 10, "z": list("0123456789")}, SeriesOptions())
    assert series.names == (("y", "z"), (), ())
    assert series.targets[:, 0].tolist() == list(range(10))
    assert series.time == "day"
    assert str(series.step) == "1 day"
    assert series.is_known.all()
    assert series.notes == ("left out, neither dates nor numbers: who",)
    ahead = series.moments_ahead(2)
    assert ahead is not None
    assert [str(time)[:10] for time in ahead] == ["2020-01-11", "2020-01-12"]


def test_rows_without_dates_are_numbered():
    series = read_series({"y": [1, 2, 3]}, SeriesOptions())
    assert (series.times, series.step, series.moments_ahead(3)) == (None, None, None)


def test_covariates_have_their_roles():
    options = SeriesOptions(targets=("y",), past=("p", "k"), known=("k",))
    given = table(p=[0] * 10, k=[*range(10)])
    series = read_series(given, options)
    assert series.names == (("y",), ("p", "k"), ("k",))
    assert series.known[:, 0].tolist() == series.past[:, 1].tolist() == list(range(10))


def test_rows_at_the_end_without_a_target_say_what_is_known_ahead():
    given = table(y=[*range(8), None, ""], k=[*range(10)])
    series = read_series(given, SeriesOptions(targets=("y",), known=("k",)))
    assert len(series) == 8
    assert series.ahead.tolist() == [[8], [9]]
    assert "2 rows at the end without a target" in series.notes[-1]


@pytest.mark.parametrize("value", ["", "NA", "nan", "?", None, float("nan")])
def test_missing_values_are_named_by_date_and_counted(value: Any):
    y: list[Any] = [0.0, 1.0, value, 3.0, value, 5.0, 6.0, 7.0, 8.0, 9.0]
    with pytest.raises(DataError, match=r"2 missing values: y at 2020-01-03T00.*2020-01-05") as e:
        read_series(table(y=y), SeriesOptions())
    assert "data.missing=interpolate" in str(e.value)
    filled = read_series(table(y=y), SeriesOptions(missing="interpolate"))
    assert filled.targets[:, 0].tolist() == list(range(10))
    # What was filled is read, and never scored.
    assert np.flatnonzero(~filled.is_known[:, 0]).tolist() == [2, 4]
    assert "2 missing values filled by interpolation" in filled.notes[0]
    kept = read_series(table(y=y), SeriesOptions(missing="last"))
    assert kept.targets[[2, 4], 0].tolist() == [1, 3]


def test_missing_values_without_dates_are_named_by_row():
    place = "x.csv, line {}".format
    with pytest.raises(DataError, match=r"1 missing value: y in x.csv, line 1"):
        read_series({"y": [1, None, 3]}, SeriesOptions(), place)


def test_a_column_that_is_empty():
    options = SeriesOptions(targets=("y",), past=("p",), missing="last")
    with pytest.raises(DataError, match="the column p holds no number"):
        read_series(table(p=[None] * 10), options)
    with pytest.raises(DataError, match="the column y to forecast holds no number"):
        read_series(table(y=[None] * 10), SeriesOptions(targets=("y",)))


@pytest.mark.parametrize("value", ["much", "1,5", float("inf")])
def test_what_is_no_number_is_named(value: Any):
    y = [*range(9), value]
    with pytest.raises(DataError, match=r"1 value that is no finite number: row 9, y: ") as e:
        read_series(table(y=y), SeriesOptions(targets=("y",)))
    assert repr(value) in str(e.value)
    with pytest.raises(DataError, match=r"2 values that are no finite numbers: row 0, y: "):
        read_series(table(y=[value, *y[1:]]), SeriesOptions(targets=("y",)))


def test_dates_out_of_order_and_repeated_and_left_out():
    days = [DAYS[0], DAYS[2], DAYS[1], DAYS[1], *DAYS[4:10]]
    given = {"day": days, "y": [0, 2, 1, 3, 4, 5, 6, 7, 8, 9]}
    with pytest.raises(DataError) as caught:
        read_series(given, SeriesOptions())
    said = str(caught.value)
    assert "1 row earlier than the one before: row 2 (2020-01-02)" in said
    assert "1 repeated date: row 3 (2020-01-02)" in said
    assert "1 moment left out (the step is 1 day), the first after row 1 (2020-01-03)" in said
    assert said.splitlines()[-1].startswith("mend: repair them, or data.dates=mend")
    # Moments that were left out are missing values.
    with pytest.raises(DataError, match="1 missing value: y at 2020-01-04"):
        read_series(given, SeriesOptions(dates="mend"))
    series = read_series(given, SeriesOptions(dates="mend", missing="interpolate"))
    assert series.targets[:, 0].tolist() == [0, 2, 2, 3, 4, 5, 6, 7, 8, 9]
    assert series.times is not None
    assert [str(time)[:10] for time in series.times] == DAYS
    assert len(series.notes) == 4


def test_a_date_that_is_none_is_named():
    days = [*DAYS[:4], "yesterday", *DAYS[5:]]
    with pytest.raises(DataError, match=r"1 date that cannot be read: row 4 \(yesterday\)"):
        read_series(table(day=days), SeriesOptions(time="day"))


@pytest.mark.parametrize("bad", ["yesterday", "20200105", "NaT", None, "2020"])
def test_a_column_with_a_date_that_is_none_stays_the_column_of_dates(bad: Any):
    days = [*DAYS[:4], bad, *DAYS[5:]]
    shown = bad if bad not in (None, "NaT") else "empty"
    with pytest.raises(DataError, match=rf"1 date that cannot be read: line 5 \({shown}\)"):
        read_series(table(day=days), SeriesOptions(), lambda row: f"line {row + 1}")


@pytest.mark.parametrize("kind", ["aware", "dates", "texts"])
def test_an_index_of_dates_in_any_form_is_the_time(kind: str):
    pd = pytest.importorskip("pandas")
    times = pd.date_range("2020-01-01", periods=10, freq="D")
    forms = {"aware": times.tz_localize("UTC"), "dates": times.date, "texts": DAYS}
    series = read_series(table_of(pd.Series(range(10), index=forms[kind])), SeriesOptions())
    assert (series.time, str(series.step)) == ("time", "1 day")
    assert series.times is not None
    assert [str(time)[:10] for time in series.times] == DAYS
    numbered = pd.Series(range(10), index=[str(number) for number in range(10)])
    assert read_series(table_of(numbered), SeriesOptions()).time is None


def test_a_missing_time_of_a_frame_is_named():
    pd = pytest.importorskip("pandas")
    times = pd.to_datetime(pd.Series(DAYS)).mask(np.arange(10) % 2 == 1)
    column = pd.DataFrame({"day": times, "y": np.arange(10.0)})
    for frame in (column, column.set_index("day")):
        with pytest.raises(DataError, match=r"5 dates that cannot be read: row 1 \(empty\), row 3"):
            read_series(table_of(frame), SeriesOptions())


def test_dates_off_the_grid_are_never_mended():
    days = [*DAYS[:9], "2020-01-10 13:00"]
    with pytest.raises(DataError, match=r"1 date not a whole number of steps \(1 day\)"):
        read_series(table(day=days), SeriesOptions(dates="mend", missing="last"))


def test_columns_that_are_not_there():
    with pytest.raises(UnknownNameError, match="unknown column 'x'"):
        read_series(table(), SeriesOptions(targets=("x",)))
    with pytest.raises(DataError, match="no column of numbers"):
        read_series({"day": DAYS, "who": ["a"] * 10}, SeriesOptions())
    with pytest.raises(DataError, match="two roles"):
        read_series(table(), SeriesOptions(targets=("y",), past=("y",)))
    with pytest.raises(DataError, match="different lengths: a 1, b 2"):
        read_series({"a": [1], "b": [1, 2]}, SeriesOptions())
    with pytest.raises(DataError, match="no rows"):
        read_series({"a": []}, SeriesOptions())


def test_frames_arrays_and_columns_say_the_same():
    pd = pytest.importorskip("pandas")
    y = np.arange(4.0)
    index = pd.date_range("2020-01-31", periods=4, freq="ME")
    frame = read_series(table_of(pd.DataFrame({"y": y}, index=index)), SeriesOptions())
    assert str(frame.step) == "1 month end"
    assert frame.time == "time"
    series = read_series(table_of(pd.Series(y, name="y")), SeriesOptions())
    periods = pd.Series(y, index=pd.period_range("2020-01", periods=4, freq="M"))
    assert str(read_series(table_of(periods), SeriesOptions()).step) == "1 month"
    array = read_series(table_of(y), SeriesOptions())
    both = read_series(table_of(np.stack([y, y], 1)), SeriesOptions())
    assert frame.targets.tolist() == series.targets.tolist() == array.targets.tolist()
    assert array.names[0] == ("value",)
    assert both.names[0] == ("value_1", "value_2")
    for nothing in ("text", np.zeros((2, 2, 2)), object()):
        with pytest.raises(DataError, match="no series"):
            table_of(nothing)


def test_what_is_known_up_to_now_alone_may_be_missing_ahead():
    given = table(y=[*range(8), None, ""], p=[*range(8), "", ""], k=[*range(10)])
    series = read_series(given, SeriesOptions(targets=("y",), past=("p",), known=("k",)))
    assert series.past[:, 0].tolist() == list(range(8))
    assert series.ahead.tolist() == [[8], [9]]
