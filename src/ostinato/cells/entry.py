"""What is known of a named cell beside its equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ostinato.equations import Cell


@dataclass(frozen=True)
class NamedCell:
    """A cell of the literature.

    Attributes:
        name: as ``ostinato.cells.get`` knows it.
        title: the name in full.
        paper: where it comes from.
        equations: one step, in the text form of the language.
        torch_layout: torch's parameter name (without layer and direction) to the cell's parameters
            whose rows it stacks, in that order. A parameter that two of torch's hold is their sum.
        start: how parameters start where their role alone does not say (``identity``, …).
    """

    name: str
    title: str
    paper: str
    equations: str
    torch_layout: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    start: Mapping[str, str | float] = field(default_factory=dict[str, "str | float"])

    @cached_property
    def cell(self) -> Cell:
        """The cell, compiled on first use."""
        return Cell(self.equations, name=self.name, start=self.start)
