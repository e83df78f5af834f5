"""What a run folder holds, read and verified without torch and without the recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast

from ostinato.training.errors import CheckpointError, RunError

Which = Literal["best", "last"]
_Pipeline = TypeVar("_Pipeline")

RUN: Final = "run.json"
RECIPE: Final = "recipe.yaml"
CHECKPOINTS: Final = "checkpoints"
INDEX: Final = "index.json"
MODEL: Final = "model.safetensors"
TRAINING: Final = "training.safetensors"
PROGRESS: Final = "progress.json"


def read_facts(run: Path, *keys: str) -> dict[str, Any]:
    """Read ``run.json``, which must have ``keys``.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        content: object = json.loads((run / RUN).read_bytes())
    except FileNotFoundError as error:
        raise RunError(
            f"the run {run} stopped before its first step\nmend: start it again with --force"
        ) from error
    except ValueError as error:
        raise damaged_run(run / RUN, "it is not JSON") from error
    facts = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    for key in keys:
        if key not in facts:
            raise damaged_run(run / RUN, f"`{key}` is missing")
    return facts


def pipeline_of(run: Path, facts: Mapping[str, Any], read: Callable[[Any], _Pipeline]) -> _Pipeline:
    """Return what stands between the data of a run and its numbers.

    Args:
        run: its folder.
        facts: of ``run.json``, with ``pipeline``.
        read: makes it of JSON.

    Raises:
        RunError: it is damaged.
    """
    try:
        return read(facts["pipeline"])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged_run(run / RUN, f"its pipeline cannot be read ({error})") from error


def damaged_run(path: Path, reason: str) -> RunError:
    """Return the error of a file of a run that is not what was written."""
    return RunError(f"{path} is damaged: {reason}\nmend: put back a copy of it, or train again")


class CheckpointFiles(NamedTuple):
    """A checkpoint as it lies on the disk.

    Attributes:
        folder: of this checkpoint.
        progress: the counters.
        sums: name of a file to its sha256.
    """

    folder: Path
    progress: dict[str, Any]
    sums: Mapping[str, str]

    def read(self, name: str) -> bytes:
        """Return the content of one file.

        Raises:
            CheckpointError: it is missing, or changed.
        """
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise damaged_checkpoint(path, "the file is missing") from error
        if hashlib.sha256(content).hexdigest() != self.sums.get(name):
            raise damaged_checkpoint(path, "its content changed after it was written")
        return content


def read_checkpoint(checkpoints: Path, which: Which) -> CheckpointFiles:
    """Find a checkpoint; where none is the best yet, the newest. A saved model has one alone.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    if (saved := saved_model(checkpoints.parent)) is not None:
        return saved
    index = read_index(checkpoints)
    folder = checkpoints / index.get(which, index["last"])
    progress = _read_json(folder / PROGRESS)
    sums = progress.pop("sha256", None)
    if not isinstance(sums, dict):
        raise damaged_checkpoint(folder / PROGRESS, "it holds no sums of the other files")
    return CheckpointFiles(folder, progress, cast("dict[str, str]", sums))


def saved_model(folder: Path) -> CheckpointFiles | None:
    """Return the weights of a model that was saved for use; None for any other folder.

    Raises:
        RunError: its facts are damaged.
    """
    if (folder / CHECKPOINTS).exists() or not (folder / RUN).is_file():
        return None
    facts = read_facts(folder)
    progress, sums = facts.get("progress"), facts.get("sha256")
    if not isinstance(progress, dict) or not isinstance(sums, dict):
        return None
    return CheckpointFiles(folder, cast("dict[str, Any]", progress), cast("dict[str, str]", sums))


def read_index(checkpoints: Path) -> dict[str, str]:
    """Return the names of the newest checkpoint, ``last``, and of the ``best`` one.

    Raises:
        CheckpointError: there is none yet, or the index is damaged.
    """
    path = checkpoints / INDEX
    if not path.is_file():
        raise CheckpointError(
            f"there is no checkpoint in {checkpoints}: the run stopped before its first step\n"
            "mend: start it again with --force"
        )
    index = _read_json(path)
    if not all(isinstance(name, str) for name in (index.get("last"), index.get("best", ""))):
        raise damaged_checkpoint(path, "it names no checkpoint")
    return index


def damaged_checkpoint(path: Path, reason: str) -> CheckpointError:
    """Return the error of a file of a checkpoint that is not what was written."""
    return CheckpointError(
        f"the checkpoint is damaged: {path}: {reason}\n"
        "mend: put back a copy of the run folder, write with the other checkpoint "
        "(`ostinato generate`, --checkpoint best or last), or train again"
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise damaged_checkpoint(path, "the file is missing") from error
    except ValueError as error:
        raise damaged_checkpoint(path, "it is not JSON") from error
    if not isinstance(content, dict):
        raise damaged_checkpoint(path, "it is not what was written")
    return cast("dict[str, Any]", content)


def free_folder(path: Path, *, force: bool = False) -> Path:
    """Return ``path``, or with a number where it is taken: no run is in the way of the next.

    Args:
        path: where the run would go.
        force: take it as it is, to replace what is there.
    """
    if force or not path.exists():
        return path
    number = 2
    while (numbered := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return numbered
