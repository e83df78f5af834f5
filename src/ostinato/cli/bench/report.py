"""Tables, notes and JSON of what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import geometric_mean
from typing import Final

from rich.console import Console
from rich.table import Table

from ostinato import cells
from ostinato.cli.bench.measure import Measurement, Timing
from ostinato.cli.bench.rows import MODES, Mode

_LEGEND: Final = (
    "medians of interleaved turns; rival / ours: above 1, ours is faster; GFLOP/s: of our matrix "
    "products alone"
)
_TRAINING: Final = "training: forward, the sum of the output, backward to input and weights"
_CALM: Final = 0.3
"""The spread of turns, from the first quartile to the third, by their median."""


@dataclass(frozen=True)
class Report:
    """A run of the command.

    Attributes:
        command: what measures the same again.
        machine: see ``describe_machine``.
        peak: what was multiplied for the peak.
        peak_gflop_per_second: the machine's matrix products at their best.
        rivals: names, in the order of columns and colours.
        measurements: in the order of cells and rows.
        notes: what else is to be known.
        is_complete: it was not interrupted.
    """

    command: str
    machine: dict[str, str | int]
    peak: str
    peak_gflop_per_second: float
    rivals: Sequence[str]
    measurements: Sequence[Measurement]
    notes: Sequence[str]
    is_complete: bool

    @property
    def cells(self) -> list[str]:
        """The cells that were measured."""
        return list(dict.fromkeys(m.cell for m in self.measurements))

    def of(self, cell: str, mode: Mode) -> list[Measurement]:
        """Return the measurements of a cell in a mode."""
        return [m for m in self.measurements if (m.cell, m.mode) == (cell, mode)]


def means(measurements: Iterable[Measurement]) -> dict[str, float]:
    """Return each rival's geometric mean of its ratios."""
    ratios: dict[str, list[float]] = {}
    for measurement in measurements:
        for name, ratio in measurement.ratios.items():
            ratios.setdefault(name, []).append(ratio)
    return {name: geometric_mean(values) for name, values in ratios.items()}


def show(report: Report, console: Console) -> None:
    """Print the machine, a table a cell, and the notes."""
    words = {**report.machine, "cores": _counted(report, "core")}
    words["threads"] = _counted(report, "thread")
    plain = {"cpu", "cores", "threads", "instruction_set"}
    parts = [f"{word}" if name in plain else f"{name} {word}" for name, word in words.items()]
    console.print(", ".join(parts), soft_wrap=True)
    console.print(
        f"matrix product of {report.peak}: {rounded(report.peak_gflop_per_second)} GFLOP/s, "
        "the best seen between the rows",
        soft_wrap=True,
    )
    console.print(f"$ {report.command}", soft_wrap=True)
    for cell in report.cells:
        console.print()
        console.print(table(report, cell))
    console.print()
    for note in (_LEGEND, *_remarks(report.measurements), *report.notes):
        console.print(note, soft_wrap=True)


def _counted(report: Report, noun: str) -> str:
    number = report.machine[f"{noun}s"]
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def table(report: Report, cell: str) -> Table:
    """Return the rows of a cell, inference first, each mode with its geometric means."""
    met = {n for m in report.measurements if m.cell == cell for n in (*m.rivals, *m.refusals)}
    names = [name for name in report.rivals if name in met]
    table = Table(
        title=f"{cell}: {cells.entry(cell).title}",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    table.add_column("", no_wrap=True)
    headers = ["B", "I = H", "T", "ours, ms", "GFLOP/s", "of peak"]
    for header in (*headers, *(f"{name} / ours" for name in names)):
        table.add_column(header, justify="right", no_wrap=True)
    for mode in MODES:
        chosen = report.of(cell, mode)
        for m in chosen:
            table.add_row(
                mode,
                str(m.row.batch_size),
                str(m.row.size),
                m.row.steps,
                rounded(m.ours.median_ms),
                rounded(m.gflop_per_second),
                f"{m.gflop_per_second / report.peak_gflop_per_second:.1%}",
                *(rounded(m.ratios[name]) if name in m.ratios else "–" for name in names),
            )
        mean = means(chosen)
        if mean:
            columns = (rounded(mean[name]) if name in mean else "–" for name in names)
            blank = [""] * len(headers)
            table.add_row("geometric mean", *blank, *columns, style="bold", end_section=True)
    return table


def rounded(value: float) -> str:
    """Write a positive number with three digits, or all of those before the point."""
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{decimals}f}"


def _remarks(measurements: Sequence[Measurement]) -> list[str]:
    """Say what a dash stands for, how far times can be trusted, and how rivals ran."""
    remarks = dict.fromkeys(
        f"–: {name} {reason}" for m in measurements for name, reason in m.refusals.items()
    )
    if any(m.mode == "training" for m in measurements):
        remarks[_TRAINING] = None
    scattered = [m for m in measurements if max(map(_spread, (m.ours, *m.rivals.values()))) > _CALM]
    if scattered:
        share = f"{len(scattered)} of {len(measurements)} rows"
        remarks[
            f"{share}: the middle half of some turns lies more than {_CALM:.0%} apart; others used "
            "the machine, measure again"
        ] = None
    ways: dict[str, dict[str, int]] = {}
    for m in measurements:
        for name, how in m.how.items():
            counts = ways.setdefault(name, {})
            counts[how] = counts.get(how, 0) + 1
    ran = [
        f"{name} ran by the faster of its ways: "
        + "; ".join(f"{how}, {count} of {sum(counts.values())}" for how, count in counts.items())
        for name, counts in ways.items()
    ]
    return [*remarks, *ran]


def _spread(timing: Timing) -> float:
    low, high = timing.quartiles_ms
    return (high - low) / timing.median_ms


def as_json(report: Report) -> dict[str, object]:
    """Return everything that was measured, for ``json.dumps``."""
    return {
        "command": report.command,
        "machine": report.machine,
        "peak": {"of": report.peak, "gflop_per_second": report.peak_gflop_per_second},
        "is_complete": report.is_complete,
        "notes": list(report.notes),
        "measurements": [_measurement(m, report) for m in report.measurements],
        "geometric_means": {
            cell: {mode: means(report.of(cell, mode)) for mode in MODES} for cell in report.cells
        },
    }


def _measurement(m: Measurement, report: Report) -> dict[str, object]:
    def of_rival(name: str, timing: Timing) -> dict[str, object]:
        how = {"how": m.how[name]} if name in m.how else {}
        return {**asdict(timing), "ratio": m.ratios[name], **how}

    return {
        "cell": m.cell,
        **asdict(m.row),
        "mode": m.mode,
        "gflop": m.gflop,
        "gflop_per_second": m.gflop_per_second,
        "fraction_of_peak": m.gflop_per_second / report.peak_gflop_per_second,
        "ours": asdict(m.ours),
        "rivals": {name: of_rival(name, timing) for name, timing in m.rivals.items()},
        "refusals": dict(m.refusals),
    }
