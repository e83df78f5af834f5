"""The structure of a step: which states form a loop of their own, and of what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ostinato.equations.graph import ROW_OPS, Graph, Random, Value, live

LoopKind: TypeAlias = Literal["linear", "element-wise", "dense"]
CellKind: TypeAlias = Literal["feed-forward", "linear", "element-wise", "dense"]

_ORDER: Final[tuple[CellKind, ...]] = ("feed-forward", "linear", "element-wise", "dense")


@dataclass(frozen=True)
class Structure:
    """How the values of a step depend on its states.

    Attributes:
        components: strongly connected sets of states (indices), in an order of evaluation.
        rank: when each value is known: 0 without time, 1 before every loop, 2 + k with loop k.
        body: for each component, the values that depend on its states and that its next values
            need: what must stay in the loop.
        kinds: the class of each component.
    """

    components: tuple[tuple[int, ...], ...]
    rank: tuple[int, ...]
    body: tuple[frozenset[int], ...]
    kinds: tuple[LoopKind, ...]

    @property
    def kind(self) -> CellKind:
        """The class of the whole step: that of its hardest loop."""
        return max(("feed-forward", *self.kinds), key=_ORDER.index)


def analyse_structure(graph: Graph) -> Structure:
    """Find the loops of a step and their kinds."""
    masks = _state_masks(graph)
    components = _components(graph, masks)
    rank = _ranks(graph, masks, components)
    bodies = tuple(_body(graph, masks, component) for component in components)
    kinds: tuple[LoopKind, ...] = tuple(
        _kind(graph, body, component) for body, component in zip(bodies, components, strict=True)
    )
    return Structure(components, rank, bodies, kinds)


def _state_masks(graph: Graph) -> list[int]:
    """Return, for every value, the set of states that it reads, as bits."""
    bit = {s.read: 1 << k for k, s in enumerate(graph.states)}
    masks: list[int] = []
    for index, value in enumerate(graph.values):
        mask = bit.get(index, 0)
        for argument in value.args:
            mask |= masks[argument]
        masks.append(mask)
    return masks


def _components(graph: Graph, masks: list[int]) -> tuple[tuple[int, ...], ...]:
    """Return the strongly connected sets of states, each after those it depends on."""
    reach = [masks[s.next] for s in graph.states]
    count = len(reach)
    for middle in range(count):
        for start in range(count):
            if reach[start] >> middle & 1:
                reach[start] |= reach[middle]
    together: dict[tuple[int, ...], None] = {}
    for k in range(count):
        peers = (j for j in range(count) if j == k or (reach[k] >> j & 1 and reach[j] >> k & 1))
        together[tuple(peers)] = None

    def depth(component: tuple[int, ...]) -> int:
        return bin(reach[component[0]] | sum(1 << k for k in component)).count("1")

    return tuple(sorted(together, key=depth))


def _ranks(
    graph: Graph, masks: list[int], components: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    rank_of_state = {k: 2 + i for i, component in enumerate(components) for k in component}
    ranks: list[int] = []
    for value, mask in zip(graph.values, masks, strict=True):
        rank = max([own_rank(value), *(ranks[a] for a in value.args)])
        bits = [k for k in rank_of_state if mask >> k & 1]
        ranks.append(max([rank, *(rank_of_state[k] for k in bits)]))
    return tuple(ranks)


def own_rank(value: Value) -> int:
    """Return 1 for a leaf that changes from step to step, else 0."""
    if value.op == "random":
        assert isinstance(value.attribute, Random)
        return int(value.attribute.per_step)
    return int(value.op in ("input", "state"))


def _body(graph: Graph, masks: list[int], component: tuple[int, ...]) -> frozenset[int]:
    own = sum(1 << k for k in component)
    needed = live(graph.values, [graph.states[k].next for k in component])
    return frozenset(v for v in needed if masks[v] & own)


def _kind(graph: Graph, body: frozenset[int], component: tuple[int, ...]) -> LoopKind:
    reads = {graph.states[k].read for k in component}
    ops = {graph.values[v].op for v in body - reads}
    if "product" in ops or ops & ROW_OPS:
        return "dense"
    degree: dict[int, int] = dict.fromkeys(reads, 1)
    for v in sorted(body - reads):
        degree[v] = _degree(graph.values[v], [degree.get(a, 0) for a in graph.values[v].args])
    linear = all(degree.get(graph.states[k].next, 0) <= 1 for k in component)
    return "linear" if linear else "element-wise"


def _degree(value: Value, args: list[int]) -> int:
    """Return 0 for a value free of the states, 1 for one affine in them, 2 for any other."""
    if max(args, default=0) == 0:
        return 0
    match value.op:
        case "add" | "sub" | "neg":
            return max(args)
        case "mul":
            return min(2, sum(args))
        case "div":
            return args[0] if args[1] == 0 else 2
        case "select":
            return max(args[1:]) if args[0] == 0 else 2
        case _:
            return 2
