"""Times of several jobs in turn, and the machine's peak between them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from ostinato.cli.bench import runtime_side
from ostinato.cli.bench.contest import Contestant, Problem, ours
from ostinato.cli.bench.rivals import RIVALS
from ostinato.cli.bench.rows import Mode, Row
from ostinato.core.errors import OstinatoError

Side = Literal["layer", "runtime"]

SIDES: Final[dict[Side, Callable[[Problem], Contestant]]] = {
    "layer": ours,
    "runtime": runtime_side.enter,
}
"""Ours: the layer in torch, or the same layer saved and loaded without torch."""

TOLERANCES: Final[dict[torch.dtype, float]] = {torch.float32: 1e-4, torch.float64: 1e-9}
"""The largest difference from ours, relative to our largest entry, that is still the same cell."""


class DisagreementError(OstinatoError, ArithmeticError):
    """A rival computes other numbers than our layer: its time would say nothing."""


@dataclass(frozen=True)
class Effort:
    """How long a comparison goes on.

    Attributes:
        num_rounds: at least so many.
        seconds: at least so long.
        turn_seconds: a turn has as many calls as fill it.
        settle_seconds: the longest wait for threads of the turn before to come to rest.
        warm_up_seconds: of calls before the first turn, for each.
        peak_size: rows and columns of the matrices whose product is the peak.
    """

    num_rounds: int = 10
    seconds: float = 1.5
    turn_seconds: float = 0.01
    settle_seconds: float = 1.0
    warm_up_seconds: float = 0.05
    peak_size: int = 2048


@dataclass(frozen=True)
class Timing:
    """The times of one job, in milliseconds a call.

    Attributes:
        median_ms: of the turns.
        quartiles_ms: the first and the third.
        num_turns: one a round.
        num_calls: in a turn.
    """

    median_ms: float
    quartiles_ms: tuple[float, float]
    num_turns: int
    num_calls: int


@dataclass(frozen=True)
class Measurement:
    """What came of one problem.

    Attributes:
        cell: its name.
        row: the shapes.
        mode: inference or training.
        gflop: the arithmetic of its matrix products.
        ours: our time.
        rivals: theirs, by name.
        how: the ways in which rivals ran, where they have several.
        refusals: why others did not run it, by name.
    """

    cell: str
    row: Row
    mode: Mode
    gflop: float
    ours: Timing
    rivals: Mapping[str, Timing]
    how: Mapping[str, str]
    refusals: Mapping[str, str]

    @property
    def ratios(self) -> dict[str, float]:
        """Rival's median by ours: above 1, ours is faster."""
        return {name: t.median_ms / self.ours.median_ms for name, t in self.rivals.items()}

    @property
    def gflop_per_second(self) -> float:
        """Our speed."""
        return 1e3 * self.gflop / self.ours.median_ms


class Peak:
    """The fastest that this machine was seen to multiply matrices.

    Args:
        effort: how large the matrices are.
        dtype: of the entries.
    """

    def __init__(self, effort: Effort, dtype: torch.dtype) -> None:
        size = effort.peak_size
        self.size = size
        self._settle_seconds = effort.settle_seconds
        self._factors = torch.rand(2, size, size, dtype=dtype)
        self._product = torch.empty(size, size, dtype=dtype)
        self._seconds = math.inf

    def measure(self, num_calls: int = 2) -> None:
        """Try once more; what others do on the machine slows some tries, not all."""
        _settle(self._settle_seconds)
        for _ in range(num_calls):
            began = time.perf_counter()
            torch.mm(*self._factors, out=self._product)
            self._seconds = min(self._seconds, time.perf_counter() - began)

    @property
    def gflop_per_second(self) -> float:
        """The best of all tries."""
        return 2e-9 * self.size**3 / self._seconds


def measure(
    problem: Problem, names: Sequence[str], effort: Effort, side: Side = "layer"
) -> Measurement:
    """Time ours and the rivals that run the problem, after they were seen to agree.

    Args:
        problem: what is solved.
        names: the rivals.
        effort: how long it goes on.
        side: what of ours runs.

    Raises:
        DisagreementError: a rival computes something else.
    """
    asked = {name: RIVALS[name].refusal(problem) for name in names}
    refusals = {name: reason for name, reason in asked.items() if reason}
    mine = SIDES[side](problem)
    rivals = {name: RIVALS[name].enter(problem) for name in names if name not in refusals}
    for name, rival in rivals.items():
        check_agreement(problem, mine, name, rival)
    timings = interleaved([mine.run, *(rival.run for rival in rivals.values())], effort)
    return Measurement(
        problem.cell,
        problem.row,
        problem.mode,
        problem.gflop,
        timings[0],
        dict(zip(rivals, timings[1:], strict=True)),
        {name: rival.how for name, rival in rivals.items() if rival.how},
        refusals,
    )


def check_agreement(problem: Problem, mine: Contestant, name: str, rival: Contestant) -> None:
    """Refuse to compare what is not the same.

    Raises:
        DisagreementError: the message names the tensor that differs the most.
    """
    expected, got = mine.read(mine.run()), rival.read(rival.run())
    assert got.keys() == expected.keys(), f"{name}: {list(got)} is not {list(expected)}"
    # A gradient that is 0 but for rounding is held against the others, not against itself.
    floor = 1e-3 * max(t.detach().abs().max() for t in expected.values() if t.numel())
    errors = {what: _error(got[what], expected[what], floor) for what in expected}
    worst = max(errors, key=lambda what: math.inf if errors[what].isnan() else errors[what])
    tolerance = TOLERANCES[problem.x.dtype]
    # Not `error > tolerance`, which NaN would pass.
    if not errors[worst] <= tolerance:
        raise DisagreementError(
            f"{problem}: {name} computes other numbers than ours, so nothing was timed\n"
            f"got {worst} off by {errors[worst]:.1e} of its largest entry, expected at most "
            f"{tolerance:.0e}\n"
            f"mend: leave {name} out of --against, and report this"
        )


def _error(got: Tensor, expected: Tensor, floor: Tensor | float) -> Tensor:
    """Return the largest difference, relative to the largest entry or to ``floor``."""
    assert got.shape == expected.shape, f"{list(got.shape)} is not {list(expected.shape)}"
    assert got.dtype == expected.dtype, f"{got.dtype} is not {expected.dtype}"
    difference = (got.detach() - expected.detach()).abs().max()
    # Equal zeros are no error.
    smallest = max(float(floor), torch.finfo(got.dtype).tiny)
    return difference / expected.detach().abs().max().clamp_min(smallest)


def interleaved(jobs: Sequence[Callable[[], object]], effort: Effort) -> list[Timing]:
    """Time jobs in turn: what slows the machine for a while slows all of them."""
    num_calls = [_warm_up(job, effort) for job in jobs]
    times: list[list[float]] = [[] for _ in jobs]
    began = time.perf_counter()
    while len(times[0]) < effort.num_rounds or time.perf_counter() - began < effort.seconds:
        for job, calls, own in zip(jobs, num_calls, times, strict=True):
            own.append(1e3 * _turn(job, calls, effort))
    return [_timing(own, calls) for own, calls in zip(times, num_calls, strict=True)]


def _warm_up(job: Callable[[], object], effort: Effort) -> int:
    """Call a job until allocators and compilers have settled; return the calls of a turn."""
    fastest, num_calls, began = math.inf, 0, time.perf_counter()
    while num_calls < 3 or time.perf_counter() - began < effort.warm_up_seconds:
        before = time.perf_counter()
        job()
        fastest = min(fastest, time.perf_counter() - before)
        num_calls += 1
    return max(1, math.ceil(effort.turn_seconds / fastest))


def _turn(job: Callable[[], object], num_calls: int, effort: Effort) -> float:
    """Return the seconds of one call."""
    _settle(effort.settle_seconds)
    job()  # wakes the threads and fills the caches
    began = time.perf_counter()
    for _ in range(num_calls):
        job()
    return (time.perf_counter() - began) / num_calls


def _settle(limit_seconds: float) -> None:
    """Wait until no thread of this process runs.

    Thread pools let their threads spin after a call, waiting for more work: libgomp's for about a
    millisecond, onnxruntime's for tens of them, on the cores that the next in turn needs.
    """
    nap = 0.012  # the kernel counts what runs on other cores from tick to tick, 10 ms at most
    began = time.perf_counter()
    while time.perf_counter() - began < limit_seconds:
        busy = time.process_time()
        time.sleep(nap)
        if time.process_time() - busy < 0.3 * nap:
            return


def _timing(times: list[float], num_calls: int) -> Timing:
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(median, (low, high), len(times), num_calls)
