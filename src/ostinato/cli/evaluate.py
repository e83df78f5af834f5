"""``ostinato evaluate``."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ostinato.data.wording import counted

if TYPE_CHECKING:
    from ostinato.training.evaluation import Report, Score
    from ostinato.training.example_data import PartName
    from ostinato.training.run_files import Which

_WIDTH_OF_PIPES = 140


def evaluate_command(
    run: Path,
    data: Path | None,
    changes: Sequence[str],
    *,
    part: PartName,
    json_path: Path | None,
    checkpoint: Which,
) -> None:
    """Print the scores of a run, with those of naive predictors below."""
    from ostinato.core.files import replace_file, writing
    from ostinato.training.evaluation import evaluate_run

    report = evaluate_run(run, data, part, checkpoint, changes)
    show_report(report)
    if json_path is not None:
        text = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
        with writing(json_path):
            replace_file(json_path, f"{text}\n".encode())


def show_report(report: Report) -> None:
    """Print a table: a predictor a row, a score with its interval a column."""
    from ostinato.training.metrics.intervals import NUM_RESAMPLES

    console = wide_console()
    names = list(next(iter(report.scores.values())))
    names.sort(key=lambda name: name != report.metric)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("predictor", no_wrap=True)
    for name in names:
        table.add_column(words(name), justify="right", no_wrap=True)
    for predictor, scores in report.scores.items():
        table.add_row(predictor, *(shown(scores.get(name)) for name in names))
    console.print(f"{report.part}: {counted(report.num_examples, report.item)}")
    console.print(table)
    better = "higher" if report.higher_is_better else "lower"
    console.print(
        f"{words(report.metric)} chose the weights ({better} is better); in brackets, 95 % of "
        f"{NUM_RESAMPLES:,} bootstrap samples of the {report.item}s"
    )
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)


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
