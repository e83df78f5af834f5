"""The backward pass: reverse-mode differentiation of a program into a program."""

from __future__ import annotations

from dataclasses import replace

from ostinato.equations.derivatives import RULES
from ostinato.equations.graph import (
    BROADCAST,
    Builder,
    Factor,
    Graph,
    Input,
    Reduction,
    State,
    compact,
    rebuild,
)
from ostinato.equations.program import Adjoint, Program
from ostinato.equations.saves import SaveVariant, choose_saved
from ostinato.equations.schedule import compile_graph, factors
from ostinato.equations.structure import analyse_structure


def adjoint(program: Program, variant: SaveVariant = "fast") -> Adjoint:
    """Differentiate a program; the result runs on any engine that runs programs.

    Args:
        program: the forward pass, ``program.graph`` being its step.
        variant: what is kept against what is recomputed.
    """
    draft = _Reverse(program.graph).run()
    forward = program.graph
    needed = {n for i in draft.inputs if (n := _forward_number(i.name)) is not None}
    rank = analyse_structure(forward).rank
    free = {s.next for s in forward.states} | {s.read for s in forward.states}
    free |= {v for v in range(len(forward.values)) if rank[v] == 0}
    saved = choose_saved(forward, needed, free, variant)
    graph = _Recomputation(forward, draft, saved, rank).run()
    names = [i.name for i in graph.inputs]
    return Adjoint(
        compile_graph(graph, reverse=not program.reverse),
        tuple(v for v in saved if f"saved:{v}" in names),
    )


class _Reverse:
    """One reverse sweep; a forward value that a gradient needs is the input ``forward:number``."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.builder = Builder()
        self.gradients: dict[int, int] = {}
        self.reductions: list[Reduction] = []
        rows = {i.name for i in graph.inputs if i.dim == BROADCAST}
        self.differentiable: list[bool] = []
        for value in graph.values:
            own = value.op in ("parameter", "state", "product") or (
                value.op == "input" and value.attribute not in rows
            )
            self.differentiable.append(own or any(self.differentiable[a] for a in value.args))

    def run(self) -> Graph:
        reads = {
            s.name: self.builder.leaf("state", s.dim, f"d:{s.name}") for s in self.graph.states
        }
        for state in self.graph.states:
            seed = self._input(f"grad_state:{state.name}", state.dim)
            self._add(state.next, self.builder.apply("add", reads[state.name], seed))
        for name, value in self.graph.outputs:
            self._add(value, self._input(f"grad:{name}", self.graph.values[value].dim))
        for index in reversed(range(len(self.graph.values))):
            if index in self.gradients:
                self._back(index, self.gradients[index])
        return self._graph(reads)

    def _graph(self, reads: dict[str, int]) -> Graph:
        states = tuple(
            State(f"d:{s.name}", reads[s.name], self._gradient(s.read, reads[s.name]), 0.0, s.dim)
            for s in self.graph.states
        )
        leaves = {v.attribute: i for i, v in enumerate(self.graph.values) if v.op == "input"}
        outputs = tuple(
            (i.name, self.gradients[leaves[i.name]])
            for i in self.graph.inputs
            if i.name in leaves and leaves[i.name] in self.gradients
        )
        draft = compact(
            self.builder,
            parameters=self.graph.parameters,
            inputs=(),
            states=states,
            outputs=outputs,
            reductions=tuple(self.reductions),
        )
        return _with_used_inputs(draft)

    def _gradient(self, value: int, like: int) -> int:
        """Return the gradient of a state's read; one that nothing reads has gradient 0."""
        found = self.gradients.get(value)
        return self.builder.apply("mul", like, self.builder.constant(0)) if found is None else found

    def _input(self, name: str, dim: str) -> int:
        return self.builder.leaf("input", dim, name)

    def _forward(self, index: int) -> int:
        value = self.graph.values[index]
        if value.op in ("constant", "parameter", "random"):
            return self.builder.copy(value, ())
        return self._input(f"forward:{index}", value.dim)

    def _add(self, index: int, gradient: int) -> None:
        if not self.differentiable[index]:
            return
        if (
            self.graph.values[index].dim == BROADCAST
            and self.builder.values[gradient].dim != BROADCAST
        ):
            gradient = self.builder.apply("total", gradient)
        before = self.gradients.get(index)
        self.gradients[index] = (
            gradient if before is None else self.builder.apply("add", before, gradient)
        )

    def _back(self, index: int, gradient: int) -> None:
        value = self.graph.values[index]
        if value.op == "parameter":
            assert isinstance(value.attribute, str)
            self.reductions.append(Reduction(value.attribute, gradient))
        elif value.op == "product":
            self._back_product(index, gradient)
        elif value.op in RULES:
            operands = tuple(self._forward(a) for a in value.args)
            found = RULES[value.op](self.builder, gradient, self._forward(index), operands)
            for argument, part in zip(value.args, found, strict=True):
                if part is not None:
                    self._add(argument, part)

    def _back_product(self, index: int, gradient: int) -> None:
        value = self.graph.values[index]
        for factor, argument in zip(factors(self.graph, index), value.args, strict=True):
            operand = self._forward(argument)
            self.reductions.append(Reduction(factor.parameter, gradient, operand, factor.piece))
            if self.differentiable[argument]:
                mirrored = Factor(factor.parameter, factor.piece, transposed=True)
                rows = self.graph.values[argument].dim
                self._add(argument, self.builder.product((mirrored,), (gradient,), rows))


class _Recomputation:
    """Replaces ``forward:number`` by what the backward pass has, or by its recomputation."""

    def __init__(
        self, forward: Graph, draft: Graph, saved: tuple[int, ...], rank: tuple[int, ...]
    ) -> None:
        self.forward = forward
        self.draft = draft
        self.given = {s.next: f"next:{s.name}" for s in forward.states if rank[s.next] > 0}
        self.given.update({v: f"saved:{v}" for v in saved if v not in self.given})
        self.given.update({s.read: f"last:{s.name}" for s in forward.states})
        self.built: dict[int, int] = {}

    def run(self) -> Graph:
        def make(builder: Builder, new: list[int], index: int) -> int:
            value = self.draft.values[index]
            if value.op == "input" and _forward_number(value.attribute) is not None:
                number = _forward_number(value.attribute)
                assert number is not None
                return self._value(builder, number)
            return builder.copy(value, tuple(new[a] for a in value.args))

        return _with_used_inputs(rebuild(self.draft, make))

    def _value(self, builder: Builder, index: int) -> int:
        """Build a forward value and what it is recomputed from, without recursion."""
        wanted: set[int] = set()
        pending = [index]
        while pending:
            v = pending.pop()
            if v not in wanted and v not in self.built:
                wanted.add(v)
                pending.extend(() if v in self.given else self.forward.values[v].args)
        for v in sorted(wanted):
            value = self.forward.values[v]
            if v in self.given:
                self.built[v] = builder.leaf("input", value.dim, self.given[v])
            else:
                self.built[v] = builder.copy(value, tuple(self.built[a] for a in value.args))
        return self.built[index]


def _forward_number(attribute: object) -> int | None:
    """Return n where ``attribute`` names the placeholder ``forward:n``."""
    if isinstance(attribute, str) and attribute.startswith("forward:"):
        return int(attribute.removeprefix("forward:"))
    return None


def _with_used_inputs(graph: Graph) -> Graph:
    """Let the inputs of a graph be the streams that its values read."""
    used = {
        v.attribute: Input(v.attribute, v.dim)
        for v in graph.values
        if v.op == "input" and isinstance(v.attribute, str)
    }
    return replace(graph, inputs=tuple(used.values()))
