"""Dimension inference by unification, remembering why any two names have one size."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.core.errors import EquationError, OptionError, Span, did_you_mean


@dataclass(frozen=True, slots=True)
class Link:
    """Two names have the same size because of one term of one line."""

    a: str
    b: str
    span: Span


class Unifier:
    """Union-find over name classes; every union keeps its reason for the error message."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self.links: list[Link] = []

    def add(self, name: str) -> str:
        """Make a class of its own for ``name`` unless there is one; return ``name``."""
        self._parent.setdefault(name, name)
        return name

    def find(self, name: str) -> str:
        """Return the representative of the class of ``name``."""
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def unite(self, a: str, b: str, span: Span) -> None:
        """Record that ``a`` and ``b`` have one size, because of the term at ``span``."""
        root_a, root_b = self.find(a), self.find(b)
        if root_a != root_b:
            self._parent[root_b] = root_a
            self.links.append(Link(a, b, span))

    def members(self) -> dict[str, list[str]]:
        """Return each class: representative to its names, in the order of their making."""
        classes: dict[str, list[str]] = {}
        for name in self._parent:
            classes.setdefault(self.find(name), []).append(name)
        return classes


@dataclass(frozen=True)
class Dimensions:
    """The size classes of a cell and how the three sizes that a layer is given fill them.

    Attributes:
        classes: label (``input_size``, ``hidden_size``, …) to the names of that size.
        tied: pairs of labels that stand for one class (``h = … + x`` ties hidden to input).
        shown: the name that stands for each of the layer's sizes in an error.
        links: the reasons, for errors.
        source: the lines of the text.
        factors: parameters that multiply element by element, with what they multiply.
    """

    classes: Mapping[str, tuple[str, ...]]
    tied: Mapping[str, str]
    shown: Mapping[str, str]
    links: tuple[Link, ...]
    source: tuple[str, ...]
    factors: Mapping[str, str]

    def label_of(self, name: str) -> str | None:
        """Return the label of the class that holds ``name``, if any."""
        return next((label for label, names in self.classes.items() if name in names), None)

    def solve(self, given: Mapping[str, int | None]) -> dict[str, int]:
        """Return the size of every class.

        Args:
            given: sizes by label (``hidden_size``) or by the name of any value of the class.

        Raises:
            OptionError: a name is unknown, a size is missing or not a positive integer.
            EquationError: two sizes are given for one class; both places are shown.
        """
        known: dict[str, tuple[int, str]] = {}
        for name, size in given.items():
            if size is not None:
                self._assign(known, name, size)
        missing = [label for label in self.classes if label not in known]
        if missing:
            raise OptionError(
                f"the size of {self._describe(missing[0])} is neither given nor implied\n"
                f"mend: pass {self._how(missing[0])}"
            )
        return {label: known[label][0] for label in self.classes}

    def _assign(self, known: dict[str, tuple[int, str]], name: str, size: int) -> None:
        if type(size) is not int or size < 1:
            raise OptionError(
                f"{name} must be a positive integer, got {size!r}\nmend: pass how many units it has"
            )
        label = name if name in self.classes else self.tied.get(name) or self.label_of(name)
        if label is None:
            if name in ("hidden_size", "output_size"):
                self._unused(name)
                return
            names = [*self.classes, *(n for c in self.classes.values() for n in c)]
            raise OptionError(
                f"sizes: this cell has no value called {name!r}{did_you_mean(name, names)}\n"
                f"expected one of: {', '.join(names)}"
            )
        before = known.setdefault(label, (size, name))
        if before[0] != size:
            raise self._conflict(label, before, (size, name))

    def _unused(self, name: str) -> None:
        if name == "output_size":
            actual = "hidden_size" if "hidden_size" in self.classes else "input_size"
            raise OptionError(
                "output_size was given, but the output of this cell has the size of "
                f"{self._describe(actual)}\n"
                "mend: leave output_size out, or project: `y = V @ h`"
            )

    def _conflict(
        self, label: str, first: tuple[int, str], second: tuple[int, str]
    ) -> EquationError:
        ends = (self._anchor(label, first[1]), self._anchor(label, second[1]))
        if ends[0] == ends[1]:
            return EquationError(
                f"`{ends[0]}` is given size {first[0]} ({first[1]}) and size {second[0]} "
                f"({second[1]})",
                mend="give one of the two",
            )
        path = self.path(*ends)
        first_place, last_place = path[0].span, path[-1].span
        reasons = "; ".join(f"line {k.span.line} joins `{k.a}` with `{k.b}`" for k in path)
        mend = f"give both the same size, or put a matrix between them: `W @ {ends[0]}`"
        on_path = dict.fromkeys(name for link in path for name in (link.a, link.b))
        # Who writes `W * h` in upper case probably means a matrix.
        factors = [n for n in on_path if n in self.factors and n[0].isupper()]
        if factors:
            reasons += "".join(f"; `{n}` is a vector, since `*` joins it" for n in factors)
            products = ", ".join(f"`{n} @ {self.factors[n]}`" for n in factors)
            mend = f"a matrix is written {products}; for vectors, give both the same size"
        return EquationError(
            f"`{ends[0]}` has size {first[0]} ({first[1]}) and `{ends[1]}` has size {second[0]} "
            f"({second[1]}), but the equations make them one size: {reasons}",
            source=self.source,
            span=first_place,
            also=last_place if last_place.line != first_place.line else None,
            mend=mend,
        )

    def _anchor(self, label: str, name: str) -> str:
        names = self.classes[label]
        return name if name in names else self.shown.get(name, names[0])

    def path(self, start: str, end: str) -> list[Link]:
        """Return the shortest chain of links from ``start`` to ``end``."""
        came: dict[str, tuple[str, Link] | None] = {start: None}
        queue = deque([start])
        while queue and end not in came:
            here = queue.popleft()
            for link in self.links:
                for a, b in ((link.a, link.b), (link.b, link.a)):
                    if a == here and b not in came:
                        came[b] = (a, link)
                        queue.append(b)
        chain: list[Link] = []
        step = came.get(end)
        while step is not None:
            chain.append(step[1])
            step = came[step[0]]
        return chain[::-1]

    def _describe(self, label: str) -> str:
        names = [f"`{n}`" for n in self.classes[label] if not n.startswith("(")]
        return f"{', '.join(names[:4])} ({label})" if names else label

    def _how(self, label: str) -> str:
        if label in ("input_size", "hidden_size", "output_size"):
            return f"{label}=n"
        return f"sizes={{{label!r}: n}}"
