"""The one legend of dimensions for the whole house; the tests hold the docstrings to it."""

from __future__ import annotations

from typing import Final

LEGEND: Final[dict[str, str]] = {
    "T": "time steps",
    "B": "batch rows",
    "I": "input size",
    "H": "hidden size",
    "O": "output size",
    "L": "layers",
    "D": "directions (1, or 2 where bidirectional)",
    "P": "projected size",
    "V": "vocabulary size",
}
