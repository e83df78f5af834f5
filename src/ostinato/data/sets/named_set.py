"""What a named set is: files with a source, and parts with a way to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ostinato.data.readers import Files, ReadOptions, read_rows
from ostinato.data.rows import Malformed, Row
from ostinato.data.sets.remote import RemoteFile

SetTask = Literal[
    "classification",
    "tagging",
    "polyphony",
    "language-model",
    "text-to-text",
    "image-to-text",
    "forecasting",
    "drawing",
]
SeriesStep = Literal["hour", "day", "month", "year"]


def as_they_are(rows: Iterator[Row]) -> Iterator[Row]:
    """Return the rows of the files."""
    return rows


@dataclass(frozen=True)
class Part:
    """One part of a set.

    Attributes:
        files: names within the set, as ``read_rows`` takes paths; ``name#part`` names a part of it.
        options: how they are read.
        then: makes the rows of the part from those of the files.
        read: makes rows of the files, as ``read_rows`` does.
    """

    files: str | Sequence[str] | Mapping[str, str]
    options: ReadOptions = field(default_factory=ReadOptions)
    then: Callable[[Iterator[Row]], Iterator[Row]] = as_they_are
    read: Callable[[Files, ReadOptions, Malformed], Iterator[Row]] = read_rows


@dataclass(frozen=True)
class SeriesLayout:
    """One table in the order of time, and where its parts end.

    A window of a part may look back into the part before it, so the whole table is given.

    Attributes:
        file: name within the set.
        options: how it is read.
        time: the column of dates; None where the file has none.
        values: columns of numbers, in the file's order.
        borders: number of rows before the end of train, of dev and of test; what follows is not
            used.
        step: between two rows.
        season: steps of the usual period.
    """

    file: str
    options: ReadOptions
    time: str | None
    values: tuple[str, ...]
    borders: tuple[int, int, int]
    step: SeriesStep
    season: int


@dataclass(frozen=True)
class NamedSet:
    """A public data set.

    Attributes:
        name: in recipes.
        title: what it holds.
        licence: as its source states it.
        source: repository and commit.
        folder: in the folder of data.
        files: name in that folder to content and address.
        parts: ``train`` and, where the set has them, ``dev`` and ``test``.
        input: the column to read.
        target: the column to learn; None where the next step is learned.
        task: what it is good for.
        series: of a time series; None for any other set.
    """

    name: str
    title: str
    licence: str
    source: str
    folder: str
    files: Mapping[str, RemoteFile]
    parts: Mapping[str, Part]
    input: str
    target: str | None
    task: SetTask
    series: SeriesLayout | None = None
