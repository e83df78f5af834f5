"""Sums regrouped by when their terms are known, so that a bias leaves the loop with its product."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial, reduce

from ostinato.equations.graph import Builder, Graph, rebuild
from ostinato.equations.structure import analyse_structure


def regroup_sums(graph: Graph) -> Graph:
    """Flatten sums, add first what is known first, and merge the transposed products of one time.

    ``(W @ h + U @ x) + b`` becomes ``W @ h + (U @ x + b)``. Transposed products that are summed
    (the gradient that flows back into one vector) become one product over all their operands.
    """
    return _Regrouping(graph).run()


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a sum, and whether it is subtracted."""

    value: int
    negative: bool


class Sums:
    """The sums of a graph, each flattened as far as nothing else reads its parts."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.uses = Counter(a for v in graph.values for a in v.args)
        self.uses.update(graph.roots)
        reader: dict[int, int] = {}
        for index, value in enumerate(graph.values):
            reader.update(dict.fromkeys(value.args, index))
        self._inner = frozenset(
            index
            for index in range(len(graph.values))
            if self.is_sum(index)
            and self.uses[index] == 1
            and index in reader
            and self.is_sum(reader[index])
        )

    def is_sum(self, index: int) -> bool:
        """Whether a value adds, subtracts or negates."""
        return self.graph.values[index].op in ("add", "sub", "neg")

    def is_root(self, index: int) -> bool:
        """Whether a value is a whole sum, not a part of a longer one."""
        return self.is_sum(index) and index not in self._inner

    def terms(self, index: int) -> list[Term]:
        """Return the terms of the sum at ``index`` in reading order."""
        terms: list[Term] = []
        pending = [Term(index, negative=False)]
        while pending:
            term = pending.pop()
            value = self.graph.values[term.value]
            if term.value != index and term.value not in self._inner:
                terms.append(term)
                continue
            flips = [value.op == "neg", value.op == "sub"]
            for argument, flip in reversed(list(zip(value.args, flips, strict=False))):
                pending.append(Term(argument, negative=term.negative != flip))
        return terms


class _Regrouping:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.rank = analyse_structure(graph).rank
        self.sums = Sums(graph)

    def run(self) -> Graph:
        def make(builder: Builder, new: list[int], index: int) -> int:
            terms = self.sums.terms(index) if self.sums.is_root(index) else []
            if len(terms) > 1:
                return self._sum(builder, new, terms)
            value = self.graph.values[index]
            return builder.copy(value, tuple(new[a] for a in value.args))

        return rebuild(self.graph, make)

    def _sum(self, builder: Builder, new: list[int], terms: list[Term]) -> int:
        """Add the terms, those known first innermost; within one time the positive ones first."""
        total: int | None = None
        for rank in sorted({self.rank[t.value] for t in terms}):
            same = [t for t in terms if self.rank[t.value] == rank]
            earlier = [] if total is None else [total]
            added = [*self._added(builder, new, same), *earlier]
            total = reduce(partial(builder.apply, "add"), added) if added else None
            for term in same:
                if term.negative:
                    total = _subtract(builder, total, new[term.value])
        assert total is not None
        return total

    def _added(self, builder: Builder, new: list[int], terms: list[Term]) -> list[int]:
        """Return the built positive terms, with the mergeable products made into one of them."""
        positive = [t.value for t in terms if not t.negative]
        members = [v for v in positive if self._is_transposed(v)]
        if len(members) < 2:
            return [new[v] for v in positive]
        factors = tuple(f for v in members for f in builder.factors(new[v]))
        operands = tuple(a for v in members for a in builder.values[new[v]].args)
        merged = builder.product(factors, operands, builder.values[new[members[0]]].dim)
        return [merged, *(new[v] for v in positive if v not in members)]

    def _is_transposed(self, index: int) -> bool:
        value = self.graph.values[index]
        if value.op != "product" or self.sums.uses[index] != 1:
            return False
        assert isinstance(value.attribute, tuple)
        return all(f.transposed for f in value.attribute)


def _subtract(builder: Builder, total: int | None, value: int) -> int:
    if total is None:
        return builder.apply("neg", value)
    return builder.apply("sub", total, value)
