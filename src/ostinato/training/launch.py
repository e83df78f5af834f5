"""Start several processes on this machine that train one model together."""

from __future__ import annotations

import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue
from types import FrameType
from typing import Any, cast

from ostinato.core.errors import OstinatoError
from ostinato.training.errors import RunError

# What a process gets to end by itself after another one has failed.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class _Outcome:
    """How one process ended.

    Attributes:
        index: of the process.
        code: its exit code.
        message: of the user's mistake, or of what nobody foresaw; empty where it ended well.
        trace: where that was; empty for a user's mistake.
    """

    index: int
    code: int
    message: str = ""
    trace: str = ""


def is_launched() -> bool:
    """Whether this process was started with others, by ``launch`` or ``accelerate launch``."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_main_process() -> bool:
    """Whether this process is the one that writes and tells."""
    return int(os.environ.get("RANK", "0")) == 0


def launch(work: Callable[..., int], arguments: Sequence[Any], num: int) -> int:
    """Run ``work(*arguments)`` in ``num`` new processes; return the exit code of the first.

    The threads are divided. Ctrl-C and SIGTERM are handed on to all. Where one fails, all end.

    Args:
        work: a function of a module.
        arguments: what can be pickled.
        num: how many.

    Raises:
        RunError: a process failed with this message.
        RuntimeError: a process failed as nobody foresaw, or was killed.
    """
    import torch
    from torch.multiprocessing import get_context
    from torch.multiprocessing.spawn import (
        start_processes,  # pyright: ignore[reportUnknownVariableType]
    )

    outcomes: SimpleQueue[_Outcome] = get_context("spawn").SimpleQueue()
    threads = max(1, torch.get_num_threads() // num)
    with _environment(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(_free_port()),
        WORLD_SIZE=str(num),
        LOCAL_WORLD_SIZE=str(num),
        OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", str(threads)),
    ):
        context = start_processes(
            _run, (outcomes, work, tuple(arguments)), num, join=False, start_method="spawn"
        )
    assert context is not None, "it is not joined"
    processes = cast("list[SpawnProcess]", context.processes)
    try:
        with _handing_on_signals(processes) as noted:
            failed = _join(processes)
    finally:
        for process in processes:
            process.kill()
            process.join()
    return _judge(outcomes, failed, noted)


def _run(
    index: int, outcomes: SimpleQueue[_Outcome], work: Callable[..., int], arguments: Any
) -> None:
    """Be one of the processes."""
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(index)
    if hasattr(os, "setpgid"):
        # Ctrl-C reaches the parent alone, which hands it on: once.
        os.setpgid(0, 0)
    try:
        code = work(*arguments)
    except OstinatoError as error:
        outcomes.put(_Outcome(index, 2, str(error)))
        raise SystemExit(2) from error
    except Exception as error:
        message = f"process {index}: {type(error).__name__}: {error}"
        outcomes.put(_Outcome(index, 2, message, traceback.format_exc()))
        raise
    outcomes.put(_Outcome(index, code))


def _join(processes: Sequence[SpawnProcess]) -> tuple[int, int]:
    """Wait for all, but not for those that a failed one, or the main one, leaves waiting.

    Returns:
        Number and exit code of the first that failed; of the main one, where none did.
    """
    running = {process.sentinel: index for index, process in enumerate(processes)}
    first: tuple[int, int] | None = None
    deadline: float | None = None
    while running:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            break
        for sentinel in wait(list(running), left):
            index = running.pop(cast("int", sentinel))
            processes[index].join()
            code = processes[index].exitcode or 0
            if code and (first is None or code < 0):
                first = index, code
            if (code or index == 0) and deadline is None:
                deadline = time.monotonic() + _GRACE_SECONDS
    return first or (0, 0)


def _judge(outcomes: SimpleQueue[_Outcome], failed: tuple[int, int], noted: list[int]) -> int:
    """Return the exit code of the main process, or raise the error that ended the run."""
    found: list[_Outcome] = []
    while not outcomes.empty():
        found.append(outcomes.get())
    for outcome in found:
        if outcome.index == 0 and not outcome.message:
            return outcome.code
    for outcome in found:
        if outcome.message and not outcome.trace:
            raise RunError(outcome.message)
    index, code = failed
    if noted:
        return 128 + noted[-1]
    if code < 0:
        raise RunError(
            f"process {index} was killed by {signal.Signals(-code).name}, so the others ended\n"
            "mend: make sure that there is enough memory, and go on with `ostinato train --resume`"
        )
    error = RuntimeError(found[0].message if found else f"process {index} ended with code {code}")
    if found:
        error.add_note(found[0].trace)
    raise error


@contextmanager
def _environment(**values: str) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _handing_on_signals(processes: Sequence[SpawnProcess]) -> Generator[list[int]]:
    """Hand Ctrl-C and SIGTERM on to the processes; yield what was."""
    noted: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        noted.append(number)
        for process in processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
