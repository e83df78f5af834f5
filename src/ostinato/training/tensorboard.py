"""TensorBoard events, written where they arise.

TensorBoard's own writer has a thread, in which a full disk is a stack trace on the screen and not
an error of the caller; its record format is all that is needed of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from ostinato.core.errors import MissingExtraError


def import_tensorboard() -> tuple[Any, Any, Any]:
    """Return TensorBoard's modules of events, of summaries and of their file format.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        # Generated protocol classes have no types.
        return (
            import_module("tensorboard.compat.proto.event_pb2"),
            import_module("tensorboard.compat.proto.summary_pb2"),
            import_module("tensorboard.summary.writer.record_writer"),
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error


class EventFile:
    """One file of events.

    Args:
        folder: where TensorBoard looks for files.
        resumed_at: the step that the run goes on from; events after it, in earlier files, are void.
    """

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        self._protocol, self._summaries, records = import_tensorboard()
        folder.mkdir(exist_ok=True)
        self._file = (folder / f"events.out.tfevents.{time.time_ns()}").open("wb")
        self._records = records.RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        if resumed_at is not None:
            start = self._protocol.SessionLog.START
            self._write(step=resumed_at + 1, session_log=self._protocol.SessionLog(status=start))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by tag."""
        summary = self._summaries.Summary
        pairs = [summary.Value(tag=tag, simple_value=v) for tag, v in values.items()]
        self._write(step=step, summary=summary(value=pairs))

    def _write(self, **content: object) -> None:
        event = self._protocol.Event(wall_time=time.time(), **content)
        self._records.write(event.SerializeToString())
        self._file.flush()
