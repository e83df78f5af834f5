"""What each name of a cell is: input, state, output, parameter, from reading order alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from ostinato.core.errors import EquationError, EquationHint, Span, did_you_mean, warn
from ostinato.equations.near_names import earlier_value, misspelled
from ostinato.equations.syntax import (
    Assignment,
    Binary,
    Concatenation,
    DeclarationKind,
    Expression,
    Name,
    Number,
    Syntax,
    children,
    walk,
)

_MINUS_ONE: Final = re.compile(r"-1(?![\w.])")


@dataclass(frozen=True)
class Roles:
    """The kind of every name of a cell.

    Attributes:
        inputs: the streams read from outside, in order.
        states: names read before their assignment; the output's state first, then by first read.
        output: the assigned name that the layer returns.
        matrices: names left of ``@``, with the place of their first use.
        vectors: free names elsewhere, with the place of their first use.
        scalars: free names declared scalar.
        concatenations: locals such as ``v = [h, x]``, which stand right of ``@`` only.
        declared_states: states that the user named, rather than inferred ones.
    """

    inputs: tuple[str, ...]
    states: tuple[str, ...]
    output: str
    matrices: dict[str, Span]
    vectors: dict[str, Span]
    scalars: tuple[str, ...]
    concatenations: frozenset[str]
    declared_states: frozenset[str]


def resolve(syntax: Syntax) -> Roles:
    """Infer the kind of every name.

    Raises:
        EquationError: a name is used in two ways, or a value is never used or never assigned.
    """
    return _Resolver(syntax).resolve()


def _products(expression: Expression) -> Iterator[tuple[Name, Expression]]:
    """Yield what stands left and right of every ``@``."""
    for node in walk(expression):
        if isinstance(node, Binary) and node.operator == "@" and isinstance(node.left, Name):
            yield node.left, node.right


def vector_names(expression: Expression) -> Iterator[Name]:
    """Yield every name that stands elsewhere than left of ``@``, in reading order."""
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, Name):
            yield node
        elif isinstance(node, Binary) and node.operator == "@":
            pending.append(node.right)
        else:
            pending.extend(reversed(children(node)))


class _Resolver:
    def __init__(self, syntax: Syntax) -> None:
        self.syntax = syntax
        self.assigned = {a.target: a for a in reversed(syntax.assignments)}
        self.first_read: dict[str, Name] = {}
        self.matrices: dict[str, Span] = {}
        self.vectors: dict[str, Span] = {}
        self.state_reads: dict[str, Name] = {}
        self.concatenations = frozenset(
            a.target for a in syntax.assignments if isinstance(a.value, Concatenation)
        )
        self.inputs = self._declared("input") or ("x",)

    def resolve(self) -> Roles:
        self._check_declarations()
        self._read_all()
        self._check_parameters()
        output = self._output()
        states = self._states(output)
        self._check_dead(output, states)
        self._check_initial(states)
        self._hint(states)
        return Roles(
            self.inputs,
            states,
            output,
            self.matrices,
            self.vectors,
            tuple(n for n in self.vectors if n in self._declared("scalar")),
            self.concatenations,
            frozenset(self._named_states()),
        )

    def _declared(self, kind: DeclarationKind) -> tuple[str, ...]:
        return tuple(n for n, k in self.syntax.declarations.items() if k == kind)

    def _named_states(self) -> tuple[str, ...]:
        """Return the states that the user named; with them, the output may be one."""
        named = self._declared("state")
        return (*named, *self._declared("output")) if named else ()

    def _fail(
        self, message: str, span: Span | None, mend: str, also: Span | None = None
    ) -> NoReturn:
        raise EquationError(message, source=self.syntax.source, span=span, mend=mend, also=also)

    def _check_declarations(self) -> None:
        for name in self.inputs:
            if name in self.assigned:
                self._fail(
                    f"`{name}` is an input and cannot be assigned",
                    self.assigned[name].span,
                    f"choose another name, such as `{name}_new`, or name the input in `inputs=`",
                )
        for kind in ("state", "output"):
            for name in self._declared(kind):
                if name not in self.assigned:
                    self._fail(
                        f"`{name}` is declared {kind} but never assigned"
                        f"{did_you_mean(name, self.assigned)}",
                        None,
                        f"add a line `{name} = …`",
                    )
                if name in self.concatenations:
                    self._fail_concatenation(name, f"the {kind}")

    def _fail_concatenation(self, name: str, what: str) -> NoReturn:
        self._fail(
            f"the concatenation `{name}` cannot be {what}",
            self.assigned[name].span,
            "it stands right of `@` only; multiply it by a matrix, or use its pieces apart",
        )

    # Reading

    def _read_all(self) -> None:
        done: dict[str, Assignment] = {}
        unread: dict[str, Assignment] = {}
        for assignment in self.syntax.assignments:
            is_concatenation = isinstance(assignment.value, Concatenation)
            if assignment.target in self.concatenations and not is_concatenation:
                self._fail(
                    f"`{assignment.target}` is a vector here and a concatenation elsewhere",
                    assignment.span,
                    "use two names",
                    also=next(
                        a.span
                        for a in self.syntax.assignments
                        if a.target == assignment.target and isinstance(a.value, Concatenation)
                    ),
                )
            for product in _products(assignment.value):
                self._read_matrix(*product)
            for name in self._reads(assignment):
                self.first_read.setdefault(name.name, name)
                unread.pop(name.name, None)
                self._read(name, done)
            self._check_overwritten(assignment, unread)
            done[assignment.target] = unread[assignment.target] = assignment
        self.unread = unread

    def _reads(self, assignment: Assignment) -> Iterator[Name]:
        """Yield the names that an assignment reads, checking where concatenations stand."""
        for name in vector_names(assignment.value):
            yield name
        bare = {
            id(node.right)
            for node in walk(assignment.value)
            if isinstance(node, Binary) and node.operator == "@"
        }
        for name in vector_names(assignment.value):
            if name.name in self.concatenations and id(name) not in bare:
                self._fail(
                    f"the concatenation `{name.name}` stands outside `@`",
                    name.span,
                    f"multiply it by a matrix: `W @ {name.name}`",
                )

    def _read_matrix(self, name: Name, right: Expression) -> None:
        if self._is_value(name.name):
            what = "an input" if name.name in self.inputs else "assigned in the step"
            found = f"`{name.name}` is {what}, so it is a vector"
            if isinstance(right, Name) and not self._is_value(right.name):
                self._fail(
                    f"a vector stands left of `@`: {found}",
                    name.span,
                    f"the matrix stands left: `{right.name} @ {name.name}`",
                )
            self._fail(
                f"`@` between two vectors: {found}",
                name.span,
                "`@` is matrix times vector: write `W @ v`, or `a * b` element by element",
            )
        self.matrices.setdefault(name.name, name.span)

    def _is_value(self, name: str) -> bool:
        return name in self.assigned or name in self.inputs

    def _read(self, name: Name, done: dict[str, Assignment]) -> None:
        if name.name in self.inputs or name.name in done:
            return
        if name.name in self.assigned:
            self.state_reads.setdefault(name.name, name)
        else:
            self.vectors.setdefault(name.name, name.span)

    def _check_overwritten(self, new: Assignment, unread: dict[str, Assignment]) -> None:
        old = unread.get(new.target)
        if old is not None:
            self._fail(
                f"`{new.target}` is assigned twice, and nothing reads its first value",
                old.span,
                f"give one of the two another name (the value at t-1 is `{new.target}` above its "
                "first assignment)",
                also=new.span,
            )

    # Checks

    def _check_parameters(self) -> None:
        for name, span in self.vectors.items():
            if name in self.matrices:
                self._fail(
                    f"`{name}` is used as a vector here and as a matrix (left of `@`) elsewhere",
                    span,
                    "use two names",
                    also=self.matrices[name],
                )
        for assignment in self.syntax.assignments:
            self._check_operands(assignment)
        initial = {v.name: v.span for v in self.syntax.initial.values() if isinstance(v, Name)}
        vectors = {**initial, **self.vectors}
        uses: list[tuple[DeclarationKind, dict[str, Span]]] = [
            ("matrix", self.matrices),
            ("vector", vectors),
            ("scalar", vectors),
        ]
        for kind, used in uses:
            for name in self._declared(kind):
                if name not in used:
                    self._fail(
                        f"`{name}` is declared {kind} but not used as one",
                        self.vectors.get(name) or self.matrices.get(name),
                        "use it in an equation, or remove the declaration",
                    )
        for name in self.inputs:
            if name not in self.first_read:
                used = ", ".join(f"`{n}`" for n in self.vectors) or "none"
                self._fail(
                    f"the input `{name}` is never used",
                    self.syntax.assignments[-1].span,
                    f"use it, or name the input in `inputs=` (free names here: {used})",
                )

    def _check_operands(self, assignment: Assignment) -> None:
        pieces: list[Expression] = []
        for node in walk(assignment.value):
            if isinstance(node, Binary) and node.operator == "@":
                pieces.append(node.right)
            elif isinstance(node, Concatenation):
                pieces.extend(node.pieces)
        for piece in pieces:
            if isinstance(piece, Number):
                self._fail(
                    "a number stands in a concatenation",
                    piece.span,
                    "use vectors there; a constant column is what a bias `+ b` is",
                )
            if isinstance(piece, Name) and piece.name in self.vectors:
                self._fail_free(piece)

    def _fail_free(self, name: Name) -> NoReturn:
        """Refuse a parameter where a vector of the step stands."""
        found = f"`{name.name}` is neither an input nor assigned in the step"
        values = [*self.assigned, *self.inputs]
        meant = earlier_value(name.name, values)
        if meant and meant not in self.inputs:
            if self._is_minus_one(name):
                found += f", and `{name.name}-1` is a subtraction"
            self._fail(found, name.span, _plain_name(meant))
        if meant:
            self._fail(
                found,
                name.span,
                f"an input is read at t, by its plain name: write `{meant}`",
            )
        near = misspelled(name.name, values)
        self._fail(
            found + (f"; did you mean {near!r}?" if near else did_you_mean(name.name, values)),
            name.span,
            f"a state must be assigned: add a line `{name.name} = …`, or name it in `inputs=`",
        )

    def _is_minus_one(self, name: Name) -> bool:
        """Say whether the text reads ``h_t-1``, as notes without LaTeX write the value before."""
        span, source = name.span, self.syntax.source
        behind = source[span.line - 1][span.end_column :] if span.line <= len(source) else ""
        return name.name.endswith("_t") and _MINUS_ONE.match(behind) is not None

    def _output(self) -> str:
        declared = self._declared("output")
        if declared:
            return declared[-1]
        unread = [n for n in self.unread if n not in self.concatenations]
        if not unread:
            self._fail(
                "no output: every assigned name is read by a later line",
                self.syntax.assignments[-1].span,
                "name one in `output=`",
            )
        order = [a.target for a in self.syntax.assignments]
        return max(unread, key=lambda n: len(order) - order[::-1].index(n))

    def _states(self, output: str) -> tuple[str, ...]:
        declared = self._declared("state")
        for name in declared:
            if name not in self.state_reads:
                self._fail(
                    f"`{name}` is declared a state but never read before its assignment",
                    self.assigned[name].span,
                    f"read it above that line (there `{name}` means the value at t-1), or take it "
                    "out of `states=`",
                )
        for name, read in self.state_reads.items():
            if declared and name not in self._named_states():
                self._fail(
                    f"`{name}` is read before it is assigned, so it is a state, but `states=` "
                    "does not name it",
                    read.span,
                    f"move its assignment above this line, or name `{name}` in `states=`",
                    also=self.assigned[name].span,
                )
        for name in self.state_reads:
            if name in self.concatenations:
                self._fail_concatenation(name, "a state (it is read before it is assigned)")
        return tuple(sorted(self.state_reads, key=lambda name: name != output))

    def _check_dead(self, output: str, states: Collection[str]) -> None:
        for name, assignment in self.unread.items():
            if name != output and name not in states:
                self._fail(
                    f"`{name}` is assigned but never used (the output is `{output}`)",
                    assignment.span,
                    "use it, remove the line, or name it in `output=`",
                )

    def _check_initial(self, states: Collection[str]) -> None:
        for name, value in self.syntax.initial.items():
            if name not in states:
                self._fail(
                    f"`{name}` has an initial value but is not a state",
                    value.span,
                    f"the states here are: {', '.join(states) or 'none'}",
                )
            if isinstance(value, Name):
                if value.name in self.assigned or value.name in self.inputs:
                    self._fail(
                        f"the initial value of `{name}` changes with time",
                        value.span,
                        "an initial value is a number or a parameter of its own",
                    )
                if value.name in self.matrices:
                    self._fail(
                        f"`{value.name}` is a matrix (left of `@`) and cannot be an initial value",
                        value.span,
                        "use a name of its own, such as `h_init`",
                    )
                self.vectors.setdefault(value.name, value.span)

    def _hint(self, states: Collection[str]) -> None:
        if not states:
            warn(
                EquationHint(
                    "no state: nothing is read before it is assigned, so this is a feed-forward "
                    "network, the same at every step",
                    source=self.syntax.source,
                    span=self.syntax.assignments[-1].span,
                    mend="read the output before assigning it, as in `h = tanh(W @ h + U @ x)`",
                )
            )
        self._hint_subtractions()
        for name in self.vectors:
            if name in self.first_read and name not in self.syntax.declarations:
                self._hint_spelling(self.first_read[name])
            longer = next((a for a in self.assigned if a.startswith(f"{name}_")), None)
            if longer and name not in self.syntax.declarations:
                warn(
                    EquationHint(
                        f"`{name}` is a parameter here, although `{longer}` is assigned",
                        source=self.syntax.source,
                        span=self.vectors[name],
                        mend=f"if `{name}` is meant as a state, assign it: `{name} = {longer}`",
                    )
                )

    def _hint_subtractions(self) -> None:
        for assignment in self.syntax.assignments:
            for name in vector_names(assignment.value):
                if self._is_value(name.name) and self._is_minus_one(name):
                    warn(
                        EquationHint(
                            f"`{name.name}-1` is a subtraction: 1 is taken from `{name.name}`",
                            source=self.syntax.source,
                            span=name.span,
                            mend=f"for the value at t-1 {_plain_name(name.name)}; for a "
                            f"difference, put blanks around the minus: `{name.name} - 1`",
                        )
                    )

    def _hint_spelling(self, name: Name) -> None:
        """A parameter that is nearly called like a value of the step was probably meant as it."""
        values = [*self.assigned, *self.inputs]
        earlier = earlier_value(name.name, values)
        meant = earlier or misspelled(name.name, values)
        if meant is None:
            return
        what = "an input" if meant in self.inputs else "assigned"
        mend = _plain_name(meant) if earlier in self.assigned else f"write `{meant}`"
        warn(
            EquationHint(
                f"`{name.name}` is a parameter here, although `{meant}` is {what}",
                source=self.syntax.source,
                span=name.span,
                mend=f"{mend}; if a parameter is meant, say so in a line `{name.name}: vector` "
                f"(in LaTeX `% {name.name}: vector`)",
            )
        )


def _plain_name(state: str) -> str:
    return f"write `{state}`: read before it is assigned, it is the value at t-1"
