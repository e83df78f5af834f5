"""What a named set is: files with a source, and parts with a way to read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ostinato.data.readers import ReadOptions
from ostinato.data.rows import Row
from ostinato.data.sets.remote import RemoteFile

SetTask = Literal["classification", "tagging", "polyphony", "language-model", "strokes"]


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
    """

    files: str | Sequence[str] | Mapping[str, str]
    options: ReadOptions = field(default_factory=ReadOptions)
    then: Callable[[Iterator[Row]], Iterator[Row]] = as_they_are


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
