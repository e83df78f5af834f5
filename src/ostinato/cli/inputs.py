"""What a command is given to work on: a file, standard input, or the text itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ostinato.data import DataError, is_file, looks_like_path
from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline, PipelineOptions
from ostinato.data.readers import ReadOptions, columns_of, read_rows
from ostinato.data.readers.captions import CAPTION_SUFFIXES, IMAGE
from ostinato.data.readers.folders import files_in, suffix_of
from ostinato.data.readers.formats import format_by_name
from ostinato.data.readers.images import SUFFIXES, read_picture
from ostinato.data.rows import Malformed, Row
from ostinato.training.example_data import read_options, renamed
from ostinato.training.recipe_parts import DataRecipe

_LINES = (".txt", ".text")
_LONGEST_PATH = 4096


def input_rows(
    source: str | None, data: DataRecipe, options: PipelineOptions, malformed: Malformed
) -> list[Row]:
    """Return the rows of a command's argument.

    A file is read in the form that the run learned from, but ``.txt`` without the run's column,
    and a file of a run that learned from parallel files, have a text in each line, as standard
    input has; anything that is neither a file nor looks like one is a text itself.

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


def picture_rows(
    sources: Sequence[str], data: DataRecipe, pipeline: Pipeline, malformed: Malformed
) -> list[Row]:
    """Return a row for each image that a command is given, named by its path.

    Args:
        sources: images, folders of which every image is meant, files that name images (of captions,
            or tables), and ``-`` for standard input, the path of an image in each line.
        data: how files are read.
        pipeline: of the run.
        malformed: is told of images in folders that cannot be read.

    Raises:
        DataError: an image cannot be read, or a folder holds none.
    """
    options = pipeline.options
    rows: list[Row] = []
    for source in sources:
        path = Path(source)
        if source == "-":
            named = (row.values[options.input] for row in _lines(options.input))
            paths = (Path(name) for name in named if name.strip())
            rows += [_picture_row(path, pipeline) for path in paths]
        elif _is_folder(path):
            rows += malformed.counting(_pictures_in(path, pipeline, malformed))
        elif is_file(path) and suffix_of(path) in CAPTION_SUFFIXES:
            of_images = replace(read_options(data), format="captions")
            read = list(malformed.counting(read_rows(path, of_images, malformed)))
            rows += [Row(row.place, {options.input: row.values[IMAGE]}) for row in read]
        else:
            rows.append(_picture_row(path, pipeline))
    malformed.check()
    return rows


def path_of(source: str | None) -> Path | None:
    """Return what a command is given as a path; None for standard input and for a page of text."""
    return None if source is None or len(source) > _LONGEST_PATH else Path(source)


def shown_input(example: Example) -> str | list[str]:
    """Return what an example was made from, as it is printed: text, tokens, or its place."""
    content = example.content
    if content is None:
        return example.place
    return content if isinstance(content, str) else list(content)


def _pictures_in(folder: Path, pipeline: Pipeline, malformed: Malformed) -> Iterator[Row]:
    for path in files_in(folder, SUFFIXES):
        try:
            yield _picture_row(path, pipeline)
        except DataError as error:
            malformed.report(str(path), str(error).partition("\nmend: ")[0])


def _picture_row(path: Path, pipeline: Pipeline) -> Row:
    """Read an image; as small as the network reads it, many of them fit into memory."""
    form = pipeline.form
    assert form is not None
    return Row(str(path), {pipeline.options.input: read_picture(path, (form.height, form.width))})


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
    # Of files whose lines belong together, one alone is a text in each line.
    is_parallel = isinstance(data.train, dict) and data.format in ("auto", "text")
    may_be_lines = path.suffix in _LINES or (is_parallel and format_by_name(path) is None)
    has_lines = may_be_lines and not _has_column(path, options, column)
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
