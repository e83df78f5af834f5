"""Counts in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """Return ``1 step`` or ``2,000 steps``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural(noun)}"


def plural(noun: str) -> str:
    """Return ``steps``, or ``queries``."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def shape_in_words(letters: str, sizes: Sequence[int]) -> str:
    """Return a shape by the legend, such as ``[T=13, B=64]``."""
    return f"[{', '.join(f'{a}={n}' for a, n in zip(letters, sizes, strict=True))}]"
