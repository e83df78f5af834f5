"""Turn a limit of time into a number of steps, once, so that the schedule is fixed."""

from __future__ import annotations

import copy
import math
import statistics
import time
from typing import Any

import torch
from torch import nn

from ostinato.data.wording import counted
from ostinato.training.events import Noted, Observer, ignore
from ostinato.training.interrupt import StopRequest
from ostinato.training.optimization import clip_gradients, make_optimizer
from ostinato.training.recipe_parts import Recipe
from ostinato.training.run import Plan
from ostinato.training.task import State, Task
from ostinato.training.workers import Workers

_MOST_EVALUATIONS = 10
_EVALUATIONS_SHARE = 0.1
# A short run warms up for a tenth of its steps at most.
_LONGEST_WARMUP = 10
_MIN_STEPS, _MAX_STEPS = 4, 50
# A limit is not to be passed: steps vary, and checkpoints, logging and others on the machine take
# time that the measurement does not see.
_AIMED_SHARE = 0.96
# Fewer steps than these teach a model next to nothing.
_FEW_STEPS = 20
_MEASURING_SHARE, _LONGEST_SECONDS = 0.03, 5.0


def make_plan(
    task: Task[Any],
    model: nn.Module,
    recipe: Recipe,
    workers: Workers,
    *,
    evaluation_seconds: float,
    spent_seconds: float,
    stop: StopRequest,
    observe: Observer = ignore,
) -> Plan:
    """Fix where the run ends, the smallest of the recipe's limits, and what follows from that.

    Args:
        task: the problem.
        model: left as it is.
        recipe: the limits.
        workers: the processes, each of which runs its share.
        evaluation_seconds: how long one evaluation takes.
        spent_seconds: how much of the time is gone already.
        stop: ends the measurement; half a measurement makes no plan.
        observe: is told where the time is too short for more than a few steps.

    Raises:
        Stopped: someone asked to stop.
    """
    limits = recipe.training
    every = recipe.evaluation.every
    num_evaluations = _MOST_EVALUATIONS
    ends = [float(limits.max_steps)] if limits.max_steps is not None else []
    if limits.max_epochs is not None:
        ends.append(limits.max_epochs * task.steps_per_epoch)
    if limits.max_minutes is not None:
        budget = limits.max_minutes * 60
        num_evaluations = _affordable_evaluations(budget, evaluation_seconds)
        began = time.perf_counter()
        enough = min(_LONGEST_SECONDS, _MEASURING_SHARE * budget)
        step_seconds = seconds_per_step(task, model, recipe, workers, enough, stop)
        left = _AIMED_SHARE * (budget - spent_seconds - (time.perf_counter() - began))
        if every is None:
            ends.append((left - num_evaluations * evaluation_seconds) / step_seconds)
        else:
            ends.append(left / (step_seconds + evaluation_seconds / every))
        if ends[-1] < _FEW_STEPS and ends[-1] == min(ends):
            steps = counted(max(1, math.floor(ends[-1])), "step")
            observe(
                Noted(
                    f"training.max_minutes={limits.max_minutes:g} leaves room for only {steps}: a "
                    "higher training.max_minutes, a smaller model.hidden_size, or a larger "
                    "evaluation.every makes room for more"
                )
            )
    max_steps = max(1, math.floor(min(ends)))
    return Plan(
        max_steps=max_steps,
        evaluate_every=every or math.ceil(max_steps / num_evaluations),
        warmup_steps=min(limits.warmup_steps, max_steps // _LONGEST_WARMUP),
        threads=torch.get_num_threads(),
        processes=workers.num,
    )


def _affordable_evaluations(budget: float, evaluation_seconds: float) -> int:
    """Return how many evaluations fit into their share of the time: two at least."""
    affordable = int(_EVALUATIONS_SHARE * budget / evaluation_seconds)
    return min(_MOST_EVALUATIONS, max(2, affordable))


def seconds_per_step(
    task: Task[Any],
    model: nn.Module,
    recipe: Recipe,
    workers: Workers,
    enough: float,
    stop: StopRequest,
) -> float:
    """Return the mean time of some steps on a copy; the first, which sets up, is left out.

    Args:
        task: the problem.
        model: left as it is.
        recipe: of the optimizer.
        workers: that share the batches.
        enough: seconds after which no more steps are measured.
        stop: ends the measurement.

    Raises:
        Stopped: someone asked to stop.
    """
    model = copy.deepcopy(model)
    optimizer = make_optimizer(model, recipe.training)
    carried: State | None = None
    times: list[float] = []
    began = time.perf_counter()
    for step in range(_MAX_STEPS):
        stop.check()
        step_began = time.perf_counter()
        optimizer.zero_grad()
        for whole in task.batches(step):
            batch = whole.share(workers.index, workers.num) if workers.num > 1 else whole
            result = task.loss(model, whole if batch.is_empty else batch, carried)
            carried = result.carried
            torch.autograd.backward(result.loss_sum / whole.num_targets)
        clip_gradients(model, recipe.training.clip_grad_norm)
        optimizer.step()
        times.append(time.perf_counter() - step_began)
        if step + 1 >= _MIN_STEPS and time.perf_counter() - began >= enough:
            break
    return statistics.fmean(times[1:])
