"""``ostinato evaluate``."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ostinato.core.errors import OptionError
from ostinato.data.wording import counted, plural

if TYPE_CHECKING:
    from ostinato.training.evaluation import Report, Score
    from ostinato.training.example_data import PartName
    from ostinato.training.run_files import Which

_WIDTH_OF_PIPES = 140
_ENDLESS = 10_000


def evaluate_command(
    run: Path,
    data: Path | None,
    changes: Sequence[str],
    *,
    part: PartName,
    json_path: Path | None,
    checkpoint: Which,
    figure: Path | None = None,
) -> None:
    """Print the scores of a run, with those of naive predictors below.

    Args:
        run: the run folder.
        data: a file; None for a part of the run's own data.
        changes: ``data.key=value`` and, of a run that writes, ``decoding.key=value``.
        part: of the run's own data.
        json_path: where every number goes; None for nowhere.
        checkpoint: which weights.
        figure: where the exposure gap of a run that writes goes; None for nowhere.
    """
    from ostinato.core.files import replace_file, writing
    from ostinato.training.evaluation import evaluate_run

    if figure is not None:
        _check_figure(run, figure)
    report = evaluate_run(run, data, part, checkpoint, changes)
    show_report(report)
    if json_path is not None:
        text = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
        with writing(json_path):
            replace_file(json_path, f"{text}\n".encode())

    if figure is not None:
        _draw(run, data, part, figure)


def _check_figure(run: Path, figure: Path) -> None:
    """Refuse a figure that cannot be drawn before anything is scored.

    Raises:
        OptionError: the run does not write.
    """
    from ostinato.lens.figures.writing import check_figure
    from ostinato.training.run import RunFolder

    recipe = RunFolder.open(run).recipe()
    if type(recipe).__name__ != "WritingRecipe":
        raise OptionError(
            f"--figure draws what a run loses that reads what it writes, but {run} learned "
            f"{recipe.task}\nmend: leave --figure out; `ostinato lens {run}` looks into it"
        )
    check_figure(figure, "--figure")


def _draw(run: Path, data: Path | None, part: PartName, figure: Path) -> None:
    from ostinato import lens

    lens.write_figure(lens.exposure_gap(run, part, data).figure(), figure)
    print(f"drawn: {figure}", file=sys.stderr)


def show_report(report: Report) -> None:
    """Print a table: a predictor a row, a score with its interval a column."""
    from ostinato.training.metrics.intervals import NUM_RESAMPLES

    console = wide_console()
    names = list(next(iter(report.scores.values())))
    names.sort(key=lambda name: name != report.metric)
    console.print(f"{report.part}: {counted(report.num_examples, report.item)}")
    for table in _tables(report, names, console):
        console.print(table)
    for remark in report.remarks:
        console.print(remark, soft_wrap=True)
    better = "higher" if report.higher_is_better else "lower"
    console.print(
        f"{words(report.metric)} chose the weights ({better} is better); in brackets, 95 % of "
        f"{NUM_RESAMPLES:,} bootstrap samples of the {plural(report.item)}"
    )
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)


def _tables(report: Report, names: Sequence[str], console: Console) -> Iterator[Table]:
    """Yield tables of as many scores each as there is room for, one at least."""
    endless = console.options.update(max_width=_ENDLESS)
    while names:
        number = len(names)
        while number > 1:
            needed = console.measure(_table(report, names[:number]), options=endless).maximum
            if needed <= console.width:
                break
            number -= 1
        yield _table(report, names[:number])
        names = names[number:]


def _table(report: Report, names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("predictor", no_wrap=True)
    for name in names:
        table.add_column(words(name), justify="right", no_wrap=True)
    for predictor, scores in report.scores.items():
        if any(name in scores for name in names):
            table.add_row(predictor, *(shown(scores.get(name)) for name in names))
    return table


def wide_console() -> Console:
    """Return a console that cuts no row of a table where it writes into a pipe."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_PIPES
    return console


def shown(score: Score | None) -> str:
    """Return a score with its interval."""
    if score is None:
        return "–"
    if math.isnan(score.value):
        return "–"
    if math.isnan(score.low):
        return number(score.value)
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]"


def number(value: float) -> str:
    """Return a number with as many digits as tell something."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.4g}"


def words(name: str) -> str:
    """Return the name of a score in words."""
    return name.replace("_", " ")
