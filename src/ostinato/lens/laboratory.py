"""How long cells remember: small networks on made problems, for each cell and length.

Every trial learns a new network by the recipe of the problem, for a limited number of steps, and
stops when it has solved it. What counts is the share that is right of sequences that took no part.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data.batches import Example
from ostinato.data.sets.made import LATCHED, NUM_RECALLED, PROBLEMS, SYMBOLS
from ostinato.equations.gates import find_gates
from ostinato.training.cell_text import cell_of_text
from ostinato.training.example_task import ExampleTask, predict
from ostinato.training.interrupt import StopRequest
from ostinato.training.optimization import (
    clip_gradients,
    learning_rate,
    make_optimizer,
    set_learning_rate,
)
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import load_recipe

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

TOLERANCE: Final = 0.04
"""A sum that is so near is right (Hochreiter, Schmidhuber 1997); 8 of 100 are so near to 1."""

NUM_CHECKED: Final = 200
NUM_SCORED: Final = 500
_MOST_EXAMPLES: Final = 20_000
_DEVICE: Final = torch.device("cpu")


@dataclass(frozen=True)
class Reference:
    """A point of the literature, in words and as a length.

    Attributes:
        steps: ``T``.
        label: who reached it, or did not, and with what.
        source: where that stands.
    """

    steps: int
    label: str
    source: str

    @property
    def name(self) -> str:
        """The first author and the year."""
        author, year = self.source.partition(",")[0], re.search("[0-9]{4}", self.source)
        assert year is not None
        return f"{author} {year[0]}"


@dataclass(frozen=True)
class Bench:
    """What the laboratory knows of a problem.

    Attributes:
        recipe: that trains it.
        right: what is counted, in words.
        chance: its share for a network that remembers nothing.
        solved: the share from which the problem counts as solved.
        budget: optimizer steps, unless told otherwise.
        references: points of the literature.
    """

    recipe: str
    right: str
    chance: float
    solved: float
    budget: int
    references: tuple[Reference, ...]


_ARJOVSKY = "Arjovsky, Shah, Bengio 2016, arXiv:1511.06464"
_LE = "Le, Jaitly, Hinton 2015, arXiv:1504.00941"
_LONG = "Hochreiter, Schmidhuber 1997"

BENCHES: Final[Mapping[str, Bench]] = MappingProxyType(
    {
        "adding": Bench(
            "adding",
            f"sums within {TOLERANCE:g}",
            1 - (1 - TOLERANCE) ** 2,
            0.95,
            600,
            (
                Reference(150, "LSTM and IRNN solve it", _LE),
                Reference(750, "LSTM and uRNN solve it", _ARJOVSKY),
                Reference(1000, "LSTM solves it", _LONG),
            ),
        ),
        "copy": Bench(
            "copy-memory",
            "recalled symbols",
            1 / len(SYMBOLS),
            0.99,
            3000,
            (Reference(500, "uRNN solves it, LSTM does not", _ARJOVSKY),),
        ),
        "latch": Bench(
            "latch",
            "bits",
            1 / len(LATCHED),
            0.99,
            200,
            (Reference(1000, "LSTM solves it (bit and noise in one channel)", _LONG),),
        ),
    }
)
"""What the laboratory knows of each problem."""


def find_bench(problem: str) -> Bench:
    """Return what the laboratory knows of a problem.

    Raises:
        UnknownNameError: there is no such problem; lists all.
    """
    if problem not in BENCHES:
        raise UnknownNameError("problem", problem, BENCHES)
    return BENCHES[problem]


@dataclass(frozen=True)
class Point:
    """Where a network stands while it learns.

    Attributes:
        step: optimizer steps done.
        loss: of the last batch, per target; NaN before the first.
        right: share of held-out sequences (of recalled symbols) that is right.
        seconds: since the beginning, evaluations included.
    """

    step: int
    loss: float
    right: float
    seconds: float


@dataclass(frozen=True)
class Trial:
    """One network on one length.

    Attributes:
        cell: its name, or equations.
        steps: ``T``.
        seed: of weights and order.
        right: share that is right of sequences that took no part in training.
        solved_at: optimizer steps until the problem counted as solved; None if never.
        num_steps: optimizer steps done.
        seconds: of training and looking.
        num_parameters: of the network.
        is_lost: the loss was no number any more.
    """

    cell: str
    steps: int
    seed: int
    right: float
    solved_at: int | None
    num_steps: int
    seconds: float
    num_parameters: int
    is_lost: bool = False


@dataclass(frozen=True)
class Laboratory:
    """What the trials found.

    Attributes:
        problem: its name.
        budget: optimizer steps that each network had.
        trials: in the order in which they ran.
    """

    problem: str
    budget: int
    trials: tuple[Trial, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, in order."""
        return tuple(dict.fromkeys(trial.cell for trial in self.trials))

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths ``T``, rising."""
        return tuple(sorted({trial.steps for trial in self.trials}))

    def right(self, cell: str, steps: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the shares of all seeds of a cell at a length; empty where it was not tried."""
        return np.array([trial.right for trial in self.of(cell, steps)], np.float64)

    def of(self, cell: str, steps: int) -> tuple[Trial, ...]:
        """Return the trials of a cell at a length, one for each seed."""
        return tuple(t for t in self.trials if (t.cell, t.steps) == (cell, steps))

    def table(self) -> list[str]:
        """Return a Markdown table: for each cell and length the mean share and when it solved."""
        lines = [f"| cell | {' | '.join(f'T = {steps:,}' for steps in self.lengths)} |"]
        lines.append(f"|---|{'---:|' * len(self.lengths)}")
        for cell in self.cells:
            cells = (_entry(self.of(cell, steps)) for steps in self.lengths)
            lines.append(f"| {label_of(cell)} | {' | '.join(cells)} |")
        return lines

    def figure(self) -> Figure:
        """Draw the share that is right against the length, a line for each cell."""
        from ostinato.lens.figures.laboratory import laboratory_figure

        return laboratory_figure(self)


def _entry(trials: Sequence[Trial]) -> str:
    if not trials:
        return ""
    mean = sum(trial.right for trial in trials) / len(trials)
    solved = [trial.solved_at for trial in trials if trial.solved_at is not None]
    if not solved:
        return f"{mean:.2f}"
    all_of_them = "" if len(solved) == len(trials) else f", {len(solved)} of {len(trials)}"
    return f"**{mean:.2f}** ({round(sum(solved) / len(solved)):,} steps{all_of_them})"


def label_of(cell: str) -> str:
    """Return the name of a cell, or its equations in one line."""
    return "; ".join(line.strip() for line in cell.strip().splitlines() if line.strip())


def recipe_of_trial(
    problem: str, cell: str, steps: int, seed: int = 0, budget: int | None = None, *changes: str
) -> ExampleRecipe:
    """Return the recipe of a trial: that of the problem, with a cell and a length.

    A cell with gates starts with its memory spread over the length (``chrono``), others by roles.

    Args:
        problem: a key of ``BENCHES``.
        cell: its name, or equations.
        steps: ``T``.
        seed: of weights and order.
        budget: optimizer steps at most; None for the usual.
        changes: ``key.path=value`` each, applied last.

    Raises:
        UnknownNameError: there is no such problem or cell.
        EquationError: the equations mean nothing.
        RecipeError: the problem has no such length, or a change is none.
    """
    bench = find_bench(problem)
    if budget is not None and budget < 1:
        raise OptionError(f"budget must be 1 or more, got {budget}\nmend: steps of the optimizer")
    budget = budget or bench.budget
    length = PROBLEMS[problem].length(steps)
    is_gated = bool(find_gates(cell_of_text(cell, {}).graph))
    base = load_recipe(bench.recipe)
    section = "text" if PROBLEMS[problem].task == "tagging" else "frames"
    recipe = load_recipe(
        bench.recipe,
        [
            f"seed={seed}",
            f"data.made.steps={steps}",
            f"data.made.train={min(_MOST_EXAMPLES, budget * base.training.batch_size)}",
            f"data.made.dev={NUM_CHECKED}",
            f"data.made.test={NUM_SCORED}",
            f"{section}.max_length={max(length, 1)}",
            f"model.cell={cell}",
            f"model.start={'chrono' if is_gated else 'roles'}",
            f"model.start_steps={max(length, 3) if is_gated else 'null'}",
            f"training.max_steps={budget}",
            *changes,
        ],
    )
    assert isinstance(recipe, ExampleRecipe)
    return recipe


class Learner:
    """A network of a trial, from its first step on.

    Args:
        recipe: of ``recipe_of_trial``.

    Raises:
        OptionError: options of the recipe that do not go together.
    """

    def __init__(self, recipe: ExampleRecipe) -> None:
        assert recipe.data.made is not None
        self.recipe = recipe
        self.bench = find_bench(recipe.data.made.problem)
        with _settings(recipe):
            self.task = ExampleTask.from_recipe(recipe, _DEVICE)
            self.model = self.task.build_model()
        self.num_parameters = sum(p.numel() for p in self.model.parameters())
        self.is_lost = False

    def points(self, stop: StopRequest | None = None) -> Iterator[Point]:
        """Learn, and yield where the network stands: before, at every look, and at the end.

        It ends when the problem is solved, the steps are done, or the loss is lost.

        Args:
            stop: is looked at at every step.

        Raises:
            Stopped: someone asked to stop.
        """
        recipe, began = self.recipe, time.perf_counter()
        training, every = recipe.training, recipe.evaluation.every or 50
        assert training.max_steps is not None
        optimizer = make_optimizer(self.model, training)
        loss, right = float("nan"), self.right(self.task.dev)
        yield Point(0, loss, right, time.perf_counter() - began)
        for step in range(training.max_steps):
            if stop is not None:
                stop.check()
            rate = learning_rate(
                step,
                peak=training.learning_rate,
                floor=training.rate_floor,
                warmup_steps=training.warmup_steps,
                max_steps=training.max_steps,
                schedule=training.schedule,
            )
            set_learning_rate(optimizer, rate)
            with _settings(recipe, seeds=False):
                loss = self._step(optimizer)
            if self.is_lost or (step + 1) % every == 0 or step + 1 == training.max_steps:
                right = self.right(self.task.dev)
                yield Point(step + 1, loss, right, time.perf_counter() - began)
            if self.is_lost or right >= self.bench.solved:
                return

    def right(self, examples: Sequence[Example]) -> float:
        """Return the share of examples that the network gets right, of symbols where it recalls."""
        with _settings(self.recipe, seeds=False):
            size = self.recipe.evaluation.batch_size
            found = predict(self.model, self.task.pipeline, examples, size, _DEVICE)
        if found.numbers is not None:
            targets = np.stack([np.asarray(example.target) for example in examples])
            return float((np.abs(found.numbers - targets) < TOLERANCE).all(-1).mean())
        pairs = zip(found.labels, (example.labels for example in examples), strict=True)
        counted = [
            said == meant
            for all_said, all_meant in pairs
            for said, meant in zip(all_said[-NUM_RECALLED:], all_meant[-NUM_RECALLED:], strict=True)
        ]
        return sum(counted) / len(counted)

    def _step(self, optimizer: torch.optim.Optimizer) -> float:
        self.model.train()
        optimizer.zero_grad()
        total, num = 0.0, 0
        for batch in self.task.batches(self._num_done):
            result = self.task.loss(self.model, batch, None)
            (result.loss_sum / batch.num_targets).backward()
            total, num = total + float(result.loss_sum.detach()), num + batch.num_targets
        norm = clip_gradients(self.model, self.recipe.training.clip_grad_norm)
        self.is_lost = not (np.isfinite(total) and np.isfinite(norm))
        if not self.is_lost:
            optimizer.step()
        self._num_done += 1
        return total / num

    _num_done = 0


def attempt(recipe: ExampleRecipe, stop: StopRequest | None = None) -> Trial:
    """Learn one network, and score it on sequences that it has not seen.

    Args:
        recipe: of ``recipe_of_trial``.
        stop: is looked at at every step.

    Raises:
        OptionError: options of the recipe that do not go together.
        Stopped: someone asked to stop.
    """
    from ostinato.data.rows import Malformed
    from ostinato.training.example_data import Source

    made = recipe.data.made
    assert made is not None
    learner = Learner(recipe)
    *_, last = learner.points(stop)
    test = learner.task.pipeline.examples(Source(recipe).rows("test"), Malformed())
    return Trial(
        recipe.model.cell,
        made.steps,
        recipe.seed,
        learner.right(test),
        last.step if last.right >= learner.bench.solved else None,
        last.step,
        last.seconds,
        learner.num_parameters,
        learner.is_lost,
    )


def run_laboratory(
    problem: str,
    cells: Sequence[str],
    lengths: Sequence[int],
    *,
    num_seeds: int = 1,
    budget: int | None = None,
    changes: Sequence[str] = (),
    observe: Callable[[Trial], None] | None = None,
    stop: StopRequest | None = None,
) -> Laboratory:
    """Try every cell at every length.

    Args:
        problem: adding, copy or latch.
        cells: names, or equations.
        lengths: ``T`` each.
        num_seeds: networks for each cell and length.
        budget: optimizer steps of each network at most; None for the usual of the problem.
        changes: of the recipe, ``key.path=value`` each.
        observe: is told of every trial.
        stop: ends the run.

    Raises:
        OstinatoError: there is no such problem, cell or length; found before anything is learned.
        Stopped: someone asked to stop.
    """
    if not cells or not lengths or num_seeds < 1:
        raise OptionError(
            "nothing to try: it takes a cell, a length and a seed at least\n"
            "mend: --cells elman,lstm --steps 10,100 --seeds 1"
        )
    recipes = [
        recipe_of_trial(problem, cell, steps, seed, budget, *changes)
        for cell in dict.fromkeys(cells)
        for steps in sorted(set(lengths))
        for seed in range(num_seeds)
    ]
    trials: list[Trial] = []
    for recipe in recipes:
        trials.append(attempt(recipe, stop))
        if observe is not None:
            observe(trials[-1])
    return Laboratory(problem, recipes[0].training.max_steps or 0, tuple(trials))


@contextmanager
def _settings(recipe: ExampleRecipe, *, seeds: bool = True) -> Generator[None]:
    """Run with the threads of a recipe, and its random state where weights are drawn."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[], enabled=seeds):
        try:
            torch.set_num_threads(recipe.training.threads or before)
            if seeds:
                torch.manual_seed(recipe.seed)
            yield
        finally:
            torch.set_num_threads(before)
