"""The syntax tree of a cell: a list of assignments over a handful of expression forms.

Text (``parse``) and LaTeX (``latex``) are read into this tree, and ``printing`` writes it back.
Spans take no part in equality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from ostinato.core.errors import Span

ARITY: Final[dict[str, int]] = {
    "sigmoid": 1,
    "tanh": 1,
    "relu": 1,
    "softplus": 1,
    "silu": 1,
    "gelu": 1,
    "exp": 1,
    "log": 1,
    "sqrt": 1,
    "abs": 1,
    "minimum": 2,
    "maximum": 2,
    "clip": 3,
    "layer_norm": 1,
    "rms_norm": 1,
}
"""The known functions and how many arguments each takes."""

ALIASES: Final[dict[str, str]] = {"σ": "sigmoid", "identity": "identity"}
"""Other spellings of the known functions (``identity`` vanishes: ``identity(a)`` is ``a``)."""

BinaryOperator: TypeAlias = Literal["+", "-", "*", "/", "**", "@"]
DeclarationKind: TypeAlias = Literal["input", "state", "output", "matrix", "vector", "scalar"]


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number, or (in an initial value only) plus or minus infinity."""

    value: float
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A name: an input, a state, a parameter or an assigned value."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``; ``@`` is the product of a matrix with a vector."""

    operator: BinaryOperator
    left: Expression
    right: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A known function of its arguments, named by its key in ``ARITY``."""

    function: str
    arguments: tuple[Expression, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Concatenation:
    """``[a, b]``: vectors end to end; right of ``@`` only."""

    pieces: tuple[Expression, ...]
    span: Span = field(compare=False)


Expression: TypeAlias = Number | Name | Negative | Binary | Call | Concatenation


@dataclass(frozen=True, slots=True)
class Assignment:
    """``target = value``, read in order: a name read before it is assigned is a state at t-1."""

    target: str
    value: Expression
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Syntax:
    """A cell as written: assignments in order, initial values, declarations, and the source lines.

    Attributes:
        assignments: the lines of one step, in the order of evaluation.
        initial: state name to its value before the first step (a number or a parameter name).
        declarations: kinds that inference alone would not find (``alpha: scalar``).
        source: the lines that spans point into.
    """

    assignments: tuple[Assignment, ...]
    initial: Mapping[str, Number | Name]
    declarations: Mapping[str, DeclarationKind]
    source: tuple[str, ...] = field(compare=False, default=())
    notes: tuple[str, ...] = field(compare=False, default=())
    """What the reader decided for the user (a row convention, a copy), for ``explain``."""


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the direct operands of an expression."""
    match expression:
        case Number() | Name():
            return ()
        case Negative(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(arguments=arguments):
            return arguments
        case Concatenation(pieces=pieces):
            return pieces


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and everything below it, parents first, left to right."""
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))
