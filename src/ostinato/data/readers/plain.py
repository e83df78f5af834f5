"""Plain text: a line is a row; labels stand in the names of files, or in files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from ostinato.data.errors import DataError
from ostinato.data.opening import bare_name
from ostinato.data.readers.lines import place_of, read_lines
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row


def text_rows(paths: Sequence[Path], options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield ``text`` for each line that is not empty, and ``label``, the file's name, if several.

    Args:
        paths: the files.
        options: their encoding.
        malformed: is told of lines that are no text.

    Raises:
        DataError: a file cannot be read.
    """
    for path in paths:
        label = {} if len(paths) == 1 else {"label": Path(bare_name(path)).stem}
        for line in read_lines(path, options.encoding):
            place = place_of(path, line.number)
            if line.problem:
                malformed.report(place, line.problem)
            elif line.text.strip():
                yield Row(place, {"text": line.text, **label})


def parallel_rows(
    files: Mapping[str, Path], options: ReadOptions, malformed: Malformed
) -> Iterator[Row]:
    """Yield line i of every file as one row.

    Args:
        files: column name to file.
        options: their encoding.
        malformed: is told of lines that are no text.

    Raises:
        DataError: a file cannot be read, or one has fewer lines than another.
    """
    readers = [read_lines(path, options.encoding) for path in files.values()]
    for number, lines in enumerate(zip_longest(*readers), 1):
        if any(line is None for line in lines):
            counts = [
                number - 1 + (line is not None) + sum(1 for _ in reader)
                for reader, line in zip(readers, lines, strict=True)
            ]
            shown = ", ".join(
                f"{path} has {count:,}" for path, count in zip(files.values(), counts, strict=True)
            )
            raise DataError(
                f"different numbers of lines: {shown}\n"
                "mend: line i of each file has to belong together"
            )
        bad = next(((i, line.problem) for i, line in enumerate(lines) if line.problem), None)
        place = place_of([*files.values()][bad[0] if bad else 0], number)
        if bad:
            malformed.report(place, bad[1])
        else:
            yield Row(place, {name: line.text for name, line in zip(files, lines, strict=True)})
