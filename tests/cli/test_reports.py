"""``ostinato evaluate``, ``compare`` and ``reproduce``."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from ostinato.cli import reproduce
from ostinato.cli import train as train_module
from ostinato.training.evaluation import evaluate_run
from ostinato.training.events import Stepped
from ostinato.training.interrupt import StopRequest
from ostinato.training.recipe_files import validate
from ostinato.training.recipe_parts import Recipe
from ostinato.training.results import BEGIN, END
from ostinato.training.run import RunFolder
from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.training.example_helpers import raw_examples, tiny_examples, write_examples
from tests.training.helpers import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    path = write_examples(folder)
    train(tiny_examples(path), folder / "recurrent")
    train(tiny_examples(path, model={"shape": "one-to-one"}), folder / "bag")
    return folder


def test_evaluate(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    numbers = tmp_path / "numbers.json"
    answer = ask(capsys, "evaluate", str(folder / "recurrent"), "--json", str(numbers))
    assert answer.code == 0
    lines = answer.output.splitlines()
    assert lines[0].startswith("test: ")
    assert lines[1].split()[:2] == ["predictor", "accuracy"]
    assert [line.split("  ")[0] for line in lines[2:5]] == ["model", "majority", "bag of words"]
    content = json.loads(numbers.read_text())
    value = content["scores"]["model"]["accuracy"]["value"]
    assert f"{value:.4f}" in lines[2]


def test_evaluate_a_language_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    train(tiny(data={"tested": 0.2}, training={"max_steps": 3}), tmp_path / "run")
    answer = ask(capsys, "evaluate", str(tmp_path / "run"))
    assert answer.code == 0
    assert "bits per character" in answer.output
    assert "bigram" in answer.output


def test_evaluate_bad_input(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "no such run" in refuse(capsys, "evaluate", str(folder / "recurent"))
    missing = str(tmp_path / "none.csv")
    assert "no such file" in refuse(capsys, "evaluate", str(folder / "bag"), missing)
    unwritable = str(tmp_path / "no folder" / "x.json")
    said = refuse(capsys, "evaluate", str(folder / "bag"), "--json", unwritable)
    assert "cannot write" in said


def test_evaluate_a_file_in_another_form(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = write_examples(tmp_path, 30, seed=5).read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join(["words;kind", *(row.replace(",", ";") for row in rows[1:])]))
    run = str(folder / "recurrent")
    form = ("data.separator=;", "data.input=words", "data.target=kind")
    answer = ask(capsys, "evaluate", run, str(other), *form)
    assert answer.code == 0
    assert "other.csv: 30 examples" in answer.output
    said = refuse(capsys, "evaluate", run, str(other), *form[:2])
    assert "has no column 'label' to score by (the columns are text, kind)" in said
    assert "`ostinato predict` needs none" in said
    assert "cannot be changed now" in refuse(capsys, "evaluate", run, str(other), "seed=3")
    # A separator that the recipe names may be that of its own file alone.
    recipe = tiny_examples(tmp_path / "order.csv", training={"max_epochs": 1})
    own = recipe.model_copy(update={"data": recipe.data.model_copy(update={"separator": ","})})
    train(own, tmp_path / "run")
    other.write_text(other.read_text().replace("words;kind", "text;label"))
    answer = ask(capsys, "evaluate", str(tmp_path / "run"), str(other))
    assert answer.code == 0
    assert "other.csv: 30 examples" in answer.output
    assert "no such file: data.separator=;" in refuse(capsys, "evaluate", run, *form)


def test_a_file_is_read_as_the_runs_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = write_examples(tmp_path, 60).read_text().splitlines()[1:]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(row.replace(",", "|") for row in rows))
    raw = raw_examples(path, training={"max_epochs": 1})
    raw["data"] |= {"header": False, "columns": ["text", "label"], "separator": "|"}
    train(validate({**raw, "data": {**raw["data"], "quoting": False}}, "own"), tmp_path / "run")
    other = tmp_path / "other.csv"
    other.write_text('"a b|yes\nb" a|no\n')
    answer = ask(capsys, "evaluate", str(tmp_path / "run"), str(other))
    assert answer.code == 0, answer.errors
    assert "other.csv: 2 examples" in answer.output
    # Where the data of the run are gone, the model is scored alone.
    path.unlink()
    answer = ask(capsys, "evaluate", str(tmp_path / "run"), str(other))
    assert answer.code == 0
    assert "note: no naive predictor stands beside the model: no such file" in answer.errors
    assert "majority" not in answer.output
    assert "no such file" in refuse(capsys, "evaluate", str(tmp_path / "run"))


def test_five_commands_on_a_table_of_a_stranger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    rows = write_examples(tmp_path, 400).read_text().splitlines()[1:]
    content = "\n".join(
        ["Satz;Ürteil", *(f"{n % 7} ä {row.replace(',', ';')}" for n, row in enumerate(rows))]
    )
    (tmp_path / "reviews.csv").write_bytes(content.encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    for command in (
        "init reviews.csv",
        "check reviews.yaml",
        "train reviews.yaml",
        "evaluate runs/reviews --json report.json",
        "predict runs/reviews reviews.csv",
    ):
        answer = ask(capsys, *command.split())
        assert answer.code == 0, answer.errors
    assert len(answer.output.splitlines()) == 400
    scores = json.loads((tmp_path / "report.json").read_text())["scores"]
    model, majority = (scores[name]["accuracy"]["value"] for name in ("model", "majority"))
    assert model > majority + 0.2


def test_compare(folder: Path, capsys: pytest.CaptureFixture[str]):
    answer = ask(capsys, "compare", str(folder / "bag"), str(folder / "recurrent"))
    assert answer.code == 0
    first, second = answer.output.splitlines()[2:4]
    assert first.startswith(str(folder / "bag"))
    assert "+0." in second
    assert second.split()[-1].count(":") == 1
    assert "expected two or more" in refuse(capsys, "compare", str(folder / "bag"))


def test_reproduce(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    recipe = tiny_examples(write_examples(tmp_path))

    def load(name: str, changes: object = ()) -> Recipe:
        assert (name, list(changes or ())) == ("questions", [])  # type: ignore[call-overload]
        return recipe

    monkeypatch.setattr(train_module, "load_recipe", load)
    monkeypatch.setattr(reproduce, "load_recipe", load)
    table = tmp_path / "results.md"
    table.write_text(f"{BEGIN}\n{END}\n")
    arguments = ("reproduce", "questions", "--runs", str(tmp_path / "runs"), "--table", str(table))
    answer = ask(capsys, *arguments)
    assert answer.code == 0
    row = next(line for line in answer.output.splitlines() if line.startswith("| `questions` |"))
    assert row in table.read_text()
    result = tmp_path / "runs" / "questions" / "result.json"
    before = result.stat().st_mtime_ns
    assert row in ask(capsys, *arguments).output
    assert result.stat().st_mtime_ns == before, "the test part is scored once"


def test_reproduce_folds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def load(name: str, changes: Sequence[str] = ()) -> Recipe:
        (change,) = changes
        asked.append(change)
        path = write_examples(tmp_path, 40, seed=int(change[-1]))
        recipe = tiny_examples(path.rename(tmp_path / f"{change[-4:]}.csv"))
        return recipe.model_copy(update={"seed": int(change[-1])})

    monkeypatch.setattr(train_module, "load_recipe", load)
    monkeypatch.setattr(reproduce, "load_recipe", load)
    arguments = ("reproduce", "stock-direction", "--runs", str(tmp_path / "runs"))
    answer = ask(capsys, *arguments)
    assert answer.code == 0
    assert asked == [f"data.name=stock_direction_{year}" for year in (2016, 2017, 2018)]
    folders = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert folders == [f"stock-direction-{fold}" for fold in (1, 2, 3)]
    row = next(line for line in answer.output.splitlines() if line.startswith("| `stock"))
    num = sum(evaluate_run(tmp_path / "runs" / name).num_examples for name in folders)
    assert f", {num} examples" in row
    assert row in ask(capsys, *arguments).output


def test_reproduce_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert "unknown result 'hello'" in refuse(capsys, "reproduce", "hello")
    assert "expected names or --all" in refuse(capsys, "reproduce")
    assert "expected names or --all" in refuse(capsys, "reproduce", "spam", "--all")


def test_reproduce_scores_finished_runs_of_the_recipe_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    recipe = tiny_examples(write_examples(tmp_path, 60), training={"max_epochs": 2})
    monkeypatch.setattr(train_module, "load_recipe", lambda *_: recipe)
    monkeypatch.setattr(reproduce, "load_recipe", lambda *_: recipe)
    run = tmp_path / "runs" / "questions"
    stop = StopRequest()

    def stop_at(event: object) -> None:
        if isinstance(event, Stepped) and event.step == 2:
            stop.signal = signal.SIGINT

    train(recipe, run, observe=stop_at, stop=stop)
    assert RunFolder.open(run).checkpoints.load("last").progress["step"] == 2
    arguments = ("reproduce", "questions", "--runs", str(run.parent))
    assert ask(capsys, *arguments).code == 0
    assert RunFolder.open(run).checkpoints.load("last").progress["finished"] == "finished"
    assert (run / "result.json").is_file()

    (run / "result.json").write_text("{}")
    assert "is damaged" in refuse(capsys, *arguments)
    other = recipe.model_copy(update={"seed": 7})
    monkeypatch.setattr(reproduce, "load_recipe", lambda *_: other)
    assert "is a run of another recipe" in refuse(capsys, *arguments)
    monkeypatch.setattr(reproduce, "load_recipe", lambda *_: recipe)
    no_table = tmp_path / "none.md"
    said = refuse(capsys, "reproduce", "rows", "--table", str(no_table))
    assert "cannot read" in said
