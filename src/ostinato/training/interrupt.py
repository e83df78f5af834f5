"""Ctrl-C as a request that is obeyed where nothing is left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """What was under way is abandoned, as asked: no error, so no handler of errors takes it.

    Attributes:
        signal: what asked.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class StopRequest:
    """Whether, and by which signal, someone asked to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._is_at_once = False

    def __bool__(self) -> bool:
        return self.signal is not None

    def note(self, number: int) -> None:
        """Take a signal."""
        self.signal = number
        if self._is_at_once:
            self.check()

    def check(self) -> None:
        """Abandon what is under way if someone asked to stop.

        Raises:
            Stopped: someone did.
        """
        if self.signal is not None:
            raise Stopped(self.signal)

    @contextmanager
    def at_once(self) -> Generator[None]:
        """Obey a signal in the middle of what is done within: for work that changes nothing.

        Raises:
            Stopped: someone asked to stop, before or meanwhile.
        """
        self.check()
        self._is_at_once = True
        try:
            yield
        finally:
            self._is_at_once = False
        self.check()


@contextmanager
def stop_on_signals() -> Generator[StopRequest]:
    """Note the first Ctrl-C (or SIGTERM); the second one stops at once.

    Outside the main thread, where Python delivers no signals, nothing is installed.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _frame: FrameType | None) -> None:
        restore()
        request.note(number)

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
