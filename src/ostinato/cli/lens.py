"""``ostinato lens``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ostinato.cli.inputs import path_of
from ostinato.cli.screen import printable
from ostinato.data.wording import counted

if TYPE_CHECKING:
    from ostinato.lens.reports import Report
    from ostinato.lens.subject import ExampleSubject, Subject
    from ostinato.training.run_files import Which


def lens_command(
    run: Path,
    text: str | None,
    *,
    beside: Sequence[Path],
    example: int | None,
    html_path: Path | None,
    json_path: Path | None,
    checkpoint: Which,
) -> None:
    """Measure what the memory of a trained network does, and say it in words.

    Args:
        run: the run folder.
        text: a text, a file, or ``-`` for standard input; None for what the run did not learn.
        beside: runs that are drawn on the same figures.
        example: which one of the dev part or of the file, counted from 0; None for the longest of
            the dev part's first ones, or the file's first.
        html_path: where the report goes.
        json_path: where the numbers go.
        checkpoint: which weights.
    """
    from ostinato.core.files import replace_file, writing
    from ostinato.core.outputs import check_output
    from ostinato.lens.reports import report
    from ostinato.lens.subject import Subject

    for path, option in ((html_path, "--html"), (json_path, "--json")):
        if path is not None:
            check_output(path, f" ({option} FILE)")
    subject = Subject.open(run, checkpoint)
    others = [Subject.open(other) for other in beside]
    value = None if text is None else _value(subject, text, example or 0)
    with _working():
        found = report(subject, value, beside=others, example=example)
    # Before anything is printed: a reader that goes away, as `head` does, ends the command.
    if html_path is not None:
        found.write_html(html_path)
    if json_path is not None:
        content = json.dumps(found.to_json(), ensure_ascii=False, indent=1)
        with writing(json_path, how=" (--json FILE)"):
            replace_file(json_path, f"{content}\n".encode())
    show(found)
    if html_path is not None:
        print(f"report: {html_path}", file=sys.stderr)


def show(report: Report) -> None:
    """Print the findings, a paragraph each."""
    facts = report.facts
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(
        f"{facts.name}: {facts.task}, {facts.layers}; read {facts.origin} "
        f"({counted(facts.num_steps, 'step')})"
    )
    for finding in report.summary:
        head, colon, rest = printable(finding).partition(":")
        console.print(Padding(Text.assemble((head, "bold"), colon, rest), (1, 0, 0, 0)))
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)


def _working() -> Any:
    """Show on a terminal that something goes on: some seconds pass."""
    errors = Console(stderr=True)
    return errors.status("measuring …") if errors.is_terminal else nullcontext()


def _value(subject: Subject, text: str, example: int) -> Any:
    """Return what ``--text`` stands for, as the network reads it."""
    from ostinato.data import DataError, is_file, looks_like_path, read_text
    from ostinato.lens.subject import ExampleSubject

    if isinstance(subject, ExampleSubject):
        return _row(subject, text, example)
    if text == "-":
        return _from_stdin()
    path = path_of(text)
    if path is not None and is_file(path):
        return read_text(path).removesuffix("\n")
    if looks_like_path(text) and not any(character.isspace() for character in text):
        raise DataError(f"there is no file {text}\nmend: check the path, or give the text itself")
    return text


def _from_stdin() -> str:
    from ostinato.data import DataError

    content = sys.stdin.buffer.read()
    try:
        return content.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"standard input: byte 0x{content[error.start]:02x} at offset {error.start:,} is not "
            "UTF-8\nmend: iconv -f ENCODING -t UTF-8"
        ) from error


def _row(subject: ExampleSubject, text: str, example: int) -> Any:
    """Return a row of what a network of examples is given."""
    from ostinato.cli.inputs import input_rows
    from ostinato.data import DataError
    from ostinato.data.rows import Malformed
    from ostinato.training.example_data import data_of_file

    trained = subject.trained
    path = path_of(text)
    data = data_of_file(trained.recipe, (), path)
    rows = input_rows(text, data, trained.pipeline.options, Malformed(data.malformed))
    if not 0 <= example < len(rows):
        raise DataError(
            f"there is no example {example} in what --text gives: it has {len(rows):,}, counted "
            f"from 0\nmend: --example 0{'' if rows else ', and a text that is not empty'}"
        )
    return rows[example]
