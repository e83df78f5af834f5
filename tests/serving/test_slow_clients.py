"""Clients that do not read: they lose their text, and cost nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato.data import Vocabulary
from ostinato.data.writing import Writing
from ostinato.serving.answers import EventStream
from ostinato.serving.scheduler import Delivery, End, Order
from ostinato.serving.settings import Settings
from ostinato.serving.writer import Text
from tests.serving.helpers import live, wait_until

VOCABULARY = Vocabulary.of("abc", "characters")


def text_of(max_unread: int) -> tuple[Text, Order]:
    ids = VOCABULARY.encode("a")
    order = Order(ids, Writing(VOCABULARY, ids, 100), 1.0, 1.0, np.random.default_rng(0))
    return Text(1, "a", 0, order, max_unread), order


def test_what_is_not_read_is_dropped_and_the_writing_stops() -> None:
    async def run() -> None:
        text, order = text_of(max_unread=10)
        text.arrive(Delivery(order, "12345"))
        assert not order.is_cancelled
        text.arrive(Delivery(order, "678901"))
        assert order.is_cancelled
        assert text.lost.is_set()
        assert text.end == End("slow")
        # What comes later is not kept either.
        text.arrive(Delivery(order, "x" * 1000, End("cancelled")))
        assert [piece async for piece in text.pieces()] == []

    asyncio.run(run())


def test_what_is_read_in_time_is_whole() -> None:
    async def run() -> None:
        text, order = text_of(max_unread=10)
        found: list[str | None] = []

        async def read() -> None:
            async for piece in text.pieces():
                found.append(piece)

        reading = asyncio.ensure_future(read())
        for number in range(8):
            text.arrive(Delivery(order, str(number) * 9, End("length") if number == 7 else None))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await reading
        assert "".join(piece or "" for piece in found) == "".join(str(n) * 9 for n in range(8))
        assert not text.lost.is_set()

    asyncio.run(run())


def test_a_client_that_waits_hears_a_heartbeat() -> None:
    async def run() -> None:
        text, order = text_of(max_unread=10)
        pieces = text.pieces()
        text.beat()
        assert await anext(pieces) is None
        text.arrive(Delivery(order, "a", End("length")))
        assert await anext(pieces) == "a"

    asyncio.run(run())


@pytest.mark.parametrize("why", ["lost", "gone"])
def test_a_stream_that_is_blocked_ends(why: str) -> None:
    calls: list[str] = []

    async def run() -> None:
        lost, is_gone = asyncio.Event(), asyncio.Event()

        async def events() -> AsyncGenerator[bytes]:
            while True:
                yield b"data: x\n\n"

        async def receive() -> dict[str, Any]:
            await is_gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            calls.append(message["type"])
            if message["type"] == "http.response.body":
                # As where the client's buffer is full.
                await asyncio.Event().wait()

        stream = EventStream(events(), lambda: calls.append("close"), lost)
        scope = {"type": "http", "state": {"abort": lambda: calls.append("abort")}}
        serving = asyncio.ensure_future(stream(scope, receive, send))
        await asyncio.sleep(0.02)
        assert calls == ["http.response.start", "http.response.body"]
        (lost if why == "lost" else is_gone).set()
        await asyncio.wait_for(serving, 5)

    asyncio.run(run())
    assert calls[2:] == (["close", "abort"] if why == "lost" else ["close"])


def test_a_connection_that_is_not_read_is_cut(writer_run: Path) -> None:
    with live(writer_run, Settings(stalled_seconds=0.3)) as server:
        with socket.socket() as connection:
            # Little is kept on this side, so that the server's own buffer fills.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)

            def is_cut() -> bool:
                try:
                    connection.send(b"\r\n")
                except OSError:
                    return True
                return False

            wait_until(is_cut)
        assert server.client.get("/health").status_code == 200
