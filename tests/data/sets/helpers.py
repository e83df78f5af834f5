"""What the tests of named sets share."""

from __future__ import annotations

from typing import Any

from ostinato.data.rows import Malformed, Row
from ostinato.data.sets.catalogue import find_set, rows_of

PARTS = ("train", "dev", "test")


def read(name: str, part: str) -> list[dict[str, Any]]:
    """Return the values of all rows of a part."""
    malformed = Malformed()
    rows = list(rows_of(find_set(name), part, malformed))
    malformed.check()
    return [dict(row.values) for row in rows]


def made(*values: dict[str, Any]) -> list[Row]:
    """Return rows by their number."""
    return [Row(f"row {number}", each) for number, each in enumerate(values, 1)]
