"""``ostinato translate`` and ``ostinato chat``: a run that writes, line by line, as it writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ostinato.cli.inputs import path_of
from ostinato.cli.predict_texts import rows_to_write, show_notes
from ostinato.cli.screen import printable
from ostinato.data import DataError

if TYPE_CHECKING:
    from ostinato.data.pipeline import PartCounts
    from ostinato.data.rows import Malformed, Row
    from ostinato.models.decoding_options import DecodingOptions
    from ostinato.training.run_files import Which
    from ostinato.training.trained_writer import TrainedWriter

_PROMPT = "> "


def conversation_command(
    run: Path, source: str | None, changes: Sequence[str], *, checkpoint: Which
) -> None:
    """Print a text for each line that is read, a line each, as soon as it is known.

    Greedy and drawn texts appear unit by unit, those of a beam when it is done. A line is answered
    before the next one is read, an empty one by an empty one: line i answers line i.

    Args:
        run: the run folder.
        source: a path, ``-`` or None for standard input, or a text. Of a table, or of a file with
            ``data.key=value``, the rows are read that ``ostinato predict`` reads.
        changes: ``data.key=value``, where a file is in another form, and ``decoding.key=value``.
        checkpoint: which weights.
    """
    from ostinato.data.pipeline import PartCounts
    from ostinato.training.trained_writer import load_writer, split_changes

    trained = load_writer(run, checkpoint)
    of_file, of_decoding = split_changes(changes)
    options = trained.options(of_decoding)
    counts = PartCounts()
    column = trained.pipeline.options.input

    def listed(source: str) -> tuple[list[Row], Malformed]:
        return rows_to_write(trained, source, of_file)

    rows, malformed = rows_of_lines(source, column, listed, is_changed=bool(of_file))
    for number, row in enumerate(rows):
        _answer(trained, row, options, counts, number)
    show_notes(counts, malformed)


def rows_of_lines(
    source: str | None,
    column: str,
    listed: Callable[[str], tuple[list[Row], Malformed]],
    *,
    is_changed: bool,
) -> tuple[Iterator[Row], Malformed | None]:
    """Return a row for each line, as it comes, and what could not be read of a table.

    Args:
        source: a path, ``-`` or None for standard input, or a text.
        column: that a line is in.
        listed: returns the rows of a table or of a text.
        is_changed: whether the user says how a file is read.
    """
    if source is None or source == "-":
        # What says how a file is read is refused here as elsewhere.
        listed("")
        return _lines(sys.stdin.buffer, "standard input", column), None
    if not is_changed and _is_text_file(source):
        return _lines_of_file(Path(source), column), None
    rows, malformed = listed(source)
    return iter(rows), malformed


def _is_text_file(source: str) -> bool:
    """Whether a command's argument is a file of lines."""
    from ostinato.data import is_file
    from ostinato.data.readers.formats import format_by_name

    path = path_of(source)
    return path is not None and is_file(path) and format_by_name(path) in (None, "text")


def _lines_of_file(path: Path, column: str) -> Iterator[Row]:
    from ostinato.data.opening import opened

    with opened(path) as file:
        yield from _lines(file, str(path), column)


def _lines(stream: IO[bytes], name: str, column: str) -> Iterator[Row]:
    """Yield lines as they come.

    Raises:
        DataError: a line is no UTF-8.
    """
    from ostinato.data.rows import Row

    is_terminal = stream is sys.stdin.buffer and sys.stdin.isatty() and sys.stdout.isatty()
    number = 0
    while True:
        if is_terminal:
            _say(_PROMPT)
        line = stream.readline()
        if not line:
            break
        number += 1
        try:
            text = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8\n"
                "mend: iconv -f ENCODING -t UTF-8"
            ) from error
        yield Row(f"{name}, line {number}", {column: text})
    if is_terminal:
        _say("\n")


def _answer(
    trained: TrainedWriter,
    row: Row,
    options: DecodingOptions,
    counts: PartCounts,
    number: int,
) -> None:
    """Write what the network writes for a row, and the end of the line."""
    value = row.values.get(trained.pipeline.options.input)
    if isinstance(value, str) and not value.strip():
        _say("\n")
        return
    (example,) = trained.encode([row], counts)
    # An answer is a line: the ends of lines within it are spaces.
    trained.tell(example, options, number, lambda piece: _say(piece.replace("\n", " ")))
    _say("\n")


def _say(text: str) -> None:
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
