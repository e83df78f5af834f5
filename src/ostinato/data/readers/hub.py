"""Parquet files and data sets of the Hugging Face hub, through the ``datasets`` library."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from ostinato.core.errors import MissingExtraError
from ostinato.data.errors import DataError
from ostinato.data.readers.audio import read_wav
from ostinato.data.readers.folders import files_in, split_part
from ostinato.data.readers.images import pixels_of
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row

SUFFIXES = frozenset({".parquet", ".pq"})
_SAVED = ("dataset_info.json", "dataset_dict.json")
_DEFAULT_PART = "train"


def parquet_rows(paths: Sequence[Path], options: ReadOptions) -> Iterator[Row]:
    """Yield the rows of Parquet files.

    Args:
        paths: files.
        options: with ``streaming`` no Arrow copy is written.

    Raises:
        DataError: a file cannot be read.
    """
    name = paths[0].name if len(paths) == 1 else f"{paths[0].name} …"
    files = [str(path) for path in paths]
    yield from _rows(
        name,
        lambda datasets: datasets.load_dataset(
            "parquet", data_files=files, split="train", streaming=options.streaming
        ),
    )


def hub_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield the rows of a data set: a folder that ``datasets`` can read, or a name of the hub.

    Labels that are numbers with names become their names; images float32 from 0 to 1; sounds
    ``audio`` and ``sample_rate``.

    Args:
        path: ``owner/name#part``, or a folder; the part is ``train`` unless it is named.
        options: with ``streaming`` nothing is copied to this machine's disk.
        malformed: is told of sounds that cannot be read.

    Raises:
        DataError: there is no such set or part, it cannot be read, or the network is missing.
    """
    path, part = split_part(path)
    part = part or _DEFAULT_PART

    def load(datasets: Any) -> Any:
        if any((path / name).is_file() for name in _SAVED):
            saved = datasets.load_from_disk(str(path))
            return _chosen(path, saved, part) if isinstance(saved, datasets.DatasetDict) else saved
        # A relative path without a leading dot would be looked up on the hub.
        name = str(path.resolve()) if path.exists() else path.as_posix()
        return datasets.load_dataset(name, split=part, streaming=options.streaming)

    yield from _rows(f"{path.name} ({part})", load, malformed)


def parquet_files(path: Path) -> list[Path]:
    """Return the file itself, or the Parquet files of a folder."""
    return files_in(path, SUFFIXES) if path.is_dir() else [path]


def _chosen(path: Path, saved: dict[str, Any], part: str) -> Any:
    if part in saved:
        return saved[part]
    known = ", ".join(f"{path.name}#{name}" for name in saved)
    raise DataError(f"{path} has no part {part!r}; known: {known}\nmend: name one of them behind #")


def _rows(
    name: str, load: Callable[[Any], Any], malformed: Malformed | None = None
) -> Iterator[Row]:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("Reading Parquet and hub sets", "train") from error
    datasets.disable_progress_bars()
    # The library lets pass what its parts raise: of the network, of Arrow, of file systems.
    try:
        found = load(datasets)
        features = cast("dict[str, Any]", dict(found.features or {}))
        for column, feature in features.items():
            if isinstance(feature, datasets.Audio):
                found = found.cast_column(column, datasets.Audio(decode=False))
        items = enumerate(iter(found), 1)
    except DataError:
        raise
    except Exception as error:
        raise _failed(name, error) from error
    convert = {column: _converter(feature, datasets) for column, feature in features.items()}
    while True:
        try:
            number, item = next(items, (0, None))
        except Exception as error:
            raise _failed(name, error) from error
        if item is None:
            return
        place = f"{name}, row {number:,}"
        try:
            values = _converted(cast("dict[str, Any]", item), convert)
        except DataError as error:
            if malformed is None:
                raise
            malformed.report(place, str(error).partition("\nmend: ")[0])
            continue
        yield Row(place, values)


def _converted(item: dict[str, Any], convert: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column, value in item.items():
        if value is not None and column in convert:
            value = convert[column](value)
        if isinstance(value, _Sound):
            values["sample_rate"], value = value.rate, value.audio
        values[column] = value
    return values


class _Sound:
    def __init__(self, encoded: dict[str, Any]) -> None:
        source = io.BytesIO(encoded["bytes"]) if encoded["bytes"] else Path(encoded["path"])
        self.rate, self.audio = read_wav(source)


def _converter(feature: Any, datasets: Any) -> Callable[[Any], Any]:
    if isinstance(feature, datasets.ClassLabel):
        names: list[str] = feature.names

        def named(value: int) -> str | None:
            # The hub's mark for a label that is held back is -1.
            return names[value] if value >= 0 else None

        return named
    if isinstance(feature, datasets.Image):
        return pixels_of
    if isinstance(feature, datasets.Audio):
        return _Sound
    inner: Any = getattr(feature, "feature", None)
    if isinstance(inner, datasets.ClassLabel):
        convert = _converter(inner, datasets)
        return lambda values: [convert(value) for value in values]
    return lambda value: value


def _failed(name: str, error: Exception) -> DataError:
    if name.endswith(tuple(SUFFIXES)):
        mend = "get or make the file again"
    else:
        mend = "check the name, the part (NAME#PART) and the network"
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return DataError(f"cannot read {name}: {reason}\nmend: {mend}")
