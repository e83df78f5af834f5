"""Sittings: start a run, go on with it, or take its model out."""

from __future__ import annotations

import platform
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.data import DataError, Vocabulary
from ostinato.models.language_model import LanguageModel
from ostinato.nn.saving import describe
from ostinato.training.calibration import make_plan
from ostinato.training.checkpoint import Checkpoint, CheckpointStore
from ostinato.training.errors import CheckpointError, RunError
from ostinato.training.events import Finished, Noted, Observer, Started, ignore
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.language_model import (
    LanguageModelTask,
    build_language_model,
    read_source,
)
from ostinato.training.loop import Loop, Progress, end_sitting, load_weights
from ostinato.training.metrics_log import MetricsLog
from ostinato.training.recipe import Recipe, TrainingRecipe
from ostinato.training.run import Plan, RunFolder
from ostinato.training.run_files import Which
from ostinato.training.tensorboard import import_tensorboard


def train(
    recipe: Recipe,
    path: Path,
    *,
    force: bool = False,
    observe: Observer = ignore,
    stop: StopRequest | None = None,
) -> Finished:
    """Train by a recipe into a new run folder.

    Args:
        recipe: what to do.
        path: the run folder, new or empty.
        force: replace a run that is there.
        observe: is told what happens.
        stop: ends the run after the step, or within the evaluation, in which it becomes true.

    Raises:
        OstinatoError: data, model, folder or disk are not as they must be; data and model are tried
            before the folder is touched.
        Stopped: someone asked to stop before the first step was planned; everything is as it was.
    """
    began = time.perf_counter()
    stop = StopRequest() if stop is None else stop
    device = _device(recipe.training)
    # What is missing is said before the work that needs it.
    import_tensorboard()
    with _settings(recipe.training.threads, device):
        _seed(recipe.seed)
        with stop.at_once():
            task = LanguageModelTask.from_recipe(recipe, device)
            model = task.build_model()
        with RunFolder.create(path, recipe, force=force) as folder:
            loop = Loop(recipe, task, model, folder, observe)
            for note in task.notes():
                observe(Noted(note))
            with stop.at_once():
                baselines = task.baselines()
            scoring_began = time.perf_counter()
            evaluation = loop.evaluate(stop)
            now = time.perf_counter()
            if recipe.training.max_minutes is not None:
                observe(Noted("measuring the speed of this machine, to plan the steps …"))
            with _forked_random(device):
                plan = make_plan(
                    task,
                    model,
                    recipe,
                    evaluation_seconds=now - scoring_began,
                    spent_seconds=now - began,
                    stop=stop,
                    observe=observe,
                )
            facts = {
                **task.facts(),
                "recurrent": describe(model.recurrent).to_json(),
                "scored_on": task.scored_on,
                "baselines": baselines,
                "versions": _versions(),
            }
            stop.check()
            folder.begin(recipe, plan, facts)
            with MetricsLog(folder.path) as log:
                observe(_started(folder, task, model, plan, baselines, 0))
                loop.progress.seconds = time.perf_counter() - began
                loop.save(is_best=loop.record(evaluation, log))
                return loop.run(plan, log, stop)


def resume(path: Path, *, observe: Observer = ignore, stop: StopRequest | None = None) -> Finished:
    """Go on with a run from its newest checkpoint, to the weights of an uninterrupted run.

    Where that is damaged, the run goes on from the best one, and says so.

    Args:
        path: the run folder.
        observe: is told what happens.
        stop: ends the run after the step, or within the evaluation, in which it becomes true.

    Raises:
        RunError: there is no run, it is finished, or its text changed.
        CheckpointError: no checkpoint is there and whole.
    """
    stop = StopRequest() if stop is None else stop
    folder = RunFolder.open(path)
    with folder.locked():
        facts = folder.facts("data_sha256", "baselines")
        recipe, plan = folder.recipe(), folder.plan()
        checkpoint = _newest_whole(folder.checkpoints, observe)
        progress = Progress(**checkpoint.progress)
        _refuse_finished(folder, progress, plan)
        device = _device(recipe.training)
        try:
            with stop.at_once():
                text = read_source(recipe.data)
                task = _same_task(path, recipe, text, device, facts["data_sha256"])
        except Stopped:
            return end_sitting(folder, progress, "interrupted", observe)
        with _settings(plan.threads, device):
            model = task.build_model()
            loop = Loop(recipe, task, model, folder, observe)
            loop.restore(checkpoint, device)
            step, is_due = progress.step, progress.is_evaluation_due
            with MetricsLog(folder.path, step, is_evaluation_due=is_due) as log:
                observe(_started(folder, task, model, plan, facts["baselines"], step))
                return loop.run(plan, log, stop)


class Trained(NamedTuple):
    """A language model out of a run, ready to write.

    Attributes:
        model: in evaluation mode, on the CPU.
        vocabulary: its units.
        start: what stands before a text without a prompt.
    """

    model: LanguageModel
    vocabulary: Vocabulary
    start: str


def load_trained(path: Path, which: Which = "best") -> Trained:
    """Read the model of a run.

    Raises:
        RunError: there is no run.
        CheckpointError: the checkpoint is missing or damaged.
    """
    folder = RunFolder.open(path)
    recipe, facts = folder.recipe(), folder.facts("vocabulary", "start")
    checkpoint = folder.checkpoints.load(which, with_training=False)
    vocabulary = Vocabulary.from_json(facts["vocabulary"])
    model = build_language_model(recipe.model, len(vocabulary))
    load_weights(model, checkpoint.model)
    return Trained(model.eval(), vocabulary, facts["start"])


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


def _same_task(
    path: Path, recipe: Recipe, text: str, device: torch.device, sha256: str
) -> LanguageModelTask:
    """Return the task of a run, from the text that it began with.

    Raises:
        RunError: it is another text.
    """
    changed = RunError(
        f"the text changed since the run {path} began, so it cannot go on as it was\n"
        "mend: put the old text back, or train a new run"
    )
    try:
        task = LanguageModelTask.of_text(recipe, text, device)
    except DataError as error:
        # The text that the run began with could be used.
        raise changed from error
    if task.corpus.sha256 != sha256:
        raise changed
    return task


def _refuse_finished(folder: RunFolder, progress: Progress, plan: Plan) -> None:
    if progress.finished:
        raise RunError(
            f"the run {folder.path} is over: {progress.finished} at step {progress.step:,} of "
            f"{plan.max_steps:,}\n"
            f"mend: use it with `ostinato generate {folder.path}`, or train a new run for longer"
        )


def _started(
    folder: RunFolder,
    task: LanguageModelTask,
    model: LanguageModel,
    plan: Plan,
    baselines: dict[str, float],
    step: int,
) -> Started:
    return Started(
        folder=folder.path,
        num_parameters=sum(p.numel() for p in model.parameters()),
        baselines=baselines,
        score_name=task.score_name,
        scored_on=task.scored_on,
        item_name=task.item_name,
        max_steps=plan.max_steps,
        step=step,
    )


def _device(recipe: TrainingRecipe) -> torch.device:
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise OptionError(
            "training.device=cuda, but torch finds no CUDA device here\nmend: training.device=auto"
        )
    use_cuda = recipe.device != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if use_cuda else "cpu")


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


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__}
