"""What each symbol of LaTeX equations is: function, input, matrix or vector, from its uses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from ostinato.core.errors import EquationError, Span, did_you_mean
from ostinato.equations.latex_rows import excerpt
from ostinato.equations.latex_symbols import Symbol
from ostinato.equations.parse import SOFTMAX_MEND
from ostinato.equations.syntax import ARITY, Binary, Expression, Name, Number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ostinato.equations.latex_cursor import Cursor
    from ostinato.equations.syntax import DeclarationKind


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the symbols mean.

    Attributes:
        functions: symbol to known function.
        values: symbols that are no functions, whatever follows them.
        matrices: symbols that multiply the factor beside them.
        rows: a matrix stands behind its vector (``X_t W``).
    """

    functions: Mapping[str, str]
    values: frozenset[str] = frozenset()
    matrices: frozenset[str] = frozenset()
    rows: bool = False


@dataclass(slots=True)
class Uses:
    """How the symbols are used.

    Attributes:
        symbols: every symbol of the right sides.
        applied: symbols that stand before a bracket as a function does.
        runs: the factors of every product by juxtaposition, single factors included.
    """

    symbols: list[Symbol] = field(default_factory=list[Symbol])
    applied: list[Symbol] = field(default_factory=list[Symbol])
    runs: list[tuple[Expression, ...]] = field(default_factory=list[tuple[Expression, ...]])


def matrix(factor: Expression, vocabulary: Vocabulary) -> Name | None:
    """Return the factor if it is a matrix."""
    return factor if type(factor) is Name and factor.name in vocabulary.matrices else None


def multiplied(
    factors: list[Expression], vocabulary: Vocabulary, cursor: Cursor, span: Span
) -> Expression:
    """Multiply factors: a matrix takes the next one only, the rest is element by element."""
    if vocabulary.rows and any(matrix(f, vocabulary) for f in factors):
        factors = factors[::-1]
    terms: list[Expression] = []
    waiting: list[Name] = []
    for factor in factors:
        held = matrix(factor, vocabulary)
        if held and len(factors) > 1:
            waiting.append(held)
            continue
        operand = factor
        while waiting:
            operand = Binary("@", waiting.pop(), operand, span)
        terms.append(operand)
    if waiting:
        name = waiting[-1].name
        cursor.fail(
            f"the matrix `{name}` multiplies no vector",
            f'write `{name} h_{{t-1}}`, or, if it is a vector, vectors=["{name}"]',
            waiting[-1].span,
        )
    value = terms[0]
    for term in terms[1:]:
        value = Binary("*", value, term, span)
    return value


def infer_kinds(
    uses: Uses,
    vocabulary: Vocabulary,
    kinds: Mapping[str, DeclarationKind],
    assigned: Collection[str],
    source: tuple[str, ...],
) -> Vocabulary:
    """Find what is a matrix and what a function, from a first reading.

    Args:
        uses: what the first reading found.
        vocabulary: what it was read with.
        kinds: declared kinds by name.
        assigned: the names on the left sides.
        source: the lines that spans point into.

    Raises:
        EquationError: a function is not known, a time is wrong, or matrices stand on both sides.
    """
    return _Inference(uses, vocabulary, kinds, assigned, source).infer()


class _Inference:
    def __init__(
        self,
        uses: Uses,
        vocabulary: Vocabulary,
        kinds: Mapping[str, DeclarationKind],
        assigned: Collection[str],
        source: tuple[str, ...],
    ) -> None:
        self.uses = uses
        self.vocabulary = vocabulary
        self.kinds = kinds
        self.assigned = assigned
        self.source = source

    def infer(self) -> Vocabulary:
        self._check_applied()
        self._check_symbols()
        known = replace(
            self.vocabulary,
            values=self.vocabulary.values | {s.name for s in self.uses.applied},
            matrices=self._matrices(),
        )
        return replace(known, rows=self._is_row_convention(known))

    def _fail(
        self, message: str, span: Span | None, mend: str, also: Span | None = None
    ) -> NoReturn:
        raise EquationError(message, source=self.source, span=span, mend=mend, also=also)

    def _check_applied(self) -> None:
        """A symbol that stands only where a function stands is one that nobody explained."""
        applied = {s.span for s in self.uses.applied}
        plain = {s.name for s in self.uses.symbols if s.span not in applied}
        unknown: dict[str, Symbol] = {}
        for symbol in self.uses.applied:
            name = symbol.name
            if name == "softmax":
                self._fail("a softmax is not part of a cell", symbol.span, SOFTMAX_MEND)
            if name not in plain and name not in self.assigned:
                unknown.setdefault(name, symbol)
        if unknown:
            self._fail_unknown(unknown)

    def _fail_unknown(self, unknown: Mapping[str, Symbol]) -> NoReturn:
        spelled = [f"`{excerpt(self.source, symbol.span)}`" for symbol in unknown.values()]
        first = next(iter(unknown))
        meanings = ", ".join(f'"{name}": "{_usual_meaning(name)}"' for name in unknown)
        found = f"{spelled[0]} stands where a function stands, and its meaning is not known"
        if len(spelled) > 1:
            found += f"; nor are those of {', '.join(spelled[1:])}"
        self._fail(
            found,
            unknown[first].span,
            f"say what it is: functions={{{meanings}}} (known: {', '.join(ARITY)}); "
            f'a parameter is named in vectors=["{first}"], matrices= or scalars=',
        )

    def _check_symbols(self) -> None:
        inputs = {s.name for s in self.uses.symbols if s.time == "now"} - set(self.assigned)
        for symbol in self.uses.symbols:
            name = symbol.name
            if symbol.time == "none" and (name in self.assigned or name in inputs):
                what = "assigned in the step" if name in self.assigned else "an input"
                self._fail(
                    f"`{name}` is {what}, and has no time here",
                    symbol.span,
                    f"write `{name}_t`" + f" or `{name}_{{t-1}}`" * (name in self.assigned),
                )
            if symbol.time == "before" and name not in self.assigned:
                self._fail_before(symbol, name in inputs)

    def _fail_before(self, symbol: Symbol, is_input: bool) -> NoReturn:
        name = symbol.name
        if is_input or self.kinds.get(name) == "input" or name == "x":
            self._fail(
                f"`{name}` is an input (it is never assigned), and inputs are read at t only",
                symbol.span,
                f"carry it in a state: with `p_t = {name}_t`, `p_{{t-1}}` is the value before",
            )
        self._fail(
            f"`{name}` is read at t-1 but never assigned{did_you_mean(name, self.assigned)}",
            symbol.span,
            f"a state must be assigned: add a line `{name}_t = …`",
        )

    def _matrices(self) -> frozenset[str]:
        """Upper-case parameters that multiply the factor beside them, and declared matrices."""
        found = {name for name, kind in self.kinds.items() if kind == "matrix"}
        for run in self.uses.runs:
            if sum(not isinstance(f, Number) for f in run) > 1:
                found.update(name for f in run if (name := self._matrix_like(f)))
            for factor in run[:-1]:
                self._check_sum_of_matrices(factor)
        return frozenset(found)

    def _check_sum_of_matrices(self, factor: Expression) -> None:
        match factor:
            case Binary(operator="+" | "-", left=left, right=right):
                if self._matrix_like(left) and self._matrix_like(right):
                    self._fail(
                        "a sum of matrices multiplies a vector",
                        factor.span,
                        "write the products apart: `U h_{t-1} + V h_{t-1}`",
                    )
            case _:
                pass

    def _matrix_like(self, factor: Expression) -> str | None:
        if type(factor) is Name and factor.name not in self.kinds and factor.name[0].isupper():
            return factor.name
        return None

    def _is_row_convention(self, vocabulary: Vocabulary) -> bool:
        """Find on which side of the matrices the vectors stand; both sides are an error."""
        column: Name | None = None
        row: Name | None = None
        for run in self.uses.runs:
            matrices = [matrix(f, vocabulary) for f in run]
            last = matrices[-1]
            if all(matrices) or not any(matrices):
                continue
            if last:
                row = row or last
            else:
                column = column or next(m for m in matrices if m)
        if row and column:
            self._fail(
                f"`{column.name}` stands left of its vector and `{row.name}` right of its own",
                column.span,
                "use one convention: every product as `W x_t`, or every one as `x_t W`",
                also=row.span,
            )
        return row is not None


def _usual_meaning(name: str) -> str:
    """Return what a function of this name is in most papers: gates are sigmoid, values tanh."""
    is_gate = name.startswith("sigma") and not name.endswith(("_c", "_h"))
    return "sigmoid" if is_gate else "tanh"
