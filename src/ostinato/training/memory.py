"""Runs that learned from what a program gave them: no file holds it."""

from __future__ import annotations

from typing import Final

from ostinato.training.errors import RunError

MEMORY: Final = "memory"
"""The name of such data in a recipe."""


def named_in_words(name: str | None) -> str:
    """Return the name of a set for people; empty where the data have none."""
    return "examples given in Python" if name == MEMORY else name or ""


def not_kept() -> RunError:
    """Return the error of reading them again."""
    return RunError(
        "the run learned from examples that were given in Python: they are in no file\n"
        "mend: give DATA, a file of examples, or fit again"
    )
