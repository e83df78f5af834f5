"""The command line, in this process."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ostinato.cli.app import run


class Answer(NamedTuple):
    """What a command said."""

    code: int
    output: str
    errors: str


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> Answer:
    """Run a command."""
    code = run(arguments)
    said = capsys.readouterr()
    return Answer(code, said.out, said.err)


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must end in a short error with its mend; return what it said."""
    code, _, errors = ask(capsys, *arguments)
    assert code == 2
    assert errors.startswith("error: ")
    assert "Traceback" not in errors
    lines = errors.splitlines()
    assert len(lines) <= 8
    assert lines[-1].startswith("mend: ")
    return errors
