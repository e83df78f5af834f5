"""``ostinato cells`` and ``ostinato explain``; neither needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ostinato import cells
from ostinato.core.errors import EquationError
from ostinato.data import is_file, looks_like_path
from ostinato.equations import Cell
from ostinato.training.cell_text import cell_of_file, cell_of_text

_WIDTH_OF_PIPES = 140


def cells_command(input_size: int, hidden_size: int) -> None:
    """Print a table of the named cells."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("states", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("recurrence", no_wrap=True)
    table.add_column("cell and paper")
    for name in cells.names():
        entry = cells.entry(name)
        states, parameters = _sizes(entry.cell, input_size, hidden_size)
        kind = entry.cell.analysis.kind
        table.add_row(name, states, parameters, kind, f"{entry.title}. {entry.paper}")
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_PIPES
    console.print(table)
    console.print(
        f"\nstates and parameters for input_size={input_size}, hidden_size={hidden_size}; "
        "everything about one: ostinato explain NAME"
    )


def _sizes(cell: Cell, input_size: int, hidden_size: int) -> tuple[str, str]:
    has_output_size = "output_size" in cell.dimensions.classes
    try:
        sizes = cell.sizes(input_size, hidden_size, hidden_size if has_output_size else None)
    except EquationError:
        return " ".join(cell.states), "needs I = H"
    by_size: dict[int, list[str]] = {}
    for name in cell.states:
        by_size.setdefault(sizes[cell.state(name).dim], []).append(name)
    states = "; ".join(f"{' '.join(names)}: {size}" for size, names in by_size.items())
    return states, f"{cell.num_parameters(sizes):,}"


def explain_command(text: str, sizes: Mapping[str, int]) -> None:
    """Print everything that is inferred from a cell: a name, equations, or a file of them."""
    path = Path(text)
    # A file beside one called `lstm` is `./lstm`: what a name means does not depend on the folder.
    is_path = text not in cells.names() and (is_file(path) or looks_like_path(text))
    cell = cell_of_file(path) if is_path else cell_of_text(text)
    print(cell.explain(**sizes))
