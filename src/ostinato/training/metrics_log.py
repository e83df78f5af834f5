"""The metrics of a run: JSON lines for programs, TensorBoard events for eyes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ostinato.training.files import replace_file, writing
from ostinato.training.tensorboard import EventFile


class MetricsLog:
    """Appends one line and one event a record.

    Args:
        folder: the run folder.
        resumed_at: the step of the checkpoint that the run goes on from; what was logged after it
            is dropped, because it will be logged again.
        is_evaluation_due: whether the evaluation of that step will be logged again, too.
    """

    def __init__(
        self, folder: Path, resumed_at: int | None = None, *, is_evaluation_due: bool = False
    ) -> None:
        self.path = folder / "metrics.jsonl"
        with writing(self.path), ExitStack() as files:
            if resumed_at is not None:
                _drop_after(self.path, resumed_at, is_evaluation_due=is_evaluation_due)
            self._lines = files.enter_context(self.path.open("a", encoding="utf-8"))
            self._events = files.enter_context(EventFile(folder / "tensorboard", resumed_at))
            self._files = files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with writing(self.path):
            self._files.close()

    def write(self, kind: str, step: int, values: Mapping[str, float | str]) -> None:
        """Log ``values`` of one step.

        Raises:
            StorageError: the disk is full.
        """
        record = {"kind": kind, "step": step, **values}
        numbers = {f"{kind}/{k}": v for k, v in values.items() if not isinstance(v, str)}
        with writing(self.path):
            self._lines.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._lines.flush()
            self._events.scalars(step, numbers)


def _drop_after(path: Path, step: int, *, is_evaluation_due: bool) -> None:
    kept: list[str] = []
    if path.exists():
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                # A kill can cut the last line short; nothing after it is whole either.
                break
            is_due = is_evaluation_due and (record["kind"], record["step"]) == ("evaluation", step)
            if record["step"] <= step and not is_due:
                kept.append(f"{line}\n")
    replace_file(path, "".join(kept).encode())
