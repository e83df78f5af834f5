"""What a command is given to work on: a file, standard input, or the text itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ostinato.data import DataError, is_file, looks_like_path
from ostinato.data.pipeline import PipelineOptions
from ostinato.data.readers import ReadOptions, columns_of, read_rows
from ostinato.data.rows import Malformed, Row
from ostinato.training.example_data import read_options, renamed
from ostinato.training.recipe_parts import DataRecipe

_LINES = (".txt", ".text")


def input_rows(
    source: str | None, data: DataRecipe, options: PipelineOptions, malformed: Malformed
) -> list[Row]:
    """Return the rows of a command's argument.

    A file is read in the form that the run learned from, but ``.txt`` without the run's column has
    a text in each line, as standard input has; anything that is neither a file nor looks like one
    is a text itself.

    Args:
        source: a path, ``-`` or None for standard input, or a text.
        data: how files are read.
        options: of the run's pipeline, with the column that it reads.
        malformed: is told of rows of a file that cannot be read.

    Raises:
        DataError: the file cannot be read, or is malformed.
    """
    column = options.input
    if source is None or source == "-":
        return list(_lines(column))
    path = Path(source)
    if is_file(path) or _is_folder(path) or _is_named_like_a_file(source):
        rows = _file_rows(path, data, data.input or column, malformed)
        return renamed(rows, data, options)
    return [Row("the text", {column: source})]


def _is_folder(path: Path) -> bool:
    try:
        # No text at all is no name of the folder that one is in.
        return path != Path() and path.is_dir()
    except (OSError, ValueError):  # a page of text cannot be a path
        return False


def _is_named_like_a_file(source: str) -> bool:
    return looks_like_path(source) and not any(character.isspace() for character in source)


def _lines(column: str) -> Iterator[Row]:
    content = sys.stdin.buffer.read()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"standard input, line {line}: byte 0x{content[error.start]:02x} is not UTF-8\n"
            "mend: iconv -f ENCODING -t UTF-8"
        ) from error
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, 1):
        yield Row(f"standard input, line {number}", {column: line.removesuffix("\r")})


def _file_rows(path: Path, data: DataRecipe, column: str, malformed: Malformed) -> list[Row]:
    options = read_options(data)
    has_lines = path.suffix in _LINES and not _has_column(path, options, column)
    if has_lines:
        options = replace(options, format="text", columns=None)
    try:
        rows = list(malformed.counting(read_rows(path, options, malformed)))
    except DataError as error:
        if path.exists():
            raise
        raise DataError(f"{error}, or give a text through standard input") from error
    malformed.check()
    return [Row(row.place, {column: row.values["text"]}) for row in rows] if has_lines else rows


def _has_column(path: Path, options: ReadOptions, column: str) -> bool:
    try:
        return column in columns_of(path, options)
    except DataError:
        # Whatever is wrong with the file is said when its lines are read.
        return False
