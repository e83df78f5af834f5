"""Equations with times to lines in order: subscripts decide, the order of writing breaks ties."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from ostinato.core.errors import EquationError
from ostinato.equations.notation import Equation, Timed, map_names
from ostinato.equations.syntax import Assignment, Name, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def in_order(
    equations: Sequence[Equation], source: tuple[str, ...]
) -> tuple[list[Assignment], list[str]]:
    """Sort equations so that every value is computed before it is read.

    Of the lines that could come next, the first as written that overwrites nothing still needed is
    taken; where none is such, the value at t-1 is copied: ``c_old = c``.

    Returns:
        the assignments, and a note for every copy.

    Raises:
        EquationError: values of one step need each other in a circle.
    """
    return _Sorter(equations, source).sort()


def reads(equation: Equation, *, before: bool) -> set[str]:
    """Return the names that an equation reads at t, or at t-1."""
    timed = (n for n in walk(equation.value) if isinstance(n, Timed))
    return {n.name for n in timed if n.before == before}


class _Sorter:
    def __init__(self, equations: Sequence[Equation], source: tuple[str, ...]) -> None:
        self.source = source
        self.remaining = {e.target: e for e in equations}
        self.now = {e.target: reads(e, before=False) for e in equations}
        self.old_readers: dict[str, set[str]] = {}
        for equation in equations:
            for name in reads(equation, before=True):
                self.old_readers.setdefault(name, set()).add(equation.target)
        self.taken = {e.target for e in equations} | {
            n.name for e in equations for n in walk(e.value) if isinstance(n, Name)
        }
        self.copies: dict[str, str] = {}
        self.lines: list[Assignment] = []
        self.notes: list[str] = []

    def sort(self) -> tuple[list[Assignment], list[str]]:
        while self.remaining:
            equation = self._next()
            del self.remaining[equation.target]
            value = map_names(equation.value, self._settled)
            if self._needed_later(equation.target):
                self._copy(equation)
            self.lines.append(Assignment(equation.target, value, equation.span))
        return self.lines, self.notes

    def _next(self) -> Equation:
        ready = [e for e in self.remaining.values() if not self._waits(e.target)]
        if not ready:
            self._fail_circle()
        harmless = (e for e in ready if not self._needed_later(e.target))
        return next(harmless, ready[0])

    def _waits(self, target: str) -> bool:
        return any(name in self.remaining for name in self.now[target])

    def _needed_later(self, target: str) -> bool:
        """Say whether a line other than its own still reads the value at t-1."""
        readers = self.old_readers.get(target, set())
        return any(r in self.remaining and r != target for r in readers)

    def _settled(self, name: Name) -> Name:
        if not isinstance(name, Timed):
            return name
        return Name(self.copies.get(name.name, name.name) if name.before else name.name, name.span)

    def _copy(self, equation: Equation) -> None:
        name = equation.target
        old = f"{name}_old"
        while old in self.taken:
            old += "_"
        self.taken.add(old)
        self.copies[name] = old
        self.lines.append(Assignment(old, Name(name, equation.span), equation.span))
        self.notes.append(f"`{old}` keeps `{name}` at t-1, which later lines read")

    def _fail_circle(self) -> NoReturn:
        chain = [next(iter(self.remaining))]
        while True:
            needed = min(n for n in self.now[chain[-1]] if n in self.remaining)
            if needed in chain:
                break
            chain.append(needed)
        circle = chain[chain.index(needed) :]
        path = " needs ".join(f"`{name}` at t" for name in [*circle, circle[0]])
        raise EquationError(
            f"values of one step need each other in a circle: {path}",
            source=self.source,
            span=self.remaining[circle[0]].span,
            also=self.remaining[circle[1]].span if len(circle) > 1 else None,
            mend=f"let one of them read the value before: `{circle[0]}_{{t-1}}`",
        )


def delayed(equations: Sequence[Equation]) -> list[str]:
    """Return the states whose next value depends on no state: written at t-1, a delay is meant."""
    needs = {e.target: reads(e, before=False) for e in equations}
    remembers = {e.target for e in equations if reads(e, before=True)}
    read = {n for e in equations for n in reads(e, before=True)}
    growing = True
    while growing:
        more = {name for name, needed in needs.items() if needed & remembers} - remembers
        growing = bool(more)
        remembers |= more
    return [name for name in needs if name in read and name not in remembers]


def merge_versions(
    lines: Sequence[Assignment], versions: Mapping[str, str], source: tuple[str, ...]
) -> list[Assignment]:
    """Give earlier values of a name (``h_1`` of ``h``) the name itself, as Python reassigns it.

    Raises:
        EquationError: an earlier value is read when a later one has taken its place.
    """
    newest: dict[str, str] = {}

    def merged(node: Name) -> Name:
        name = versions.get(node.name, node.name)
        if newest.get(name, node.name) != node.name:
            raise EquationError(
                f"`{node.name}` is read when `{newest[name]}` has taken its place",
                source=source,
                span=node.span,
                mend=f"remove the comment that makes one an earlier value of `{name}`",
            )
        return replace(node, name=name)

    found: list[Assignment] = []
    for line in lines:
        value = map_names(line.value, merged)
        target = versions.get(line.target, line.target)
        newest[target] = line.target
        found.append(replace(line, target=target, value=value))
    return found
