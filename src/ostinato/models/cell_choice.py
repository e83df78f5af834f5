"""A cell from what a person writes: a name of the catalogue, equations, or a slide's LaTeX."""

from __future__ import annotations

from collections.abc import Mapping

from ostinato import cells
from ostinato.equations import Cell


def choose_cell(text: str, functions: Mapping[str, str] | None = None) -> Cell:
    r"""Return the cell that ``text`` names or writes out.

    Args:
        text: ``lstm``, or ``h = tanh(W @ h + U @ x)``, or ``h_t = \tanh(W h_{t-1} + U x_t)``.
        functions: what the letters of a slide stand for: ``{"f": "tanh"}``.

    Raises:
        UnknownNameError: no cell of the catalogue has this name.
        EquationError: the equations cannot be read; the message shows the place.
    """
    if "=" not in text:
        return cells.get(text.strip())
    if is_latex(text):
        return Cell.from_latex(text, functions=functions)
    return Cell(text)


def is_latex(equations: str) -> bool:
    """Whether equations are LaTeX: the text form has neither backslashes nor braces."""
    return "\\" in equations or "{" in equations
