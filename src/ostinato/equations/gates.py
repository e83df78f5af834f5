"""Which biases are those of forget and input gates, found from the equations."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.equations.graph import Graph, State
from ostinato.equations.sums import Sums


@dataclass(frozen=True, slots=True)
class GateBias:
    """The bias of a sigmoid gate.

    Attributes:
        parameter: its name.
        sign: 1 where a large bias opens the gate, -1 where it closes it (``1 - z``).
    """

    parameter: str
    sign: int


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of one state: ``s = forget * s + input * candidate``."""

    state: str
    forget: tuple[GateBias, ...]
    input: tuple[GateBias, ...]


def find_gates(graph: Graph) -> tuple[Gates, ...]:
    """Return the gates of every state whose next value is a gated sum with its old one."""
    found: list[Gates] = []
    for state in graph.states:
        gates = _gates(graph, state)
        if gates.forget:
            found.append(gates)
    return tuple(found)


def recurrent_blocks(graph: Graph) -> tuple[tuple[str, int], ...]:
    """Return the matrices (parameter, piece) whose operand is a state at t-1 or made from one."""
    depends: set[int] = {s.read for s in graph.states}
    blocks: dict[tuple[str, int], None] = {}
    for index, value in enumerate(graph.values):
        if depends.isdisjoint(value.args):
            continue
        depends.add(index)
        if value.op == "product" and isinstance(value.attribute, tuple):
            for factor, operand in zip(value.attribute, value.args, strict=True):
                if operand in depends:
                    blocks[factor.parameter, factor.piece] = None
    return tuple(blocks)


def _gates(graph: Graph, state: State) -> Gates:
    sums = Sums(graph)
    terms = [t.value for t in sums.terms(state.next)] if sums.is_sum(state.next) else [state.next]
    forget: list[GateBias] = []
    other: list[GateBias] = []
    for term in terms:
        value = graph.values[term]
        if value.op != "mul":
            continue
        kept = state.read in value.args
        for factor in value.args:
            (forget if kept else other).extend(_gate_biases(graph, sums, factor))
    shared = {bias.parameter for bias in forget}
    return Gates(state.name, tuple(forget), tuple(b for b in other if b.parameter not in shared))


def _gate_biases(graph: Graph, sums: Sums, index: int) -> list[GateBias]:
    value = graph.values[index]
    if value.op == "sub" and graph.values[value.args[0]].attribute == 1.0:
        return [GateBias(b.parameter, -b.sign) for b in _gate_biases(graph, sums, value.args[1])]
    if value.op != "sigmoid":
        return []
    inner = value.args[0]
    terms = sums.terms(inner) if sums.is_sum(inner) else []
    return [
        GateBias(name, -1 if term.negative else 1)
        for term in terms
        if isinstance(name := graph.values[term.value].attribute, str)
        and graph.values[term.value].op == "parameter"
    ]
