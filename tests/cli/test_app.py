"""The commands: their answers, their start-up, and what they need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ostinato
from ostinato import cells
from ostinato.cli.screen import printable
from tests.cli.helpers import ask, refuse
from tests.training.helpers import process_environment


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_and_help(capsys: pytest.CaptureFixture[str]):
    assert ask(capsys, "--version").output == f"ostinato {ostinato.__version__}\n"
    for arguments in ((), ("--help",)):
        answer = ask(capsys, *arguments)
        assert answer.code == 0
        assert all(
            word in answer.output for word in ("train", "generate", "cells", "explain", "bench")
        )
    for command in ("train", "generate", "cells", "explain", "bench"):
        assert ask(capsys, command, "--help").code == 0


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["cells"], ["explain", "gru"], ["train"], ["train", "helo"]],
)
def test_what_needs_no_torch_does_not_load_it(arguments: list[str]):
    code = (
        f"import sys; from ostinato.cli.app import run; run({arguments!r}); "
        "print(sorted({'torch', 'tensorboard'} & set(sys.modules)))"
    )
    assert python(code).stdout.endswith("[]\n")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_the_plain_install_names_the_extra(missing: str):
    block = f"import sys; sys.modules[{missing!r}] = None"
    done = python(f"{block}; from ostinato.cli import main; main(['cells'])")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "pip install 'ostinato[train]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["torch", "pydantic", "yaml", "tensorboard"])
def test_a_command_names_the_extra(missing: str, tmp_path: Path):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from ostinato.cli import main; "
        f"main(['train', 'hello', '--run', {str(tmp_path / 'run')!r}])"
    )
    done = python(code)
    assert done.returncode == 2, done.stderr
    assert "pip install 'ostinato[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_cells_lists_every_cell(capsys: pytest.CaptureFixture[str]):
    answer = ask(capsys, "cells", "--input-size", "3", "--hidden-size", "5")
    assert answer.code == 0
    rows = {line.split()[0]: line for line in answer.output.splitlines() if line.strip()}
    assert set(cells.names()) <= set(rows)
    assert "h c: 5" in rows["lstm"]
    assert "180" in rows["lstm"]
    assert "linear" in rows["mingru"]
    assert "element-wise" in rows["indrnn"]
    assert "needs I = H" in rows["sru"]


def test_explain(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    by_name = ask(capsys, "explain", "gru", "--input-size", "3", "--hidden-size", "5")
    assert by_name.output == cells.get("gru").explain(input_size=3, hidden_size=5) + "\n"
    equations = "h = tanh(W @ h + U @ x)"
    written = ask(capsys, "explain", equations).output
    path = tmp_path / "cell.txt"
    path.write_text(equations)
    assert ask(capsys, "explain", str(path)).output == written
    assert "h" in ask(capsys, "explain", r"h_t = \tanh(W h_{t-1} + U x_t)").output


def test_a_name_means_the_same_in_every_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("lstm").write_text("h = tanh(W @ h + U @ x)")
    Path("mine").write_text("h = tanh(W @ h + U @ x)")
    assert ask(capsys, "explain", "lstm").output == cells.get("lstm").explain() + "\n"
    by_path = ask(capsys, "explain", "./lstm")
    assert by_path.code == 0
    assert by_path.output == ask(capsys, "explain", "mine").output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("h = tanh(W @ h)\nz = tahn(h)", r"bad.cell: line 2: unknown function `tahn`"),
        ("a page of text", r"bad.cell holds no equations\nmend: write lines"),
    ],
)
def test_a_file_without_a_cell(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, message: str
):
    path = tmp_path / "bad.cell"
    path.write_text(content)
    assert re.search(message, refuse(capsys, "explain", str(path)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bogus"], "No such command"),
        (["--bogus"], "No such option"),
        (["train"], r"RECIPE.*\nmend: see `ostinato train --help`"),
        (["train", "hello", "--resume", "x"], "takes no recipe"),
        (["generate"], "Missing argument"),
        (["generate", "x", "--length", "many"], "--length"),
        (["generate", "x", "--checkpoint", "worst"], "--checkpoint"),
        (["cells", "--input-size", "0"], "--input-size"),
        (["explain", "lstn"], "did you mean 'lstm'"),
        (["explain", "LSTM"], "did you mean 'lstm'"),
        (["explain", "nofile.txt"], "no such file: nofile.txt"),
        (["explain", "."], "is a folder, not a file"),
        (["explain", "h = tahn(W @ h)"], r"unknown function `tahn`[^$]*\^"),
        (["explain", "h = tanh(W @ h + " + "b + " * 200 + "c"], "line 1"),
        (["explain", "gru", "--input-size", "3", "--output-size", "3"], "output_size was given"),
    ],
)
def test_wrong_commands(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str):
    assert re.search(message, refuse(capsys, *arguments))


def test_what_nobody_foresaw_is_short_too():
    block = "import ostinato.cli.cells as c; c.cells_command = lambda *_: 1 / 0"
    done = python(f"{block}; from ostinato.cli import main; main(['cells'])")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ZeroDivisionError: division by zero\nmend: ")
    assert "Traceback" not in done.stderr


def test_control_characters_do_not_reach_a_terminal():
    assert printable("a\x1b[31m\tb\n\0한") == "a\ufffd[31m\tb\n\ufffd한"


def test_debug_shows_the_trace(capsys: pytest.CaptureFixture[str]):
    code, _, errors = ask(capsys, "explain", "lstn", "--debug")
    assert code == 2
    assert errors.startswith("Traceback")
    assert "UnknownNameError: unknown cell 'lstn'" in errors


@pytest.mark.parametrize("arguments", [["cells"], ["explain", "gru"], ["--help"]])
def test_output_that_finds_no_space(arguments: list[str]):
    code = (
        "from ostinato.cli import main; import os; "
        f"os.dup2(os.open('/dev/full', os.O_WRONLY), 1); main({arguments!r})"
    )
    done = python(code)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write the output: No space left")
    assert done.stderr.splitlines()[-1].startswith("mend: ")
    assert "Exception ignored" not in done.stderr


def test_a_reader_that_goes_away():
    code = (
        "from ostinato.cli import main; import os, sys; "
        "r, w = os.pipe(); os.close(r); os.dup2(w, 1); main(['cells'])"
    )
    done = python(code)
    assert done.returncode == 1
    assert done.stderr == ""
