"""``ostinato predict`` of a run that completes queries."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from ostinato.cli.inputs import input_rows, path_of
from ostinato.cli.predict import Form
from ostinato.cli.predict_texts import show_notes
from ostinato.cli.screen import printable
from ostinato.data import DataError

if TYPE_CHECKING:
    from ostinato.data.pipeline import PartCounts
    from ostinato.data.rows import Malformed, Row
    from ostinato.training.run_files import Which
    from ostinato.training.suggester import Question, Suggester

OPTIONS: Final = ()
_BLOCK = 256


def predict_suggestions(
    run: Path, source: str | None, changes: Sequence[str], *, form: Form | None, checkpoint: Which
) -> None:
    """Print what a trained network suggests for beginnings of queries.

    Args:
        run: the run folder.
        source: a path, ``-`` or None for standard input, or a beginning.
        changes: ``data.key=value``, where the file is in another form, and ``decoding.key=value``.
        form: None: a table on a terminal, JSON lines elsewhere.
        checkpoint: which weights.
    """
    from ostinato.data.pipeline import PartCounts
    from ostinato.training.suggester import load_suggester
    from ostinato.training.trained_writer import split_changes

    of_file, of_decoding = split_changes(changes)
    suggester = load_suggester(run, checkpoint, of_decoding)
    rows, malformed = rows_to_complete(suggester, source, of_file)
    questions = [question(suggester, row) for row in rows]
    form = form or ("table" if sys.stdout.isatty() else "jsonl")
    counts = PartCounts()
    records = _records(suggester, questions, counts)
    if form == "jsonl":
        for record in records:
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        _print_table(list(records))
    show_notes(counts, malformed)


def rows_to_complete(
    suggester: Suggester, source: str | None, changes: Sequence[str]
) -> tuple[list[Row], Malformed]:
    """Return the rows of a command's argument, and what could not be read.

    What is begun stands in the column of the queries, or in a line of its own.

    Raises:
        DataError: the file cannot be read, or is malformed.
        RecipeError: a change is not of how a file is read.
    """
    from ostinato.data.rows import Malformed
    from ostinato.training.example_data import data_of_file

    path = path_of(source)
    data = data_of_file(suggester.recipe, changes, path)
    malformed = Malformed(data.malformed)
    # Here the query is what is read.
    data = data.model_copy(update={"input": data.target, "target": data.input})
    own = suggester.trained.pipeline.options
    assert own.target is not None
    options = replace(own, input=own.target, target=own.input)
    return input_rows(source, data, options, malformed), malformed


def question(suggester: Suggester, row: Row) -> Question:
    """Return what a row begins, and the query before; in a line, a tab stands between them.

    Raises:
        DataError: nothing is begun.
    """
    options = suggester.trained.pipeline.options
    text = row.values.get(options.target or "")
    if not isinstance(text, str):
        columns = ", ".join(row.values) or "none"
        raise DataError(
            f"{row.place}: no beginning of a query in the column {options.target!r}; the columns "
            f"are {columns}\nmend: data.target=COLUMN"
        )
    before = row.values.get(options.input)
    if before is not None:
        return text, str(before)
    before, tab, text = text.rpartition("\t")
    return text, before if tab else None


def _records(
    suggester: Suggester, questions: Sequence[Question], counts: PartCounts
) -> Iterator[dict[str, Any]]:
    """Yield what is suggested for each question; in blocks, so that the first lines appear soon."""
    for start in range(0, len(questions), _BLOCK):
        block = questions[start : start + _BLOCK]
        found = suggester.suggest_all(block, counts=counts)
        for (text, before), best in zip(block, found, strict=True):
            shown: dict[str, Any] = {"input": text}
            if before is not None:
                shown["before"] = before
            shown["suggestions"] = [
                {"text": each.text, "log_probability": round(each.log_probability, 6)}
                for each in best
            ]
            yield shown


def _print_table(records: Sequence[dict[str, Any]]) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    if not records:
        console.print("nothing to complete: the input holds no lines")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("input", "suggestion", "log probability"):
        table.add_column(name, overflow="fold")
    for record in records:
        before = f"{record['before']} → " if "before" in record else ""
        name = f"{before}{record['input']}"
        if not record["suggestions"]:
            table.add_row(printable(name), "–", "")
        for each in record["suggestions"]:
            chance = f"{each['log_probability']:.3f}"
            table.add_row(printable(name), printable(each["text"]), chance)
            name = ""
    console.print(table)
