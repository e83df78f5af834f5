"""A cell as someone gives it: what looks like something else is told apart first."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from ostinato import cells
from ostinato.core.errors import EquationError, OptionError, OstinatoError
from ostinato.data import is_file, looks_like_path, read_text
from ostinato.equations import Cell
from ostinato.models.cell_choice import choose_cell


def cell_of_text(text: str, functions: Mapping[str, str] | None = None) -> Cell:
    """Return the cell that ``text`` names or writes out.

    Raises:
        OptionError: it is a path, or no cell of the catalogue has this name.
        EquationError: the equations cannot be read; the message shows the place.
    """
    name = text.strip()
    if looks_like_path(name) and not is_file(Path(name)):
        raise OptionError(
            f"no such file: {name}; expected a cell's name or its equations\n"
            "mend: use a name of `ostinato cells`, or write equations: h = tanh(W @ h + U @ x)"
        )
    if looks_like_path(name):
        raise OptionError(
            f"got the path {name!r}, expected a cell's name or its equations\n"
            f'mend: model.cell="$(cat {shlex.quote(name)})"'
        )
    if name not in cells.names() and name.lower() in cells.names():
        raise OptionError(
            f"unknown cell {name!r}; did you mean {name.lower()!r}?\nmend: use {name.lower()!r}"
        )
    return choose_cell(text, functions)


def cell_of_file(path: Path) -> Cell:
    """Return the cell whose equations a file holds.

    Raises:
        DataError: the file cannot be read.
        EquationError: the equations cannot be read; the message names the file and the place.
    """
    text = read_text(path)
    if "=" not in text:
        raise EquationError(
            f"{path} holds no equations", mend="write lines such as `h = tanh(W @ h + U @ x)`"
        )
    try:
        return choose_cell(text)
    except OstinatoError as error:
        raise EquationError(f"{path}: {error}") from error
