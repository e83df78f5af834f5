"""Graph to ``Program``: four zones (once, before, in and after each loop), phases and groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ostinato.equations.graph import LEAVES, ROW_OPS, Factor, Graph, Reduction
from ostinato.equations.program import Loop, Parallel, Phase, ProductGroup, Program, Section
from ostinato.equations.structure import Structure, analyse_structure
from ostinato.equations.sums import regroup_sums


def compile_graph(graph: Graph, *, reverse: bool = False) -> Program:
    """Hoist what leaves the loop, sort the rest into phases, stack products of one operand."""
    return schedule(regroup_sums(graph), reverse=reverse)


def schedule(graph: Graph, *, reverse: bool = False) -> Program:
    """Put a graph in order as it is; ``compile_graph`` regroups its sums first."""
    structure = analyse_structure(graph)
    outside = _outside(graph, structure)
    sections: list[Section] = []
    for rank in range(len(structure.components) + 2):
        if rank >= 2:
            sections.append(_loop(graph, structure, rank - 2))
        values = [v for v in outside if structure.rank[v] == rank]
        if values:
            sections.append(Parallel(_phases(graph, values), once=rank == 0))
    return Program(graph, tuple(sections), _reduction_groups(graph), reverse, structure.kind)


def _outside(graph: Graph, structure: Structure) -> list[int]:
    """Return the computed values that belong to no loop."""
    inside = frozenset[int]().union(*structure.body)
    return [
        index
        for index, value in enumerate(graph.values)
        if value.op not in LEAVES and index not in inside
    ]


def _loop(graph: Graph, structure: Structure, index: int) -> Loop:
    states = [graph.states[k] for k in structure.components[index]]
    reads = {s.read for s in states}
    body = sorted(structure.body[index] - reads)
    inside = {*body, *reads}
    wanted = {a for v in body for a in graph.values[v].args} | {s.next for s in states}
    outer_arguments = {
        a for v in range(len(graph.values)) if v not in inside for a in graph.values[v].args
    }
    needed = (
        outer_arguments | _observed(graph) | {s.next for s in graph.states if s.read not in reads}
    )
    return Loop(
        states=tuple(s.name for s in states),
        kind=structure.kinds[index],
        phases=_phases(graph, body),
        reads=tuple(sorted(v for v in wanted - inside if structure.rank[v] > 0)),
        stored=tuple(v for v in body if v in needed),
        shifted=tuple(s.name for s in states if s.read in needed),
    )


def _observed(graph: Graph) -> set[int]:
    """Return the values that are read from outside the step at every step."""
    observed = {value for _, value in graph.outputs}
    for reduction in graph.reductions:
        observed.add(reduction.delta)
        if reduction.operand is not None:
            observed.add(reduction.operand)
    return observed


def _phases(graph: Graph, values: Collection[int]) -> tuple[Phase, ...]:
    """Sort the values of one section into phases."""
    number: dict[int, int] = {}
    for v in values:
        value = graph.values[v]
        waits = value.op == "product" or value.op in ROW_OPS
        number[v] = max((number.get(a, 0) for a in value.args), default=0) + waits
    return tuple(
        _phase(graph, [v for v in values if number[v] == n])
        for n in range(max(number.values(), default=-1) + 1)
        if n in number.values()
    )


def _phase(graph: Graph, values: Iterable[int]) -> Phase:
    groups: dict[tuple[tuple[int, ...], bool], list[int]] = {}
    norms: list[int] = []
    elementwise: list[int] = []
    for v in values:
        value = graph.values[v]
        if value.op == "product":
            groups.setdefault((value.args, _transposed(graph, v)), []).append(v)
        elif value.op in ROW_OPS:
            norms.append(v)
        else:
            elementwise.append(v)
    stacked = tuple(ProductGroup(tuple(members)) for members in groups.values())
    return Phase(stacked, tuple(norms), tuple(elementwise))


def _transposed(graph: Graph, product: int) -> bool:
    return any(f.transposed for f in factors(graph, product))


def factors(graph: Graph, product: int) -> tuple[Factor, ...]:
    """Return the factors of a product."""
    attribute = graph.values[product].attribute
    assert isinstance(attribute, tuple)
    return attribute


def _reduction_groups(graph: Graph) -> tuple[tuple[Reduction, ...], ...]:
    groups: dict[int, list[Reduction]] = {}
    for k, reduction in enumerate(graph.reductions):
        key = -1 - k if reduction.operand is None else reduction.operand
        groups.setdefault(key, []).append(reduction)
    return tuple(tuple(group) for group in groups.values())
