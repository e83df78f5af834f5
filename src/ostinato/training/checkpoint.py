"""Checkpoints: safetensors and JSON, complete or absent, verified when they are read.

```
checkpoints/index.json                    names the newest and the best ones
checkpoints/step-00000120/model.safetensors     weights
                          training.safetensors  optimizer, random states, carried state; the
                                                weights themselves, where a mean of them is scored
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
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ostinato.core.files import sync_folder, write_file
from ostinato.training.files import replace_file, writing
from ostinato.training.run_files import (
    INDEX,
    MODEL,
    PROGRESS,
    TRAINING,
    CheckpointFiles,
    Which,
    damaged_checkpoint,
    read_checkpoint,
    read_index,
)


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the rest of a run depends on.

    Attributes:
        model: the weights.
        training: optimizer, random and carried states.
        progress: counters, as JSON.
    """

    model: Mapping[str, Tensor]
    training: Mapping[str, Tensor]
    progress: Mapping[str, Any]


class CheckpointStore:
    """The checkpoints of one run: the newest, and the best by the held-out score.

    The index names the best one ``best``, and where more are kept the others ``best-2``, ….
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index_file = folder / INDEX

    def save(
        self, checkpoint: Checkpoint, *, step: int, place: int | None = None, keep: int = 1
    ) -> None:
        """Keep ``checkpoint`` as the newest, and among the best ones.

        Args:
            checkpoint: what to keep.
            step: of the run.
            place: its place among the best ones, from 0; None where it is not one of them.
            keep: how many of the best are kept.

        Raises:
            StorageError: it could not be written; the checkpoints before it are untouched.
        """
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            index = read_index(self.folder) if self._index_file.exists() else {}
            name = f"step-{step:08d}"
            # What the index names stays whole until the index names something else.
            while name in index.values():
                name += "-again"
            self._write(name, checkpoint)
            best = [index[key] for key in sorted(index, key=_place) if key != "last"]
            if place is not None:
                best.insert(place, name)
            index = {_key(place): each for place, each in enumerate(best[:keep])} | {"last": name}
            replace_file(self._index_file, _to_json(index))
            self._remove_all_but(set(index.values()))

    def load(self, which: Which, *, with_training: bool = True) -> Checkpoint:
        """Read a checkpoint; where none is the best yet, the newest.

        Raises:
            CheckpointError: there is none, or it is damaged.
        """
        files = read_checkpoint(self.folder, which)
        return Checkpoint(
            model=_tensors(files, MODEL),
            training=_tensors(files, TRAINING) if with_training else {},
            progress=files.progress,
        )

    def _write(self, name: str, checkpoint: Checkpoint) -> None:
        folder, new = self.folder / name, self.folder / f"{name}.new"
        # Either may be left by a run that was killed before its index named it.
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            new.mkdir()
            sums: dict[str, str] = {}
            for file, tensors in ((MODEL, checkpoint.model), (TRAINING, checkpoint.training)):
                content = save({k: v.detach().cpu().clone() for k, v in tensors.items()})
                sums[file] = hashlib.sha256(content).hexdigest()
                write_file(new / file, content)
            write_file(new / PROGRESS, _to_json({**checkpoint.progress, "sha256": sums}))
            sync_folder(new)
            new.rename(folder)
            sync_folder(self.folder)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def _remove_all_but(self, names: set[str]) -> None:
        for entry in self.folder.glob("step-*"):
            if entry.name not in names:
                shutil.rmtree(entry)


def _key(place: int) -> str:
    return f"best-{place + 1}" if place else "best"


def _place(key: str) -> int:
    return int(key.partition("-")[2] or 1)


def _tensors(files: CheckpointFiles, name: str) -> dict[str, Tensor]:
    content = files.read(name)
    try:
        return load(content)
    except SafetensorError as error:
        raise damaged_checkpoint(files.folder / name, str(error)) from error


def _to_json(data: Mapping[str, Any]) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()
