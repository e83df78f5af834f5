"""Servers in threads, and clients that see every byte."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

import ostinato as ost
from ostinato.serving.server import address_of, bind, config_of
from ostinato.serving.service import Service
from ostinato.serving.settings import Settings

TEXT = "the quick brown fox jumps over the lazy dog.\nand so it goes, line by line.\n" * 12


def train_writer(folder: Path, **changes: Any) -> Path:
    """Train a language model for a moment, and return its run."""
    recipe: dict[str, Any] = {
        "task": "language-model",
        "data": {"text": TEXT, **changes.pop("data", {})},
        "training": {"max_steps": 30, "batch_size": 4, "tbptt_steps": 16, "learning_rate": 0.02},
        "sample": {"prompt": changes.pop("prompt", "the "), "length": 0},
    }
    recipe["model"] = {"cell": "gru", "hidden_size": 24, "embedding_size": 8, **changes}
    return ost.train(recipe, run=folder, progress=False).path


@dataclass
class Live:
    """A server that runs in a thread."""

    service: Service
    address: str
    port: int
    client: httpx.Client

    def post(self, path: str, content: Any, **more: Any) -> httpx.Response:
        return self.client.post(path, json=content, **more)

    def events(self, path: str, content: Any) -> list[tuple[str, Any]]:
        """Return all events of an answer."""
        with self.client.stream("POST", path, json=content) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            return list(events_of(response.iter_lines()))

    def raw(self) -> socket.socket:
        """Return a connection to write bytes to."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield names and data of server-sent events."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@contextmanager
def live(run: Path, settings: Settings | None = None) -> Generator[Live]:
    """Serve a run in a thread."""
    service = Service.open(run, settings or Settings())
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(config_of(service, listener))
        address = address_of(listener)
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            with httpx.Client(base_url=address, timeout=30) as client:
                yield Live(service, address, port, client)
        finally:
            service.stop()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def wait_until(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for another thread to do something."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def error_of(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the error of an answer, which has the one form of all errors."""
    assert response.status_code == status, response.text
    content = response.json()
    assert content.keys() == {"error"}
    assert content["error"].keys() == {"code", "message", "mend", "details"}
    assert content["error"]["code"] == code
    assert response.headers["content-security-policy"].startswith("default-src 'self'")
    return content["error"]
