"""A recipe that is proposed: lines, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Line:
    """A key of a recipe.

    Attributes:
        key: within its section.
        value: as YAML will hold it.
        comment: why, and what else is possible.
    """

    key: str
    value: Any
    comment: str = ""


@dataclass
class Proposal:
    """A recipe, each of its lines with the reason.

    Attributes:
        title: what it does, in a sentence.
        task: name of the task.
        reason: why this task.
        sections: name to lines.
        notes: what the user should know beside.
    """

    title: str
    task: str
    reason: str
    sections: dict[str, list[Line]] = field(default_factory=dict[str, list[Line]])
    notes: list[str] = field(default_factory=list[str])


def written_path(path: Path) -> str:
    """Return a path as a recipe has it."""
    return str(path.expanduser().absolute())
