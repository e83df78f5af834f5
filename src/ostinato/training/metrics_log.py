"""The metrics of a run: JSON lines for programs, TensorBoard events for eyes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from ostinato.core.errors import MissingExtraError
from ostinato.training.files import replace_file, writing

try:
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter
except ModuleNotFoundError as error:
    raise MissingExtraError("training", "train") from error


class MetricsLog:
    """Appends one line and one event a record.

    Args:
        folder: the run folder.
        resumed_at: the step of the checkpoint that the run goes on from; what was logged after it
            is dropped, because it will be logged again.
    """

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        self.path = folder / "metrics.jsonl"
        events = folder / "tensorboard"
        with writing(folder):
            if resumed_at is not None:
                _drop_after(self.path, resumed_at)
            events.mkdir(exist_ok=True)
            name = f"events.out.tfevents.{time.time_ns()}"
            with ExitStack() as files:
                self._lines = files.enter_context(self.path.open("a", encoding="utf-8"))
                self._event_file = files.enter_context((events / name).open("wb"))
                self._files = files.pop_all()
            # Written here and now, not by TensorBoard's thread: a full disk is then an error of
            # this call and not a stack trace of another thread.
            self._events: Any = RecordWriter(self._event_file)
            self._write_event(Event(file_version="brain.Event:2"))
            if resumed_at is not None:
                start = SessionLog(status=SessionLog.START)
                self._write_event(Event(step=resumed_at + 1, session_log=start))

    def write(self, kind: str, step: int, values: Mapping[str, float | str]) -> None:
        """Log ``values`` of one step.

        Raises:
            StorageError: the disk is full.
        """
        record = {"kind": kind, "step": step, **values}
        with writing(self.path):
            self._lines.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._lines.flush()
            numbers = [
                Summary.Value(tag=f"{kind}/{name}", simple_value=value)
                for name, value in values.items()
                if not isinstance(value, str)
            ]
            self._write_event(Event(step=step, summary=Summary(value=numbers)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with writing(self.path):
            self._files.close()

    def _write_event(self, event: Any) -> None:
        event.wall_time = time.time()
        self._events.write(event.SerializeToString())
        self._event_file.flush()


def _drop_after(path: Path, step: int) -> None:
    kept: list[str] = []
    if path.exists():
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                # A kill can cut the last line short; nothing after it is whole either.
                break
            if record["step"] <= step:
                kept.append(f"{line}\n")
    replace_file(path, "".join(kept).encode())
