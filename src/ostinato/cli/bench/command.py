"""``ostinato bench``: what the options mean, the run, and where its results go."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from rich.console import Console

from ostinato import cells
from ostinato.cli.bench.contest import make_problem
from ostinato.cli.bench.figure import svg
from ostinato.cli.bench.machine import describe_machine
from ostinato.cli.bench.measure import Effort, Measurement, Peak, Side, measure
from ostinato.cli.bench.report import Report, as_json, show
from ostinato.cli.bench.rivals import RIVALS, check_installed, default_rivals, missing_package
from ostinato.cli.bench.rows import CELLS, Grid, Mode, Row, rows_of
from ostinato.core.errors import OptionError, StorageError, UnknownNameError
from ostinato.engines.dispatch import check_engine

EFFORT: Final = Effort()
_ALL: Final = "all"
_WIDTH_OF_PIPES: Final = 140


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        cells: names.
        rivals: the rivals of each cell.
        against: ``--against`` as it was given.
        grid: the rows.
        engine: ours.
        side: what of ours runs; the runtime meets inference alone.
        dtype: of weights and inputs.
        num_threads: of everyone.
        notes: what was left out.
    """

    cells: tuple[str, ...]
    rivals: dict[str, tuple[str, ...]]
    against: str | None
    grid: Grid
    engine: str
    side: Side
    dtype: Literal["float32", "float64"]
    num_threads: int
    notes: tuple[str, ...]

    @property
    def all_rivals(self) -> tuple[str, ...]:
        """Every rival that some cell meets."""
        return tuple(dict.fromkeys(name for names in self.rivals.values() for name in names))

    @property
    def command(self) -> str:
        """The command with its defaults written out."""
        against = f"--against {self.against} " if self.against else ""
        return (
            f"ostinato bench {against}--cells {','.join(self.cells)} --grid {self.grid} "
            f"--threads {self.num_threads} --dtype {self.dtype} --engine {self.engine}"
            + (f" --ours {self.side}" if self.side != "layer" else "")
        )


def bench_command(
    against: str | None,
    cell_names: str | None,
    *,
    grid: Grid,
    json_path: Path | None,
    figure_path: Path | None,
    num_threads: int | None,
    dtype: Literal["float32", "float64"],
    engine: str,
    side: Side,
) -> int:
    """Measure, print, write; return the exit code."""
    plan = make_plan(against, cell_names, grid, num_threads, dtype, engine, side)
    _check_files(json_path, figure_path)
    report = run(plan, _announcer())
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_PIPES
    show(report, console)
    if json_path is not None:
        _write("--json", json_path, json.dumps(as_json(report), indent=2) + "\n")
    if figure_path is not None:
        _write("--figure", figure_path, svg(report))
    return 0 if report.is_complete else 128 + signal.SIGINT


def make_plan(
    against: str | None,
    cell_names: str | None,
    grid: Grid,
    num_threads: int | None,
    dtype: Literal["float32", "float64"],
    engine: str,
    side: Side = "layer",
) -> Plan:
    """Read the options.

    Raises:
        OptionError: a name is unknown, a rival is not installed, or options exclude each other.
    """
    if side == "runtime" and engine not in ("auto", "native"):
        raise OptionError(
            f"--ours runtime: got --engine {engine}, the runtime has the native engine alone\n"
            "mend: leave --engine out"
        )
    chosen = CELLS[grid]
    if cell_names is not None:
        chosen = _names("--cells", "cell", cell_names, cells.names())
    rivals = {cell: default_rivals(cell) for cell in chosen}
    notes: list[str] = []
    if against is not None:
        named = _names("--against", "rival", against, (*RIVALS, _ALL))
        if _ALL in named:
            absent = {name: missing_package(name) for name in RIVALS}
            named = tuple(name for name, package in absent.items() if package is None)
            notes = [
                f"left out: {name}; {package} is not installed: pip install {RIVALS[name].install}"
                for name, package in absent.items()
                if package is not None
            ]
        for name in named:
            check_installed(name)
        rivals = dict.fromkeys(chosen, named)
    check_engine(engine)
    threads = torch.get_num_threads() if num_threads is None else num_threads
    return Plan(chosen, rivals, against, grid, engine, side, dtype, threads, tuple(notes))


def _names(option: str, kind: str, text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Split a list at its commas; a name given twice counts once."""
    known = tuple(known)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if not all(names):
        raise OptionError(
            f"{option}: got {text!r}, expected names with commas between them\n"
            f"mend: {option} {','.join(known[:2])}"
        )
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return names


def run(plan: Plan, announce: Callable[[str], None], effort: Effort | None = None) -> Report:
    """Measure everything; Ctrl-C ends it with what there is by then."""
    effort = effort or EFFORT
    dtype = {"float32": torch.float32, "float64": torch.float64}[plan.dtype]
    measurements: list[Measurement] = []
    is_complete = False
    with _threads(plan.num_threads):
        peak = Peak(effort, dtype)
        try:
            peak.measure()
            _measure_all(plan, dtype, effort, peak, measurements, announce)
            is_complete = True
        except KeyboardInterrupt:
            # Nothing is worth showing before the first row.
            if not measurements:
                raise
        machine = describe_machine(plan.all_rivals)
    notes = plan.notes if is_complete else (*plan.notes, "interrupted: some rows are missing")
    of = f"{effort.peak_size} x {effort.peak_size} in {plan.dtype}"
    return Report(
        plan.command,
        machine,
        of,
        peak.gflop_per_second,
        plan.all_rivals,
        measurements,
        notes,
        is_complete,
    )


def _measure_all(
    plan: Plan,
    dtype: torch.dtype,
    effort: Effort,
    peak: Peak,
    measurements: list[Measurement],
    announce: Callable[[str], None],
) -> None:
    wanted: list[tuple[str, Row, Mode]] = [
        (cell, row, mode)
        for cell in plan.cells
        for row in rows_of(cell, plan.grid)
        for mode in row.modes
        if plan.side == "layer" or mode == "inference"
    ]
    for number, (cell, row, mode) in enumerate(wanted, 1):
        problem = make_problem(cell, row, mode, plan.engine, dtype)
        announce(f"{number} of {len(wanted)}: {problem}")
        peak.measure()
        measurements.append(measure(problem, plan.rivals[cell], effort, plan.side))
        peak.measure()


@contextmanager
def _threads(number: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _announcer() -> Callable[[str], None]:
    """Return what shows the progress to a person; a bar that moves would cost time of its own."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        return lambda _: None
    return lambda text: console.print(text, style="dim")


def _check_files(json_path: Path | None, figure_path: Path | None) -> None:
    """Find out that a file cannot be written before, not after, minutes of measuring."""
    if json_path is not None and json_path == figure_path:
        raise OptionError(
            f"--json and --figure both name {json_path}\nmend: give each a file of its own"
        )
    for option, path in (("--json", json_path), ("--figure", figure_path)):
        if path is None:
            continue
        existed = path.exists()
        with _writing(option, path):
            path.open("a").close()
            if not existed:
                path.unlink()


def _write(option: str, path: Path, text: str) -> None:
    with _writing(option, path):
        path.write_text(text, encoding="utf-8")


@contextmanager
def _writing(option: str, path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}\n"
            f"mend: give {option} a file in a folder that exists and that you may write"
        ) from error
