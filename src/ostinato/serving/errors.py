"""What the server does not do, in the one form that every error has."""

from __future__ import annotations

import re
from typing import Any, Final

from ostinato.core.errors import EquationError, OptionError, OstinatoError
from ostinato.data import DataError
from ostinato.training.errors import DivergedError, RunError


class RequestError(OstinatoError):
    """A request that is refused.

    Args:
        status: of HTTP.
        code: for programs.
        message: what is wrong, in one sentence.
        mend: how to put it right.
        details: for programs.
        retry_after: seconds after which to try again.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        mend: str | None = None,
        details: object = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message if mend is None else f"{message}\nmend: {mend}")
        self.status = status
        self.code = code
        self.message = message
        self.mend = mend
        self.details = details
        self.retry_after = retry_after

    @property
    def content(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "mend": self.mend,
                "details": self.details,
            }
        }


def busy(what: str, retry_after: int = 2) -> RequestError:
    """Return the error of work for which there is no room now."""
    return RequestError(
        503,
        "busy",
        f"the server has as many {what} as it takes on at once",
        f"try again in {retry_after} seconds",
        retry_after=retry_after,
    )


def stopping() -> RequestError:
    """Return the error of work while the server stops."""
    return RequestError(503, "stopping", "the server is stopping", "start it again", retry_after=5)


def too_slow(what: str, seconds: float) -> RequestError:
    """Return the error of what took too long."""
    return RequestError(
        504, "timeout", f"{what} took longer than {seconds:g} seconds", "give it less, or try again"
    )


def invalid(message: str, mend: str | None = None, details: object = None) -> RequestError:
    """Return the error of a request that is not what was asked for."""
    return RequestError(422, "invalid", message, mend, details)


def unexpected() -> RequestError:
    """Return what a client learns of a mistake of ours: nothing; the server's log has the rest."""
    return RequestError(500, "internal", "the server made a mistake; its log says which")


_CODES: Final[tuple[tuple[type[OstinatoError], str], ...]] = (
    (EquationError, "equations"),
    (DataError, "input"),
    (OptionError, "option"),
    (DivergedError, "diverged"),
    (RunError, "task"),
)


def request_error_of(error: OstinatoError) -> RequestError:
    """Return a user's mistake as an error of a request: what was got, and how to mend it."""
    if isinstance(error, RequestError):
        return error
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "invalid")
    message, _, mend = str(error).partition("\nmend: ")
    return RequestError(422, code, message, http_mend(mend) or None)


_FOR_HTTP: Final[tuple[tuple[str, str], ...]] = (
    (r"use it, or name the input in `inputs=`.*", "let an equation read {0}"),
    (r", or name (?:the input|it) in `inputs=`.*", ""),
    (r"name one in `output=`", "assign one name more, which no line reads"),
    (r", or name it in `output=`", ""),
    (r", or take it out of `states=`", ""),
    (r", or name `\w+` in `states=`(?: if the delay is meant)?", ""),
    (r"\bNaN where missing", "null where one is missing"),
    (r"\bnan where missing", "null where one is missing"),
)
"""What a mend advises in Python or a shell, and what it is called here."""


def http_mend(mend: str, subject: str = "x") -> str:
    """Return a mend that can be followed over HTTP, where cells have no arguments and JSON no NaN.

    Args:
        mend: of an error that Python code raised.
        subject: the name that the mistake is about.

    >>> http_mend("give finite numbers, NaN where missing")
    'give finite numbers, null where one is missing'
    """
    for pattern, plain in _FOR_HTTP:
        mend = re.sub(pattern, plain.format(subject), mend)
    return mend
