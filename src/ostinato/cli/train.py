"""``ostinato train``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console

from ostinato.cli.display import Display, PlainDisplay, ProgressDisplay
from ostinato.cli.unrolled import UnrolledDisplay, show_unrolled
from ostinato.core.errors import OptionError, OstinatoError
from ostinato.training.events import Finished, Observer
from ostinato.training.interrupt import Stopped, StopRequest, stop_on_signals
from ostinato.training.kinds import kind_of
from ostinato.training.launch import is_launched, is_main_process, launch
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_files import load_recipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.run_files import free_folder, read_facts


def train_command(
    name: str, overrides: Sequence[str], folder: Path | None, *, force: bool, processes: int | None
) -> int:
    """Train by a recipe; return the exit code."""

    def work() -> int:
        recipe = load_recipe(name, overrides)
        path = folder or free_folder(Path("runs") / Path(name).stem, force=force)
        return _in_processes(processes or 1, _train, recipe, path, force)

    return _said_once(work, processes)


def resume_command(path: Path, processes: int | None) -> int:
    """Go on with a run, in as many processes as it began with; return the exit code."""

    def work() -> int:
        from ostinato.training.run import RunFolder

        recipe = RunFolder.open(path).recipe()
        began = read_facts(path, "plan")["plan"].get("processes", 1)
        return _in_processes(processes or began, _resume, recipe, path)

    return _said_once(work, processes)


def _said_once(work: Callable[[], int], processes: int | None) -> int:
    """Let the main process say what went wrong, where all of them find the same."""
    if is_launched() and processes is not None:
        raise OptionError(
            "--processes starts processes, but this one was started with others already\n"
            "mend: leave it out"
        )
    try:
        return work()
    except OstinatoError:
        if is_main_process():
            raise
        return 2


def _in_processes(processes: int, work: Callable[..., int], *arguments: Any) -> int:
    if is_launched() or processes == 1:
        return work(*arguments)
    sys.stdout.flush()
    return launch(work, arguments, processes)


def _train(recipe: Recipe, path: Path, force: bool) -> int:
    def work(observe: Observer, stop: StopRequest) -> Finished:
        from ostinato.training.session import train

        return train(recipe, path, force=force, observe=observe, stop=stop)

    return _watch(recipe, work)


def _resume(recipe: Recipe, path: Path) -> int:
    def work(observe: Observer, stop: StopRequest) -> Finished:
        from ostinato.training.session import resume

        return resume(path, observe=observe, stop=stop)

    return _watch(recipe, work)


def _watch(recipe: Recipe, work: Callable[[Observer, StopRequest], Finished]) -> int:
    console = Console(
        highlight=False, markup=False, emoji=False, soft_wrap=True, quiet=not is_main_process()
    )
    text = recipe.data.text if isinstance(recipe, LanguageModelRecipe) else None
    unrolled = isinstance(recipe, LanguageModelRecipe) and recipe.show == "unrolled"
    display: AbstractContextManager[Display]
    if unrolled:
        display = UnrolledDisplay(console)
    elif console.is_terminal and is_main_process():
        display = ProgressDisplay(console)
    else:
        display = PlainDisplay(console)
    with stop_on_signals() as stop:
        try:
            with display as screen:
                finished = work(screen.observe, stop)
        except Stopped as stopped:
            console.print("stopped before the first step: nothing was trained, nothing is lost")
            return 128 + stopped.signal
        finally:
            _leave()
    run = shlex.quote(str(finished.folder))
    if finished.reason == "interrupted":
        console.print(f"everything is kept; go on with: ostinato train --resume {run}")
        return 128 + (stop.signal or 0)
    if finished.reason == "out of time":
        console.print(
            "the machine became slower than it was when the steps were planned; everything is "
            f"kept; go on with: ostinato train --resume {run}"
        )
    if not is_main_process():
        return 0
    if unrolled:
        show_unrolled(console, finished.folder, text or "")
    if hint := kind_of(recipe).hint(recipe, run):
        console.print(hint)
    return 0


def _leave() -> None:
    """Part from the other processes, if there are any."""
    if is_launched():
        from torch import distributed

        if distributed.is_initialized():
            distributed.destroy_process_group()
