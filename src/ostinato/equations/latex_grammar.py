r"""Rows of tokens to expressions, by the conventions of printed mathematics.

A row is read twice. The first reading finds how each symbol is used, which decides what is a matrix
and what a function; the second builds the tree. Three levels bind ever tighter: ``+ -``, then
``\odot * /``, then juxtaposition and ``\cdot``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ostinato.equations.latex_kinds import Uses, Vocabulary, multiplied
from ostinato.equations.latex_rows import excerpt
from ostinato.equations.latex_symbols import Symbol, read_symbol, starts_symbol
from ostinato.equations.latex_tokens import spelled
from ostinato.equations.latex_vocabulary import (
    ELEMENTWISE,
    FUNCTION_WORDS,
    FUNCTIONS,
    TIGHT,
    identifier,
)
from ostinato.equations.notation import Timed
from ostinato.equations.parse import MAX_BRACKETS
from ostinato.equations.syntax import (
    ARITY,
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
)

if TYPE_CHECKING:
    from ostinato.core.errors import Span
    from ostinato.equations.latex_cursor import Cursor

_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_FORMS: Final = frozenset({"frac", "sqrt", "begin", "infty"})
_FUNCTION_LETTERS: Final = frozenset({"f", "phi", "varphi", "psi"})
"""Letters that stand for a function even where no bracket follows."""


class Grammar:
    """Reads one expression."""

    def __init__(self, cursor: Cursor, vocabulary: Vocabulary, uses: Uses) -> None:
        self.cursor = cursor
        self.vocabulary = vocabulary
        self.uses = uses
        self.num_bars = 0

    def read(self) -> Expression:
        """Read all the tokens; a concatenation may stand alone."""
        value = self._expression(0)
        if self.cursor.peek() is not None:
            self._unexpected()
        return value

    def _unexpected(self) -> None:
        token = self.cursor.peek()
        if token and token.is_mark(")", "]", "}"):
            self.cursor.fail(f"`{token.text}` closes nothing", "remove it, or open it before")
        self.cursor.fail(
            f"{self.cursor.shown()} is not expected here",
            "write names, numbers, + - \\cdot \\odot, [a, b] right of a matrix, and functions",
        )

    def _expression(self, depth: int) -> Expression:
        self._check_depth(depth)
        start = self.cursor.at
        value = self._term(depth)
        while sign := self.cursor.accept("+", "-"):
            right = self._term(depth)
            operator = "+" if sign.text == "+" else "-"
            value = Binary(operator, value, right, self.cursor.since(start))
        return value

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_BRACKETS:
            self.cursor.fail(
                f"nested more than {MAX_BRACKETS} levels deep",
                "split it with named intermediate values",
            )

    def _term(self, depth: int) -> Expression:
        r"""Read factors joined by ``\odot``; a minus in front takes all of them."""
        start = self.cursor.at
        negative = self._signs()
        value = self._run(depth)
        while operator := self._elementwise():
            inner = self.cursor.at
            minus = self._signs()
            right = self._run(depth)
            if minus:
                right = Negative(right, self.cursor.since(inner))
            value = Binary("/" if operator == "/" else "*", value, right, self.cursor.since(start))
        return Negative(value, self.cursor.since(start)) if negative else value

    def _signs(self) -> bool:
        """Take one sign; say whether it is a minus."""
        sign = self.cursor.accept("+", "-")
        if sign and (second := self.cursor.peek()) and second.is_mark("+", "-"):
            self.cursor.fail(
                "two signs stand side by side", "put the second into brackets: `-(-a)`"
            )
        return sign is not None and sign.text == "-"

    def _elementwise(self) -> str | None:
        token = self.cursor.accept("*", "/") or self.cursor.accept_command(*ELEMENTWISE)
        return token.text if token else None

    # Products

    def _run(self, depth: int) -> Expression:
        """Read factors side by side."""
        start = self.cursor.at
        factors = [self._factor(depth)]
        while True:
            tight = self.cursor.accept_command(*TIGHT)
            if not tight and not self._starts_factor():
                break
            bracket = self.cursor.at
            factors.append(self._factor(depth))
            if not tight:
                self._check_equation_number(factors, bracket)
        self.uses.runs.append(tuple(factors))
        return multiplied(factors, self.vocabulary, self.cursor, self.cursor.since(start))

    def _check_equation_number(self, factors: list[Expression], start: int) -> None:
        """Refuse a bare number in brackets that ends the row: it may be the equation's own."""
        ends = self.cursor.peek() is None and self.cursor.tokens[start].is_mark("(")
        # What is applied to it is asked for first.
        applied = any(symbol.span == factors[-2].span for symbol in self.uses.applied[-1:])
        if ends and isinstance(factors[-1], Number) and not applied:
            span = self.cursor.since(start)
            self.cursor.fail(
                f"`{excerpt(self.cursor.source, span)}` at the end may be a factor, or the number "
                "of the equation",
                rf"write `{factors[-1].value:g} \cdot …` for a product, `\tag{{…}}` for a number",
                span,
            )

    # Factors

    def _starts_factor(self) -> bool:
        token = self.cursor.peek()
        if token is None:
            return False
        if token.is_mark("|"):
            return self.num_bars == 0
        return (
            token.kind in ("number", "operator")
            or token.is_mark("(", "[", "{")
            or token.is_command("frac", "sqrt", "lvert", "vert", "begin", "infty", *FUNCTIONS)
            or starts_symbol(token)
        )

    def _factor(self, depth: int) -> Expression:
        start = self.cursor.at
        value = self._primary(depth)
        if not self.cursor.accept("^"):
            return value
        exponent = self._script(depth)
        if (token := self.cursor.peek()) and token.is_mark("^"):
            self.cursor.fail("two powers of one base", "write `{a^{b}}^{c}` or `a^{b^{c}}`")
        span = self.cursor.since(start)
        if self._is_euler(value, start):
            return Call("exp", (exponent,), span)
        return Binary("**", value, exponent, span)

    def _is_euler(self, base: Expression, start: int) -> bool:
        return (
            type(base) is Name
            and base.name == "e"
            and base.name not in self.vocabulary.values
            and not self.cursor.tokens[start].is_mark("{")
        )

    def _script(self, depth: int) -> Expression:
        """Read a power: one token, or what stands in braces."""
        token = self.cursor.peek()
        if token and (token.kind == "number" or token.is_mark("{") or starts_symbol(token)):
            return self._primary(depth)
        self.cursor.fail(f"expected a power, found {self.cursor.shown()}", "write `a^{2}`")

    def _primary(self, depth: int) -> Expression:
        token = self.cursor.peek()
        if token is None:
            self.cursor.fail("the equation ends in mid-air", "write what follows the operator")
        if token.kind == "number":
            self.cursor.take()
            return Number(self._number(token.text), token.span)
        if token.is_mark("(", "[", "{") and not self._is_dressed_symbol():
            return self._group(depth)
        if token.is_mark("|") or token.is_command("lvert", "vert"):
            return self._absolute(depth)
        if token.kind == "command" and token.text in _FORMS:
            return self._form(token.text, depth)
        if (starts_symbol(token) and not self._is_function_word()) or token.is_mark("{"):
            return self._symbol(depth)
        if token.is_command(*FUNCTIONS) or token.kind in ("word", "operator"):
            return self._function(depth)
        self.cursor.fail(
            f"expected a name, a number or a bracket, found {self.cursor.shown()}",
            "write names, numbers, + - \\cdot \\odot, [a, b] right of a matrix, and functions",
        )

    def _number(self, text: str) -> float:
        value = float(text)
        if value == float("inf"):
            self.cursor.fail("the number is too large for a float", "write a finite decimal number")
        return value

    def _form(self, name: str, depth: int) -> Expression:
        start = self.cursor.at
        command = self.cursor.take()
        if name == "begin":
            return self._column(depth, start)
        if name == "infty":
            self.cursor.fail(
                "infinity may stand in an initial value only",
                r"write `m_0 = -\infty` on a line of its own",
                command.span,
            )
        if name == "sqrt":
            if self.cursor.accept("["):
                self.cursor.fail("only the square root is known", "write `a^{1/3}`", command.span)
            return Call("sqrt", (self._script(depth),), self.cursor.since(start))
        above, below = self._script(depth), self._script(depth)
        return Binary("/", above, below, self.cursor.since(start))

    # Brackets

    def _is_dressed_symbol(self) -> bool:
        """Say whether braces hold one symbol that an index follows: ``{W}_f``."""
        ahead, depth = 0, 0
        while token := self.cursor.peek(ahead):
            depth += token.is_mark("{") - token.is_mark("}")
            ahead += 1
            if depth == 0 or ahead > 8:
                break
        inner, behind = self.cursor.peek(1), self.cursor.peek(ahead)
        return depth == 0 and starts_symbol(inner) and behind is not None and behind.is_mark("_")

    def _group(self, depth: int) -> Expression:
        """Read brackets; with commas inside they are a concatenation."""
        start, num_runs = self.cursor.at, len(self.uses.runs)
        square = self.cursor.peek()
        pieces = self._bracketed(depth)
        if len(pieces) > 1:
            return _concatenation(pieces, self.cursor.since(start))
        inner = self.uses.runs[num_runs:]
        if square and square.is_mark("[") and len(inner) == 1:
            self._check_missing_comma(inner[0], start)
        return pieces[0]

    def _check_missing_comma(self, factors: tuple[Expression, ...], start: int) -> None:
        if len(factors) > 1 and all(isinstance(f, Timed) for f in factors):
            self.cursor.fail(
                "vectors stand side by side in square brackets",
                "part them by a comma: `[h_{t-1}, x_t]`",
                self.cursor.since(start),
            )

    def _bracketed(self, depth: int) -> list[Expression]:
        """Read an opening bracket, expressions parted by commas, and the closing bracket."""
        opener = self.cursor.take()
        bars, self.num_bars = self.num_bars, 0
        pieces = [self._expression(depth + 1)]
        while self.cursor.accept(",", ";"):
            pieces.append(self._expression(depth + 1))
        closer = _CLOSERS[opener.text]
        if not self.cursor.accept(closer):
            self.cursor.fail(
                f"`{opener.text}` on line {opener.span.line} is not closed: expected `{closer}`, "
                f"found {self.cursor.shown()}",
                f"write `{closer}` where the bracket ends",
            )
        self.num_bars = bars
        return pieces

    def _column(self, depth: int, start: int) -> Expression:
        r"""Read ``\begin{bmatrix} h_{t-1} \\ x_t \end{bmatrix}`` as a concatenation."""
        pieces = [self._expression(depth + 1)]
        separators: set[str] = set()
        while (token := self.cursor.peek()) and (token.kind == "break" or token.is_mark("&")):
            self.cursor.take()
            separators.add(token.text)
            if not ((last := self.cursor.peek()) and last.is_command("end")):
                pieces.append(self._expression(depth + 1))
        if not self.cursor.accept_command("end"):
            self.cursor.fail(
                f"the matrix is not closed: found {self.cursor.shown()}",
                r"write one vector a row, and `\end{bmatrix}`",
            )
        span = self.cursor.since(start)
        if len(separators) > 1:
            self.cursor.fail(
                "a matrix of blocks is not part of the equation language",
                "write one equation for each row, with matrices of its own",
                span,
            )
        return _concatenation(pieces, span) if len(pieces) > 1 else pieces[0]

    def _absolute(self, depth: int) -> Expression:
        start = self.cursor.at
        opener = self.cursor.take()
        bars, self.num_bars = self.num_bars, 1
        value = self._expression(depth + 1)
        closed = self.cursor.accept("|") or self.cursor.accept_command("rvert", "vert")
        if not closed:
            self.cursor.fail(
                f"`|` on line {opener.span.line} is not closed: found {self.cursor.shown()}",
                "write the second `|`",
            )
        self.num_bars = bars
        return Call("abs", (value,), self.cursor.since(start))

    # Names and functions

    def _symbol(self, depth: int) -> Expression:
        start = self.cursor.at
        first = self.cursor.tokens[start]
        symbol = read_symbol(self.cursor)
        if symbol.time != "none":
            self.uses.symbols.append(symbol)
            return Timed(symbol.name, symbol.span, symbol.time == "before")
        function = self.vocabulary.functions.get(symbol.name)
        # The letter is the function; `sigma` in roman type is how a parameter is printed.
        spelled_out = first.kind == "word" and symbol.name == "sigma"
        if function and symbol.name not in self.vocabulary.values and not spelled_out:
            return self._apply(function, depth, start)
        if first.kind == "letter" and symbol.name == "t":
            self.cursor.fail(
                "the time `t` stands in the equation as a value",
                "a step knows no step number; count in a state: `n_t = n_{t-1} + 1`",
                symbol.span,
            )
        self.uses.symbols.append(symbol)
        if self._is_applied(symbol):
            self.uses.applied.append(symbol)
        return Name(symbol.name, symbol.span)

    def _is_applied(self, symbol: Symbol) -> bool:
        token = self.cursor.peek()
        if token is None or symbol.name in self.vocabulary.values or symbol.name[0].isupper():
            return False
        return token.is_mark("(", "[") or (
            symbol.name in _FUNCTION_LETTERS and self._starts_factor()
        )

    def _is_function_word(self) -> bool:
        """Say whether a word is a known function rather than the name of a value."""
        token, behind = self.cursor.peek(), self.cursor.peek(1)
        return (
            token is not None
            and token.kind == "word"
            and token.text in FUNCTION_WORDS
            and identifier(token.text) not in self.vocabulary.values
            and not (behind and behind.is_mark("_", "'"))
        )

    def _function(self, depth: int) -> Expression:
        start = self.cursor.at
        token = self.cursor.take()
        names = FUNCTIONS if token.kind == "command" else FUNCTION_WORDS
        return self._apply(names[token.text], depth, start)

    def _apply(self, function: str, depth: int, start: int) -> Expression:
        r"""Read the argument: brackets, or the factors up to the next ``+ - \odot``."""
        self._check_depth(depth)
        name = self.cursor.since(start)
        token = self.cursor.peek()
        if token and token.is_mark("(", "[", "{"):
            arguments = tuple(self._bracketed(depth))
        elif self._starts_factor():
            arguments = (self._run(depth + 1),)
        else:
            found = spelled(token) if token else "the end of the equation"
            self.cursor.fail(
                f"the function `{function}` has no argument: found {found}",
                "put its argument into brackets behind it",
                name,
            )
        arity = ARITY.get(function, 1)
        if len(arguments) != arity:
            self.cursor.fail(
                f"`{function}` takes {arity} argument{'s' * (arity != 1)} and was given "
                f"{len(arguments)}",
                f"write `{function}({', '.join('abc'[:arity])})`",
                self.cursor.since(start),
            )
        if function == "identity":
            return arguments[0]
        return Call(function, arguments, self.cursor.since(start))


def _concatenation(pieces: list[Expression], span: Span) -> Concatenation:
    """Join vectors end to end; concatenations among them flatten."""
    flat = [q for p in pieces for q in (p.pieces if isinstance(p, Concatenation) else (p,))]
    return Concatenation(tuple(flat), span)
