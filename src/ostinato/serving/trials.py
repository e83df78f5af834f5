"""The one trial of cells that may run, as the event loop sees it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Final

from ostinato.serving.answers import HEARTBEAT, event
from ostinato.serving.errors import busy, stopping, too_slow, unexpected
from ostinato.serving.schemas import TrialAsked
from ostinato.serving.settings import Settings

_START_SECONDS: Final = 60.0
_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)

_log = logging.getLogger(__name__)


class Trials:
    """Starts trials, one at a time, and stops them.

    Args:
        settings: limits.
        folder: of the language model whose kind of text is learned; None for a built-in text.
    """

    def __init__(self, settings: Settings, folder: Path | None) -> None:
        self._settings = settings
        self._folder = folder
        self._ends_at: float | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._is_stopping = False

    def stop(self) -> None:
        """End the trial that runs."""
        self._is_stopping = True
        if self._process is not None:
            _kill(self._process)

    def begin(self, asked: TrialAsked) -> AsyncGenerator[bytes]:
        """Return the events of a trial; whoever closes them stops it, and must ``free``.

        Raises:
            RequestError: another one runs, or the server stops.
        """
        if self._is_stopping:
            raise stopping()
        if self._ends_at is not None:
            left = self._ends_at - time.monotonic()
            raise busy("cells that learn", max(1, min(round(left), 60)))
        self._ends_at = time.monotonic() + asked.seconds
        return self._events(asked)

    def free(self) -> None:
        """Let the next trial begin."""
        self._ends_at = None
        self._process = None

    async def _events(self, asked: TrialAsked) -> AsyncGenerator[bytes]:
        process: asyncio.subprocess.Process | None = None
        try:
            yield event("note", {"text": "starting"})
            process = self._process = await self._start(asked)
            limit = asked.seconds + _START_SECONDS
            deadline = time.monotonic() + limit
            assert process.stdout is not None
            while True:
                wait = min(self._settings.heartbeat_seconds, deadline - time.monotonic())
                try:
                    async with asyncio.timeout(wait):
                        line = await process.stdout.readline()
                except TimeoutError:
                    if time.monotonic() >= deadline:
                        yield event("error", too_slow("the trial", limit).content["error"])
                        return
                    yield HEARTBEAT
                    continue
                if not line:
                    if self._is_stopping:
                        yield event("done", {"reason": "stopping", "results": []})
                    else:
                        _log.error("a trial ended with exit code %s", await process.wait())
                        yield event("error", unexpected().content["error"])
                    return
                found = json.loads(line)
                yield event(found["event"], found["data"])
                if found["event"] in ("done", "error"):
                    return
        finally:
            if process is not None:
                _kill(process)
                await process.wait()

    async def _start(self, asked: TrialAsked) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ostinato.serving.trial",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            # Ctrl-C is the server's, which ends the trial itself.
            start_new_session=True,
        )
        order = {
            "asked": asked.model_dump(mode="json"),
            "folder": None if self._folder is None else str(self._folder.resolve()),
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        return process


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
