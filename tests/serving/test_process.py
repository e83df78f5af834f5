"""`ostinato serve` as a process: how it starts, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ostinato.cli.app import run as run_command
from ostinato.serving.service import refuse_in_training
from ostinato.training.errors import RunError
from ostinato.training.run import RunFolder
from tests.serving.helpers import events_of


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "ostinato.cli", "serve", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server, server.stdout.readline().split()[-1]
        finally:
            server.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_texts_and_then_the_process(writer_run: Path, number: signal.Signals) -> None:
    with process(str(writer_run), "--port", "0") as (server, address):
        ends: list[tuple[str, object]] = []
        begun = threading.Semaphore(0)

        def read() -> None:
            asked = {"length": 5000}
            # The model is small: it would end by itself if nothing kept it busy.
            with httpx.stream("POST", f"{address}/generate", json=asked, timeout=30) as response:
                for event in events_of(response.iter_lines()):
                    ends.append(event)
                    if event[0] == "start":
                        begun.release()

        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        # Texts that have begun are ended; what comes later is refused.
        assert all(begun.acquire(timeout=20) for _ in readers)
        began = time.monotonic()
        server.send_signal(number)
        assert server.wait(20) == 0
        assert time.monotonic() - began < 10
        for reader in readers:
            reader.join(20)
        done = [data for name, data in ends if name == "done"]
        assert len(done) == 8
        assert "stopping" in {data["reason"] for data in done}  # type: ignore[index]
        assert server.stderr is not None
        assert server.stderr.read() == ""


def _error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command(["serve", *arguments]) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert "\nmend: " in text
    assert "Traceback" not in text
    return text


def test_a_port_that_is_taken(writer_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in _error(capsys, str(writer_run), "--port", str(port))


def test_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such run" in _error(capsys, str(tmp_path / "none"), "--port", "0")
    assert "is not a run" in _error(capsys, str(tmp_path), "--port", "0")


def test_no_address(writer_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = _error(capsys, str(writer_run), "--port", "0", "--host", "no such host")
    assert "no address" in text


def test_a_run_that_is_being_trained(writer_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunFolder(writer_run).locked():
        with pytest.raises(RunError, match="is training"):
            refuse_in_training(writer_run)
        assert "is training" in _error(capsys, str(writer_run), "--port", "0")
    refuse_in_training(writer_run)


def test_a_missing_extra(
    writer_run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.cli.serve.find_spec", lambda name: None)
    assert "ostinato[serve]" in _error(capsys, str(writer_run))


def test_a_warning_on_the_network(writer_run: Path) -> None:
    with process(str(writer_run), "--port", "0", "--host", "0.0.0.0") as (server, address):
        assert address.startswith("http://127.0.0.1:")
        headers = {"Host": "box.example"}
        assert httpx.get(f"{address}/health", headers=headers, timeout=20).status_code == 200
        server.terminate()
        assert server.wait(20) == 0
        assert server.stderr is not None
        assert "anyone on the network can use it" in server.stderr.read()
