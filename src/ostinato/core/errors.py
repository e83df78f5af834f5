"""Errors that say what was got, what was expected, and how to mend it."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class _Picklable:
    """Goes through pickle, as from a worker process, whatever its constructor takes."""

    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(kind: Any, arguments: tuple[Any, ...]) -> Any:
    """Make an error from its finished text: its constructor takes what the text is made of."""
    error = kind.__new__(kind, *arguments)
    super(_Picklable, error).__init__(*arguments)
    return error


class OstinatoError(_Picklable, Exception):
    """A mistake that the user can mend; every error the house raises on purpose derives from it."""


class MissingExtraError(OstinatoError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that the plain install leaves out.\n"
            f"mend: pip install 'ostinato[{extra}]'"
        )
        self.extra = extra


class ShapeError(OstinatoError, ValueError):
    """A tensor's shape, dtype or device does not fit what the layer expects."""


class OptionError(OstinatoError, ValueError):
    """An option is unknown, out of range, or cannot be combined with this cell."""


class StorageError(OstinatoError, OSError):
    """Something could not be written: a full disk, a folder without permission."""


class ModelFileError(OstinatoError, ValueError):
    """A saved layer or model cannot be read: missing, damaged, of another kind or version."""


class UnknownNameError(OptionError, KeyError):
    """A name that is looked up in a list of known names is not among them."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = nearest(name, names)
        self.text = (
            f"unknown {kind} {name!r}{did_you_mean(name, names)}\n"
            f"expected one of: {', '.join(names)}\n"
            f"mend: use {'one of these' if near is None else repr(near)}"
        )
        super().__init__(self.text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a source: 1-based line, 0-based character columns, the end exclusive."""

    line: int
    column: int
    end_column: int


class EquationError(OstinatoError, ValueError):
    """An equation that cannot be read, or does not mean anything.

    Args:
        message: what was found and what was expected, in one sentence.
        source: the lines of the text that the spans point into.
        span: the place of the mistake; its line is shown with a caret below it.
        mend: how to put it right.
        also: a second place that the mistake involves.
    """

    def __init__(
        self,
        message: str,
        *,
        source: tuple[str, ...] = (),
        span: Span | None = None,
        mend: str | None = None,
        also: Span | None = None,
    ) -> None:
        self.message = message
        self.span = span
        self.mend = mend
        self.also = also
        super().__init__(_shown(message, source, (span, also), mend))


class EngineFallback(_Picklable, UserWarning):
    """A slower engine runs what the one made for the device does not; the message says why."""


class EquationHint(_Picklable, UserWarning):
    """The equations are valid, but probably not what was meant.

    Args:
        message: what was found.
        source: the lines of the text that the span points into.
        span: the place; its line is shown with a caret below it.
        mend: what was probably meant.
    """

    def __init__(
        self, message: str, *, source: tuple[str, ...] = (), span: Span | None = None, mend: str
    ) -> None:
        super().__init__(_shown(message, source, (span,), mend))


def warn(hint: EquationHint | str) -> None:
    """Issue a hint, or a ``UserWarning``, at the line of the caller outside this package."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("ostinato."):
        level, frame = level + 1, frame.f_back
    warnings.warn(hint, stacklevel=level)


def _shown(
    message: str, source: tuple[str, ...], places: Iterable[Span | None], mend: str | None
) -> str:
    """Put a message together: the line, the places with carets, the mend."""
    known = [place for place in places if place is not None]
    message = _printable(message)
    parts = [f"line {known[0].line}: {message}" if known else message]
    parts += [
        _with_caret(source[place.line - 1], place)
        for place in known
        if 1 <= place.line <= len(source)
    ]
    if mend:
        parts.append(f"mend: {_printable(mend)}")
    return "\n".join(parts)


def _printable(text: str) -> str:
    """Escape what a terminal would obey or hide, and lone surrogates, which no stream encodes."""
    text = text.replace("\t", " ")
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


_LONGEST_SHOWN = 100


def _with_caret(line: str, span: Span) -> str:
    """Show ``line`` with carets below ``span``; a very long line is cut around the place."""
    start, end = span.column, max(span.end_column, span.column + 1)
    if len(line) > _LONGEST_SHOWN:
        cut = max(0, start - _LONGEST_SHOWN // 2)
        line = line[cut : cut + _LONGEST_SHOWN]
        start, end = start - cut, min(end - cut, _LONGEST_SHOWN)
    # An escape is wider than what it stands for, so the columns are those of the shown line.
    indent, width = len(_printable(line[:start])), len(_printable(line[start:end]))
    return f"    {_printable(line)}\n    {' ' * indent}{'^' * max(1, width)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` is probably meant to be, if there is one."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, or an empty string."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"
