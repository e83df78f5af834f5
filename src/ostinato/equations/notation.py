"""A cell as mathematics writes it: every value with its time, every name for one value only."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ostinato.equations.syntax import (
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
    Syntax,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ostinato.core.errors import Span


@dataclass(frozen=True, slots=True)
class Timed(Name):
    """A name that changes with time: its value at t, or (``before``) at t-1."""

    before: bool = False


@dataclass(frozen=True, slots=True)
class Equation:
    """``target`` at t, from values at t and t-1."""

    target: str
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Notation:
    """The equations of a cell with times.

    Attributes:
        equations: in the order of evaluation.
        versions: names made for the earlier values of a name that is assigned several times.
    """

    equations: tuple[Equation, ...]
    versions: dict[str, str]


def number_text(value: float) -> str:
    """Print a number in the fewest digits that give it back."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value)) if value or math.copysign(1, value) > 0 else "-0.0"
    return repr(value)


def map_names(expression: Expression, change: Callable[[Name], Name]) -> Expression:
    """Return the expression with every name outside the left side of ``@`` changed."""
    match expression:
        case Name():
            return change(expression)
        case Number():
            return expression
        case Negative(operand=operand):
            return replace(expression, operand=map_names(operand, change))
        case Binary(operator="@", right=right):
            return replace(expression, right=map_names(right, change))
        case Binary(left=left, right=right):
            return replace(expression, left=map_names(left, change), right=map_names(right, change))
        case Call(arguments=arguments):
            return replace(expression, arguments=tuple(map_names(a, change) for a in arguments))
        case Concatenation(pieces=pieces):
            return replace(expression, pieces=tuple(map_names(p, change) for p in pieces))


def with_times(syntax: Syntax) -> Notation:
    """Write a cell with times: a name read above its assignment is its value at t-1."""
    return _Timing(syntax).notation()


class _Timing:
    def __init__(self, syntax: Syntax) -> None:
        self.syntax = syntax
        self.left = Counter(a.target for a in syntax.assignments)
        declared = {n for n, kind in syntax.declarations.items() if kind == "input"}
        self.inputs = declared or {"x"}
        self.taken = {n for a in syntax.assignments for n in _names(a.target, a.value)}
        self.newest: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def notation(self) -> Notation:
        equations: list[Equation] = []
        for assignment in self.syntax.assignments:
            value = map_names(assignment.value, self._timed)
            equations.append(Equation(self._version(assignment.target), value, assignment.span))
        return Notation(tuple(equations), self.versions)

    def _timed(self, name: Name) -> Name:
        if name.name in self.newest:
            return Timed(self.newest[name.name], name.span)
        if name.name in self.left or name.name in self.inputs:
            return Timed(name.name, name.span, before=name.name in self.left)
        return name

    def _version(self, target: str) -> str:
        self.left[target] -= 1
        version = target
        if self.left[target]:
            number = 1
            while (version := f"{target}_{number}") in self.taken:
                number += 1
            self.taken.add(version)
            self.versions[version] = target
        self.newest[target] = version
        return version


def _names(target: str, value: Expression) -> set[str]:
    return {target} | {n.name for n in walk(value) if isinstance(n, Name)}
