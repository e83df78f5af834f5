"""What is measured: the shapes, and which cells meet which of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ostinato import cells

Mode = Literal["inference", "training"]
MODES: Final[tuple[Mode, ...]] = ("inference", "training")
Grid = Literal["small", "full"]


@dataclass(frozen=True)
class Row:
    """One shape.

    Attributes:
        batch_size: B.
        size: I and H.
        num_steps: T, with ``shortest`` that of the longest sequence.
        shortest: the lengths are drawn from here to T; None where all rows have T.
        is_stream: one step of a stream, with the state handed over; T is 1.
    """

    batch_size: int
    size: int
    num_steps: int
    shortest: int | None = None
    is_stream: bool = False

    @property
    def modes(self) -> tuple[Mode, ...]:
        """A stream is not trained one step at a time."""
        return MODES[:1] if self.is_stream else MODES

    @property
    def steps(self) -> str:
        """The column T."""
        if self.is_stream:
            return "1 step"
        return f"{self.num_steps}" if self.shortest is None else f"{self.shortest}–{self.num_steps}"

    def __str__(self) -> str:
        return f"B {self.batch_size}, I = H {self.size}, T {self.steps}"


_WHOLE: Final = (
    Row(1, 128, 128),
    Row(1, 512, 64),
    Row(32, 128, 64),
    Row(32, 256, 64),
    Row(64, 512, 32),
    Row(32, 1024, 16),
)
_RAGGED: Final = Row(32, 256, 200, shortest=10)
_STREAM: Final = Row(1, 128, 1, is_stream=True)
_LONG: Final = Row(4, 128, 4096)

GRIDS: Final[dict[Grid, tuple[Row, ...]]] = {
    "small": (_WHOLE[0], _WHOLE[2], _WHOLE[3]),
    "full": (*_WHOLE, _RAGGED, _STREAM),
}
CELLS: Final[dict[Grid, tuple[str, ...]]] = {
    "small": ("lstm", "gru", "elman"),
    "full": ("lstm", "gru", "elman", "mingru", "minlstm"),
}
"""The cells of a grid where none are named."""


def rows_of(cell: str, grid: Grid) -> tuple[Row, ...]:
    """Return the rows of a cell: one that is linear in its state meets long sequences too."""
    is_linear = cells.get(cell).analysis.kind == "linear"
    return (*GRIDS[grid], _LONG) if grid == "full" and is_linear else GRIDS[grid]
