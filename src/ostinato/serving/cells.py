"""What is inferred from equations that a client writes."""

from __future__ import annotations

import warnings
from typing import Any

from ostinato.core.errors import EquationError, EquationHint, OstinatoError
from ostinato.equations import Cell
from ostinato.models.cell_choice import choose_cell
from ostinato.serving.errors import http_mend
from ostinato.serving.schemas import CellAsked, TrialAsked

_EXAMPLE = "h = tanh(W @ h + U @ x)"


def read_cell(asked: CellAsked | TrialAsked) -> Cell:
    """Return the cell of equations in either notation; nothing is executed.

    Raises:
        EquationError: they cannot be read.
    """
    if not asked.equations.strip():
        raise EquationError(
            "got no equation, expected at least one", mend=f"type an equation, such as {_EXAMPLE}"
        )
    match asked.notation:
        case "auto":
            return choose_cell(asked.equations, asked.functions or None)
        case "latex":
            return Cell.from_latex(asked.equations, functions=asked.functions or None)
        case "text":
            return Cell(asked.equations)


def check_cell(asked: TrialAsked) -> None:
    """Read the cell of a trial.

    Raises:
        EquationError: it cannot be read.
    """
    with warnings.catch_warnings():
        # Whoever trains a cell has seen them, and is not stopped by them.
        warnings.simplefilter("ignore", EquationHint)
        read_cell(asked)


def explained(asked: CellAsked) -> dict[str, Any]:
    """Return what is inferred, or where the mistake is: see ``CellAnswer``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EquationHint)
        try:
            facts = _facts(read_cell(asked), asked)
        except OstinatoError as error:
            return {"ok": False, "errors": [mistake(error)]}
    hints = [str(each.message) for each in caught if issubclass(each.category, EquationHint)]
    return {**facts, "hints": hints}


def mistake(error: OstinatoError) -> dict[str, Any]:
    """Return a mistake with its place: see ``CellMistake``."""
    if isinstance(error, EquationError):
        span = error.span
        return {
            "line": span and span.line,
            "column": span and span.column,
            "end_column": span and span.end_column,
            "message": error.message,
            "mend": http_mend(error.mend or "") or None,
        }
    message, _, mend = str(error).partition("\nmend: ")
    place = {"line": None, "column": None, "end_column": None}
    return {**place, "message": message, "mend": http_mend(mend) or None}


def _facts(cell: Cell, asked: CellAsked) -> dict[str, Any]:
    # Sizes that the equations leave open are as large as the hidden one.
    given = {
        label: asked.input_size if label == "input_size" else asked.hidden_size
        for label in cell.dimensions.classes
    }
    named = {name: given.pop(name, None) for name in ("hidden_size", "output_size")}
    sizes = cell.sizes(given.pop("input_size", asked.input_size), **named, sizes=given)
    shapes = cell.parameter_shapes(sizes)
    return {
        "ok": True,
        "errors": [],
        "states": list(cell.states),
        "inputs": list(cell.inputs),
        "output": cell.output,
        "parameters": [{"name": name, "shape": list(shape)} for name, shape in shapes.items()],
        "kind": cell.analysis.kind,
        "num_parameters": cell.num_parameters(sizes),
        "flops_per_step": cell.analysis.flops(sizes),
        "bytes_per_step": cell.analysis.bytes_per_step(sizes),
        "text": cell.to_text(),
        "latex": cell.to_latex(),
        "mathml": cell.to_mathml(),
        "explain": cell.explain(**sizes),
    }
