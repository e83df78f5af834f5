"""Checkpoints: safetensors and JSON, complete or absent, verified when they are read.

```
checkpoints/index.json                    names the newest and the best one
checkpoints/step-00000120/model.safetensors     weights
                          training.safetensors  optimizer, random state, carried state
                          progress.json         counters, and the sha256 of the other two
```

A checkpoint is written under another name and renamed when it is whole; then the index, one small
file, is replaced. A kill at any instant leaves either the old index with the old checkpoint or the
new one with the new. Where the index names the step already, `-again` is added to the name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ostinato.training.errors import CheckpointError
from ostinato.training.files import replace_file, sync_folder, write_file, writing

Which = Literal["best", "last"]
_MODEL, _TRAINING, _PROGRESS = "model.safetensors", "training.safetensors", "progress.json"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the rest of a run depends on.

    Attributes:
        model: the weights.
        training: optimizer, random and carried state.
        progress: counters, as JSON.
    """

    model: Mapping[str, Tensor]
    training: Mapping[str, Tensor]
    progress: Mapping[str, Any]


class CheckpointStore:
    """The checkpoints of one run: the newest, and the best by the held-out score."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index_file = folder / "index.json"

    def save(self, checkpoint: Checkpoint, *, step: int, is_best: bool) -> None:
        """Keep ``checkpoint`` as the newest, and as the best one too where ``is_best``.

        Raises:
            StorageError: it could not be written; the checkpoints before it are untouched.
        """
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            index = self._read_index() if self._index_file.exists() else {}
            name = f"step-{step:08d}"
            # What the index names stays whole until the index names something else.
            while name in index.values():
                name += "-again"
            self._write(name, checkpoint)
            index["last"] = name
            if is_best:
                index["best"] = name
            replace_file(self._index_file, _to_json(index))
            self._remove_all_but(set(index.values()))

    def load(self, which: Which, *, with_training: bool = True) -> Checkpoint:
        """Read a checkpoint; where none is the best yet, the newest.

        Raises:
            CheckpointError: there is none, or it is damaged.
        """
        index = self._read_index()
        folder = self.folder / index.get(which, index["last"])
        progress = _read_json(folder / _PROGRESS)
        sums = progress.pop("sha256", {})
        return Checkpoint(
            model=_read_tensors(folder / _MODEL, sums),
            training=_read_tensors(folder / _TRAINING, sums) if with_training else {},
            progress=progress,
        )

    def _write(self, name: str, checkpoint: Checkpoint) -> None:
        folder, new = self.folder / name, self.folder / f"{name}.new"
        # Either may be left by a run that was killed before its index named it.
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            new.mkdir()
            sums: dict[str, str] = {}
            for file, tensors in ((_MODEL, checkpoint.model), (_TRAINING, checkpoint.training)):
                content = save({k: v.detach().cpu().clone() for k, v in tensors.items()})
                sums[file] = hashlib.sha256(content).hexdigest()
                write_file(new / file, content)
            write_file(new / _PROGRESS, _to_json({**checkpoint.progress, "sha256": sums}))
            sync_folder(new)
            new.rename(folder)
            sync_folder(self.folder)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def _read_index(self) -> dict[str, str]:
        if not self._index_file.is_file():
            raise CheckpointError(
                f"there is no checkpoint in {self.folder}: the run stopped before its first step\n"
                "mend: start it again with --force"
            )
        index = _read_json(self._index_file)
        if not isinstance(index.get("last"), str):
            raise _damaged(self._index_file, "it names no checkpoint")
        return index

    def _remove_all_but(self, names: set[str]) -> None:
        for entry in self.folder.glob("step-*"):
            if entry.name not in names:
                shutil.rmtree(entry)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _damaged(path, "the file is missing") from error
    except ValueError as error:
        raise _damaged(path, "it is not JSON") from error
    if not isinstance(content, dict):
        raise _damaged(path, "it is not what was written")
    return cast("dict[str, Any]", content)


def _read_tensors(path: Path, sums: Mapping[str, str]) -> dict[str, Tensor]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _damaged(path, "the file is missing") from error
    if hashlib.sha256(content).hexdigest() != sums.get(path.name):
        raise _damaged(path, "its content changed after it was written")
    try:
        return load(content)
    except SafetensorError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint is damaged: {path}: {reason}\n"
        "mend: put back a copy of the run folder, write with the other checkpoint "
        "(`ostinato generate`, --checkpoint best or last), or train again"
    )


def _to_json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()
