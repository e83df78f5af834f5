"""Everything that was inferred from a cell's equations, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ostinato.core.errors import OptionError
from ostinato.equations.adjoint import adjoint
from ostinato.equations.gates import GateBias, find_gates
from ostinato.equations.graph import BROADCAST, Parameter, State

if TYPE_CHECKING:
    from ostinato.equations.cell import Cell

_KINDS: Final = {
    "feed-forward": "feed-forward: no state, the same at every step",
    "linear": "linear: affine in the state, coefficients free of it: a parallel scan can run it",
    "element-wise": "element-wise: no product with the state, so the units are independent",
    "dense": "dense: products with the state in the loop",
}
_LETTERS: Final = {"input_size": "I", "hidden_size": "H", "output_size": "O", BROADCAST: "1"}


def explain(cell: Cell, given: Mapping[str, int]) -> str:
    """Describe a cell; ``given`` holds sizes for numbers in the place of letters."""
    lines = [*_equations(cell), *_names(cell), *_structure(cell)]
    if given:
        lines += _costs(cell, given)
    lines += ["", "program", *_indented(str(cell.analysis.program))]
    backward = adjoint(cell.analysis.program).program
    lines += ["", "backward program", *_indented(str(backward))]
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")]


def _equations(cell: Cell) -> list[str]:
    title = [f"cell {cell.name}"] if cell.name else ["cell"]
    notes = [f"  note: {note}" for note in cell.syntax.notes]
    return [*title, *_indented(cell.to_text()), *notes, ""]


def _names(cell: Cell) -> list[str]:
    graph = cell.graph
    lines = [f"inputs      {', '.join(f'{i.name} [{_letter(i.dim)}]' for i in graph.inputs)}"]
    lines += _column("states", [_state(s) for s in graph.states] or ["none"])
    output, value = graph.outputs[0]
    held = next((s.name for s in graph.states if s.next == value), None)
    what = "also a state" if held else "not a state"
    lines.append(f"output      {output} [{_letter(graph.values[value].dim)}], {what}")
    lines += _column("parameters", [_parameter(p) for p in graph.parameters] or ["none"])
    lines += _column("sizes", [_class(cell, label) for label in cell.dimensions.classes])
    return lines


def _column(title: str, rows: list[str]) -> list[str]:
    return [f"{title if not number else '':<12}{row}" for number, row in enumerate(rows)]


def _letter(dim: str) -> str:
    return _LETTERS.get(dim, dim)


def _state(state: State) -> str:
    return f"{state.name} [{_letter(state.dim)}], starts at {_initial(state)}"


def _initial(state: State) -> str:
    if isinstance(state.initial, str):
        return f"the parameter {state.initial}"
    return f"{state.initial:g}"


def _parameter(parameter: Parameter) -> str:
    match parameter.kind:
        case "matrix":
            columns = " + ".join(_letter(p) for p in parameter.pieces)
            return (
                f"{parameter.name} [{_letter(parameter.rows)}, {columns}], {parameter.role} matrix"
            )
        case "vector":
            return f"{parameter.name} [{_letter(parameter.rows)}], {_vector_role(parameter)}"
        case "scalar":
            return f"{parameter.name} [], scalar"


def _vector_role(parameter: Parameter) -> str:
    return {"other": "vector", "initial": "initial value"}.get(parameter.role, parameter.role)


def _class(cell: Cell, label: str) -> str:
    tied = [name for name, other in cell.dimensions.tied.items() if other == label]
    also = f" (and {', '.join(tied)}: the equations make them equal)" if tied else ""
    names = ", ".join(n for n in cell.dimensions.classes[label] if not n.startswith("("))
    return f"{_letter(label)} = {label}{also}: {names}"


def _structure(cell: Cell) -> list[str]:
    analysis = cell.analysis
    backward = adjoint(analysis.program).program
    saved = ", ".join(
        f"{len(analysis.saved_values(variant))} ({variant})" for variant in ("lean", "fast")
    )
    lines = [
        f"class       {_KINDS[analysis.kind]}",
        f"phases      {analysis.num_phases} of products a step, {backward.num_barriers} backward",
        f"saved       values a step for the backward pass, beside states and input: {saved}",
    ]
    for gates in find_gates(cell.graph):
        lines.append(f"gates       of {gates.state}: {_gates('forget', gates.forget)}")
        if gates.input:
            lines.append(f"            {_gates('input', gates.input)}")
    return lines


def _gates(kind: str, biases: tuple[GateBias, ...]) -> str:
    names = ", ".join(f"{'-' if b.sign < 0 else ''}{b.parameter}" for b in biases)
    return f"{kind} bias {names}"


def _costs(cell: Cell, given: Mapping[str, int]) -> list[str]:
    """Return the numbers for given sizes."""
    known = {"input_size", "hidden_size", "output_size"}
    if "input_size" not in given:
        raise OptionError("explain: sizes were given without input_size\nmend: pass input_size=")
    more = {name: size for name, size in given.items() if name not in known}
    sizes = cell.sizes(
        given["input_size"], given.get("hidden_size"), given.get("output_size"), more
    )
    analysis = cell.analysis
    flops = analysis.flops(sizes)
    in_loop = f"{analysis.loop_flops(sizes) / max(1, flops):.0%}"
    return [
        f"for         {', '.join(f'{_letter(k)} = {v}' for k, v in sizes.items())}",
        f"            {cell.num_parameters(sizes):,} parameters",
        f"            {flops:,} flops a step and row, {in_loop} of them in the loop",
        f"            {analysis.bytes_per_step(sizes):,} bytes a step moved for a row, in float32",
        f"            {analysis.saved_bytes(sizes):,} bytes a step and row kept for training",
    ]
