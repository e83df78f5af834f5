"""What every request passes before, and every answer behind, the endpoints."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ostinato.core.errors import OstinatoError
from ostinato.serving.answers import error_answer
from ostinato.serving.errors import RequestError, request_error_of, too_slow, unexpected
from ostinato.serving.settings import Settings

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

RAW_HEADERS: Final = [
    (name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()
]

_log = logging.getLogger(__name__)


class Guard:
    """Checks host, origin and body, adds headers, and turns every mistake into our form.

    Args:
        app: what is guarded.
        settings: limits.
        local_only: whether only names of this machine are answered to: a stranger's page could
            otherwise reach the server under a name of its own that points here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, settings: Settings, *, local_only: bool) -> None:
        self._app = app
        self._settings = settings
        self._local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def guarded(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                message = {**message, "headers": [*message.get("headers", ()), *RAW_HEADERS]}
            await send(message)

        try:
            headers = {bytes(k).lower(): bytes(v) for k, v in scope["headers"]}
            self._check_host(headers)
            body = await self._body(headers, receive)
            await self._app(scope, _again(body, receive), guarded)
        except OstinatoError as error:
            if has_started:
                raise
            await error_answer(request_error_of(error))(scope, receive, guarded)
        except _Gone:
            return
        except Exception:  # noqa: BLE001 - a mistake of ours, which the log gets
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if not has_started:
                await error_answer(unexpected())(scope, receive, guarded)

    def _check_host(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse names that are not of this machine, and pages that are not ours.

        Raises:
            RequestError: the request comes by a wrong name, or from another page.
        """
        host = headers.get(b"host", b"").decode("latin-1")
        if self._local_only and not is_local(_name_of(host)):
            raise RequestError(
                403,
                "host",
                f"the host {host!r} is not a name of this machine",
                "open http://127.0.0.1 with the port; to serve others, start with --host 0.0.0.0",
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            raise RequestError(
                403,
                "origin",
                f"a page of {origin!r} may not use this server",
                "open the page that the server itself serves",
            )

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read the body, which has a size and a time.

        Raises:
            RequestError: it is too large, or does not come.
        """
        limit, seconds = self._settings.max_body_bytes, self._settings.body_seconds
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    pieces.append(message.get("body", b""))
                    size += len(pieces[-1])
                    if size > limit:
                        raise _too_large(limit)
                    if not message.get("more_body", False):
                        return b"".join(pieces)
        except TimeoutError:
            raise too_slow("the body of the request", seconds) from None


class _Gone(Exception):  # noqa: N818 - no mistake: nobody is left to be answered
    """The client went before its request was complete."""


def is_local(name: str) -> bool:
    """Whether a host name means this machine to itself.

    >>> is_local("localhost"), is_local("127.0.0.1"), is_local("::1"), is_local("example.com")
    (True, True, True, False)
    """
    if name in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str:
    """Return the name of a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _too_large(limit: int) -> RequestError:
    return RequestError(
        413,
        "too_large",
        f"the body is larger than {limit // 1024} KiB",
        "send fewer inputs, or shorter ones, at a time",
    )


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once, and then what comes after it."""
    is_read = False

    async def again() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
