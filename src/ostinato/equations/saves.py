"""What the forward pass keeps for the backward pass, by minimum cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Final, Literal, TypeAlias

from ostinato.equations.graph import BROADCAST, CHEAP_OPS, LEAVES, ROW_OPS, Graph

SaveVariant: TypeAlias = Literal["fast", "lean", "states"]
"""``fast`` recomputes only cheap arithmetic, ``lean`` everything but products and norms, ``states``
keeps nothing beside the states: all values of all steps are recomputed at once."""

_UNLIMITED: Final = 1 << 30


def choose_saved(
    graph: Graph, needed: Collection[int], free: Collection[int], variant: SaveVariant
) -> tuple[int, ...]:
    """Return the smallest set of values from which all ``needed`` ones can be recomputed.

    Args:
        graph: the forward step.
        needed: values that the backward pass reads.
        free: values that it has anyway (states, inputs, what has no time).
        variant: which operations may be recomputed.
    """
    recomputable = _rule(variant)
    network = _Network()
    for v, value in enumerate(graph.values):
        if v in free or value.op in LEAVES:
            continue
        network.edge(("in", v), ("out", v), 1 if value.dim == BROADCAST else 4)
        if recomputable(value.op):
            for argument in value.args:
                network.edge(("out", argument), ("in", v), _UNLIMITED)
        else:
            network.edge("source", ("in", v), _UNLIMITED)
    for v in needed:
        network.edge(("out", v), "sink", _UNLIMITED)
    behind = network.cut()
    return tuple(
        v
        for v in range(len(graph.values))
        if ("out", v) in behind and ("in", v) not in behind and network.has(("in", v))
    )


def _rule(variant: SaveVariant) -> Callable[[str], bool]:
    match variant:
        case "fast":
            return lambda op: op in CHEAP_OPS
        case "lean":
            return lambda op: op != "product" and op not in ROW_OPS
        case "states":
            return lambda _: True


_Node: TypeAlias = "tuple[str, int] | str"


class _Network:
    """Maximum flow by shortest augmenting paths (Edmonds and Karp 1972)."""

    def __init__(self) -> None:
        self.capacity: dict[_Node, dict[_Node, int]] = {"source": {}, "sink": {}}

    def edge(self, start: _Node, end: _Node, capacity: int) -> None:
        self.capacity.setdefault(start, {})[end] = capacity
        self.capacity.setdefault(end, {}).setdefault(start, 0)

    def has(self, node: _Node) -> bool:
        return node in self.capacity

    def cut(self) -> frozenset[_Node]:
        """Saturate the network; return the nodes from which the sink can still be reached."""
        while path := self._path():
            flow = min(self.capacity[a][b] for a, b in path)
            for a, b in path:
                self.capacity[a][b] -= flow
                self.capacity[b][a] += flow
        return frozenset(self._search("sink", lambda a, b: self.capacity[b][a] > 0))

    def _path(self) -> list[tuple[_Node, _Node]]:
        came_from = self._search("source", lambda a, b: self.capacity[a][b] > 0)
        if "sink" not in came_from:
            return []
        path: list[tuple[_Node, _Node]] = []
        node: _Node = "sink"
        while node != "source":
            path.append((came_from[node], node))
            node = came_from[node]
        return path

    def _search(self, start: _Node, is_open: Callable[[_Node, _Node], bool]) -> dict[_Node, _Node]:
        came_from: dict[_Node, _Node] = {start: start}
        pending: deque[_Node] = deque([start])
        while pending:
            node = pending.popleft()
            ends: Iterable[_Node] = self.capacity[node]
            for end in ends:
                if end not in came_from and is_open(node, end):
                    came_from[end] = node
                    pending.append(end)
        return came_from
