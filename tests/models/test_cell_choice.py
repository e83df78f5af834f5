"""A cell from what a person writes."""

from __future__ import annotations

import pytest

from ostinato import cells
from ostinato.core.errors import EquationError, UnknownNameError
from ostinato.equations import Cell
from ostinato.models.cell_choice import choose_cell


def test_a_name():
    assert choose_cell(" gru\n") == cells.get("gru")


def test_equations():
    assert choose_cell("h = tanh(W @ h + U @ x)") == Cell("h = tanh(W @ h + U @ x)")


@pytest.mark.parametrize(
    ("latex", "functions"),
    [
        (r"h_t = \tanh(W h_{t-1} + U x_t)", None),
        ("h_t = f(W h_{t-1} + U x_t)", {"f": "tanh"}),
    ],
)
def test_a_slide(latex: str, functions: dict[str, str] | None):
    assert choose_cell(latex, functions) == Cell("h = tanh(W @ h + U @ x)")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'lstm'"):
        choose_cell("lstn")


def test_bad_equations_show_the_place():
    with pytest.raises(EquationError, match=r"\^"):
        choose_cell("h = tahn(W @ h + U @ x)")
