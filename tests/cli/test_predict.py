"""``ostinato predict``, as a newcomer uses and misuses it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.training.examples import TASKS, recipe_for
from tests.training.helpers import tiny

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each task, and one that learned to write."""
    found: dict[str, Path] = {}
    for name in TASKS:
        folder = tmp_path_factory.mktemp("runs")
        training = {"max_steps": 2}
        recipe = recipe_for(name, folder, 60, training=training, evaluation={"every": 2})
        train(recipe, folder / "run")
        found[name] = folder / "run"
    writer = tmp_path_factory.mktemp("runs") / "writer"
    train(tiny(training={"max_steps": 1}), writer)
    return {**found, "writer": writer}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def records(capsys: Capture, *arguments: object) -> list[dict[str, Any]]:
    code, output, errors = ask(capsys, "predict", *map(str, arguments), "--format", "jsonl")
    assert code == 0, errors
    return [json.loads(line) for line in output.splitlines()]


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "a c b",
        "",
        " ",
        "a. b! c?",
        "ends in a point.",
        "😀 👩‍👩‍👧",
        "한국어 and English и русский עברית",
        "line one\nline two",
        "a\0b",
        "a b/c d.e",
        "c" * 100_000,
        "word " * 20_000,
    ],
)
def test_a_text(capsys: Capture, runs: dict[str, Path], text: str):
    (record,) = records(capsys, runs["texts"], text)
    assert record["input"] == text
    assert record["label"] in ("a first", "b first")
    assert 0.5 <= record["probability"] <= 1


def test_what_was_cut_or_empty_is_told(capsys: Capture, runs: dict[str, Path]):
    _, _, errors = ask(capsys, "predict", str(runs["texts"]), "a zzz")
    assert errors == "note: input: 50.0 % of the units are unknown\n"
    _, _, errors = ask(capsys, "predict", str(runs["texts"]), "a " * 600)
    assert errors == "note: input: 1 text cut at 512 steps (88 units lost)\n"


def test_probabilities(capsys: Capture, runs: dict[str, Path]):
    (record,) = records(capsys, runs["texts"], "a b", "--probabilities")
    chances = record["probabilities"]
    assert set(chances) == {"a first", "b first"}
    assert abs(sum(chances.values()) - 1) < 1e-5
    assert record["probability"] == chances[record["label"]]


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_has_a_text_in_each_line(
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    runs: dict[str, Path],
    arguments: tuple[str, ...],
):
    given(monkeypatch, "a b\r\n\n나 가\nlast".encode())
    found = records(capsys, runs["texts"], *arguments)
    assert [record["input"] for record in found] == ["a b", "", "나 가", "last"]


def test_nothing_on_standard_input(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, runs: dict[str, Path]
):
    given(monkeypatch, b"")
    assert records(capsys, runs["texts"]) == []
    given(monkeypatch, b"")
    _, output, _ = ask(capsys, "predict", str(runs["texts"]), "--format", "table")
    assert output == "nothing to predict: the input holds no examples\n"


def test_standard_input_that_is_no_text(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, runs: dict[str, Path]
):
    given(monkeypatch, b"fine\n\xc7\xd1\xb1\xdb\n")
    assert "standard input, line 2: byte 0xc7 is not UTF-8" in refuse(
        capsys, "predict", str(runs["texts"])
    )


def test_files(capsys: Capture, runs: dict[str, Path]):
    Path("new.txt").write_text("a, b\nb a\n")
    assert [record["input"] for record in records(capsys, runs["texts"], "new.txt")] == [
        "a, b",
        "b a",
    ]
    Path("new.csv").write_text('x,other\n"a, b",1\nb a,2\n')
    assert [record["input"] for record in records(capsys, runs["texts"], "new.csv")] == [
        "a, b",
        "b a",
    ]
    # A table, whatever its name: it has the column that the run reads.
    Path("table.txt").write_text("x\ty\na b\t1\nb a\t2\n")
    assert [record["input"] for record in records(capsys, runs["texts"], "table.txt")] == [
        "a b",
        "b a",
    ]
    Path("my file.jsonl").write_text('{"x": "a b", "y": "unheard of"}\n')
    assert len(records(capsys, runs["texts"], "my file.jsonl")) == 1


def test_files_in_another_form(capsys: Capture, runs: dict[str, Path]):
    # The run learned from JSON lines; the name of a file says what it is.
    Path("new.csv").write_bytes("review;stars\nä b;1\n".encode("latin-1"))
    form = ("data.encoding=latin-1", "data.separator=;", "data.input=review")
    (found,) = records(capsys, runs["texts"], "new.csv", *form)
    assert found["input"] == "ä b"
    said = refuse(capsys, "predict", str(runs["texts"]), "new.csv", "data.encoding=latin-1")
    assert "the columns are review, stars\nmend: " in said
    assert "or say what it is called: data.input=" in said
    Path("rows").write_text('{"text": "a b"}\n')
    form = ("data.format=jsonl", "data.input=text")
    assert records(capsys, runs["texts"], "rows", *form)[0]["input"] == "a b"
    said = refuse(capsys, "predict", str(runs["texts"]), "new.csv", "model.cell=gru")
    assert "model.cell cannot be changed now: the model has learned" in said
    Path("bad.csv").write_text("x,y\na b,1,2\na b,1\n")
    said = refuse(capsys, "predict", str(runs["texts"]), "bad.csv")
    assert "data.malformed=0.51" in said
    form = ("data.malformed=0.51", "--format", "jsonl")
    code, output, errors = ask(capsys, "predict", str(runs["texts"]), "bad.csv", *form)
    assert (code, len(output.splitlines())) == (0, 1)
    assert errors.startswith("note: 1 malformed row left out: bad.csv, line 2: ")


def test_rows_that_cannot_be_read_are_counted_or_refused(capsys: Capture, runs: dict[str, Path]):
    rows = [[1.0, 2.0], [None], [3.0], ["x"]]
    Path("bad.jsonl").write_text("\n".join(json.dumps({"x": row}) for row in rows))
    run = str(runs["arrays"])
    assert "line 2: all its numbers are missing" in refuse(capsys, "predict", run, "bad.jsonl")
    said = refuse(capsys, "predict", run, "bad.jsonl", "data.malformed=0.3")
    assert "2 malformed rows of 4" in said
    form = ("data.malformed=0.5", "--format", "jsonl")
    code, output, errors = ask(capsys, "predict", run, "bad.jsonl", *form)
    places = [json.loads(line)["input"] for line in output.splitlines()]
    assert (code, places) == (0, ["bad.jsonl, line 1", "bad.jsonl, line 3"])
    assert "note: 2 malformed rows left out: bad.jsonl, line 2: " in errors


@pytest.mark.parametrize("columns", [("x", "review"), ("review", "x")])
def test_a_column_that_takes_the_place_of_another(
    capsys: Capture, runs: dict[str, Path], columns: tuple[str, str]
):
    values = {"x": "not this", "review": "a b"}
    Path("new.csv").write_text(f"{','.join(columns)}\n{','.join(values[c] for c in columns)}\n")
    (found,) = records(capsys, runs["texts"], "new.csv", "data.input=review")
    assert found["input"] == "a b"
    Path("new.tsv").write_text("x\ty\na b\t1\n")
    (found,) = records(capsys, runs["texts"], "new.tsv")
    assert found["input"] == "a b"


def test_numbers_in_a_text(capsys: Capture, monkeypatch: pytest.MonkeyPatch, runs: dict[str, Path]):
    given(monkeypatch, b"1 2.5 nan\n[1, 2.5, NaN]\n3\n")
    first, second, third = records(capsys, runs["arrays"], "-", "--probabilities")
    assert first["probabilities"] == second["probabilities"] != third["probabilities"]
    (text,) = records(capsys, runs["arrays"], "1, 2.5; nan", "--probabilities")
    assert text["probabilities"] == first["probabilities"]


def test_every_task(capsys: Capture, runs: dict[str, Path]):
    Path("arrays.jsonl").write_text('{"x": [1, 2.5, null]}\n{"x": [3]}\n')
    first, second = records(capsys, runs["arrays"], "arrays.jsonl")
    assert first["label"] in ("0", "1")
    assert second["input"] == "arrays.jsonl, line 2"
    (found, _) = records(capsys, runs["numbers"], "arrays.jsonl")
    assert len(found["numbers"]) == 2
    (found,) = records(capsys, runs["several labels"], "a b", "--probabilities")
    assert set(found["labels"]) <= {"begins", "ends"} == set(found["probabilities"])
    (found,) = records(capsys, runs["spelled tags"], "ABC abcn", "--probabilities")
    assert found["input"] == ["ABC", "abcn"]
    assert len(found["tags"]) == len(found["probabilities"]) == 2
    assert all(span["label"] == "X" for span in found["spans"])
    Path("music.jsonl").write_text(json.dumps({"x": np.eye(88)[40:44].tolist()}) + "\n")
    (found,) = records(capsys, runs["music"], "music.jsonl")
    assert len(found["next_notes"]) == len(found["probability"])


@pytest.mark.parametrize("name", TASKS)
def test_a_table(capsys: Capture, runs: dict[str, Path], name: str):
    rows = (runs[name].parent / "examples.jsonl").read_text().splitlines()[:3]
    Path("some.jsonl").write_text("\n".join(rows))
    arguments = ("predict", str(runs[name]), "some.jsonl", "--format", "table", "--probabilities")
    code, output, _ = ask(capsys, *arguments)
    assert code == 0
    assert output.startswith("input")
    assert len(output.splitlines()) >= 4


def test_a_table_of_hostile_texts(capsys: Capture, runs: dict[str, Path]):
    text = "[bold]red[/] \x1b[31m " + "x" * 500
    _, output, _ = ask(capsys, "predict", str(runs["texts"]), text, "--format", "table")
    assert "\x1b" not in output
    assert "[bold]red[/]" in output.replace("\n", "")
    assert "x" * 100 not in output


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        (
            "texts",
            "wrong.csv",
            "wrong.csv, line 2: the column `x` is missing; the columns are text",
        ),
        ("texts", "nothing.csv", "no such file: nothing.csv"),
        ("texts", "no/such", "or give a text through standard input"),
        ("texts", "empty.csv", "empty.csv is empty"),
        ("texts", "broken.jsonl", "broken.jsonl, line 2: not JSON"),
        ("texts", "binary.txt", "binary.txt"),
        ("arrays", "a text", "the text: expected numbers, got 'a text'"),
        ("arrays", "[1, 2", "the text: expected numbers, got '[1, 2'"),
        ("arrays", "nan nan", "the text: all its numbers are missing"),
        ("arrays", "", "the text: it holds no steps"),
        ("spelled tags", " ", "the text: it holds no tokens"),
        ("texts", "a\udcff", "lone surrogate"),
    ],
)
def test_what_cannot_be_predicted(
    capsys: Capture, runs: dict[str, Path], name: str, source: str, said: str
):
    Path("wrong.csv").write_text("text,y\na b,1\n")
    Path("empty.csv").write_text("")
    Path("broken.jsonl").write_text('{"x": "a"}\n{"x": \n')
    Path("binary.txt").write_bytes(bytes(range(256)) * 20)
    assert said in refuse(capsys, "predict", str(runs[name]), source)


def test_a_run_that_is_missing_or_of_another_kind(capsys: Capture, runs: dict[str, Path]):
    assert "no such run" in refuse(capsys, "predict", "nowhere", "a b")
    assert "ostinato generate" in refuse(capsys, "predict", str(runs["writer"]), "a b")
    assert "argument 'run'" in refuse(capsys, "predict")


def test_many_inputs_come_in_blocks_and_in_order(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, runs: dict[str, Path]
):
    texts = [f"a {'c ' * (n % 7)}b {n}" for n in range(2500)]
    given(monkeypatch, "\n".join(texts).encode())
    assert [record["input"] for record in records(capsys, runs["texts"])] == texts
