"""Tokens to equations: where one ends and the next begins, and what its comments declare."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from ostinato.core.errors import EquationError, Span
from ostinato.equations.latex_tokens import Token, Tokens
from ostinato.equations.latex_vocabulary import ELEMENTWISE, TIGHT
from ostinato.equations.parse import MAX_LINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ostinato.equations.syntax import DeclarationKind

_DECLARATION: Final = re.compile(r"(\S+?)\s*:\s*(input|state|output|matrix|vector|scalar)\s*")
_NUMBER: Final = re.compile(r"\(\s*\d+(?:\.\d+)*[a-z]?\s*\)", re.ASCII)
_APART: Final = re.compile(
    r"""(?:
        ^ | [&$~] | \\[\])] | \\[ ] | [ ]{2} | [^\S ]
        | \\(?:q?quad|enspace)
        | \\(?:hspace\*?|h?phantom)\s*\{[^{}]*\}
        | (?:\\(?:[,:;>]|(?:thin|med|thick)space)\s*){2}
    )\s*$""",
    re.VERBOSE,
)
"""How a text ends that sets apart what follows: one thin space, or a blank, does not."""
_VERSION: Final = re.compile(r"(\S+?)\s*:\s*earlier value of (\S+)\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """One equation: what stands left and right of its sign of equality."""

    left: tuple[Token, ...]
    right: tuple[Token, ...]
    number: str = ""
    """The equation's number, as printed behind it."""


@dataclass(slots=True)
class _Joined:
    """The pieces of one equation, and the number that stood behind one of them."""

    tokens: list[Token]
    number: str


def place(tokens: Iterable[Token]) -> Span:
    """Return the span of a run of tokens, as far as it stands on one line."""
    held = list(tokens)
    first = held[0].span
    end = max(t.span.end_column for t in held if t.span.line == first.line)
    return Span(first.line, first.column, end)


def excerpt(source: tuple[str, ...], span: Span) -> str:
    """Return what the source says at a place."""
    return source[span.line - 1][span.column : span.end_column]


def declarations(tokens: Tokens) -> tuple[dict[str, DeclarationKind], dict[str, str]]:
    """Read comments such as ``% alpha: scalar`` and ``% h_1: earlier value of h``.

    Returns:
        the declared kinds, and the names that are earlier values of a name assigned several times.

    Raises:
        EquationError: one name is declared in two ways.
    """
    kinds: dict[str, DeclarationKind] = {}
    versions: dict[str, str] = {}
    for comment in tokens.comments:
        if match := _DECLARATION.fullmatch(comment.text):
            if kinds.setdefault(match[1], cast("DeclarationKind", match[2])) != match[2]:
                raise EquationError(
                    f"`{match[1]}` is declared {kinds[match[1]]} above and {match[2]} here",
                    source=tokens.source,
                    span=comment.span,
                    mend="keep one of the comments",
                )
        elif match := _VERSION.fullmatch(comment.text):
            versions[match[1]] = match[2]
    return kinds, versions


def rows(tokens: Tokens) -> list[Row]:
    r"""Split the source into equations.

    A row ends at ``\\``, at a new line outside brackets, or at a comma or ``\quad`` where more
    than one sign of equality stands on it; a row that begins or ends with an operator goes on. A
    number in brackets behind a wide space is that of the equation: ``\qquad (2)``.

    Raises:
        EquationError: a line is not an equation.
    """
    found: list[Row] = []
    for held in tokens.lists:
        pieces = [p for line in _lines(_without_wrapping(held)) for p in _pieces(line)]
        joined = _join(pieces, tokens.source)
        found.extend(_row(piece, tokens.source) for piece in joined)
    if not found:
        raise EquationError(
            "no equations were found",
            mend=r"write at least one line such as `h_t = \tanh(W h_{t-1} + U x_t)`",
        )
    if len(found) > MAX_LINES:
        raise EquationError(
            f"there are {len(found):,} equations, at most {MAX_LINES} are read",
            source=tokens.source,
            span=place(found[MAX_LINES].left),
            mend="a cell is a few lines; is this the right file?",
        )
    return found


def is_equals(token: Token) -> bool:
    """Say whether the token parts the left side from the right."""
    return token.is_mark("=") or token.is_command("gets")


def depths(tokens: Iterable[Token]) -> Iterator[tuple[Token, int]]:
    """Yield every token with the number of brackets that are open around it."""
    depth = 0
    for token in tokens:
        if token.is_mark(")", "]", "}") or token.is_command("end"):
            depth = max(0, depth - 1)
        yield token, depth
        if token.is_mark("(", "[", "{") or token.is_command("begin"):
            depth += 1


def _without_wrapping(tokens: Sequence[Token]) -> list[Token]:
    r"""Take away braces around whole equations: ``{\displaystyle {\begin{aligned}…}}``.

    Encyclopedias print them. What they hold has a sign of equality, which no factor has.
    """
    opened: list[int] = []
    wrapping: set[int] = set()
    dropped: set[int] = set()
    for index, token in enumerate(tokens):
        if token.is_mark("{"):
            opened.append(index)
        elif token.is_mark("}") and opened and (start := opened.pop()) in wrapping:
            dropped |= {start, index}
        elif is_equals(token) and not any(tokens[i - 1].is_mark("_", "^") for i in opened if i):
            wrapping.update(opened)
    return [token for index, token in enumerate(tokens) if index not in dropped]


def _lines(tokens: Iterable[Token]) -> list[list[Token]]:
    lines: list[list[Token]] = [[]]
    environments = 0
    for token, depth in depths(tokens):
        environments += token.is_command("begin") - token.is_command("end")
        ends = token.kind == "break" and token.text in ("row", "line")
        if ends and depth == 0:
            lines.append([])
        elif environments and not (ends and token.text == "line"):
            lines[-1].append(token)  # Rows and columns of a matrix are read with it.
        elif not (ends or token.is_mark("&")):
            lines[-1].append(token)
    return lines


def _pieces(line: list[Token]) -> list[list[Token]]:
    """Part a line that holds several equations at commas and wide spaces."""
    num_equals = sum(is_equals(t) for t, depth in depths(line) if depth == 0)
    pieces: list[list[Token]] = [[]]
    for token, depth in depths(line):
        gap = token.kind == "break" and token.text == "gap"
        if depth == 0 and num_equals > 1 and (gap or token.is_mark(",", ";")):
            pieces.append([])
        elif not gap:
            pieces[-1].append(token)
    return [stripped for piece in pieces if (stripped := _strip(piece))]


def _strip(piece: list[Token]) -> list[Token]:
    """Take away the punctuation and the line breaks around an equation."""
    first, end = 0, len(piece)
    while first < end and _is_blank(piece[first]):
        first += 1
    while end > first and _is_blank(piece[end - 1]):
        end -= 1
    return piece[first:end]


def _is_blank(token: Token) -> bool:
    return token.kind == "break" or token.is_mark(",", ";", ".")


def _join(pieces: list[list[Token]], source: tuple[str, ...]) -> list[_Joined]:
    joined: list[_Joined] = []
    for piece in pieces:
        waits = bool(joined) and _is_operator(joined[-1].tokens[-1])
        end = _number_start(piece, source)
        if end == 0 and (waits or not joined):
            end = len(piece)
        tokens = _strip(piece[:end])
        number = excerpt(source, place(piece[end:])) if end < len(piece) else ""
        goes_on = not any(is_equals(t) for t in tokens) and (
            waits or not tokens or _is_operator(tokens[0])
        )
        if goes_on and joined:
            joined[-1].tokens.extend(tokens)
            joined[-1].number = joined[-1].number or number
        else:
            joined.append(_Joined(tokens, number))
    return joined


def _number_start(piece: list[Token], source: tuple[str, ...]) -> int:
    r"""Find the equation's number, ``\qquad (2)``: set apart, and behind no operator.

    Returns:
        the place of its first token, or the end of the piece if there is none.
    """
    start = max((i for i, token in enumerate(piece) if token.is_mark("(")), default=0)
    found = place(piece[start:])
    before = source[found.line - 1][: found.column]
    apart = _APART.search(before) or (start > 0 and _is_blank(piece[start - 1]))
    is_number = _NUMBER.fullmatch(excerpt(source, found)) and piece[-1].span.line == found.line
    is_operand = start > 0 and _is_operator(piece[start - 1])
    return start if is_number and apart and not is_operand else len(piece)


def _is_operator(token: Token) -> bool:
    return (
        is_equals(token)
        or token.is_mark("+", "-", "*", "/")
        or token.is_command(*ELEMENTWISE, *TIGHT)
    )


def _row(joined: _Joined, source: tuple[str, ...]) -> Row:
    piece = joined.tokens
    signs = [i for i, (t, depth) in enumerate(depths(piece)) if is_equals(t) and depth == 0]
    if not signs:
        words = place(_first_words(piece))
        raise EquationError(
            f"this line is no equation: `{excerpt(source, words)}` is not followed by `=`",
            source=source,
            span=words,
            mend=r"write `name_t = …`, one equation a line, and put words behind a `%`",
        )
    if len(signs) > 1:
        raise EquationError(
            "two signs of equality on one line",
            source=source,
            span=piece[signs[1]].span,
            mend=r"write one equation a line (or part them by `\\`)",
        )
    left, right = tuple(piece[: signs[0]]), tuple(piece[signs[0] + 1 :])
    if left and left[-1].is_mark(":"):
        left = left[:-1]
    if not left or not right:
        raise EquationError(
            f"nothing stands {'right' if left else 'left'} of the sign of equality",
            source=source,
            span=piece[signs[0]].span,
            mend="write `name_t = expression`",
        )
    return Row(left, right, joined.number)


def _first_words(piece: list[Token]) -> list[Token]:
    """Return the letters that stand together at the start: a word of prose, or a symbol."""
    end = 1
    while (
        end < len(piece)
        and piece[end].kind == "letter"
        and piece[end - 1].kind == "letter"
        and piece[end].span.column == piece[end - 1].span.end_column
    ):
        end += 1
    return piece[:end]
