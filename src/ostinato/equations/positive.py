"""Which states must stay away from zero."""

from __future__ import annotations

from typing import Final

from ostinato.equations.graph import Graph

_ARITHMETIC: Final = frozenset(
    {"add", "sub", "mul", "div", "neg", "minimum", "maximum", "select", "abs"}
)
_POSITIVE_OPERAND: Final = {"div": 1, "log": 0, "sqrt": 0}


def positive_states(graph: Graph) -> frozenset[str]:
    """Return the states of which equations divide, or take a logarithm or a root.

    They must not start near 0 or below it, as the normaliser of an sLSTM.

    Args:
        graph: of a cell's step.
    """
    found: set[int] = set()
    waiting = [
        value.args[_POSITIVE_OPERAND[value.op]]
        for value in graph.values
        if value.op in _POSITIVE_OPERAND
    ]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            value = graph.values[index]
            if value.op in _ARITHMETIC:
                waiting.extend(value.args)
    return frozenset(state.name for state in graph.states if state.read in found)
