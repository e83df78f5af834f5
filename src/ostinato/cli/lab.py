"""``ostinato lab``: how long cells remember, measured."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ostinato.core.errors import OptionError
from ostinato.data.sets.made import find_problem
from ostinato.lens.figures.writing import check_figure, write_figure
from ostinato.lens.laboratory import (
    Trial,
    find_bench,
    label_of,
    recipe_of_trial,
    run_laboratory,
)
from ostinato.training.interrupt import Stopped, stop_on_signals

_CELL_WIDTH = 24


def lab_command(
    problem: str,
    *,
    cells: str,
    lengths: str,
    num_seeds: int,
    budget: int | None,
    figure: Path | None,
    changes: Sequence[str],
) -> int:
    """Try cells at lengths, print a line for each network, and draw the figure.

    Args:
        problem: adding, copy or latch.
        cells: names with commas between, or equations.
        lengths: ``T`` each, with commas between.
        num_seeds: networks for each cell and length.
        budget: optimizer steps of each; None for the usual.
        figure: where it goes, HTML or a picture by its suffix; None for none.
        changes: of the recipe, ``key.path=value`` each.

    Returns:
        The exit code.
    """
    bench, title = find_bench(problem), find_problem(problem).title
    names, steps = _cells(cells), _lengths(lengths)
    if figure is not None:
        check_figure(figure, "--html")
    _check_recipes(problem, names, steps, budget, changes)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    console.print(f"{problem}: {title}")
    console.print(
        f"right: share of {bench.right}; {bench.chance:.3f} without memory, solved from "
        f"{bench.solved:g} on; the recipe is `{bench.recipe}`"
    )
    console.print(f"{'cell':<{_CELL_WIDTH}}{'T':>9}{'seed':>6}{'right':>8}  steps to solve")
    began = time.perf_counter()
    with stop_on_signals() as stop:
        try:
            found = run_laboratory(
                problem,
                names,
                steps,
                num_seeds=num_seeds,
                budget=budget,
                changes=changes,
                observe=lambda trial: console.print(_line(trial)),
                stop=stop,
            )
        except Stopped as stopped:
            return 128 + stopped.signal
    console.print()
    for line in found.table():
        console.print(line)
    console.print(f"\n{len(found.trials)} networks in {time.perf_counter() - began:.0f} s")
    if figure is not None:
        console.print(f"figure: {write_figure(found.figure(), figure)}")
    else:
        again = f"ostinato lab {problem} --cells {shlex.quote(cells)} --steps {lengths}"
        console.print(f"as a figure: {again} --html FILE.html")
    sys.stdout.flush()
    return 0


def _line(trial: Trial) -> str:
    label = label_of(trial.cell)
    shown = label if len(label) < _CELL_WIDTH else f"{label[: _CELL_WIDTH - 2]}…"
    if trial.is_lost:
        how = f"lost at {trial.num_steps:,}: the loss is no number"
    elif trial.solved_at is None:
        how = f"not in {trial.num_steps:,}"
    else:
        how = f"{trial.solved_at:,}"
    return (
        f"{shown:<{_CELL_WIDTH}}{trial.steps:>9,}{trial.seed:>6}{trial.right:>8.3f}  "
        f"{how} ({trial.seconds:.0f} s)"
    )


def _cells(text: str) -> list[str]:
    """Return names, which have commas between; what has an equals sign is one cell's equations."""
    if "=" in text:
        return [text]
    return [name.strip() for name in text.split(",") if name.strip()]


def _lengths(text: str) -> list[int]:
    """Return the lengths.

    Raises:
        OptionError: one is no whole number above 0.
    """
    found: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if not part.isdecimal() or not int(part):
            raise OptionError(
                f"--steps: got {part!r}, expected whole numbers above 0 with commas between\n"
                "mend: --steps 10,30,100"
            )
        found.append(int(part))
    return found


def _check_recipes(
    problem: str,
    cells: Sequence[str],
    lengths: Sequence[int],
    budget: int | None,
    changes: Sequence[str],
) -> None:
    """Refuse what cannot be tried before the head of a table is printed.

    Raises:
        OstinatoError: there is no such cell or length, none at all, or a change is none.
    """
    for given, option, mend in ((cells, "--cells", "elman,lstm"), (lengths, "--steps", "10,100")):
        if not given:
            raise OptionError(f"{option}: nothing to try\nmend: {option} {mend}")
    for cell in dict.fromkeys(cells):
        for steps in sorted(set(lengths)):
            recipe_of_trial(problem, cell, steps, 0, budget, *changes)
