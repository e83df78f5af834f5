"""A program as text, one value a line, for ``explain`` and for reading in a debugger."""

from __future__ import annotations

from ostinato.equations.graph import Graph, Random, Value
from ostinato.equations.program import Loop, Parallel, Phase, Program
from ostinato.equations.schedule import factors

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}


def listing(program: Program) -> str:
    """Print the sections of a program, their phases and values."""
    names = value_names(program.graph, reverse=program.reverse)
    lines: list[str] = []
    for section in program.sections:
        lines.append(_title(program, section))
        for number, phase in enumerate(section.phases, 1):
            if len(section.phases) > 1:
                lines.append(f"  phase {number}")
            lines.extend(_phase(program.graph, names, phase))
    if program.reductions:
        lines.append("after the loop, summed over all steps and rows")
    for group in program.reductions:
        for r in group:
            operand = "" if r.operand is None else f" ⊗ {names[r.operand]}"
            piece = f"[{r.piece}]" if r.operand is not None else ""
            lines.append(f"    d {r.parameter}{piece} += {names[r.delta]}{operand}")
    return "\n".join(lines)


def value_names(graph: Graph, *, reverse: bool = False) -> dict[int, str]:
    """Return a name for every value: that of the equations, or ``v`` and its number."""
    names = {index: f"v{index}" for index in range(len(graph.values))}
    for index, value in enumerate(graph.values):
        if isinstance(value.attribute, str):
            names[index] = value.attribute
        elif value.op == "constant":
            names[index] = f"{value.attribute:g}"
        elif isinstance(value.attribute, Random):
            names[index] = f"mask{value.attribute.stream}"
    for state in graph.states:
        names[state.read] = f"{state.name}[t{'+' if reverse else '-'}1]"
    for name, index in graph.names:
        names[index] = name
    return names


def _title(program: Program, section: Parallel | Loop) -> str:
    if isinstance(section, Parallel):
        return "once, without time" if section.once else "all steps at once"
    direction = "last step to first" if program.reverse else "step by step"
    return f"loop over {', '.join(section.states)} ({section.kind}), {direction}"


def _phase(graph: Graph, names: dict[int, str], phase: Phase) -> list[str]:
    lines: list[str] = []
    for group in phase.products:
        stacked = "  (stacked)" if len(group.products) > 1 else ""
        lines.extend(
            f"    {names[v]} = {_expression(graph, names, v)}{stacked}" for v in group.products
        )
    lines.extend(
        f"    {names[v]} = {_expression(graph, names, v)}"
        for v in (*phase.norms, *phase.elementwise)
    )
    return lines


def _expression(graph: Graph, names: dict[int, str], index: int) -> str:
    value: Value = graph.values[index]
    args = [names[a] for a in value.args]
    if value.op == "product":
        terms: list[str] = []
        for factor, operand in zip(factors(graph, index), args, strict=True):
            mark = "ᵀ" if factor.transposed else ""
            pieces = len(graph.parameter(factor.parameter).pieces)
            block = f"[{factor.piece}]" if pieces > 1 else ""
            terms.append(f"{factor.parameter}{block}{mark} @ {operand}")
        return " + ".join(terms)
    if value.op in _INFIX:
        return f"{args[0]} {_INFIX[value.op]} {args[1]}"
    if value.op == "neg":
        return f"-{args[0]}"
    return f"{value.op}({', '.join(args)})"
