"""``ostinato reproduce``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ostinato.cli.train import resume_command, train_command
from ostinato.core.errors import OptionError
from ostinato.core.files import replace_file, writing
from ostinato.training.errors import RunError
from ostinato.training.recipe_files import load_recipe
from ostinato.training.results import GOALS, Row, find_goal, table_lines, update_table

_RESULT = "result.json"


def reproduce_command(
    names: Sequence[str], folder: Path, table: Path | None, *, every: bool, force: bool
) -> int:
    """Train recipes, score each once on its test part, and print their rows.

    A run that is there already is not trained again, and one that has its result is not scored
    again: the test part is used once.

    Args:
        names: of recipes.
        folder: where the run folders go.
        table: a document whose table gets the rows.
        every: all recipes that have a row.
        force: train again where a run is there.

    Returns:
        The exit code; that of a training run that was stopped.
    """
    if every == bool(names):
        raise OptionError(
            f"got {len(names)} names{' and --all' if every else ''}, expected names or --all\n"
            f"mend: ostinato reproduce NAME, with NAME one of: {', '.join(GOALS)}"
        )
    chosen = list(GOALS) if every else list(names)
    for name in chosen:
        find_goal(name)
    if table is not None:
        update_table(table, [])
    rows: list[Row] = []
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for name in chosen:
        runs = _folds(name, folder)
        for run, changes in runs.items():
            code = _train(name, changes, run, force=force)
            if code:
                return code
        result = [*runs][-1] / _RESULT
        if not result.is_file():
            _score(name, [*runs], result)
        rows.append(_read(result))
        if table is not None:
            update_table(table, rows)
    for line in table_lines(rows):
        console.print(line)
    return 0


def _folds(name: str, folder: Path) -> dict[Path, Sequence[str]]:
    """Return the run folders of a recipe, and how each changes it."""
    folds = find_goal(name).folds
    if len(folds) == 1:
        return {folder / name: folds[0]}
    return {folder / f"{name}-{place}": changes for place, changes in enumerate(folds, start=1)}


def _train(name: str, changes: Sequence[str], run: Path, *, force: bool) -> int:
    """See to it that there is a finished run of the recipe as it is now; return the exit code."""
    from ostinato.training.run import RunFolder

    if force or not run.is_dir():
        code = train_command(name, changes, run, force=force, processes=None)
    else:
        if RunFolder.open(run).recipe() != load_recipe(name, changes):
            raise RunError(
                f"{run} is a run of another recipe, or of {name} as it was before\n"
                "mend: train it anew with --force, or choose another folder with --runs"
            )
        code = 0 if _is_finished(run) else resume_command(run, None)
    if not code and not _is_finished(run):
        raise RunError(
            f"the run {run} did not come to its end\n"
            f"mend: go on with it on a quieter machine: ostinato reproduce {name}"
        )
    return code


def _is_finished(run: Path) -> bool:
    from ostinato.training.run import RunFolder

    progress = RunFolder.open(run).checkpoints.load("last", with_training=False).progress
    return bool(progress["finished"])


def _read(path: Path) -> Row:
    try:
        return Row.from_json(json.loads(path.read_bytes()))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: {error}\nmend: remove it; the run is then scored again"
        ) from error


def _score(name: str, runs: Sequence[Path], result: Path) -> None:
    """Score the runs of a recipe on their test parts, and keep its row."""
    from ostinato.training.evaluation import evaluate_runs
    from ostinato.training.run import RunFolder

    report = evaluate_runs(runs)
    folders = [RunFolder.open(run) for run in runs]
    done = [folder.checkpoints.load("last", with_training=False) for folder in folders]
    best = folders[-1].checkpoints.load("best", with_training=False)
    row = Row.of(
        name,
        report,
        seed=folders[-1].recipe().seed,
        seconds=sum(float(checkpoint.progress["seconds"]) for checkpoint in done),
        num_parameters=sum(tensor.numel() for tensor in best.model.values()),
    )
    text = json.dumps(row.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    with writing(result.parent):
        replace_file(result, f"{text}\n".encode())
