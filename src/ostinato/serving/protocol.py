"""Connections that cannot be held open by doing nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ostinato.serving.errors import RequestError, busy
from ostinato.serving.guard import RAW_HEADERS
from ostinato.serving.settings import Settings

_log = logging.getLogger(__name__)


def protocol_of(settings: Settings) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol with limits of time and number.

    - The head of a request, and a body that nobody waits for any more, must come within
      ``header_seconds``.
    - A client that does not read is cut off after ``stalled_seconds``.
    - More than ``max_connections`` are turned away.
    """

    class LimitedProtocol(_Limited):
        limits = settings

    return LimitedProtocol


class _Limited(H11Protocol):
    limits: Settings

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": transport.abort}
        if len(self.connections) > self.limits.max_connections:
            self._turn_away(busy("connections"))
            return
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset("_head_timer")
        self._unset("_stall_timer")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.limits.stalled_seconds, self._stalled)

    def resume_writing(self) -> None:
        self._unset("_stall_timer")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form of every error."""
        self._turn_away(RequestError(400, "http", msg, "send HTTP/1.1"))

    def _watch_head(self) -> None:
        """Give the client so long for the next head, or for the rest of a body that is too much."""
        if self.transport.is_closing():
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if is_answering:
            self._unset("_head_timer")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.header_seconds, self._no_head)

    def _no_head(self) -> None:
        self._head_timer = None
        self.transport.abort()

    def _stalled(self) -> None:
        self._stall_timer = None
        _log.warning("a client that does not read was cut off")
        self.transport.abort()

    def _unset(self, name: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, name)
        if timer is not None:
            timer.cancel()
            setattr(self, name, None)

    def _turn_away(self, error: RequestError) -> None:
        body = json.dumps(error.content).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *RAW_HEADERS,
        ]
        if error.retry_after is not None:
            headers.append((b"retry-after", str(error.retry_after).encode()))
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=error.status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
