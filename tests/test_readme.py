"""What the documents show, runs: python blocks as written, commands by name, links by target."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)[^)]*\)|src=\"(?P<source>[^\"]+)\"")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, language: str) -> list[tuple[int, str]]:
    """Every fenced block of a language, with the number of the line that it starts on."""
    text = path.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start("body")) + 1, match["body"])
        for match in FENCE.finditer(text)
        if match["language"] == language
    ]


def commands(program: str) -> list[tuple[str, ...]]:
    """Every call of `program` in a console block of any document, as words."""
    lines = (
        line.removeprefix("$ ")
        for path in DOCUMENTS
        for _, body in blocks(path, "console")
        for line in body.splitlines()
        if line.startswith("$ ")
    )
    calls = {tuple(shlex.split(line, comments=True)) for line in lines}
    return sorted(call for call in calls if call[0] == program)


@cache
def help_of(verb: str) -> str:
    """What `ostinato VERB --help` prints, wide enough that no option is cut."""
    result = subprocess.run(
        [sys.executable, "-c", "from ostinato.cli import main; main()", verb, "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "COLUMNS": "300", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
    )
    assert result.returncode == 0, f"`ostinato {verb}` is not a command:\n{result.stderr}"
    return result.stdout


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if blocks(path, "python")], ids=relative
)
def test_the_python_blocks_run_in_order(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    shared: dict[str, object] = {"__name__": "__main__"}
    for line, body in blocks(path, "python"):
        # Blank lines before the block make a traceback point into the document.
        exec(compile("\n" * (line - 1) + body, str(path), "exec"), shared)


@pytest.mark.parametrize("call", commands("ostinato"), ids=" ".join)
def test_the_commands_shown_exist_with_their_options(call: tuple[str, ...]):
    _, verb, *words = call
    known = set(re.findall(r"--[a-z][a-z-]*", help_of(verb)))
    shown = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert shown <= known


@pytest.mark.parametrize("call", commands("make"), ids=" ".join)
def test_the_make_targets_shown_exist(call: tuple[str, ...]):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert {word for word in call[1:] if "=" not in word} <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_the_local_links_lead_somewhere(path: Path):
    targets = [a or b for a, b in LINK.findall(path.read_text(encoding="utf-8"))]
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("picture", sorted(ROOT.glob("docs/**/*.svg")), ids=relative)
def test_the_pictures_are_well_formed_and_described(picture: Path):
    root = ET.parse(picture).getroot()
    tags = {child.tag.rpartition("}")[2] for child in root}
    assert {"title", "desc"} <= tags
