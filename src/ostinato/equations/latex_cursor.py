"""A place in a row of tokens, and errors that point at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ostinato.core.errors import EquationError, Span
from ostinato.equations.latex_tokens import spelled

if TYPE_CHECKING:
    from ostinato.equations.latex_tokens import Token


class Cursor:
    """Reads tokens one after the other."""

    def __init__(self, tokens: tuple[Token, ...], source: tuple[str, ...]) -> None:
        self.tokens = tokens
        self.source = source
        self.at = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """Return the token at hand, or a later one; None behind the last."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def take(self) -> Token:
        """Return the token at hand and step over it."""
        token = self.tokens[self.at]
        self.at += 1
        return token

    def accept(self, *marks: str) -> Token | None:
        """Step over the token if it is one of these marks."""
        token = self.peek()
        if token and token.is_mark(*marks):
            return self.take()
        return None

    def accept_command(self, *names: str) -> Token | None:
        """Step over the token if it is one of these commands."""
        token = self.peek()
        if token and token.is_command(*names):
            return self.take()
        return None

    def since(self, start: int) -> Span:
        """Return the span from the token number ``start`` to the one before this place."""
        first = self.tokens[start].span
        last = self.tokens[max(self.at - 1, start)].span
        if last.line == first.line:
            return Span(first.line, first.column, last.end_column)
        return Span(first.line, first.column, len(self.source[first.line - 1]))

    def here(self) -> Span:
        """Return the span of the token at hand, or the place behind the last one."""
        token = self.peek()
        if token:
            return token.span
        last = self.tokens[-1].span
        return Span(last.line, last.end_column, last.end_column + 1)

    def shown(self) -> str:
        """Return the token at hand as a message shows it."""
        token = self.peek()
        return f"`{spelled(token)}`" if token else "the end of the equation"

    def fail(self, message: str, mend: str, span: Span | None = None) -> NoReturn:
        """Raise an error that points at ``span``, or at the token at hand."""
        raise EquationError(message, source=self.source, span=span or self.here(), mend=mend)
