"""From files to rows, whatever their format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ostinato.core.errors import nearest
from ostinato.data.errors import DataError
from ostinato.data.opening import check_exists
from ostinato.data.readers.audio import audio_rows, recording_rows
from ostinato.data.readers.captions import CAPTION_FILES, caption_rows, captioned_rows
from ostinato.data.readers.conll import conll_rows, conllu_rows
from ostinato.data.readers.folders import expanded, split_part, suffix_of
from ostinato.data.readers.formats import (
    MIDI_SUFFIXES,
    TEXT_SUFFIXES,
    check_format,
    guess_format,
)
from ostinato.data.readers.hub import hub_rows, parquet_files, parquet_rows
from ostinato.data.readers.images import idx_rows, image_rows
from ostinato.data.readers.jsonl import json_rows
from ostinato.data.readers.options import Files, ReadOptions
from ostinato.data.readers.plain import parallel_rows, text_rows
from ostinato.data.readers.rolls import midi_rows, roll_rows
from ostinato.data.readers.series import series_rows
from ostinato.data.readers.strokes import stroke_rows
from ostinato.data.readers.tables import table_rows
from ostinato.data.rows import Malformed, Row

_BY_COLUMN = ("text", "images", "captions")


def read_rows(files: Files, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield the rows of files, lazily; counting them in ``malformed`` is the caller's.

    Args:
        files: a file or folder, several, or one file for each column.
        options: how they are read.
        malformed: is told of rows that cannot be used, which are left out.

    Raises:
        DataError: a file cannot be read at all, or is not of the format.
        UnknownNameError: there is no such format.
    """
    if isinstance(files, Mapping):
        rows = _by_column(files, options, malformed)
    else:
        paths = [files] if isinstance(files, Path) else list(files)
        if not paths:
            raise DataError("an empty list of files\nmend: name at least one")
        name = _guess(paths[0], options) if options.format == "auto" else options.format
        read = _READERS[check_format(name)]
        rows = read(paths, replace(options, format=name), malformed)
    return islice(rows, options.max_examples)


def columns_of(files: Files, options: ReadOptions) -> list[str]:
    """Return the names of the columns of the first good row; little more than that is read.

    Raises:
        DataError: the files cannot be read, or hold no good row.
    """
    malformed = Malformed()
    row = next(read_rows(files, replace(options, max_examples=None), malformed), None)
    if row is None:
        malformed.check()
        raise DataError(f"no rows in {_shown(files)}\nmend: give files with examples")
    return list(row.values)


def _guess(path: Path, options: ReadOptions) -> str:
    is_named_table = options.columns is not None or options.separator is not None
    guess = guess_format(path, options.encoding)
    # Who names the columns of a text wants them cut apart.
    return "csv" if guess == "text" and is_named_table and not path.is_dir() else guess


def _by_column(
    files: Mapping[str, Path], options: ReadOptions, malformed: Malformed
) -> Iterator[Row]:
    if not files:
        raise DataError("no file for any column\nmend: name at least one: {text: FILE}")
    for path in files.values():
        check_exists(path)
    name = options.format
    if name == "auto" and sorted(files) == CAPTION_FILES:
        name = "captions"
    if name == "auto":
        is_idx = all(guess_format(path, options.encoding) == "images" for path in files.values())
        name = "images" if is_idx else "text"
    if name not in _BY_COLUMN:
        near = nearest(name, _BY_COLUMN) or "text"
        raise DataError(
            f"format {name!r} does not come as one file for each column; expected one of "
            f"{', '.join(_BY_COLUMN)} (images: idx files)\n"
            f"mend: data.format={near}, or a single file"
        )
    if name == "images":
        return idx_rows(files)
    read = captioned_rows if name == "captions" else parallel_rows
    return read(files, options, malformed)


def _shown(files: Files) -> str:
    if isinstance(files, Path):
        return str(files)
    return ", ".join(
        str(path) for path in (files.values() if isinstance(files, Mapping) else files)
    )


_Reader = Callable[[Sequence[Path], ReadOptions, Malformed], Iterator[Row]]


def _each(read: Callable[[Path, ReadOptions, Malformed], Iterator[Row]]) -> _Reader:
    def read_all(
        paths: Sequence[Path], options: ReadOptions, malformed: Malformed
    ) -> Iterator[Row]:
        for path in paths:
            yield from read(path, options, malformed)

    return read_all


def _texts(paths: Sequence[Path], options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    return text_rows(expanded(paths, TEXT_SUFFIXES), options, malformed)


def _midi(paths: Sequence[Path], options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    del options
    return midi_rows(expanded(paths, MIDI_SUFFIXES), malformed)


def _sounds(paths: Sequence[Path], options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    del options
    for path in paths:
        check_exists(path)
        if suffix_of(path) == ".npz":
            yield from recording_rows(path)
        else:
            yield from audio_rows([path], malformed)


def _images(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    check_exists(path)
    return image_rows(path, malformed, options.image_size)


def _rolls(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    del options
    check_exists(split_part(path)[0])
    return roll_rows(path, malformed)


def _strokes(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    del options
    check_exists(split_part(path)[0])
    return stroke_rows(path, malformed)


def _parquet(paths: Sequence[Path], options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    del malformed
    for path in paths:
        check_exists(path)
    return parquet_rows([file for path in paths for file in parquet_files(path)], options)


_READERS: dict[str, _Reader] = {
    "csv": _each(table_rows),
    "tsv": _each(table_rows),
    "jsonl": _each(json_rows),
    "text": _texts,
    "conllu": _each(conllu_rows),
    "conll": _each(conll_rows),
    "ts": _each(series_rows),
    "rolls": _each(_rolls),
    "strokes": _each(_strokes),
    "midi": _midi,
    "audio": _sounds,
    "images": _each(_images),
    "captions": _each(caption_rows),
    "parquet": _parquet,
    "hub": _each(hub_rows),
}
