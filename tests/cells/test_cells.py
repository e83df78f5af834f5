"""The catalogue: what each named cell is, held against what its paper and torch say."""

from __future__ import annotations

import pytest

from ostinato import cells
from ostinato.core.errors import UnknownNameError
from ostinato.equations import Cell
from ostinato.equations.adjoint import adjoint

STRUCTURE = {
    # name: class, states, phases of products forward and backward, saved values lean and fast
    "elman": ("dense", ("h",), 1, 1, 0, 0),
    "elman_relu": ("dense", ("h",), 1, 1, 0, 0),
    "irnn": ("dense", ("h",), 1, 1, 0, 0),
    "jordan": ("dense", ("y",), 2, 2, 1, 1),
    "indrnn": ("element-wise", ("h",), 0, 0, 0, 0),
    "leaky": ("dense", ("h",), 1, 1, 1, 1),
    "lstm": ("dense", ("h", "c"), 1, 1, 4, 5),
    "lstm_peephole": ("dense", ("h", "c"), 1, 1, 4, 5),
    "lstm_projected": ("dense", ("h", "c"), 2, 2, 4, 5),
    "cifg": ("dense", ("h", "c"), 1, 1, 3, 4),
    "janet": ("dense", ("h",), 1, 1, 2, 3),
    "slstm": ("dense", ("h", "m", "c", "n"), 1, 1, 4, 7),
    "gru": ("dense", ("h",), 1, 1, 4, 4),
    "gru_2014": ("dense", ("h",), 2, 2, 3, 3),
    "mgu": ("dense", ("h",), 2, 2, 2, 2),
    "ugrnn": ("dense", ("h",), 1, 1, 2, 2),
    "mingru": ("linear", ("h",), 0, 0, 2, 2),
    "minlstm": ("linear", ("h",), 0, 0, 3, 5),
    "sru": ("linear", ("c",), 0, 0, 3, 4),
}
NUM_PARAMETERS = {
    # at I = 3, H = 5 (O = 4 where the output has a size of its own), counted by hand
    "elman": 5 * (3 + 5 + 1),
    "jordan": 5 * (3 + 4 + 1) + 4 * (5 + 1),
    "indrnn": 5 * (3 + 2),
    "leaky": 5 * (3 + 5 + 1) + 1,
    "lstm": 4 * 5 * (3 + 5 + 1),
    "lstm_peephole": 4 * 5 * (3 + 5 + 1) + 3 * 5,
    "lstm_projected": 4 * 5 * (3 + 4 + 1) + 4 * 5,
    "cifg": 3 * 5 * (3 + 5 + 1),
    "gru": 3 * 5 * (3 + 5 + 1) + 5,
    "gru_2014": 3 * 5 * (3 + 5 + 1),
    "mgu": 2 * 5 * (3 + 5 + 1),
    "slstm": 4 * 5 * (3 + 5 + 1),
    "mingru": 2 * 5 * (3 + 1),
    "minlstm": 3 * 5 * (3 + 1),
}


def test_every_cell_has_its_row() -> None:
    assert set(STRUCTURE) == set(cells.names())


@pytest.mark.parametrize("name", cells.names())
def test_structure(name: str) -> None:
    cell = cells.get(name)
    analysis = cell.analysis
    backward = adjoint(analysis.program).program
    assert STRUCTURE[name] == (
        analysis.kind,
        cell.states,
        analysis.num_phases,
        backward.num_barriers,
        len(analysis.saved_values("lean")),
        len(analysis.saved_values("fast")),
    )
    assert analysis.saved_values("states") == ()


@pytest.mark.parametrize("name", NUM_PARAMETERS)
def test_number_of_parameters(name: str) -> None:
    cell = cells.get(name)
    output = 4 if "output_size" in cell.dimensions.classes else None
    assert cell.num_parameters(cell.sizes(3, 5, output)) == NUM_PARAMETERS[name]


@pytest.mark.parametrize("name", cells.names())
def test_an_entry_is_complete(name: str) -> None:
    entry = cells.entry(name)
    cell = entry.cell
    assert entry.name == cell.name == name
    assert entry.title
    assert any(c.isdigit() for c in entry.paper), "a paper has a year or a number"
    held = {p for names in entry.torch_layout.values() for p in names}
    assert held <= {p.name for p in cell.parameters}
    if entry.torch_layout:
        assert held == {p.name for p in cell.parameters}
    assert cells.get(name) is cell


@pytest.mark.parametrize("name", cells.names())
def test_a_cell_prints_itself_back(name: str) -> None:
    cell = cells.get(name)
    assert Cell(cell.to_text()) == cell
    assert Cell.from_latex(cell.to_latex()) == cell
    assert "<math" in cell.to_mathml()


@pytest.mark.parametrize("name", cells.names())
def test_explain_prints_what_was_inferred(name: str) -> None:
    cell = cells.get(name)
    text = cell.explain()
    for part in (
        *cell.inputs,
        *cell.states,
        *(p.name for p in cell.parameters),
        "backward program",
    ):
        assert part in text
    assert f"class       {cell.analysis.kind}" in text
    sized = cell.explain(input_size=3, hidden_size=3, **_output(cell))
    assert f"{cell.num_parameters(cell.sizes(3, 3, *_output(cell).values())):,} parameters" in sized


def _output(cell: Cell) -> dict[str, int]:
    return {"output_size": 2} if "output_size" in cell.dimensions.classes else {}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown cell 'gruu'; did you mean 'gru'"):
        cells.get("gruu")
