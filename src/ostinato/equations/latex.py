r"""LaTeX to ``Syntax``: equations as slides and papers print them.

``h_t = \tanh(W h_{t-1} + U x_t)``: with ``_t``, a name that is assigned is computed and any other
is an input; without, it is a parameter, upper-case ones matrices where they multiply. Subscripts
decide the order of the lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NoReturn

from ostinato.core.errors import EquationError, OptionError, Span, did_you_mean
from ostinato.equations.latex_cursor import Cursor
from ostinato.equations.latex_grammar import Grammar
from ostinato.equations.latex_kinds import Uses, Vocabulary, infer_kinds, matrix
from ostinato.equations.latex_order import delayed, in_order, merge_versions
from ostinato.equations.latex_rows import Row, declarations, excerpt, place, rows
from ostinato.equations.latex_symbols import Symbol, read_symbol
from ostinato.equations.latex_tokens import tokenise
from ostinato.equations.latex_vocabulary import identifier
from ostinato.equations.notation import Equation, Timed
from ostinato.equations.parse import MAX_DEPTH
from ostinato.equations.syntax import (
    ALIASES,
    ARITY,
    Binary,
    Concatenation,
    DeclarationKind,
    Expression,
    Name,
    Number,
    Syntax,
    children,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


_LATEX: Final = re.compile(r"\\|_\{?\(?t\b|\bt\s*-\s*1|\^")
"""What LaTeX has and plain text has not."""


def read_latex(
    latex: str | Sequence[str],
    *,
    functions: Mapping[str, str] | None = None,
    matrices: Collection[str] = (),
    vectors: Collection[str] = (),
    scalars: Collection[str] = (),
) -> Syntax:
    r"""Read LaTeX equations into a syntax tree.

    Args:
        latex: equations, one a line (or ``\\``), or a list of them.
        functions: what a symbol such as ``f`` or ``\phi`` stands for: ``{"f": "tanh"}``.
        matrices: names that are matrices although lower-case.
        vectors: names that are vectors although upper-case.
        scalars: names that are single numbers.

    Raises:
        EquationError: a symbol has no meaning here; the message names it and how to mend it.
        OptionError: ``functions`` gives an unknown function, or a name two kinds.
    """
    tokens = tokenise(latex)
    kinds, versions = declarations(tokens)
    given: tuple[tuple[DeclarationKind, Collection[str]], ...] = (
        ("matrix", matrices),
        ("vector", vectors),
        ("scalar", scalars),
    )
    for kind, names in given:
        for name in names:
            _declare(kinds, _key(name), kind)
    reader = _Reader(rows(tokens), tokens.source, _functions(functions or {}), kinds)
    return reader.read(versions)


def _declare(kinds: dict[str, DeclarationKind], name: str, kind: DeclarationKind) -> None:
    if kinds.setdefault(name, kind) != kind:
        raise OptionError(
            f"`{name}` is declared both {kinds[name]} and {kind}\nmend: keep one of the two"
        )


def _key(spelling: str) -> str:
    r"""Return the name that an argument means: ``W_hh``, ``\phi`` or ``\sigma_{g}``."""
    if spelling.isidentifier():
        return identifier(spelling)
    tokens = tokenise(spelling)
    held = tuple(t for t in tokens.lists[0] if t.kind != "break")
    if not held:
        raise OptionError(f"{spelling!r} is not a name\nmend: write a name such as `W_hh`")
    return read_symbol(Cursor(held, tokens.source)).name


def _functions(given: Mapping[str, str]) -> dict[str, str]:
    known = {"sigma": "sigmoid"}
    for symbol, meaning in given.items():
        function = ALIASES.get(meaning, meaning.removeprefix("\\"))
        if function not in ARITY and function != "identity":
            raise OptionError(
                f"functions={{{symbol!r}: {meaning!r}}}: unknown function {meaning!r}"
                f"{did_you_mean(function, ARITY)}\n"
                f"mend: use one of {', '.join(ARITY)}, identity"
            )
        known[_key(symbol)] = function
    return known


@dataclass(slots=True)
class _Line:
    """A row whose left side is read."""

    row: Row
    target: Symbol


@dataclass(slots=True)
class _Readings:
    """What the second reading finds."""

    equations: list[Equation] = field(default_factory=list[Equation])
    initial: dict[str, Number | Name] = field(default_factory=dict[str, Number | Name])
    notes: list[str] = field(default_factory=list[str])


class _Reader:
    def __init__(
        self,
        found: list[Row],
        source: tuple[str, ...],
        functions: Mapping[str, str],
        kinds: dict[str, DeclarationKind],
    ) -> None:
        self.source = source
        self.kinds = kinds
        self.lines = [self._line(row) for row in found]
        self.assigned: dict[str, Symbol] = {}
        values = frozenset(kinds)
        self.vocabulary = Vocabulary(functions, values)

    def _fail(
        self, message: str, span: Span | None, mend: str, also: Span | None = None
    ) -> NoReturn:
        raise EquationError(message, source=self.source, span=span, mend=mend, also=also)

    def read(self, versions: Mapping[str, str]) -> Syntax:
        self._check_targets()
        uses = Uses()
        for line in self._steps():
            Grammar(Cursor(line.row.right, self.source), self.vocabulary, uses).read()
        self.vocabulary = infer_kinds(uses, self.vocabulary, self.kinds, self.assigned, self.source)
        self._check_declared({s.name for s in uses.symbols})
        readings = self._second_reading(uses)
        return self._syntax(readings, uses, versions)

    # Left sides

    def _line(self, row: Row) -> _Line:
        if row.left[0].is_command("begin"):
            self._fail(
                "a stack of gates stands on the left",
                place(row.left),
                r"write one equation for each gate, with matrices of its own: "
                r"`i_t = \sigma(W_i h_{t-1} + U_i x_t + b_i)`",
            )
        self._check_words(row)
        cursor = Cursor(row.left, self.source)
        target = read_symbol(cursor, target=True)
        if cursor.peek() is not None:
            found = place(row.left)
            self._fail(
                f"the left side must be one name with its time, found "
                f"`{excerpt(self.source, found)}`",
                found,
                r"write `h_t = …`, one equation a line, and put words behind a `%`",
            )
        return _Line(row, target)

    def _check_words(self, row: Row) -> None:
        r"""Refuse prose before an equation: ``\text{hidden: } h_t = …``."""
        first = row.left[0]
        if first.kind != "word" or not any(t.kind in ("letter", "word") for t in row.left[1:]):
            return
        if not row.left[1].is_mark("_", "^", "'", "(", "["):
            self._fail(
                f"the words `{first.text}` stand before the equation",
                first.span,
                f"put words behind a `%`: `h_t = … % {first.text.rstrip(' :')}`",
            )

    def _steps(self) -> list[_Line]:
        return [line for line in self.lines if line.target.time != "initial"]

    def _check_targets(self) -> None:
        for line in self._steps():
            name, span = line.target.name, line.target.span
            if line.target.time == "none":
                mend = f"write `{name}_t = …`, and `{name}_{{t-1}}` for the value before"
                if not _LATEX.search("\n".join(self.source)):
                    mend = f"plain text is read by `ost.Cell(…)`; in LaTeX, {mend}"
                self._fail(f"`{name}` on the left has no time", span, mend)
            if line.target.time == "before":
                self._fail(
                    f"`{name}` at t-1 stands on the left",
                    span,
                    "write the equations of step t: `h_t` from `h_{t-1}`",
                )
            if name in self.assigned:
                self._fail(
                    f"`{name}` is assigned twice",
                    span,
                    "give one of the two another name: subscripts decide the order, not the lines",
                    also=self.assigned[name].span,
                )
            self.assigned[name] = line.target
        if not self.assigned:
            self._fail(
                "only initial values were found, and no equation of a step",
                self.lines[0].target.span,
                r"write at least one line such as `h_t = \tanh(W h_{t-1} + U x_t)`",
            )

    def _check_declared(self, read: set[str]) -> None:
        known = read | set(self.assigned) | {line.target.name for line in self.lines}
        for name, kind in self.kinds.items():
            if name not in known and name not in self._initial_names():
                self._fail(
                    f"`{name}` is declared {kind}, but no equation holds it"
                    f"{did_you_mean(name, known)}",
                    None,
                    f"the names here are {', '.join(sorted(known))}",
                )

    def _initial_names(self) -> set[str]:
        values = [self._initial_value(line) for line in self.lines if line.target.time == "initial"]
        return {v.name for v in values if isinstance(v, Name)}

    # The second reading

    def _second_reading(self, uses: Uses) -> _Readings:
        readings = _Readings()
        if self.vocabulary.rows:
            readings.notes.append(
                "matrices stand right of their vectors here (the row convention): each is "
                "transposed, `X_t W` is read as `W @ X`"
            )
        for symbol in uses.symbols:
            note = f"`{symbol.name}` is a name: its superscript is no power (`{{a}}^{{b}}` is one)"
            if symbol.superscript and note not in readings.notes:
                readings.notes.append(note)
        for line in self.lines:
            if line.row.number:
                readings.notes.append(
                    f"`{line.row.number}` behind `{line.target.name}` is the number of the "
                    "equation, and no factor"
                )
            if line.target.time == "initial":
                self._check_initial(line, readings.initial)
                readings.initial[line.target.name] = self._initial_value(line)
            else:
                readings.equations.append(self._equation(line))
        return readings

    def _equation(self, line: _Line) -> Equation:
        value = Grammar(Cursor(line.row.right, self.source), self.vocabulary, Uses()).read()
        self._check_tree(value)
        return Equation(line.target.name, value, place((*line.row.left, *line.row.right)))

    def _check_tree(self, value: Expression) -> None:
        """Refuse what is too deep to walk, and matrices or concatenations where vectors stand."""
        pending = [(value, 0, True)]
        while pending:
            node, depth, allowed = pending.pop()
            if depth > MAX_DEPTH:
                self._fail(
                    f"nested more than {MAX_DEPTH} levels deep",
                    node.span,
                    "split it with named intermediate values",
                )
            if name := matrix(node, self.vocabulary):
                self._fail(
                    f"`{name.name}` stands alone here, and multiplies a vector elsewhere",
                    name.span,
                    f"write `{name.name}` beside its vector, or use two names; if it is a vector: "
                    f'vectors=["{name.name}"]',
                )
            if isinstance(node, Concatenation) and not allowed:
                self._fail(
                    "a concatenation stands outside a product with a matrix",
                    node.span,
                    'multiply it: `W [h_{t-1}, x_t]` (a lower-case matrix: matrices=["w"]), or '
                    "name it alone: `v_t = [h_{t-1}, x_t]`",
                )
            product = isinstance(node, Binary) and node.operator == "@"
            inside = children(node)[1:] if product else children(node)
            pending.extend((child, depth + 1, product) for child in inside)

    # Initial values

    def _check_initial(self, line: _Line, initial: Mapping[str, Number | Name]) -> None:
        name = line.target.name
        if name in initial:
            self._fail(
                f"the initial value of `{name}` is given twice",
                line.target.span,
                "keep one of the lines",
            )
        if name not in self.assigned:
            self._fail(
                f"`{name}` has an initial value but is never assigned"
                f"{did_you_mean(name, self.assigned)}",
                line.target.span,
                f"add a line `{name}_t = …`",
            )

    def _initial_value(self, line: _Line) -> Number | Name:
        cursor = Cursor(line.row.right, self.source)
        sign = cursor.accept("+", "-")
        factor = -1.0 if sign and sign.text == "-" else 1.0
        infinite = cursor.accept_command("infty")
        if infinite and cursor.peek() is None:
            return Number(factor * float("inf"), infinite.span)
        if not infinite:
            value = Grammar(cursor, self.vocabulary, Uses()).read()
            if isinstance(value, Number):
                return replace(value, value=factor * value.value)
            if type(value) is Name and not sign:
                return value
        self._fail(
            "an initial value is a number, -\\infty, or the name of a parameter",
            place(line.row.right),
            r"write `m_0 = -\infty` or `h_0 = h_{init}`",
        )

    # Together

    def _syntax(self, readings: _Readings, uses: Uses, versions: Mapping[str, str]) -> Syntax:
        lines, copies = in_order(readings.equations, self.source)
        declared = dict(self.kinds)
        self._declare_inputs(declared, uses)
        self._declare_delays(declared, readings.equations)
        return Syntax(
            tuple(merge_versions(lines, versions, self.source)),
            readings.initial,
            declared,
            source=self.source,
            notes=(*readings.notes, *copies),
        )

    def _declare_inputs(self, declared: dict[str, DeclarationKind], uses: Uses) -> None:
        found = dict.fromkeys(
            s.name for s in uses.symbols if s.time == "now" and s.name not in self.assigned
        )
        if list(found) != ["x"]:
            declared.update(dict.fromkeys(found, "input"))

    def _declare_delays(
        self, declared: dict[str, DeclarationKind], equations: list[Equation]
    ) -> None:
        """A value written at t-1 is meant so, even where it is only a delay."""
        if "state" not in declared.values() and delayed(equations):
            read = dict.fromkeys(n.name for e in equations for n in _timed(e.value) if n.before)
            declared.update(dict.fromkeys(read, "state"))


def _timed(expression: Expression) -> list[Timed]:
    found: list[Timed] = []
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, Timed):
            found.append(node)
        pending.extend(children(node))
    return found
