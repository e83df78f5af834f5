"""Measure a server under load: `python tools/load.py RUN`, a run of a language model.

It starts `ostinato serve` as a process of its own and reads as a light client: one stream alone,
then many at once; then, with --soak, many for minutes, with the server's memory over time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_TEXT = b"event: text"
_DONE = b"event: done"
_SOAK_EVERY = 15.0


@dataclass
class Stream:
    """What one client got.

    Attributes:
        first: seconds to the first character; None where none came.
        seconds: to the end.
        num_characters: that the server says it wrote.
        reason: why the text ended; None where the connection broke.
    """

    first: float | None = None
    seconds: float = 0.0
    num_characters: int = 0
    reason: str | None = None


@dataclass
class _Client(asyncio.Protocol):
    request: bytes
    done: asyncio.Future[Stream]
    began: float = field(default_factory=time.perf_counter)
    received: bytearray = field(default_factory=bytearray)
    found: Stream = field(default_factory=Stream)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.found.first is None and _TEXT in self.received:
            self.found.first = time.perf_counter() - self.began

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        found = self.found
        found.seconds = time.perf_counter() - self.began
        last = re.search(_DONE + rb"\s+data: (\{.*?\})", bytes(self.received[-400:]))
        if last is not None:
            content = json.loads(last[1])
            found.reason, found.num_characters = content["reason"], content["num_characters"]
        if not self.done.done():
            self.done.set_result(found)


async def one(address: str, prompt: str, length: int, seed: int) -> Stream:
    """Read one text to its end."""
    parts = urlsplit(address)
    body = json.dumps({"prompt": prompt, "length": length, "seed": seed, "temperature": 1.0})
    request = (
        f"POST /generate HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n{body}"
    ).encode()
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Stream] = loop.create_future()
    await loop.create_connection(lambda: _Client(request, done), parts.hostname, parts.port)
    return await done


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


class NothingArrivedError(Exception):
    """No stream got a single character: there is nothing to measure."""


def percentiles(seconds: list[float]) -> str:
    """Say when first characters came."""
    if not seconds:
        return "none got a character"
    half, most = (f"{1e3 * percentile(seconds, share):.0f} ms" for share in (0.5, 0.99))
    return f"first character p50 {half}, p99 {most}"


async def measured(address: str, prompt: str, num_streams: int, length: int) -> float:
    """Run so many streams at once, print what they got, and return characters per second.

    Raises:
        NothingArrivedError: none got a character.
    """
    began = time.perf_counter()
    found = await asyncio.gather(
        *(one(address, prompt, length, seed) for seed in range(num_streams))
    )
    seconds = time.perf_counter() - began
    dropped = [each for each in found if each.reason != "length"]
    first = [each.first for each in found if each.first is not None]
    characters = sum(each.num_characters for each in found)
    rate = characters / seconds
    print(
        f"{num_streams:4d} streams of {length} characters: {rate:10,.0f} characters/s, "
        f"{len(dropped)} dropped, {percentiles(first)}, all in {seconds:.1f} s",
        flush=True,
    )
    if not first:
        raise NothingArrivedError
    return rate


async def soak(
    address: str, prompt: str, num_streams: int, length: int, minutes: float, pid: int
) -> None:
    """Keep so many streams going, and print the server's memory."""
    end = time.monotonic() + 60 * minutes
    counts = {"texts": 0, "dropped": 0}

    async def client(number: int) -> None:
        seed = number
        while time.monotonic() < end:
            found = await one(address, prompt, length, seed)
            counts["texts"] += 1
            counts["dropped"] += found.reason != "length"
            seed += num_streams

    clients = [asyncio.ensure_future(client(number)) for number in range(num_streams)]
    began = time.monotonic()
    while time.monotonic() < end:
        await asyncio.sleep(min(_SOAK_EVERY, max(0.1, end - time.monotonic())))
        print(
            f"{time.monotonic() - began:6.0f} s: {memory(pid):7.1f} MiB, "
            f"{counts['texts']} texts, {counts['dropped']} dropped",
            flush=True,
        )
    await asyncio.gather(*clients)


def memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def main() -> None:
    """Start the server, measure, and stop it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--length", type=int, default=1000)
    parser.add_argument("--prompt", default="def ")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    given = parser.parse_args()
    command = [sys.executable, "-m", "ostinato.cli", "serve", str(given.run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own command
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        try:
            asyncio.run(_all(address, given, server.pid))
        except NothingArrivedError:
            sys.exit(1)
        finally:
            server.terminate()
            print(f"the server ended with exit code {server.wait(20)}")


async def _all(address: str, given: argparse.Namespace, pid: int) -> None:
    await one(address, given.prompt, 200, 0)
    alone = await measured(address, given.prompt, 1, 4 * given.length)
    together = await measured(address, given.prompt, given.streams, given.length)
    print(f"together {together / alone:.1f} times as many as alone; {memory(pid):.1f} MiB")
    if given.soak:
        await soak(address, given.prompt, given.streams, given.length, given.soak, pid)


if __name__ == "__main__":
    main()
