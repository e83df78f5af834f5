"""Text of a model on a terminal."""

from __future__ import annotations

_LAYOUT = "\n\t"


def printable(text: str) -> str:
    """Return ``text`` with a stand-in for control characters, which could garble a terminal."""
    return "".join(
        c if c.isprintable() or c in _LAYOUT else "\N{REPLACEMENT CHARACTER}" for c in text
    )
