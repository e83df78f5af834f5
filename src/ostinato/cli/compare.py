"""``ostinato compare``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from ostinato.cli.display import clock
from ostinato.cli.evaluate import number, shown, wide_console, words
from ostinato.data.wording import counted

if TYPE_CHECKING:
    from ostinato.training.example_data import PartName
    from ostinato.training.metrics.intervals import Difference


def compare_command(runs: list[Path], *, part: PartName) -> None:
    """Print the deciding score of each run, and how each differs from the first."""
    from ostinato.training.evaluation import compare_runs
    from ostinato.training.metrics.intervals import NUM_RESAMPLES

    found = compare_runs(runs, part)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", no_wrap=True)
    for name in (words(found.metric), "less the first", "sign flips", "parameters", "trained"):
        table.add_column(name, justify="right", no_wrap=True)
    differences = [None, *found.differences]
    rows = zip(runs, found.scores, differences, found.num_parameters, found.seconds, strict=True)
    for run, score, difference, parameters, seconds in rows:
        table.add_row(
            str(run),
            shown(score),
            *_difference(difference),
            f"{parameters:,}",
            clock(seconds),
        )
    console = wide_console()
    console.print(f"{found.part}: {counted(found.num_examples, found.item)}")
    console.print(table)
    better = "higher" if found.higher_is_better else "lower"
    console.print(
        f"{better} is better; in brackets, 95 % of {NUM_RESAMPLES:,} bootstrap samples, the same "
        "for both runs of a difference; sign flips: share of them in which the difference is gone "
        "or reversed"
    )
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)


def _difference(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return "", ""
    ends = f"[{number(difference.low)}, {number(difference.high)}]"
    return f"{difference.value:+.4f} {ends}", f"{difference.flips:.1%}"
