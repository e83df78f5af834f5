"""Forecasting from the command line: init, check, train, evaluate, compare, predict."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ostinato.training.kinds import kind_of
from ostinato.training.recipe_files import load_recipe
from tests.cli.helpers import ask, refuse
from tests.serving.page.browser import find_browser
from tests.training.forecasts import forecast_run, write_series

Capture = pytest.CaptureFixture[str]
NO_KNOWN = {"known": []}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run that says distributions step by step, and one that says points at once."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        "gaussian": forecast_run(folder / "g", data=NO_KNOWN, model={"output": "gaussian"}),
        "direct": forecast_run(folder / "d", data=NO_KNOWN, model={"forecast": "direct"}),
    }


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def records(capsys: Capture, *arguments: object) -> list[dict[str, Any]]:
    code, output, errors = ask(capsys, "predict", *map(str, arguments), "--format", "jsonl")
    assert code == 0, errors
    return [json.loads(line) for line in output.splitlines()]


def test_from_a_file_to_a_forecast(capsys: Capture, tmp_path: Path):
    write_series(tmp_path / "load.csv")
    code, output, errors = ask(capsys, "init", "load.csv")
    assert code == 0, errors
    assert "task: forecasting  # dates beside numbers alone" in output
    steps = ["training.max_epochs=null", "training.max_steps=2", "training.threads=1"]
    code, output, errors = ask(capsys, "check", "load.yaml", *steps)
    assert code == 0, errors
    assert "values [T=40, B=16, O=4]  float32" in output
    assert "together" in output
    code, output, errors = ask(capsys, "train", "load.yaml", *steps)
    assert code == 0, errors
    assert "to beat, crps, dev: naive" in output
    code, output, errors = ask(capsys, "evaluate", "runs/load", "--json", "x.json")
    assert code == 0, errors
    for name in ("model", "naive", "seasonal naive", "drift", "seasonal mean", "ridge"):
        assert f"\n{name} " in output
    assert "test: " in output
    assert json.loads(Path("x.json").read_text())["item"] == "forecast"
    found = records(capsys, "runs/load")
    assert len(found) == 4 * 20
    code, output, _ = ask(capsys, "evaluate", "runs/load", "load.csv")
    assert code == 0
    assert "load.csv: " in output
    assert "\nridge " in output


def test_init_names_rows_as_check_does(capsys: Capture, tmp_path: Path):
    lines = write_series(tmp_path / "irr.csv").read_text().splitlines()
    del lines[52]
    (tmp_path / "irr.csv").write_text("\n".join(lines) + "\n")
    code, output, _ = ask(capsys, "init", "irr.csv")
    assert code == 0
    named = "1 moment left out (the step is 1 hour), the first after irr.csv, line 52"
    assert f"note: mended: {named}" in output
    assert named in refuse(capsys, "check", "irr.yaml", "data.dates=error")


def test_quantiles_and_paths(capsys: Capture, runs: dict[str, Path], tmp_path: Path):
    path = write_series(tmp_path / "s.csv")
    found = records(capsys, runs["gaussian"], path, "--quantiles", "0.1,0.9", "--paths", 5)
    assert found[0].keys() == {"step", "time", "target", "forecast", "q0.1", "q0.9", "paths"}
    assert len(found[0]["paths"]) == 5
    again = records(
        capsys, runs["gaussian"], path, "--quantiles", "0.1,0.9", "--paths", 5, "--seed", 0
    )
    assert again == found
    other = records(capsys, runs["gaussian"], path, "--paths", 5, "--seed", 1)
    assert other[0]["paths"] != found[0]["paths"]
    longer = records(capsys, runs["gaussian"], "--horizon", 6)
    assert len(longer) == 12


def test_a_table(capsys: Capture, runs: dict[str, Path]):
    code, output, _ = ask(capsys, "predict", str(runs["direct"]), "--format", "table")
    assert code == 0
    lines = output.splitlines()
    assert lines[0].split() == ["time", "target", "forecast"]
    assert lines[1].startswith("2020-01-09 08:00:00  y")


def test_a_fan(capsys: Capture, runs: dict[str, Path]):
    pytest.importorskip("plotly")
    records(capsys, runs["gaussian"], "--paths", 3, "--figure", "fan.html")
    page = Path("fan.html").read_text()
    assert "The black line was read, the blue one is the forecast" in page


def test_runs_are_compared(capsys: Capture, tmp_path: Path):
    first = forecast_run(tmp_path / "a")
    second = forecast_run(tmp_path / "b", model={"hidden_size": 4})
    code, output, errors = ask(capsys, "compare", str(first), str(second))
    assert code == 0, errors
    assert "dev: 37 forecasts" in output


def test_named_sets_are_listed(capsys: Capture):
    code, output, _ = ask(capsys, "recipes")
    assert code == 0
    hours = ("", "-ot", "-168", "-ot-168")
    for name in (*(f"forecast-etth1{each}" for each in hours), "exchange-rate"):
        assert re.search(rf"^\W*{name}\b(?!-)", output, re.MULTILINE), name
    code, output, _ = ask(capsys, "recipes", "--keys", "forecasting")
    assert code == 0
    assert "data.horizon" in output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "RUN", "--quantiles", "a,b"], "--quantiles: got 'a,b'"),
        (["predict", "RUN", "--quantiles", "0.9,0.1"], "expected rising numbers"),
        (["predict", "RUN", "--probabilities"], "--probabilities is nothing to a run"),
        (["predict", "RUN", "nothing.csv"], "nothing.csv"),
        (["predict", "RUN", "--figure", "x.docx"], "x.docx"),
        (["predict", "RUN", "--horizon", "900"], "longer than the series of"),
        (["predict", "DIRECT", "--paths", "3"], "no quantiles and no paths"),
        (["predict", "DIRECT", "--horizon", "5"], "got 5 steps, and the network says 4"),
        (["evaluate", "RUN", "short.csv"], "no window of data.context=16 steps"),
        (["serve", "RUN"], "learned forecasting, which the server does not take"),
        (["lens", "RUN"], "learned forecasting, which the lens does not take"),
        (["generate", "RUN"], "learned forecasting, expected a language model"),
    ],
)
def test_mistakes(
    arguments: list[str], reason: str, capsys: Capture, runs: dict[str, Path], tmp_path: Path
):
    write_series(tmp_path / "short.csv", 10)
    named = {"RUN": str(runs["gaussian"]), "DIRECT": str(runs["direct"])}
    assert reason in refuse(capsys, *(named.get(each, each) for each in arguments))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("data.horizon=9000", "no window of data.context=336 steps and data.horizon=9000"),
        ("data.targets=[X]", "unknown column 'X'"),
        ("data.name=sms_spam", "is for classification, and no series to forecast"),
    ],
)
def test_mistakes_about_a_named_set(
    change: str, reason: str, capsys: Capture, ostinato_data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    assert reason in refuse(capsys, "train", "forecast-etth1", change)


def test_the_parts_of_etth1_are_the_usual_ones(
    capsys: Capture, ostinato_data: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OSTINATO_DATA", str(ostinato_data))
    small = ["model.hidden_size=4", "training.max_epochs=null", "training.max_steps=1"]
    code, output, errors = ask(capsys, "check", "forecast-etth1", *small, "training.threads=1")
    assert code == 0, errors
    assert "8,640 rows to learn from; 2,880 to choose by, 2,880 to test" in output
    assert "season: 24 steps; calendar: hour, weekday, weekend" in output


def test_a_figure_that_cannot_be_is_refused_before_the_forecast(
    capsys: Capture, runs: dict[str, Path]
):
    code, output, _ = ask(capsys, "predict", str(runs["gaussian"]), "--figure", "x.docx")
    assert (code, output) == (2, "")


def test_what_is_known_ahead_is_asked_for(capsys: Capture, tmp_path: Path):
    run = forecast_run(tmp_path / "known")
    hint = load_recipe(run / "recipe.yaml")
    assert "whose last rows say" in kind_of(hint).hint(hint, "RUN")
    code, _, errors = ask(capsys, "predict", str(run), "--horizon", "1")
    assert (code, "add rows at the end that leave the targets empty" in errors) == (2, True)


def test_a_series_whose_target_is_named_is_one(capsys: Capture, tmp_path: Path):
    write_series(tmp_path / "load.csv", 200)
    code, _, errors = ask(capsys, "init", "load.csv", "--target", "y")
    assert code == 0, errors
    assert load_recipe(tmp_path / "load.yaml").task == "forecasting"


def test_a_fan_as_a_picture(capsys: Capture, runs: dict[str, Path]):
    find_browser()
    records(capsys, runs["gaussian"], "--paths", 3, "--figure", "fan.png")
    with Image.open("fan.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 20
