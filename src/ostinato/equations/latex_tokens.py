"""LaTeX source to tokens: comments, layout and dress are gone, every place is remembered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias, cast

from ostinato.core.errors import EquationError, Span, did_you_mean
from ostinato.equations.latex_vocabulary import (
    ACCENTS,
    BOLD,
    CHARACTER_MENDS,
    COMMAND_MENDS,
    COMMANDS,
    FUNCTION_WORDS,
    IGNORED,
    LAYOUTS,
    MATRICES,
    ROMAN,
    SKIPPED,
    UNICODE,
)
from ostinato.equations.parse import check_size, checked_text

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind: TypeAlias = Literal["letter", "word", "operator", "number", "command", "mark", "break"]


@dataclass(frozen=True, slots=True)
class Token:
    r"""One symbol of the source.

    A ``word`` is set in roman type, an ``operator`` is a word that is a function whatever happens.
    A ``break`` parts equations: ``row`` (``\\``), ``line`` (a new line) or ``gap`` (``\quad``).
    """

    kind: Kind
    text: str
    span: Span

    def is_mark(self, *texts: str) -> bool:
        """Say whether the token is one of these punctuation marks."""
        return self.kind == "mark" and self.text in texts

    def is_command(self, *texts: str) -> bool:
        """Say whether the token is one of these commands."""
        return self.kind == "command" and self.text in texts


@dataclass(frozen=True, slots=True)
class Comment:
    """What stands behind a ``%``."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Tokens:
    """The source as read: one token list for each string, and the comments."""

    lists: tuple[tuple[Token, ...], ...]
    comments: tuple[Comment, ...]
    source: tuple[str, ...]


_NUMBER: Final = re.compile(
    r"(?P<digits>\d+\.?\d*|\.\d+)"
    r"(?:\s*\\(?:times|cdot)\s*10\s*\^\s*(?:\{\s*(?P<power>-?\s*\d+)\s*\}|(?P<digit>\d)))?",
    re.ASCII,
)
_ROW: Final = re.compile(r"\\\\\*?(?:\[\s*-?[\d.]+\s*[a-z]{2}\s*\])?")
_COMMAND: Final = re.compile(r"\\([A-Za-z]+)\*?|\\(.)")
_GROUP: Final = re.compile(r"\s*\{([^{}]*)\}")
_POSITION: Final = re.compile(r"\s*\[[tbc]\]")
_WORD: Final = re.compile(r"\s*(?:\{((?:[^{}\\$]|\\[_ ,;!])*)\}|([A-Za-z]))")
_ONE_SYMBOL: Final = re.compile(r"\s*\{\s*(?:[^\W_]|[-+*=]|\\[A-Za-z]+|\d+)\s*\}")
_LETTERS: Final = re.compile(r"([A-Za-z]{3,})\s*(?:\\(?:left|bigl|Bigl|big|Big)\s*)?[({\[]")
_BAR: Final = re.compile(r"\s*(?:\||\.|\\vert(?![A-Za-z]))")
_SCRIPTS: Final = re.compile(
    r"(?P<index>[\u2080-\u208e\u2090-\u209c\u1d62-\u1d6a\u2c7c]+)"
    r"|(?P<power>[\u00b2\u00b3\u00b9\u2070-\u207f\u1d40\u1d57]+)"
)
"""Indices and powers that are characters: what is pasted from notes and mails."""

_BLANK_COMMANDS: Final = frozenset(" ,;:!>/")


def tokenise(latex: str | Sequence[str]) -> Tokens:
    """Split LaTeX into tokens.

    Raises:
        EquationError: the source is no text or absurdly large, or a command or character has no
            meaning here.
    """
    texts = _texts(latex)
    split = [text.replace("\r\n", "\n").split("\n") for text in texts]
    source = tuple(line for lines in split for line in lines)
    check_size(source, sum(len(text) for text in texts))
    lexer = _Lexer(source)
    lists: list[tuple[Token, ...]] = []
    first = 1
    for lines in split:
        lists.append(lexer.lines(first, first + len(lines)))
        first += len(lines)
    return Tokens(tuple(lists), tuple(lexer.comments), source)


def _texts(latex: object) -> list[str]:
    if isinstance(latex, str | bytes) or not isinstance(latex, Iterable):
        latex = [latex]
    return [
        checked_text(text, "a str, or a list of them") for text in cast("Iterable[object]", latex)
    ]


class _Lexer:
    def __init__(self, source: tuple[str, ...]) -> None:
        self.source = source
        self.comments: list[Comment] = []
        self.tokens: list[Token] = []
        self.number = 0
        self.text = ""
        self.at = 0

    def lines(self, first: int, end: int) -> tuple[Token, ...]:
        """Read the lines ``first`` to ``end`` (exclusive) into tokens."""
        self.tokens = []
        for number in range(first, end):
            self.number, self.text, self.at = number, self.source[number - 1], 0
            while self.at < len(self.text):
                self._next()
            self._add("break", "line", len(self.text))
        return tuple(self.tokens)

    def _add(self, kind: Kind, text: str, start: int) -> None:
        self.tokens.append(Token(kind, text, Span(self.number, start, max(self.at, start))))

    def _fail(self, message: str, start: int, mend: str) -> NoReturn:
        span = Span(self.number, start, max(self.at, start + 1))
        raise EquationError(message, source=self.source, span=span, mend=mend)

    def _next(self) -> None:
        start, character = self.at, self.text[self.at]
        if character == "%":
            self.at = len(self.text)
            span = Span(self.number, start, self.at)
            self.comments.append(Comment(self.text[start:].lstrip("% \t"), span))
        elif character == "\\":
            self._command()
        elif number := _NUMBER.match(self.text, start):
            self.at = number.end()
            power = (number["power"] or number["digit"] or "").replace(" ", "")
            self._add("number", number["digits"] + (f"e{power}" if power else ""), start)
        elif (letters := _LETTERS.match(self.text, start)) and self._is_function(letters):
            self.at = letters.end(1)
            self._add("word", letters[1], start)
        else:
            self.at += 1
            self._character(character, start)

    def _is_function(self, letters: re.Match[str]) -> bool:
        before = self.text[letters.start() - 1 : letters.start()]
        known = letters[1] in FUNCTION_WORDS or len(letters[1]) > 4
        return known and not before.isalpha()

    def _character(self, character: str, start: int) -> None:
        if script := _SCRIPTS.match(self.text, start):
            self.at = script.end()
            mark = "_" if script.lastgroup == "index" else "^"
            plain = unicodedata.normalize("NFKC", script.group()).replace("\u2212", "-")
            self._fail(
                f"`{script.group()}` is typed in characters that are small themselves",
                start,
                f"write `{mark}{{{plain}}}`",
            )
        if character in UNICODE:
            kind, text = UNICODE[character]
            self._add(kind, text, start)
        elif character == "$":
            self._add("break", "gap", start)
        elif character.isspace() or character == "~":
            return
        elif character.isalpha():
            self._add("letter", character, start)
        elif character in "+-*/^_',;=()[]{}|<>&.:":
            self._add("mark", character, start)
        else:
            self._fail(
                f"the character {character!r} has no meaning here",
                start,
                CHARACTER_MENDS.get(character, "remove it"),
            )

    # Commands

    def _command(self) -> None:
        start = self.at
        if row := _ROW.match(self.text, start):
            self.at = row.end()
            self._add("break", "row", start)
            return
        match = _COMMAND.match(self.text, start)
        if not match:
            self.at += 1
            self._fail("a backslash ends the line", start, r"write `\\` between equations")
        # A star belongs to names such as `\tag*`; elsewhere it is the element-wise product.
        name = match[1] or match[2]
        starred = match.group().endswith("*") and name not in ("operatorname", *SKIPPED)
        self.at = match.end() - (1 if starred and match[1] else 0)
        if match[2]:
            self._escaped(name, start)
        else:
            self._named(name, start)

    def _escaped(self, character: str, start: int) -> None:
        if character in "{}":
            self._add("mark", {"{": "(", "}": ")"}[character], start)
        elif character in "[]()":
            self._add("break", "gap", start)
        elif character not in _BLANK_COMMANDS:
            self._unknown(character, start)

    def _named(self, name: str, start: int) -> None:
        if name in ("quad", "qquad"):
            self._add("break", "gap", start)
        elif name in IGNORED:
            self._delimiter(name)
        elif name in SKIPPED:
            self._skip_group()
        elif name in ("begin", "end"):
            self._environment(name, start)
        elif name in ROMAN:
            self._roman(name, start)
        elif name in BOLD:
            self._bold()
        elif name in COMMANDS or name in ACCENTS:
            self._add("command", COMMANDS.get(name, name), start)
        else:
            self._unknown(name, start)

    def _unknown(self, name: str, start: int) -> NoReturn:
        if name in COMMAND_MENDS:
            self._fail(f"`\\{name}` has no meaning here", start, COMMAND_MENDS[name])
        near = did_you_mean(name, [*COMMANDS, *ACCENTS, "begin", "end", *ROMAN])
        self._fail(
            f"`\\{name}` has no meaning here{near}",
            start,
            "one equation a line, in + - \\cdot \\odot, [a, b], \\frac, \\sqrt, powers and known "
            "functions; words go behind a `%`",
        )

    def _delimiter(self, name: str) -> None:
        r"""``\left|`` and ``\right|`` say on which side of the bar its content stands."""
        bar = _BAR.match(self.text, self.at)
        if not bar or not name.endswith(("left", "gl", "right", "gr")):
            return
        start, self.at = self.at, bar.end()
        if bar.group().strip() != ".":
            self._add("command", "lvert" if name.endswith(("left", "gl")) else "rvert", start)

    def _skip_group(self) -> None:
        if group := _GROUP.match(self.text, self.at):
            self.at = group.end()

    def _environment(self, which: str, start: int) -> None:
        group = _GROUP.match(self.text, self.at)
        if not group:
            self._fail(f"`\\{which}` without a name", start, f"write `\\{which}{{aligned}}`")
        self.at = group.end()
        name = group[1].strip().rstrip("*")
        if name in MATRICES:
            self._add("command", which, start)
        elif name not in LAYOUTS:
            mend = "write one equation a line"
            if name == "cases":
                mend = "write a piecewise equation with \\max, \\min or a known function"
            self._fail(f"the environment `{name}` has no meaning here", start, mend)
        else:
            if position := _POSITION.match(self.text, self.at):
                self.at = position.end()
            if which == "begin" and name in ("array", "alignat", "alignedat"):
                self._skip_group()
            self._add("break", "row", start)

    def _roman(self, command: str, start: int) -> None:
        word = _WORD.match(self.text, self.at)
        if not word:
            return  # Something richer than a word: the braces remain as a group.
        self.at = word.end()
        text = re.sub(r"\\[ ,;!]", " ", (word[1] or word[2] or "")).replace("\\_", "_").strip()
        if text.isdigit():
            self._add("number", text, start)
        elif text:
            applies = command == "operatorname" and text in FUNCTION_WORDS
            self._add("operator" if applies else "word", text, start)

    def _bold(self) -> None:
        if one := _ONE_SYMBOL.match(self.text, self.at):
            inner = self.text.index("{", self.at) + 1
            self.at = inner
            while self.at < one.end() - 1:
                self._next()
            self.at = one.end()


def spelled(token: Token) -> str:
    """Return a token as a message shows it."""
    return f"\\{token.text}" if token.kind == "command" else token.text
