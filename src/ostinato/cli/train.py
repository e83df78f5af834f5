"""``ostinato train``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console

from ostinato.cli.display import Display, PlainDisplay, ProgressDisplay
from ostinato.cli.unrolled import UnrolledDisplay, show_unrolled
from ostinato.training.events import Finished, Observer
from ostinato.training.interrupt import Stopped, StopRequest, stop_on_signals
from ostinato.training.recipe import Recipe
from ostinato.training.recipe_files import load_recipe


def train_command(name: str, overrides: list[str], folder: Path | None, *, force: bool) -> int:
    """Train by a recipe; return the exit code."""
    recipe = load_recipe(name, overrides)
    path = folder or _free_folder(Path("runs") / Path(name).stem, force=force)

    def work(observe: Observer, stop: StopRequest) -> Finished:
        from ostinato.training.session import train

        return train(recipe, path, force=force, observe=observe, stop=stop)

    return _watch(recipe, work)


def resume_command(path: Path) -> int:
    """Go on with a run; return the exit code."""
    from ostinato.training.run import RunFolder

    def work(observe: Observer, stop: StopRequest) -> Finished:
        from ostinato.training.session import resume

        return resume(path, observe=observe, stop=stop)

    return _watch(RunFolder.open(path).recipe(), work)


def _watch(recipe: Recipe, work: Callable[[Observer, StopRequest], Finished]) -> int:
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    unrolled = recipe.show == "unrolled"
    display: AbstractContextManager[Display]
    if unrolled:
        display = UnrolledDisplay(console)
    elif console.is_terminal:
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
    run = shlex.quote(str(finished.folder))
    if finished.reason == "interrupted":
        console.print(f"everything is kept; go on with: ostinato train --resume {run}")
        return 128 + (stop.signal or 0)
    if finished.reason == "out of time":
        console.print(
            "the machine became slower than it was when the steps were planned; everything is "
            f"kept; go on with: ostinato train --resume {run}"
        )
    if unrolled:
        show_unrolled(console, finished.folder, recipe.data.text or "")
    console.print(f"let it write with: ostinato generate {run}{_prompt_hint(recipe)}")
    return 0


def _prompt_hint(recipe: Recipe) -> str:
    prompt = recipe.sample.prompt
    return f" --prompt {shlex.quote(prompt)}" if prompt else ""


def _free_folder(path: Path, *, force: bool) -> Path:
    """Return ``path``, or with a number where it is taken: no run is in the way of the next."""
    if force or not path.exists():
        return path
    number = 2
    while (numbered := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return numbered
