"""Fitting an estimator: a run in a folder that is gone afterwards."""

from __future__ import annotations

import math
import numbers
import secrets
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import nn

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.batches import Example
from ostinato.data.pipeline import PartCounts, Pipeline
from ostinato.data.rows import Row
from ostinato.data.wording import counted
from ostinato.training.estimators.network import Network
from ostinato.training.events import Evaluated, Event, Stepped
from ostinato.training.example_data import Source
from ostinato.training.example_model import build_example_model
from ostinato.training.example_task import ExampleTask, pipeline_options, predict
from ostinato.training.interrupt import StopRequest
from ostinato.training.printed import PrintedLines
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.session import train
from ostinato.training.task import Task
from ostinato.training.workers import Workers

FEWEST_TO_VALIDATE = 5
# Scoring and keeping the weights takes as long as some steps of a small network.
_FEWEST_STEPS = 8

Places = npt.NDArray[np.int64]


class Fitted(NamedTuple):
    """What a fit leaves behind.

    Attributes:
        network: with the best weights.
        num_epochs: passes over the training part.
        history: of each evaluation, by name.
        is_held_out: whether the scores are of examples that were not learned from.
    """

    network: Network
    num_epochs: int
    history: list[dict[str, float]]
    is_held_out: bool


class Parts(NamedTuple):
    """Which examples are learned from, and which choose the weights.

    Attributes:
        train: their places.
        dev: their places; those of ``train`` where too few are left for both.
        is_held_out: whether the two are different.
    """

    train: Places
    dev: Places
    is_held_out: bool


class ExamplesInMemory(ExampleTask):
    """The task of an estimator: no baselines, and scores that weigh classes as the loss does.

    Args:
        arguments: see ``ExampleTask``.
        class_weights: of each label; None for 1.
        is_held_out: whether the dev part is not learned from.
    """

    def __init__(
        self,
        *arguments: Any,
        class_weights: Sequence[float] | None = None,
        is_held_out: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.scored_on = "held out" if is_held_out else "training part"
        self._class_weights = class_weights

    def build_model(self) -> nn.Module:
        """Return a new model, from torch's random state."""
        return build_example_model(self.recipe, self.pipeline, self._class_weights).to(self.device)

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the dev part.

        Raises:
            Stopped: someone asked to stop.
        """
        scores = super().evaluate(model, stop)
        if self._class_weights is None:
            return scores
        size = self.recipe.evaluation.batch_size
        losses = predict(model, self.pipeline, self.dev, size, self.device, stop).losses
        assert losses is not None
        weights = np.array([self._class_weights[int(e.target)] for e in self.dev])  # pyright: ignore[reportArgumentType]
        return {**scores, "loss": float((weights * losses).sum() / weights.sum())}

    def baselines(self) -> dict[str, float]:
        """Nothing: an estimator is compared with other estimators."""
        return {}


def fit_examples(
    recipe: ExampleRecipe,
    rows: Sequence[Row],
    parts: Parts,
    *,
    class_weights: Sequence[float] | None = None,
    verbose: bool = False,
) -> Fitted:
    """Learn from rows.

    Args:
        recipe: how.
        rows: all of them.
        parts: which are for what.
        class_weights: of each label.
        verbose: print what happens.

    Raises:
        DataError: a sequence or a target cannot be used; it is named by its place.
    """
    device = Workers.join(recipe.training).device
    train_rows = [rows[int(place)] for place in parts.train]
    dev_rows = [rows[int(place)] for place in parts.dev]
    pipeline = Pipeline.learn(train_rows, pipeline_options(recipe, Source(recipe)))
    counts = PartCounts()
    train, dev = (_examples(pipeline, part, counts) for part in (train_rows, dev_rows))
    warn_of_cuts(counts)
    task = ExamplesInMemory(
        recipe,
        pipeline,
        train,
        dev,
        device,
        counts.notes("X"),
        class_weights=class_weights,
        is_held_out=parts.is_held_out,
    )
    return run_in_memory(recipe, task, verbose=verbose, is_held_out=parts.is_held_out)


def run_in_memory(recipe: Recipe, task: Task[Any], *, verbose: bool, is_held_out: bool) -> Fitted:
    """Train a task in a folder that is gone afterwards.

    Args:
        recipe: how.
        task: the problem.
        verbose: print what happens.
        is_held_out: whether its scores are of what it does not learn from.
    """
    watch = _History(task.steps_per_epoch, PrintedLines() if verbose else None)
    with tempfile.TemporaryDirectory(prefix="ostinato-") as folder:
        path = Path(folder) / "run"
        finished = train(recipe, path, observe=watch, task=task)
        network = Network.of_run(path)
    num_epochs = math.ceil(finished.step / task.steps_per_epoch)
    return Fitted(network, num_epochs, watch.records, is_held_out)


class _History:
    """Keeps the scores of every evaluation, with the mean training loss since the one before."""

    def __init__(self, steps_per_epoch: int, also: Callable[[Event], None] | None) -> None:
        self.records: list[dict[str, float]] = []
        self._steps_per_epoch = steps_per_epoch
        self._also = also
        self._losses: list[float] = []

    def __call__(self, event: Event) -> None:
        match event:
            case Stepped():
                self._losses.append(event.scores["loss"])
            case Evaluated():
                record = {"epoch": event.step / self._steps_per_epoch, **event.scores}
                if self._losses:
                    record["train_loss"] = sum(self._losses) / len(self._losses)
                self.records.append(record)
                self._losses = []
            case _:
                pass
        if self._also is not None:
            self._also(event)


def evaluations(steps_per_epoch: int, patience: int | None) -> dict[str, int | None]:
    """Return how often the held-out part is scored: after an epoch, or several very short ones.

    Args:
        steps_per_epoch: optimizer steps.
        patience: epochs without progress after which the run stops; None: never.
    """
    num_epochs = -(-_FEWEST_STEPS // steps_per_epoch)
    if patience is not None:
        patience = -(-check_count("patience", patience) // num_epochs)
    return {"every": num_epochs * steps_per_epoch, "patience": patience}


def split(
    num: int, fraction: float, seed: int, classes: npt.NDArray[np.int64] | None = None
) -> Parts:
    """Keep a share of the examples for the choice of the weights.

    Args:
        num: examples.
        fraction: share that is kept.
        seed: of the choice.
        classes: ``[B]`` of each example: every class gives its share, and keeps one to learn from.
    """
    random = np.random.default_rng(seed)
    groups = [np.arange(num)]
    if classes is not None:
        groups = [np.flatnonzero(classes == each) for each in np.unique(classes)]
    kept = [random.permutation(group)[: round(len(group) * fraction)] for group in groups]
    dev = np.sort(np.concatenate(kept)).astype(np.int64)
    train = np.setdiff1d(np.arange(num), dev)
    if len(dev) < FEWEST_TO_VALIDATE or not len(train):
        everything = np.arange(num)
        return Parts(everything, everything, is_held_out=False)
    return Parts(train, dev, is_held_out=True)


def seed_of(random_state: Any) -> int:
    """Return the seed of a run: of None another one each time, of a generator its next number.

    Raises:
        OptionError: it is neither None, nor a whole number, nor a generator.
    """
    if random_state is None:
        return secrets.randbits(31)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    if isinstance(random_state, numbers.Integral) and 0 <= int(random_state) < 2**63:
        return int(random_state)
    raise OptionError(
        f"random_state: got {random_state!r}, expected a whole number from 0, a generator of "
        "numpy, or None\nmend: random_state=0"
    )


def warn_of_cuts(counts: PartCounts) -> None:
    """Warn where sequences are longer than what is read of them."""
    num_cut = counts.num_cut + counts.text.num_truncated
    if num_cut:
        warnings.warn(
            f"{counted(num_cut, 'sequence')} of X cut at max_length: give a larger one to read "
            "them whole",
            UserWarning,
            stacklevel=4,
        )


def _examples(pipeline: Pipeline, rows: Sequence[Row], counts: PartCounts) -> list[Example]:
    examples: list[Example] = []
    for row in rows:
        try:
            examples.append(pipeline.example(row, counts))
        except DataError as error:
            raise DataError(f"{row.place}: {error}") from error
    return examples


def check_count(name: str, value: object) -> int:
    """Return a parameter that counts something.

    Raises:
        OptionError: it is no whole number from 1.
    """
    if isinstance(value, numbers.Integral) and (count := int(value)) > 0:
        return count
    raise OptionError(f"{name}: got {value!r}, expected a whole number from 1\nmend: {name}=32")
