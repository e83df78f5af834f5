"""The folder of one run: what is in it, and who may write there."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ostinato.core.errors import did_you_mean
from ostinato.training.checkpoint import CheckpointStore
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.files import replace_file, writing
from ostinato.training.recipe_files import dump_recipe, parse_recipe, validate
from ostinato.training.recipe_parts import Recipe
from ostinato.training.run_files import (
    CHECKPOINTS,
    RECIPE,
    RUN,
    damaged_run,
    read_facts,
    saved_model,
)

_LOCK = "lock"


@dataclass(frozen=True)
class Plan:
    """What was decided at the start and holds for every sitting of the run.

    Attributes:
        max_steps: where the schedule ends.
        evaluate_every: steps between evaluations.
        warmup_steps: steps over which the learning rate rises.
        threads: of torch, because sums depend on how they are split.
        processes: that train together, for the same reason.
    """

    max_steps: int
    evaluate_every: int
    warmup_steps: int
    threads: int
    processes: int = 1


class RunFolder:
    """A run on disk.

    ```
    recipe.yaml       the resolved recipe
    run.json          the plan, the vocabulary, the fingerprint of the data, baselines, versions
    metrics.jsonl     one line a record;  tensorboard/  the same as events
    checkpoints/      see ``checkpoint``
    ```
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = CheckpointStore(path / CHECKPOINTS)

    @classmethod
    @contextmanager
    def create(cls, path: Path, recipe: Recipe, *, force: bool = False) -> Generator[RunFolder]:
        """Take a folder for a new run, and keep it locked.

        Whatever leaves before ``begin`` leaves everything as it was: what was made is removed
        again, and a run that is to be replaced is still there.

        Args:
            path: the folder; empty or new.
            recipe: the resolved recipe.
            force: replace a run that is there. Other folders are never removed.

        Raises:
            RunError: the folder is taken.
            StorageError: it cannot be made.
        """
        folder = cls(path)
        with writing(path):
            is_taken = path.is_dir() and any(path.iterdir())
            made = [new for new in (path, *path.parents) if not new.exists()]
        if is_taken:
            cls._refuse_taken(path, force=force)
        try:
            with writing(path):
                path.mkdir(parents=True, exist_ok=True)
            with folder.locked():
                try:
                    if not is_taken:
                        replace_file(path / RECIPE, dump_recipe(recipe).encode())
                    yield folder
                finally:
                    if not (is_taken or (path / RUN).exists()):
                        (path / RECIPE).unlink(missing_ok=True)
                        (path / _LOCK).unlink(missing_ok=True)
        finally:
            for new in made:
                # A folder that holds something refuses.
                with suppress(OSError):
                    new.rmdir()

    def begin(self, recipe: Recipe, plan: Plan, facts: dict[str, Any]) -> None:
        """Write down what the run is; the run that it replaces, if any, ends here.

        Raises:
            StorageError: something could not be written, or removed.
        """
        with writing(self.path):
            # Without its plan, a run that is removed in part is not taken for one that goes on.
            (self.path / RUN).unlink(missing_ok=True)
            for entry in self.path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry.name not in (RECIPE, _LOCK):
                    entry.unlink()
        replace_file(self.path / RECIPE, dump_recipe(recipe).encode())
        content = {"format": 1, "plan": asdict(plan), **facts}
        text = json.dumps(content, ensure_ascii=False, indent=1)
        replace_file(self.path / RUN, f"{text}\n".encode("utf-8", "surrogatepass"))

    @staticmethod
    def _refuse_taken(path: Path, *, force: bool) -> None:
        is_run = (path / RECIPE).is_file()
        if not is_run:
            raise RunError(
                f"the folder {path} holds something else than a run\n"
                "mend: choose another folder with --run DIR"
            )
        if not force:
            raise RunError(
                f"the run folder {path} exists\n"
                f"mend: go on with `ostinato train --resume {path}`, choose another folder with "
                "--run DIR, or replace it with --force"
            )

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run.

        Raises:
            RunError: there is no run in ``path``.
        """
        if (path / RECIPE).is_file():
            return cls(path)
        if not path.is_dir():
            near = _runs_in(path.parent)
            hint = did_you_mean(str(path), [str(run) for run in near])
            raise RunError(f"no such run: {path}{hint}\nmend: {_name_some(near)}")
        raise RunError(
            f"{path} is not a run: it has no {RECIPE}\nmend: {_name_some(_runs_in(path))}"
        )

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep other processes from training into this folder; a kill releases it.

        Raises:
            RunError: another process trains into it now.
        """
        if sys.platform == "win32":
            yield
            return
        import fcntl

        with writing(self.path):
            file = (self.path / _LOCK).open("w")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"another process is training the run {self.path} now\n"
                    "mend: wait until it ends, or stop it"
                ) from error
            yield

    def recipe(self) -> Recipe:
        """Read the resolved recipe.

        Raises:
            RunError: it is damaged.
        """
        path = self.path / RECIPE
        try:
            return validate(parse_recipe(path.read_text("utf-8"), str(path)), str(path))
        except UnicodeDecodeError as error:
            raise damaged_run(path, "it is not UTF-8") from error
        except RecipeError as error:
            reason = str(error).partition("\nmend: ")[0].removeprefix(f"recipe {path}")
            raise damaged_run(path, reason.lstrip(": ")) from error

    def facts(self, *keys: str) -> dict[str, Any]:
        """Read ``run.json``, which must have ``keys``.

        Raises:
            RunError: the file is missing or damaged.
        """
        return read_facts(self.path, *keys)

    def plan(self) -> Plan:
        """Read the plan.

        Raises:
            RunError: the file is damaged, or holds a model that was saved for use.
        """
        if saved_model(self.path) is not None:
            raise RunError(
                f"{self.path} holds a model that was saved for use: it cannot go on learning\n"
                "mend: go on with the run that it was saved from"
            )
        try:
            return Plan(**self.facts("plan")["plan"])
        except TypeError as error:
            raise damaged_run(self.path / RUN, "it holds no plan") from error


def _runs_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if (entry / RECIPE).is_file())


def _name_some(runs: list[Path]) -> str:
    if not runs:
        return "give a folder that `ostinato train` made"
    return f"give a run, such as {', '.join(map(str, runs[:3]))}"
