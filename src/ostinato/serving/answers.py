"""Answers: JSON, and streams of events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ostinato.serving.errors import RequestError

_log = logging.getLogger(__name__)


class Answer(Response):
    """JSON, without NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(
            content, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode("utf-8", "surrogatepass")


def error_answer(error: RequestError) -> Answer:
    """Return an error as an answer."""
    retry = error.retry_after
    headers = {} if retry is None else {"Retry-After": str(retry)}
    return Answer(error.content, error.status, headers)


def event(name: str, data: Mapping[str, Any]) -> bytes:
    r"""Return one event as it is sent.

    >>> event("text", {"text": "a"})
    b'event: text\ndata: {"text":"a"}\n\n'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode("utf-8", "surrogatepass")


HEARTBEAT = b": still there\n\n"
"""A comment, which clients skip: connections without any traffic are closed by some proxies."""


class EventStream(Response):
    """Events as they come, until they end or the client goes.

    Args:
        events: finished events.
        lost: is set where the client lost its stream because it does not read it: its connection
            is cut, since it would not read the end either.
        close: is called at the end, even where no event was ever asked for.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        close: Callable[[], object],
        lost: asyncio.Event | None = None,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._close = close
        self._lost = asyncio.Event() if lost is None else lost

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        sending = asyncio.ensure_future(self._send(send))
        others = [asyncio.ensure_future(each) for each in (gone(receive), self._lost.wait())]
        try:
            await asyncio.wait((sending, *others), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)
            await self._events.aclose()
            self._close()
        if self._lost.is_set():
            _log.warning("a client that does not read its text was cut off")
            abort = cast("Mapping[str, Any]", scope.get("state", {})).get("abort")
            if abort is not None:
                abort()
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for data in self._events:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
