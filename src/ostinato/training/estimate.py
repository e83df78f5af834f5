"""What a run would take, in time and memory, from a few steps that are not kept.

Memory at its peak, beside what the process holds already (the program, data, weights)::

    (1 + k) · weights + [weights] + saved(B) + 2 · largest(B)

- ``(1 + k) · weights``: gradients, and k = 2 tensors of AdamW or 1 of SGD with momentum; one more
  copy of the weights with ``ema_decay``, and none of the brackets without.
- ``saved(B)``: what the forward pass of the largest batch keeps for the backward pass. It is linear
  in the number B of sequences side by side, so that one and two sequences of the batch are run and
  the line through both is followed to B: the largest batch itself never has to fit.
- ``2 · largest(B)``: of the backward pass, the gradients on both sides of the largest tensor.

Time: the mean of a few steps on a copy of the model, times the planned steps, and one evaluation
times their number.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ostinato.data.batches import make_batch
from ostinato.data.example_streams import StreamedBatch
from ostinato.training.calibration import make_plan, seconds_per_step
from ostinato.training.example_task import ExampleTask
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.language_model import LanguageModelTask, TextBatch
from ostinato.training.recipe_parts import Recipe, TrainingRecipe
from ostinato.training.run import Plan
from ostinato.training.task import SelfMeasured, Task, TaskBatch
from ostinato.training.workers import Workers

_STEP_SECONDS, _EVALUATION_SECONDS = 3.0, 2.0
_MIN_STEPS, _MAX_STEPS = 2, 50
# Of the time for a step, without its backward pass.
_FORWARD_SHARE = 0.35
_COPIES = {"adamw": 2, "sgd": 1}


@dataclass(frozen=True)
class Saved:
    """What a forward pass keeps for the backward pass.

    Attributes:
        total: bytes, each tensor once, without the weights.
        largest: bytes of the largest of them.
    """

    total: int
    largest: int


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of a training step.

    Attributes:
        process: what is there before.
        weights: of the model once.
        copies: how many times as much gradients, optimizer and moving mean take.
        saved: of the largest batch.
    """

    process: int
    weights: int
    copies: int
    saved: Saved

    @property
    def training(self) -> int:
        """What a step adds to the process."""
        return self.copies * self.weights + self.saved.total + 2 * self.saved.largest

    @property
    def total(self) -> int:
        """All of it."""
        return self.process + self.training


@dataclass(frozen=True)
class Duration:
    """Seconds of a run.

    Attributes:
        plan: its steps.
        step: of one step.
        evaluation: of one evaluation, and what is written at it.
        is_evaluation_measured: whether a whole evaluation was run; else it follows from the steps.
    """

    plan: Plan
    step: float
    evaluation: float
    is_evaluation_measured: bool

    @property
    def num_evaluations(self) -> int:
        """One before the first step, and at the last."""
        return 1 + -(-self.plan.max_steps // self.plan.evaluate_every)

    @property
    def total(self) -> float:
        """The run, if nothing ends it sooner."""
        return self.plan.max_steps * self.step + self.num_evaluations * self.evaluation


def estimate_memory(task: Task[Any], model: nn.Module, training: TrainingRecipe) -> Memory:
    """Return what a training step takes.

    Args:
        task: the problem.
        model: left as it is.
        training: optimizer and moving mean.
    """
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    copies = 1 + _COPIES[training.optimizer] + (training.ema_decay is not None)
    return Memory(process_memory(), weights, copies, estimate_saved(task, model))


def process_memory() -> int:
    """Return the bytes of this process that lie in memory."""
    import psutil

    return psutil.Process().memory_info().rss


def estimate_saved(task: Task[Any], model: nn.Module) -> Saved:
    """Return what the forward pass of the largest batch keeps, from batches of few sequences."""
    batches, num = _narrow(task)
    found = [(rows, _saved_by(task, model, batch)) for rows, batch in batches]
    (first, one), (last, more) = found[0], found[-1]
    if first == last:
        return one

    def followed(low: int, high: int) -> int:
        return max(high, low + (high - low) * (num - first) // (last - first))

    return Saved(followed(one.total, more.total), followed(one.largest, more.largest))


def _narrow(task: Task[Any]) -> tuple[Sequence[tuple[int, TaskBatch]], int]:
    """Return batches of one and a few sequences, as long as the longest, and how many fit."""
    if isinstance(task, SelfMeasured):
        return task.narrow()
    batch = longest_window(task)
    if batch is not None:
        num = batch.window.inputs.shape[1]
        shares = [batch.share(0, parts) for parts in {num: 0, max(1, num // 2): 0}]
        return [(share.window.inputs.shape[1], share) for share in shares], num
    assert isinstance(task, ExampleTask)
    order, num = largest_rows(task)
    return [(rows, make_batch(task.train, order[:rows])) for rows in {1: 0, min(2, num): 0}], num


def longest_window(task: Task[Any]) -> TextBatch | StreamedBatch | None:
    """Return a window of the streams that is as long as any; None where there are no streams.

    The first ones are shorter where they begin at every ``tbptt_stride`` steps.
    """
    first = task.batches(0)[0]
    if not isinstance(first, TextBatch | StreamedBatch):
        return None
    assert isinstance(task, LanguageModelTask | ExampleTask)
    training = task.recipe.training
    num_short = -(-(training.tbptt_steps or 1) // (training.tbptt_stride or 1))
    later = task.batches(min(num_short, task.steps_per_epoch - 1))[0]
    assert isinstance(later, TextBatch | StreamedBatch)
    return max(first, later, key=lambda batch: len(batch.window.inputs))


def largest_rows(task: ExampleTask) -> tuple[Sequence[int], int]:
    """Return the examples from the longest on, and how many of them one batch holds."""
    training = task.recipe.training
    lengths = np.array([len(example) for example in task.train])
    order = np.argsort(-lengths, kind="stable")
    num = min(training.batch_size, len(order))
    if training.batch_tokens is not None:
        num = max(1, min(num, training.batch_tokens // int(lengths[order[0]])))
    return [int(row) for row in order], num


def _saved_by(task: Task[Any], model: nn.Module, batch: TaskBatch) -> Saved:
    """Count the bytes that the graph of a loss holds."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = task.loss(model, batch, None)
    del result
    return Saved(sum(found.values()), max(found.values(), default=0))


def estimate_duration(
    task: Task[Any], model: nn.Module, recipe: Recipe, workers: Workers, stop: StopRequest
) -> Duration:
    """Return how long the run would take; a few steps and an evaluation are run.

    Args:
        task: the problem.
        model: left as it is.
        recipe: its limits.
        workers: this process.
        stop: ends the measurement.

    Raises:
        Stopped: someone asked to stop.
    """
    step = seconds_per_step(task, model, recipe, workers, _STEP_SECONDS, stop)
    evaluation, is_measured = _evaluation_seconds(task, model, step, stop)
    plan = make_plan(
        task,
        model,
        recipe,
        workers,
        evaluation_seconds=evaluation,
        spent_seconds=0.0,
        stop=stop,
    )
    return Duration(plan, step, evaluation, is_measured)


class _OutOfTime(StopRequest):
    """Asks to stop after some seconds, or when another request does."""

    def __init__(self, seconds: float, other: StopRequest) -> None:
        super().__init__()
        self._end = time.perf_counter() + seconds
        self._other = other

    def check(self) -> None:
        self._other.check()
        if time.perf_counter() > self._end:
            raise Stopped(0)


def _evaluation_seconds(
    task: Task[Any], model: nn.Module, step_seconds: float, stop: StopRequest
) -> tuple[float, bool]:
    """Return the time of an evaluation, and whether a whole one was run."""
    began = time.perf_counter()
    try:
        # The first one loads what scores need, so that the second is measured.
        for _ in range(2):
            began = time.perf_counter()
            enough = _OutOfTime(_EVALUATION_SECONDS, stop)
            task.evaluate(model, enough)
            task.sample(model, 0, enough)
    except Stopped:
        # It may have been the other request.
        stop.check()
        num_items = sum(batch.num_items for batch in task.batches(0))
        ratio = _num_scored(task) / num_items
        return max(time.perf_counter() - began, ratio * step_seconds * _FORWARD_SHARE), False
    return time.perf_counter() - began, True


def _num_scored(task: Task[Any]) -> int:
    if isinstance(task, SelfMeasured):
        return task.num_scored
    if isinstance(task, LanguageModelTask):
        return len(task.corpus.held_out.ids)
    assert isinstance(task, ExampleTask)
    return sum(len(example) for example in task.dev)
