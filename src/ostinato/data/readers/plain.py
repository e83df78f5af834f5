"""Plain text: a line is a row; labels stand in the names of files, or in files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from ostinato.data.errors import DataError
from ostinato.data.opening import bare_name
from ostinato.data.readers.lines import Line, place_of, read_lines
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row

_MOST_SHOWN = 60


def text_rows(paths: Sequence[Path], options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield ``text`` for each line that is not empty, and ``label``, the file's name, if several.

    Args:
        paths: the files.
        options: their encoding.
        malformed: is told of lines that are no text, and of empty ones.

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
            else:
                malformed.report_empty()


def parallel_rows(
    files: Mapping[str, Path], options: ReadOptions, malformed: Malformed
) -> Iterator[Row]:
    """Yield line i of every file as one row.

    Args:
        files: column name to file.
        options: their encoding.
        malformed: is told of lines that are no text, and of lines that are empty in one file alone.

    Raises:
        DataError: a file cannot be read, or one has fewer lines than another.
    """
    readers = [read_lines(path, options.encoding) for path in files.values()]
    paths = list(files.values())
    for number, lines in enumerate(zip_longest(*readers), 1):
        if any(line is None for line in lines):
            raise _unequal(paths, readers, lines, number)
        index, problem = _problem(paths, lines)
        place = place_of(paths[index], number)
        if problem:
            malformed.report(place, problem)
        else:
            yield Row(place, {name: line.text for name, line in zip(files, lines, strict=True)})


def _problem(paths: Sequence[Path], lines: Sequence[Line]) -> tuple[int, str]:
    """Return which file's line cannot be used, and why; an empty reason where all can."""
    bad = next(((index, line.problem) for index, line in enumerate(lines) if line.problem), None)
    if bad is not None:
        return bad
    empty = [index for index, line in enumerate(lines) if not line.text.strip()]
    filled = [path.name for index, path in enumerate(paths) if index not in empty]
    if empty and filled:
        return empty[0], f"it is empty, but that of {', '.join(filled)} is not"
    return 0, ""


def _unequal(
    paths: Sequence[Path],
    readers: Sequence[Iterator[Line]],
    lines: Sequence[Line | None],
    number: int,
) -> DataError:
    """Return what is said of files of different lengths, of which one has ended."""
    counts = [
        number - 1 + (line is not None) + sum(1 for _ in reader)
        for reader, line in zip(readers, lines, strict=True)
    ]
    shown = ", ".join(f"{path} has {count:,}" for path, count in zip(paths, counts, strict=True))
    path, line = next(
        (path, line) for path, line in zip(paths, lines, strict=True) if line is not None
    )
    text = line.text if len(line.text) <= _MOST_SHOWN else f"{line.text[:_MOST_SHOWN]}…"
    return DataError(
        f"different numbers of lines: {shown}; the first without a partner is "
        f"{place_of(path, number)}: {text!r}\n"
        "mend: line i of each file has to belong together; look for a line that is missing, or "
        "cut in two, before it"
    )
