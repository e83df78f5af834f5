"""A table of dates and numbers becomes a recipe that runs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.training.columns import value_of
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.proposal import propose
from ostinato.training.proposal_text import render
from ostinato.training.recipe_files import parse_recipe, validate
from ostinato.training.session import train
from ostinato.training.survey import survey
from tests.training.forecasts import write_series


def recipe_of(path: Path, task: str | None = None, target: str | None = None) -> ForecastRecipe:
    text = render(propose(survey(path), task, target=target))
    found = validate(parse_recipe(text, "x"), "x")
    assert isinstance(found, ForecastRecipe)
    return found


def test_dates_and_numbers_are_a_series(tmp_path: Path):
    recipe = recipe_of(write_series(tmp_path / "s.csv"))
    data = recipe.data
    assert (data.time, data.targets, data.season) == ("time", ["y", "z", "p", "k"], 24)
    assert (data.missing, data.dates) == ("error", "error")
    changed = recipe.model_copy(
        update={"training": recipe.training.model_copy(update={"max_steps": 2, "threads": 1})}
    )
    train(changed, tmp_path / "run")


def test_what_is_wrong_is_mended_and_said(tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    lines = path.read_text().splitlines()
    lines[7] = lines[7].replace(lines[7].split(",")[1], "", 1)
    del lines[20]
    path.write_text("\n".join(lines) + "\n")
    proposal = propose(survey(path))
    assert (recipe_of(path).data.missing, recipe_of(path).data.dates) == ("last", "mend")
    said = "\n".join(proposal.notes)
    assert "1 moment left out" in said
    assert "missing values filled with the value before" in said


def test_one_target(tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    assert recipe_of(path, "forecasting", "z").data.targets == ["z"]


@pytest.mark.parametrize(
    "header",
    ["time,y,z,p,label", "time,y,z,p,text"],
)
def test_labels_and_texts_beside_dates_are_no_series(header: str, tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    lines = path.read_text().splitlines()
    words = header.endswith("text")
    body = [line[:-1] + f"word {n % 3}" if words else line for n, line in enumerate(lines[1:])]
    path.write_text("\n".join([header, *body]) + "\n")
    assert propose(survey(path)).task != "forecasting"


def test_a_column_of_numbers_without_dates_when_asked(tmp_path: Path):
    path = tmp_path / "n.csv"
    path.write_text("a,b\n" + "\n".join(f"{n % 12},{n}" for n in range(120)) + "\n")
    data = recipe_of(path, "forecasting").data
    assert (data.time, data.season) == (None, 12)


def test_too_short_a_series(tmp_path: Path):
    path = tmp_path / "n.csv"
    path.write_text("day,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,2\n2020-01-04,5\n")
    with pytest.raises(DataError, match="4 rows, which is too short to learn from"):
        recipe_of(path, "forecasting")


def days(num: int, start: str = "2020-01-01") -> list[str]:
    return [str(np.datetime64(start) + day) for day in range(num)]


def written(path: Path, times: list[str], header: str = "day,load", also: str = "") -> Path:
    rows = (f"{time},{n % 7}.5{also}" for n, time in enumerate(times))
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_rows_are_named_by_their_line(tmp_path: Path):
    times = days(101)
    del times[51]
    times[20] = times[19]
    notes = propose(survey(written(tmp_path / "irr.csv", times))).notes
    assert any("1 repeated date: irr.csv, line 22 (2020-01-20)" in note for note in notes)
    assert any(
        "moments left out" in note and "irr.csv, line 52 (2020-02-20)" in note for note in notes
    )


@pytest.mark.parametrize("task", [None, "forecasting"])
def test_a_date_that_is_none_is_named_by_its_line(task: str | None, tmp_path: Path):
    times = days(100)
    times[50] = "soon"
    path = written(tmp_path / "irr.csv", times)
    with pytest.raises(DataError, match=r"1 date that cannot be read: irr.csv, line 52 \(soon\)"):
        propose(survey(path), task)


def test_a_column_of_dates_is_never_left_out_unsaid(tmp_path: Path):
    times = [time if n % 2 else "soon" for n, time in enumerate(days(100))]
    path = written(tmp_path / "s.csv", times, "day,load,who", ",me")
    found = propose(survey(path), "forecasting")
    assert "left out: day: 50 of its 100 values can be read as dates; --input day takes it" in str(
        found.notes
    )
    assert "left out: who: neither dates nor numbers" in found.notes
    with pytest.raises(DataError, match=r"50 dates that cannot be read: s.csv, line 2 \(soon\)"):
        propose(survey(path), "forecasting", "day")


def test_two_columns_of_dates_when_asked(tmp_path: Path):
    path = tmp_path / "s.csv"
    rows = (f"{day},{n % 7},{day}" for n, day in enumerate(days(60)))
    path.write_text("\n".join(["day,load,noted", *rows]) + "\n")
    found = propose(survey(path), "forecasting")
    assert any(note.startswith("left out: noted: 60 of its 60 values") for note in found.notes)


def test_dates_that_are_all_there_twice_are_a_series_and_said(tmp_path: Path):
    path = written(tmp_path / "s.csv", sorted(2 * days(60)))
    proposal = propose(survey(path))
    assert proposal.task == "forecasting"
    assert any("60 repeated dates: s.csv, line 3 (2020-01-01)" in note for note in proposal.notes)
    data = recipe_of(path).data
    assert (data.time, data.dates) == ("day", "mend")
    few = written(tmp_path / "few.csv", sorted(20 * days(3)))
    with pytest.raises(DataError, match=r"few.csv has 3 different moments, which is too short"):
        propose(survey(few))


def test_dates_of_a_table_that_has_them_as_such_are_dates():
    assert value_of(datetime(2020, 1, 2)) == "2020-01-02 00:00:00"
    assert value_of(date(2020, 1, 2)) == "2020-01-02"
    assert value_of(pytest.importorskip("pandas").NaT) is None


def test_years_that_repeat_are_numbers(tmp_path: Path):
    path = written(tmp_path / "s.csv", [str(1900 + n % 30) for n in range(60)], "price,load")
    with pytest.raises(DataError, match="no text and no arrays"):
        propose(survey(path))


def test_malformed_rows_of_a_series_are_named(tmp_path: Path):
    path = written(tmp_path / "s.csv", days(100))
    path.write_text(path.read_text().replace("2020-01-31,", "2020-01-31,1,2,"))
    with pytest.raises(DataError, match=r"1 malformed row of 100:\n  s.csv, line 32"):
        propose(survey(path))
