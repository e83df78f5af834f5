"""What a reader is told about its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Files = Path | Sequence[Path] | Mapping[str, Path]
"""A file or folder, several, or one for each column."""


@dataclass(frozen=True)
class ReadOptions:
    """How files become rows.

    Attributes:
        format: ``auto`` looks at the name and, where that is unclear, at the content.
        encoding: of text files.
        header: whether line 1 of a table names the columns; None to look.
        columns: names of the columns of a table without a header.
        separator: between the columns of a table; None to look. After one space or colon the last
            column takes the rest of the line.
        quoting: whether quotes wrap a field.
        max_examples: at most so many rows.
        streaming: read Parquet and the hub without a local copy.
        image_size: height and width that image files are brought to; None: as they are, but for
            captioned ones of different sizes.
    """

    format: str = "auto"
    encoding: str = "utf-8"
    header: bool | None = None
    columns: tuple[str, ...] | None = None
    separator: str | None = None
    quoting: bool = True
    max_examples: int | None = None
    streaming: bool = False
    image_size: tuple[int, int] | None = None
