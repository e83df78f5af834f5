"""``ostinato lens`` from the command line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import ostinato as ost
from ostinato.lens.subject import Subject
from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.training.examples import recipe_for

TEXT = "a quick brown fox, and a lazy dog.\n" * 9


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lens") / "fox"
    ost.train(
        {
            "task": "language-model",
            "data": {"text": TEXT},
            "model": {"cell": "gru", "hidden_size": 8},
            "training": {"max_steps": 2},
        },
        run=path,
        progress=False,
    )
    return path


def test_findings_report_and_numbers(run: Path, tmp_path: Path, capsys):
    page, numbers = tmp_path / "report.html", tmp_path / "numbers.json"
    code, output, errors = ask(
        capsys, "lens", str(run), "--text", TEXT, "--html", str(page), "--json", str(numbers)
    )
    assert code == 0
    assert "fox: language-model" in output
    assert "Gradient:" in output
    assert "Memory:" in output
    assert f"report: {page}" in errors
    assert "<figure" in page.read_text(encoding="utf-8")
    assert json.loads(numbers.read_text(encoding="utf-8"))["facts"]["name"] == "fox"


def test_a_text_from_a_file_or_standard_input_is_the_same(
    run: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "text.txt"
    path.write_text("a lazy fox, a dog\n")
    given = ask(capsys, "lens", str(run), "--text", "a lazy fox, a dog").output
    assert ask(capsys, "lens", str(run), "--text", str(path)).output == given
    stream = io.TextIOWrapper(io.BytesIO(b"a lazy fox, a dog\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    assert ask(capsys, "lens", str(run), "--text", "-").output == given


def test_runs_beside_one_another(run: Path, capsys):
    output = ask(capsys, "lens", str(run), "--text", TEXT, "--beside", str(run)).output
    assert "Gradient of fox (1):" in output
    assert "Gradient of fox (2):" in output


def test_a_file_of_examples(tmp_path: Path, capsys):
    folder = tmp_path / "texts"
    short = {"training": {"max_steps": 2}, "evaluation": {"every": 2}}
    train(recipe_for("texts", tmp_path, 60, **short), folder)
    file = tmp_path / "examples.jsonl"
    code, output, _ = ask(capsys, "lens", str(folder), "--text", str(file), "--example", "2")
    assert code == 0
    assert "texts: classification" in output
    assert "no example 99" in refuse(
        capsys, "lens", str(folder), "--text", str(file), "--example", "99"
    )
    assert "the given text" in ask(capsys, "lens", str(folder), "--text", "a b c d e f g h").output


def test_mistakes_are_short_and_mendable(
    run: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    assert "'Ω'" in refuse(capsys, "lens", str(run), "--text", "Ω")
    assert "empty" in refuse(capsys, "lens", str(run), "--text", "")
    assert "no file" in refuse(capsys, "lens", str(run), "--text", "missing/file.txt")
    assert str(tmp_path / "none") in refuse(capsys, "lens", str(tmp_path / "none"))
    bad = tmp_path / "latin.txt"
    bad.write_bytes(b"caf\xe9 a lazy dog")
    assert "UTF-8" in refuse(capsys, "lens", str(run), "--text", str(bad))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9")))
    assert "0xe9" in refuse(capsys, "lens", str(run), "--text", "-")


@pytest.mark.parametrize("option", ["--html", "--json"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("/", "cannot write /: it is a folder"),
        (".", "cannot write .: it is a folder"),
        ("folder", "cannot write folder: it is a folder"),
        ("/dev/null", "it is no file"),
        ("no/report", "there is no folder no"),
        ("file/report", "file/report"),
        ("x" * 254, "too long"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_measuring(
    tmp_path: Path,
    capsys,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    place: str,
    message: str,
):
    def measured(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Subject, "open", measured)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    said = refuse(capsys, "lens", "run", option, place)
    assert message in said
    assert option in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_one_character_gives_no_findings_on_gates(run: Path, capsys):
    _, output, errors = ask(capsys, "lens", str(run), "--text", "a")
    assert "(1 step)" in output
    assert "1 step is too few for a rate" in " ".join(output.split())
    assert "Gates" not in output
    assert "Idle" not in output
    assert "stuck and idle units: 1 step is fewer than 30" in errors
    assert "no step before the first" in errors
