"""Problems that are made, not collected: long memories and nothing else is what they ask for.

Every example is a function of the seed, its part and its number: parts differ, and a larger part
begins with the examples of a smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import UnknownNameError
from ostinato.data.errors import DataError
from ostinato.data.rows import Row

INPUT: Final = "input"
TARGET: Final = "target"
"""The columns of the rows."""

MadeTask = Literal["classification", "regression", "tagging"]

NUM_RECALLED: Final = 10
SYMBOLS: Final = "abcdefgh"
BLANK: Final = "-"
GO: Final = ":"
LATCHED: Final = ("down", "up")

_PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class LatchOptions:
    """What a latch hears.

    Attributes:
        signal: steps at the beginning that carry the class.
        noise: standard deviation of what is heard at every step after them.
        shared: whether noise and class share one channel; else each has its own.
    """

    signal: int = 1
    noise: float = 0.2
    shared: bool = False


@dataclass(frozen=True)
class Problem:
    """A problem of a length.

    Attributes:
        title: what it is, in a sentence.
        task: what its targets are.
        least: the smallest ``steps``.
        length: of a sequence, from ``steps``.
    """

    title: str
    task: MadeTask
    least: int
    length: Callable[[int], int]


PROBLEMS: Final[Mapping[str, Problem]] = MappingProxyType(
    {
        "adding": Problem(
            "two of T numbers are marked: what is their sum?", "regression", 2, lambda steps: steps
        ),
        "copy": Problem(
            "ten symbols, T blanks, then the symbols again",
            "tagging",
            1,
            lambda steps: steps + 2 * NUM_RECALLED,
        ),
        "latch": Problem(
            "one bit at the beginning, noise for the rest of T steps: which bit was it?",
            "classification",
            2,
            lambda steps: steps,
        ),
    }
)
"""The problems by name; ``steps`` is the T of their papers."""


def find_problem(name: str) -> Problem:
    """Return a problem by its name.

    Raises:
        UnknownNameError: there is no such problem; lists all.
    """
    if name not in PROBLEMS:
        raise UnknownNameError("problem", name, PROBLEMS)
    return PROBLEMS[name]


def check_steps(problem: str, steps: int, latch: LatchOptions) -> None:
    """Refuse sequences that are too short for what they must hold.

    Raises:
        UnknownNameError: there is no such problem.
        DataError: ``steps`` is too small.
    """
    least = max(find_problem(problem).least, latch.signal + 1 if problem == "latch" else 0)
    if steps < least:
        raise DataError(
            f"steps={steps} is too short for the problem {problem!r}, expected {least} or more\n"
            f"mend: steps={least}, or longer"
        )


def made_rows(
    problem: str,
    steps: int,
    part: str,
    num: int,
    *,
    seed: int = 0,
    latch: LatchOptions | None = None,
) -> Iterator[Row]:
    """Yield the first ``num`` examples of a part, columns ``input`` and ``target``.

    Args:
        problem: a key of ``PROBLEMS``.
        steps: ``T``.
        part: train, dev or test.
        num: how many; the first ones stay the same.
        seed: of the examples.
        latch: what a latch hears; None for the usual.

    Raises:
        UnknownNameError: there is no such problem or part.
        DataError: ``steps`` is too small.
    """
    latch = LatchOptions() if latch is None else latch
    check_steps(problem, steps, latch)
    if part not in _PARTS:
        raise UnknownNameError("part", part, _PARTS)
    return _rows(problem, steps, part, num, seed, latch)


def _rows(
    problem: str, steps: int, part: str, num: int, seed: int, latch: LatchOptions
) -> Iterator[Row]:
    for index in range(num):
        random = np.random.default_rng([seed, _PARTS.index(part), index])
        values: dict[str, Any]
        if problem == "adding":
            values = _adding(random, steps)
        elif problem == "copy":
            values = _copy(random, steps)
        else:
            values = _latch(random, steps, index, latch)
        yield Row(f"{problem}, {part}, example {index + 1}", values)


def _adding(random: np.random.Generator, steps: int) -> dict[str, Any]:
    """Make ``x_t = (u_t, m_t)``, u uniform in [0, 1); m is 1 once in each half; ``y = m · u``.

    Hochreiter, Schmidhuber 1997, experiment 4, in the form of Arjovsky et al. 2016.
    """
    inputs = np.zeros((steps, 2), np.float32)
    inputs[:, 0] = random.random(steps, np.float32)
    half = steps // 2
    marked = [int(random.integers(half)), int(random.integers(half, steps))]
    inputs[marked, 1] = 1
    return {INPUT: inputs, TARGET: float(inputs[marked, 0].sum())}


def _copy(random: np.random.Generator, steps: int) -> dict[str, Any]:
    """Make ten symbols, T - 1 blanks, the sign to begin, ten blanks; the symbols stand at the end.

    Arjovsky, Shah, Bengio 2016, arXiv:1511.06464.
    """
    symbols = [SYMBOLS[number] for number in random.integers(len(SYMBOLS), size=NUM_RECALLED)]
    inputs = [*symbols, *[BLANK] * (steps - 1), GO, *[BLANK] * NUM_RECALLED]
    return {INPUT: inputs, TARGET: [BLANK] * (steps + NUM_RECALLED) + symbols}


def _latch(
    random: np.random.Generator, steps: int, index: int, options: LatchOptions
) -> dict[str, Any]:
    """Make steps of ±1, then noise; classes alternate, so that each is half of every part.

    A shared channel is that of Bengio, Simard, Frasconi 1994 and of Hochreiter, Schmidhuber 1997,
    experiment 3.
    """
    noise = random.standard_normal(steps, np.float32) * np.float32(options.noise)
    noise[: options.signal] = 0
    signal: npt.NDArray[np.float32] = np.zeros(steps, np.float32)
    signal[: options.signal] = 2 * (index % 2) - 1
    inputs = (signal + noise)[:, None] if options.shared else np.stack([signal, noise], 1)
    return {INPUT: inputs, TARGET: LATCHED[index % 2]}
