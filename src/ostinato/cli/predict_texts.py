"""``ostinato predict`` of a run that writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from ostinato.cli.inputs import input_rows, path_of, picture_rows, shown_input
from ostinato.cli.predict import Form
from ostinato.cli.screen import printable
from ostinato.core.errors import OptionError
from ostinato.data import DataError

if TYPE_CHECKING:
    from ostinato.data.batches import Example
    from ostinato.data.pipeline import PartCounts
    from ostinato.data.rows import Malformed, Row
    from ostinato.models.decoding_options import DecodingOptions
    from ostinato.training.run_files import Which
    from ostinato.training.trained_writer import TrainedWriter, Written

OPTIONS: Final = ("figure",)
_LONGEST_SHOWN = 60
_BLOCK = 256


def predict_texts(
    run: Path,
    source: str | None,
    changes: Sequence[str],
    *,
    form: Form | None,
    checkpoint: Which,
    figure: Path | None = None,
) -> None:
    """Print what a trained network writes for a file, for standard input, or for a text.

    Args:
        run: the run folder.
        source: a path, ``-`` or None for standard input, or a text.
        changes: ``data.key=value``, where the file is in another form, and ``decoding.key=value``;
            of a run that reads images, also further images.
        form: None: a table on a terminal, JSON lines elsewhere.
        checkpoint: which weights.
        figure: where the map of what the network looks at goes; None for none.

    Raises:
        OptionError: there is more than one input to draw.
    """
    from ostinato.data.pipeline import PartCounts
    from ostinato.training.trained_writer import load_writer, split_changes

    if figure is not None:
        _check_figure(figure)
    trained = load_writer(run, checkpoint)
    of_file, of_decoding = split_changes(changes)
    options = trained.options(of_decoding)
    rows, malformed = rows_to_write(trained, source, of_file)
    if figure is not None and len(rows) != 1:
        one = "image.png" if trained.pipeline.kind == "pictures" else "'a text'"
        raise OptionError(
            f"--figure draws one input, got {len(rows):,}\n"
            f"mend: give one: ostinato predict {run} {one} --figure {figure}"
        )
    form = form or ("table" if sys.stdout.isatty() else "jsonl")
    counts = PartCounts()
    num_read, num_unread = len(rows), malformed.num_malformed
    records = _records(trained, rows, options, counts, malformed)
    if form == "jsonl":
        for record in records:
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        _print_table(list(records))
    malformed.num_rows = num_read - (malformed.num_malformed - num_unread)
    malformed.check()
    show_notes(counts, malformed)
    if figure is not None:
        _draw(trained, rows[0], options, figure)


def rows_to_write(
    trained: TrainedWriter, source: str | None, changes: Sequence[str]
) -> tuple[list[Row], Malformed]:
    """Return the rows of a command's argument, and what could not be read.

    Raises:
        DataError: the file cannot be read, or is malformed.
        RecipeError: a change is not of how a file is read.
    """
    from ostinato.data.readers.images import SUFFIXES
    from ostinato.data.rows import Malformed, Row
    from ostinato.training.example_data import data_of_file

    if trained.pipeline.kind == "pictures":
        further = [change for change in changes if not change.startswith("data.")]
        data = data_of_file(trained.recipe, [each for each in changes if each not in further], None)
        malformed = Malformed(data.malformed)
        # Nothing at all is no name of the folder that one is in.
        sources = [each for each in ("-" if source is None else source, *further) if each]
        return picture_rows(sources, data, trained.pipeline, malformed), malformed
    path = path_of(source)
    is_picture = path is not None and path.suffix.lower() in SUFFIXES and not path.is_dir()
    if path is not None and is_picture and trained.pipeline.form is not None:
        return [Row(str(path), {trained.pipeline.options.input: str(path)})], Malformed()
    reads_text = trained.pipeline.encoder is not None
    if path is not None and is_picture and reads_text and path.is_file():
        raise DataError(
            f"{path} is an image, and the run {trained.path} reads {trained.pipeline.unit_name}\n"
            "mend: give a text, a file of texts, or - for standard input"
        )
    data = data_of_file(trained.recipe, changes, path)
    malformed = Malformed(data.malformed)
    return input_rows(source, data, trained.pipeline.options, malformed), malformed


def show_notes(counts: PartCounts, malformed: Malformed | None = None) -> None:
    """Say what was cut, unknown, empty, or left out."""
    left_out = "" if malformed is None else malformed.note()
    for note in (*counts.notes("input"), left_out):
        if note:
            print(f"note: {note}", file=sys.stderr)


def _records(
    trained: TrainedWriter,
    rows: Sequence[Row],
    options: DecodingOptions,
    counts: PartCounts,
    malformed: Malformed,
) -> Iterator[dict[str, Any]]:
    """Yield what is written for each row; in blocks, so that the first lines appear soon."""
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        if malformed.share:
            examples = trained.pipeline.examples(block, malformed, counts, with_target=False)
        else:
            examples = trained.encode(block, counts)
        numbers = range(start, start + len(examples))
        written = trained.write_examples(examples, options, numbers)
        for example, best in zip(examples, written, strict=True):
            yield _record(example, best, options)


def _record(example: Example, best: Sequence[Written], options: DecodingOptions) -> dict[str, Any]:
    shown: dict[str, Any] = {"input": shown_input(example)}
    if options.num_best > 1:
        return {**shown, "texts": [_text(each) for each in best]}
    return shown | _text(best[0])


def _text(written: Written) -> dict[str, Any]:
    found: dict[str, Any] = {
        "text": written.text,
        "log_probability": round(written.log_probability, 6),
        "score": round(written.score, 6),
    }
    return found if written.is_ended else {**found, "is_cut": True}


def _print_table(records: Sequence[dict[str, Any]]) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    if not records:
        console.print("nothing to write for: the input holds no examples")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("input", "text", "log probability"):
        table.add_column(name, overflow="fold")
    for record in records:
        shown = record["input"]
        name = shown if isinstance(shown, str) else " ".join(shown)
        name = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…"
        for each in record.get("texts", [record]):
            chance = f"{each['log_probability']:.3f}"
            table.add_row(printable(name), printable(each["text"]), chance)
            name = ""
    console.print(table)


def _check_figure(path: Path) -> None:
    """Refuse what cannot be drawn before anything is written; see ``lens.figures``."""
    from ostinato.lens.figures.writing import check_figure

    check_figure(path, "--figure")


def _draw(trained: TrainedWriter, row: Row, options: DecodingOptions, path: Path) -> None:
    from ostinato.lens import attention, picture_attention
    from ostinato.lens.figures.writing import write_figure

    are_pictures = trained.pipeline.kind == "pictures"
    look = picture_attention.picture_attention if are_pictures else attention.attention_map
    found = look(trained, row, options=options)
    write_figure(found.figure(), path)
    print(f"drawn: {path}", file=sys.stderr)
