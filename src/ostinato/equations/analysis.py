"""What a cell costs and of which class its recurrence is, from its equations alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.equations.adjoint import adjoint
from ostinato.equations.graph import BROADCAST, Graph
from ostinato.equations.program import Loop, Program
from ostinato.equations.saves import SaveVariant
from ostinato.equations.schedule import compile_graph, factors
from ostinato.equations.structure import CellKind


@dataclass(frozen=True)
class Analysis:
    """The structure and the cost of one step of a cell.

    Attributes:
        kind: ``linear`` (the new state is element-wise affine in the old one, with coefficients
            free of it: a parallel scan can replace the loop), ``element-wise`` (no product with
            the state), ``dense``, or ``feed-forward`` (no state).
        program: the step in execution order.
    """

    kind: CellKind
    program: Program

    @property
    def num_phases(self) -> int:
        """How many products wait for one another within a step."""
        return self.program.num_barriers

    def flops(self, sizes: Mapping[str, int]) -> int:
        """Return the operations of one step of one row: 2 a multiply-add, 1 an element."""
        graph = self.program.graph
        return sum(
            _flops(graph, v, sizes)
            for section in self.program.sections
            for phase in section.phases
            for v in phase.values
        )

    def loop_flops(self, sizes: Mapping[str, int]) -> int:
        """Return the part of ``flops`` that must run step by step."""
        graph = self.program.graph
        return sum(
            _flops(graph, v, sizes)
            for loop in self.program.loops
            for phase in loop.phases
            for v in phase.values
        )

    def bytes_per_step(self, sizes: Mapping[str, int], itemsize: int = 4) -> int:
        """Return the bytes that one step of the loops moves for one row.

        The weights that the loops read, the streams that they read and store, and the states, read
        and written: what bounds the speed at batch size 1.
        """
        graph = self.program.graph
        numbers = 0
        for loop in self.program.loops:
            numbers += sum(_size(graph.values[v].dim, sizes) for v in (*loop.reads, *loop.stored))
            numbers += sum(2 * _size(graph.state(s).dim, sizes) for s in loop.states)
            numbers += _weight_numbers(graph, loop, sizes)
        return numbers * itemsize

    def saved_values(self, variant: SaveVariant = "fast") -> tuple[int, ...]:
        """Return the values beside the states that the backward pass needs."""
        return adjoint(self.program, variant).saved

    def saved_bytes(
        self, sizes: Mapping[str, int], variant: SaveVariant = "fast", itemsize: int = 4
    ) -> int:
        """Return what training keeps of one step of one row, beside states and inputs, in bytes."""
        graph = self.program.graph
        saved = self.saved_values(variant)
        return itemsize * sum(_size(graph.values[v].dim, sizes) for v in saved)


def analyse(graph: Graph) -> Analysis:
    """Analyse the step of a cell."""
    program = compile_graph(graph)
    return Analysis(program.kind, program)


def _size(dim: str, sizes: Mapping[str, int]) -> int:
    return 1 if dim == BROADCAST else sizes[dim]


def _flops(graph: Graph, index: int, sizes: Mapping[str, int]) -> int:
    value = graph.values[index]
    if value.op != "product":
        return _size(value.dim, sizes)
    columns = sum(_size(graph.values[a].dim, sizes) for a in value.args)
    return 2 * columns * _size(value.dim, sizes)


def _weight_numbers(graph: Graph, loop: Loop, sizes: Mapping[str, int]) -> int:
    """Count the distinct weights that one step of a loop reads."""
    numbers: dict[tuple[str, int], int] = {}
    for v in (v for phase in loop.phases for v in phase.values):
        value = graph.values[v]
        if value.op == "product":
            rows = _size(value.dim, sizes)
            for factor, argument in zip(factors(graph, v), value.args, strict=True):
                columns = _size(graph.values[argument].dim, sizes)
                numbers[factor.parameter, factor.piece] = rows * columns
        for argument in value.args:
            leaf = graph.values[argument]
            if leaf.op == "parameter" and isinstance(leaf.attribute, str):
                numbers[leaf.attribute, 0] = _size(leaf.dim, sizes)
    return sum(numbers.values())
