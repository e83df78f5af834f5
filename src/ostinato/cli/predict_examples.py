"""``ostinato predict`` of a run that learned from examples."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from rich.console import Console
from rich.table import Table

from ostinato.cli.inputs import input_rows, path_of, shown_input
from ostinato.cli.predict import Form
from ostinato.cli.screen import printable

if TYPE_CHECKING:
    from ostinato.data.batches import Example
    from ostinato.data.pipeline import PartCounts
    from ostinato.data.rows import Malformed, Row
    from ostinato.training.naive import Predictions
    from ostinato.training.run_files import Which
    from ostinato.training.trained import TrainedExamples

OPTIONS: Final = ("probabilities",)
_LONGEST_SHOWN = 60
_BLOCK = 1024
_LOWEST_NOTE = 21


def predict_examples(
    run: Path,
    source: str | None,
    changes: Sequence[str],
    *,
    form: Form | None,
    checkpoint: Which,
    probabilities: bool = False,
) -> None:
    """Print what a trained network says of a file, of standard input, or of a text.

    Args:
        run: the run folder.
        source: a path, ``-`` or None for standard input, or a text.
        changes: ``data.key=value``, where the file is in another form.
        form: None: a table on a terminal, JSON lines elsewhere.
        checkpoint: which weights.
        probabilities: of every label.
    """
    from ostinato.data.pipeline import PartCounts
    from ostinato.data.rows import Malformed
    from ostinato.training.example_data import data_of_file
    from ostinato.training.trained import load_examples

    trained = load_examples(run, checkpoint)
    path = path_of(source)
    data = data_of_file(trained.recipe, changes, path)
    malformed = Malformed(data.malformed)
    rows = input_rows(source, data, trained.pipeline.options, malformed)
    num_read, num_unread = len(rows), malformed.num_malformed
    form = form or ("table" if sys.stdout.isatty() else "jsonl")
    counts = PartCounts()
    # In blocks: the first lines appear at once, and memory does not grow with the file.
    blocks = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
    records = (
        record
        for block in blocks
        for record in _records(
            trained, _encoded(trained, block, counts, malformed), probabilities=probabilities
        )
    )
    if form == "jsonl":
        for record in records:
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        _print_table(list(records))
    malformed.num_rows = num_read - (malformed.num_malformed - num_unread)
    malformed.check()
    for note in (*counts.notes("input"), malformed.note()):
        if note:
            print(f"note: {note}", file=sys.stderr)


def _encoded(
    trained: TrainedExamples, rows: Sequence[Row], counts: PartCounts, malformed: Malformed
) -> list[Example]:
    """Return rows as examples without targets; those that cannot be are left out if they may be.

    Raises:
        DataError: none may be left out.
    """
    if not malformed.share:
        return trained.encode(rows, counts)
    return trained.pipeline.examples(rows, malformed, counts, with_target=False)


def _records(
    trained: TrainedExamples, examples: Sequence[Example], *, probabilities: bool
) -> Iterator[dict[str, Any]]:
    predictions = trained.predict_examples(examples)
    task = trained.recipe.task
    for place, example in enumerate(examples):
        record: dict[str, Any] = {"input": shown_input(example)}
        if task == "regression":
            assert predictions.numbers is not None
            record["numbers"] = [round(float(number), 6) for number in predictions.numbers[place]]
        elif task == "polyphony":
            record |= _notes(predictions, place)
        else:
            record |= _labels(trained, predictions, place, probabilities=probabilities)
        yield record


def _labels(
    trained: TrainedExamples, predictions: Predictions, place: int, *, probabilities: bool
) -> dict[str, Any]:
    labels = trained.pipeline.labels
    assert labels is not None
    found, chances = predictions.labels[place], predictions.probabilities[place]
    task = trained.recipe.task
    if task == "tagging":
        record: dict[str, Any] = {"tags": list(found)}
        scheme = trained.recipe.evaluation.scheme
        if scheme != "none":
            from ostinato.training.metrics.spans import spans_of

            record["spans"] = [
                {"start": start, "end": end, "label": label}
                for start, end, label in sorted(spans_of(found, scheme))
            ]
        if probabilities:
            record["probabilities"] = [_by_name(labels.names, step) for step in chances]
        return record
    record = {"label": found[0]} if task == "classification" else {"labels": list(found)}
    if task == "classification":
        record["probability"] = round(float(chances.max()), 6)
    if probabilities:
        record["probabilities"] = _by_name(labels.names, chances)
    return record


def _by_name(names: Sequence[str], chances: Any) -> dict[str, float]:
    return {name: round(float(c), 6) for name, c in zip(names, chances, strict=True)}


def _notes(predictions: Predictions, place: int) -> dict[str, Any]:
    """Return the notes that are likelier than not after the last step, as MIDI numbers."""
    last = predictions.probabilities[place][-1]
    likely = [number for number, chance in enumerate(last) if chance > 0.5]
    return {
        "next_notes": [_LOWEST_NOTE + number for number in likely],
        "probability": [round(float(last[number]), 6) for number in likely],
    }


def _print_table(records: Sequence[Mapping[str, Any]]) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    if not records:
        console.print("nothing to predict: the input holds no examples")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in records[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for record in records:
        table.add_row(*(_cell(name, value) for name, value in record.items()))
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        chances = cast("Mapping[str, float]", value)
        likeliest = sorted(chances.items(), key=lambda item: -item[1])
        return "  ".join(f"{label} {chance:.3f}" for label, chance in likeliest)
    if name == "spans":
        return "  ".join(f"{span['start']}–{span['end']} {span['label']}" for span in value)
    if isinstance(value, list):
        return " ".join(_cell("", each) for each in cast("list[object]", value))
    if isinstance(value, float):
        return f"{value:.3f}"
    text = printable(str(value))
    return text if name != "input" or len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
