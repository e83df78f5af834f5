"""Sittings: start a run, go on with it, or take its model out."""

from __future__ import annotations

import platform
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ostinato.data import DataError, Vocabulary
from ostinato.models.language_model import LanguageModel
from ostinato.training.calibration import make_plan
from ostinato.training.checkpoint import Checkpoint, CheckpointStore
from ostinato.training.errors import CheckpointError, RunError
from ostinato.training.events import Finished, Noted, Observer, Started, ignore
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.kinds import kind_of
from ostinato.training.language_model import build_language_model
from ostinato.training.loop import Loop, end_sitting, with_weights
from ostinato.training.metrics_log import MetricsLog
from ostinato.training.progress import Progress
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.run import Plan, RunFolder
from ostinato.training.run_files import Which
from ostinato.training.task import Task
from ostinato.training.tasks import task_of
from ostinato.training.tensorboard import import_tensorboard
from ostinato.training.workers import Workers


def train(
    recipe: Recipe,
    path: Path,
    *,
    force: bool = False,
    observe: Observer = ignore,
    stop: StopRequest | None = None,
    task: Task[Any] | None = None,
) -> Finished:
    """Train by a recipe into a new run folder.

    Several processes that were launched together, by ``launch`` or ``accelerate launch``, share
    every batch; the main one writes and tells.

    Args:
        recipe: what to do.
        path: the run folder, new or empty.
        force: replace a run that is there.
        observe: is told what happens.
        stop: ends the run after the step, or within the evaluation, in which it becomes true.
        task: in place of the data that the recipe names.

    Raises:
        OstinatoError: data, model, folder or disk are not as they must be; data and model are tried
            before the folder is touched.
        Stopped: someone asked to stop before the first step was planned; everything is as it was.
    """
    began = time.perf_counter()
    stop = StopRequest() if stop is None else stop
    # What is missing is said before the work that needs it.
    import_tensorboard()
    workers = Workers.join(recipe.training)
    observe = observe if workers.is_main else ignore
    with _settings(recipe.training.threads or _threads(workers), workers.device):
        _seed(recipe.seed)
        with stop.at_once():
            task = task_of(recipe, workers.device) if task is None else task
            model = task.build_model()
            for batch in task.batches(0):
                # Too few sequences for so many processes are refused before anything is written.
                batch.share(workers.index, workers.num)
        _part_random(recipe.seed, workers)
        with _new_folder(path, recipe, workers, force=force) as folder:
            loop = Loop(recipe, task, model, folder, observe, workers)
            for note in task.notes():
                observe(Noted(note))
            with stop.at_once():
                baselines = task.baselines() if workers.is_main else {}
            scoring_began = time.perf_counter()
            evaluation = loop.evaluate(stop)
            now = time.perf_counter()
            if recipe.training.max_minutes is not None:
                observe(Noted("measuring the speed of this machine, to plan the steps …"))
            with _forked_random(workers.device):
                plan = make_plan(
                    task,
                    model,
                    recipe,
                    workers,
                    evaluation_seconds=now - scoring_began,
                    spent_seconds=now - began,
                    stop=stop,
                    observe=observe,
                )
            plan = workers.from_main(plan)
            facts = {
                **task.facts(model),
                "scored_on": task.scored_on,
                "baselines": baselines,
                "versions": _versions(),
            }
            stop.check()
            if workers.is_main:
                folder.begin(recipe, plan, facts)
            with MetricsLog(folder.path) if workers.is_main else nullcontext() as log:
                observe(_started(folder, task, model, plan, baselines, 0))
                loop.progress.seconds = time.perf_counter() - began
                loop.save(place=loop.record(evaluation, log))
                return loop.run(plan, log, stop)


def resume(path: Path, *, observe: Observer = ignore, stop: StopRequest | None = None) -> Finished:
    """Go on with a run from its newest checkpoint, to the weights of an uninterrupted run.

    Where that is damaged, the run goes on from the best one, and says so.

    Args:
        path: the run folder.
        observe: is told what happens.
        stop: ends the run after the step, or within the evaluation, in which it becomes true.

    Raises:
        RunError: there is no run, it is finished, its data changed, or it was made by another
            number of processes.
        CheckpointError: no checkpoint is there and whole.
    """
    stop = StopRequest() if stop is None else stop
    folder = RunFolder.open(path)
    recipe, plan = folder.recipe(), folder.plan()
    workers = Workers.join(recipe.training)
    observe = observe if workers.is_main else ignore
    with folder.locked() if workers.is_main else nullcontext():
        facts = folder.facts("data_sha256", "baselines")
        checkpoint = _newest_whole(folder.checkpoints, observe)
        progress = Progress(**checkpoint.progress)
        _refuse_finished(folder, progress, plan)
        _refuse_other_number(folder, plan, workers)
        with _settings(plan.threads, workers.device):
            try:
                with stop.at_once():
                    task = _same_task(path, recipe, workers.device)
                    model = task.build_model()
            except Stopped:
                return end_sitting(folder, progress, "interrupted", observe)
            if task.facts(model)["data_sha256"] != facts["data_sha256"]:
                raise _changed(path)
            loop = Loop(recipe, task, model, folder, observe, workers)
            loop.restore(checkpoint)
            step, is_due = progress.step, progress.is_evaluation_due
            with (
                MetricsLog(folder.path, step, is_evaluation_due=is_due)
                if workers.is_main
                else nullcontext()
            ) as log:
                observe(_started(folder, task, model, plan, facts["baselines"], step))
                return loop.run(plan, log, stop)


class Trained(NamedTuple):
    """A language model out of a run, ready to write.

    Attributes:
        model: in evaluation mode, on the CPU.
        vocabulary: its units.
        start: what stands before a text without a prompt.
        document_end: the unit that ends a document; None where it learned one text.
    """

    model: LanguageModel
    vocabulary: Vocabulary
    start: str
    document_end: int | None = None


def load_trained(path: Path, which: Which = "best") -> Trained:
    """Read the model of a run.

    Raises:
        RunError: there is no run.
        CheckpointError: the checkpoint is missing or damaged.
    """
    folder = RunFolder.open(path)
    recipe = folder.recipe()
    if not isinstance(recipe, LanguageModelRecipe):
        raise RunError(
            f"the run {path} learned {recipe.task}, expected a language model\n"
            f"mend: use it with `ostinato {kind_of(recipe).verb} {path}`"
        )
    facts = folder.facts("vocabulary", "start")
    checkpoint = folder.checkpoints.load(which, with_training=False)
    vocabulary = Vocabulary.from_json(facts["vocabulary"])
    model = with_weights(
        lambda: build_language_model(recipe.model, len(vocabulary)), checkpoint.model
    )
    return Trained(model, vocabulary, facts["start"], document_end_of(recipe, vocabulary))


def document_end_of(recipe: LanguageModelRecipe, vocabulary: Vocabulary) -> int | None:
    """Return the unit that ends a document; None where a model learned one text."""
    return int(vocabulary.encode("\n")[0]) if recipe.data.documents == "lines" else None


def _newest_whole(store: CheckpointStore, observe: Observer) -> Checkpoint:
    """Read the newest checkpoint, or, where that is damaged, the best one before it."""
    try:
        return store.load("last")
    except CheckpointError as error:
        try:
            checkpoint = store.load("best")
        except CheckpointError:
            raise error from None
        reason = str(error).partition("\n")[0]
        step = checkpoint.progress["step"]
        observe(Noted(f"{reason}; going on from the best checkpoint, of step {step:,}"))
        return checkpoint


def _same_task(path: Path, recipe: Recipe, device: torch.device) -> Task[Any]:
    """Return the task of a run, from the data that it began with.

    Raises:
        RunError: they are there, but cannot be used any more: they changed.
        DataError: a file is gone.
    """
    try:
        return task_of(recipe, device)
    except DataError as error:
        if isinstance(error.__cause__, OSError):
            raise
        # The data that the run began with could be used.
        raise _changed(path) from error


def _changed(path: Path) -> RunError:
    return RunError(
        f"the data changed since the run {path} began, so it cannot go on as it was\n"
        "mend: put the old data back, or train a new run"
    )


def _refuse_other_number(folder: RunFolder, plan: Plan, workers: Workers) -> None:
    if plan.processes != workers.num:
        raise RunError(
            f"the run {folder.path} began with processes={plan.processes}, got {workers.num}: sums "
            f"would be split in another way\nmend: --processes {plan.processes}"
        )


def _refuse_finished(folder: RunFolder, progress: Progress, plan: Plan) -> None:
    if progress.finished:
        verb = kind_of(folder.recipe()).verb
        raise RunError(
            f"the run {folder.path} is over: {progress.finished} at step {progress.step:,} of "
            f"{plan.max_steps:,}\n"
            f"mend: use it with `ostinato {verb} {folder.path}`, or train a new run for longer"
        )


def _started(
    folder: RunFolder,
    task: Task[Any],
    model: nn.Module,
    plan: Plan,
    baselines: dict[str, float],
    step: int,
) -> Started:
    return Started(
        folder=folder.path,
        num_parameters=sum(p.numel() for p in model.parameters()),
        baselines=baselines,
        score_name=task.score_name,
        higher_is_better=task.higher_is_better,
        scored_on=task.scored_on,
        item_name=task.item_name,
        max_steps=plan.max_steps,
        steps_per_epoch=task.steps_per_epoch,
        step=step,
    )


def _threads(workers: Workers) -> int | None:
    """Return an equal share of the threads; None where this process has them all."""
    return max(1, torch.get_num_threads() // workers.num) if workers.num > 1 else None


@contextmanager
def _new_folder(
    path: Path, recipe: Recipe, workers: Workers, *, force: bool
) -> Generator[RunFolder]:
    """Take the folder of a new run; only the main process touches it."""
    if not workers.is_main:
        yield RunFolder(path)
        return
    with RunFolder.create(path, recipe, force=force) as folder:
        yield folder


@contextmanager
def _settings(threads: int | None, device: torch.device) -> Generator[None]:
    """Give the caller back its random state and number of threads."""
    before = torch.get_num_threads()
    with _forked_random(device):
        try:
            torch.set_num_threads(threads or before)
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def _forked_random(device: torch.device) -> Generator[None]:
    states = torch.get_rng_state(), _cuda_random(device)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        if states[1] is not None:
            torch.cuda.set_rng_state(states[1], device)


def _cuda_random(device: torch.device) -> Tensor | None:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _seed(seed: int) -> None:
    torch.default_generator.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


def _part_random(seed: int, workers: Workers) -> None:
    """Let every process but the main one draw other numbers from here on."""
    if workers.index:
        (own,) = np.random.SeedSequence([seed, workers.index]).generate_state(1, np.uint64)
        _seed(int(own) >> 1)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__}
