"""The named cells: each is its equations, its paper, its parameter layout, nothing more."""

from __future__ import annotations

from typing import Final

from ostinato.cells.elman import ELMAN, ELMAN_RELU, INDRNN, IRNN, JORDAN, LEAKY
from ostinato.cells.entry import NamedCell
from ostinato.cells.gru import GRU, GRU_2014, MGU, UGRNN
from ostinato.cells.linear import MINGRU, MINLSTM, SRU
from ostinato.cells.lstm import CIFG, JANET, LSTM, LSTM_PEEPHOLE, LSTM_PROJECTED, SLSTM
from ostinato.core.errors import UnknownNameError
from ostinato.equations import Cell

__all__ = ["CATALOGUE", "NamedCell", "entry", "get", "names"]

CATALOGUE: Final[dict[str, NamedCell]] = {
    named.name: named
    for named in (
        ELMAN,
        ELMAN_RELU,
        IRNN,
        JORDAN,
        INDRNN,
        LEAKY,
        LSTM,
        LSTM_PEEPHOLE,
        LSTM_PROJECTED,
        CIFG,
        JANET,
        SLSTM,
        GRU,
        GRU_2014,
        MGU,
        UGRNN,
        MINGRU,
        MINLSTM,
        SRU,
    )
}


def names() -> tuple[str, ...]:
    """Return the names of all cells."""
    return tuple(CATALOGUE)


def entry(name: str) -> NamedCell:
    """Return what is known of a named cell.

    Raises:
        UnknownNameError: no cell has this name; the message lists them.
    """
    if name not in CATALOGUE:
        raise UnknownNameError("cell", name, CATALOGUE)
    return CATALOGUE[name]


def get(name: str) -> Cell:
    """Return a cell by name: ``get("lstm")``.

    Raises:
        UnknownNameError: no cell has this name; the message lists them.
    """
    return entry(name).cell
