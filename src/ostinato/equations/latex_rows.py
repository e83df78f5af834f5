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
    from collections.abc import Iterable, Iterator

    from ostinato.equations.syntax import DeclarationKind

_DECLARATION: Final = re.compile(r"(\S+?)\s*:\s*(input|state|output|matrix|vector|scalar)\s*")
_VERSION: Final = re.compile(r"(\S+?)\s*:\s*earlier value of (\S+)\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """One equation: what stands left and right of its sign of equality."""

    left: tuple[Token, ...]
    right: tuple[Token, ...]
    equals: Token


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
    than one sign of equality stands on it; a row that begins or ends with an operator goes on.

    Raises:
        EquationError: a line is not an equation.
    """
    found: list[Row] = []
    for held in tokens.lists:
        joined = _join([p for line in _lines(held) for p in _pieces(line)])
        found.extend(_row(piece, tokens.source) for piece in joined)
    if not found:
        raise EquationError(
            "no equations were found",
            mend=r"write at least one line such as `h_t = \tanh(W h_{t-1} + U x_t)`",
        )
    if len(found) > MAX_LINES:
        raise EquationError(
            f"there are {len(found):,} equations, at most {MAX_LINES} are read",
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


def _join(pieces: list[list[Token]]) -> list[list[Token]]:
    joined: list[list[Token]] = []
    for piece in pieces:
        goes_on = not any(is_equals(t) for t in piece) and (
            _is_operator(piece[0]) or (joined and _is_operator(joined[-1][-1]))
        )
        if goes_on and joined:
            joined[-1].extend(piece)
        else:
            joined.append(piece)
    return joined


def _is_operator(token: Token) -> bool:
    return (
        is_equals(token)
        or token.is_mark("+", "-", "*", "/")
        or token.is_command(*ELEMENTWISE, *TIGHT)
    )


def _row(piece: list[Token], source: tuple[str, ...]) -> Row:
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
    return Row(left, right, piece[signs[0]])


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
