"""Work that is done one piece after another, off the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ostinato.serving.answers import Answer
from ostinato.serving.errors import busy, too_slow

_T = TypeVar("_T")


class Desk:
    """A thread with a queue that has an end.

    A thread cannot be stopped: work that takes too long is answered for, and the next waits until
    it is done. Limits on what is asked for keep it short.

    Args:
        what: is done here, in words.
        max_waiting: pieces of work that may wait.
    """

    def __init__(self, what: str, max_waiting: int) -> None:
        self._what = what
        self._queue: queue.Queue[tuple[Future[Any], Callable[[], Any]]] = queue.Queue(max_waiting)
        # A daemon: the process does not wait for it at its end.
        threading.Thread(target=self._run, name=what, daemon=True).start()

    async def run(self, function: Callable[[], _T], seconds: float) -> _T:
        """Return what a function returns.

        Raises:
            RequestError: too many wait, or it takes too long.
        """
        future: Future[_T] = Future()
        try:
            self._queue.put_nowait((future, function))
        except queue.Full:
            raise busy(self._what) from None
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise too_slow("the answer", seconds) from None

    async def answer(self, function: Callable[[], dict[str, Any]], seconds: float) -> Answer:
        """Return what a function returns, as JSON that is made off the event loop, too."""
        return await self.run(lambda: Answer(function()), seconds)

    def _run(self) -> None:
        while True:
            future, function = self._queue.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                future.set_exception(error)
            else:
                future.set_result(result)
            # What was returned must not live until the next piece of work comes.
            del future, function
