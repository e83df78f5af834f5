"""A table of dates and numbers becomes a recipe that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostinato.data import DataError
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
    assert (recipe_of(path).data.missing, recipe_of(path).data.dates) == ("interpolate", "mend")
    said = "\n".join(proposal.notes)
    assert "1 moment left out" in said
    assert "missing values filled by interpolation" in said


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
