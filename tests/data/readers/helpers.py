"""What the tests of readers share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ostinato.data.readers import Files, ReadOptions, read_rows
from ostinato.data.rows import Malformed, Row


def rows_and_reports(files: Files, **options: Any) -> tuple[list[Row], list[str]]:
    """Read all rows, and what is said of the malformed ones."""
    malformed = Malformed()
    rows = list(read_rows(files, ReadOptions(**options), malformed))
    return rows, malformed.shown


def values_of(files: Files, **options: Any) -> list[dict[str, Any]]:
    """Read files in which every row is good."""
    rows, reports = rows_and_reports(files, **options)
    assert not reports
    return [dict(row.values) for row in rows]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
