"""The loop: one step after another, and nothing that a kill could lose."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from ostinato.training.averaging import MovingMean
from ostinato.training.checkpoint import Checkpoint
from ostinato.training.divergence import diverged, is_lost
from ostinato.training.errors import CheckpointError, DivergedError
from ostinato.training.events import Evaluated, Finished, Noted, Observer, Reason, Stepped
from ostinato.training.gradient_watch import GradientWatch, watch_gradients
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.metrics_log import MetricsLog
from ostinato.training.optimization import (
    gradient_norm,
    learning_rate,
    load_optimizer_tensors,
    make_optimizer,
    optimizer_tensors,
    set_learning_rate,
)
from ostinato.training.progress import Progress
from ostinato.training.recipe_parts import Recipe
from ostinato.training.run import Plan, RunFolder
from ostinato.training.task import State, Task
from ostinato.training.workers import Workers

# A sitting may take this many times the minutes of the recipe.
_Network = TypeVar("_Network", bound=nn.Module)

_PATIENCE_WITH_MACHINE = 1.5


class Evaluation(NamedTuple):
    """What an evaluation found, not counted yet.

    Attributes:
        scores: by name.
        sample: what the model writes.
        gradients: how they decay through time; None where nobody asked, or nothing recurs.
    """

    scores: dict[str, float]
    sample: str
    gradients: GradientWatch | None = None


class _Step(NamedTuple):
    """What one optimizer step did, over all processes.

    Attributes:
        loss: mean over the targets.
        num_targets: of them.
        num_items: that the batches held.
        num_sequences: that they held; 0 where they are pieces of a stream.
    """

    loss: float
    num_targets: int
    num_items: int
    num_sequences: int


class Loop:
    """Trains one model by one plan; see ``run``.

    Every process that trains has a loop, and the same progress; only the main one writes, scores
    and tells.

    Args:
        recipe: what to do.
        task: the problem.
        model: to be trained.
        folder: the run.
        observe: is told what happens.
        workers: the processes.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task[Any],
        model: nn.Module,
        folder: RunFolder,
        observe: Observer,
        workers: Workers,
    ) -> None:
        training = recipe.training
        self.recipe = recipe
        self.task = task
        self.model = model
        self.folder = folder
        self.observe = observe
        self.workers = workers
        self.optimizer = make_optimizer(model, training)
        self.progress = Progress()
        self.mean = None if training.ema_decay is None else MovingMean(model, training.ema_decay)
        self._called = workers.prepare(model)
        self._carried: State | None = None
        self._saved_at = time.monotonic()
        self._verdict = ""

    @property
    def scored_model(self) -> nn.Module:
        """The model that is scored and kept: the moving mean, where there is one."""
        return self.model if self.mean is None else self.mean.model

    def run(self, plan: Plan, log: MetricsLog | None, stop: StopRequest) -> Finished:
        """Train until the plan's end, until nothing gets better, or until asked to stop.

        Asked to stop within an evaluation, it abandons that; the next sitting begins with it, so
        that no score is missing and none is counted twice.

        A sitting that takes much longer than the recipe allows, because the machine became slower
        than it was when the steps were planned, stops as if asked to.

        Args:
            plan: where the run ends.
            log: of the main process.
            stop: ends the run.

        Raises:
            DivergedError: the loss or the gradients exploded; checkpoints are kept.
            StorageError: the disk is full; the newest checkpoint is kept.
        """
        progress, workers = self.progress, self.workers
        self.model.train()
        if progress.is_evaluation_due:
            self._score(plan, log, stop)
        began, seconds_before = time.perf_counter(), progress.seconds
        steps_before = progress.step
        (is_asked,) = workers.any(bool(stop))
        is_late = False
        while not (is_asked or is_late or progress.finished):
            step = self._step(plan, log)
            now = time.perf_counter()
            progress.seconds = seconds_before + now - began
            self._report(plan, step, (now - began) / (progress.step - steps_before))
            is_asked, is_late, is_save_due = workers.any(
                bool(stop), self._is_late(now - began), self._is_save_due()
            )
            if progress.step % plan.evaluate_every == 0 or progress.step == plan.max_steps:
                progress.is_evaluation_due = True
                self._score(plan, log, stop)
                (is_asked,) = workers.any(bool(stop))
            elif is_asked or is_late or is_save_due:
                self.save()
        # Whoever goes on from here finds what the main process has written.
        workers.any(False)
        reason = progress.finished or ("interrupted" if is_asked else "out of time")
        return end_sitting(self.folder, progress, reason, self.observe)

    def evaluate(self, stop: StopRequest) -> Evaluation:
        """Score the held-out part, and let the model write.

        Raises:
            Stopped: someone asked to stop.
            DivergedError: the score is not finite.
        """
        found: Evaluation | int | None = None
        if self.workers.is_main:
            try:
                found = self._evaluation(stop)
            except Stopped as stopped:
                found = stopped.signal
        found = self.workers.from_main(found)
        if isinstance(found, int):
            raise Stopped(found)
        assert found is not None, "the main process evaluates"
        return found

    def record(self, evaluation: Evaluation, log: MetricsLog | None) -> int | None:
        """Count and log an evaluation; return its place among the best, from 0, or None."""
        scores, sample, gradients = evaluation
        place = self.progress.rank(
            scores[self.task.score_name],
            scores.get("loss", 0.0),
            higher_is_better=self.task.higher_is_better,
            keep=self.recipe.training.keep_best,
        )
        step = self.progress.step
        if log is not None:
            log.write("evaluation", step, {**scores, **({"sample": sample} if sample else {})})
        self.observe(Evaluated(step, scores, place == 0, sample))
        if gradients is not None:
            self._tell_gradients(gradients, log)
        return place

    def _tell_gradients(self, found: GradientWatch, log: MetricsLog | None) -> None:
        if log is not None:
            log.write("gradients", self.progress.step, found.values())
        sentence = found.sentence()
        # Said once, and again where it changes.
        if sentence and found.worst.verdict != self._verdict:
            self.observe(Noted(f"step {self.progress.step}: {sentence}"))
        self._verdict = found.worst.verdict

    def save(self, *, place: int | None = None) -> None:
        """Write a checkpoint, at this place among the best ones if at any.

        Raises:
            DivergedError: the weights are ruined; what was written before stays.
            StorageError: it could not be written; what was written before stays.
        """
        self._refuse_ruined()
        own = self.workers.gather(self._own_tensors())
        self._saved_at = time.monotonic()
        if not self.workers.is_main:
            return
        tensors = optimizer_tensors(self.optimizer)
        if self.mean is not None:
            tensors |= {f"weights.{name}": t for name, t in weights(self.model).items()}
        for index, (random, _) in enumerate(own):
            tensors |= {f"random.{index}.{name}": state for name, state in random.items()}
        for name in own[0][1]:
            tensors[f"carried.{name}"] = torch.cat([carried[name] for _, carried in own], dim=1)
        self.folder.checkpoints.save(
            Checkpoint(weights(self.scored_model), tensors, asdict(self.progress)),
            step=self.progress.step,
            place=place,
            keep=self.recipe.training.keep_best,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint: weights, optimizer, random state, place in the data.

        Raises:
            CheckpointError: it is of another model.
        """
        load_weights(self.scored_model, checkpoint.model)
        if self.mean is not None:
            load_weights(self.model, _below("weights", checkpoint.training))
        load_optimizer_tensors(self.optimizer, checkpoint.training)
        workers = self.workers
        random = _below(f"random.{workers.index}", checkpoint.training)
        torch.set_rng_state(random["cpu"])
        if "cuda" in random and workers.device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"], workers.device)
        carried = {
            name: torch.tensor_split(value, workers.num, dim=1)[workers.index].to(workers.device)
            for name, value in _below("carried", checkpoint.training).items()
        }
        self._carried = carried or None
        self.progress = Progress(**checkpoint.progress)

    def _own_tensors(self) -> tuple[dict[str, Tensor], State]:
        """Return what differs from process to process: the random states and the carried one."""
        random = {"cpu": torch.get_rng_state()}
        if self.workers.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.workers.device)
        return random, {name: value.cpu() for name, value in (self._carried or {}).items()}

    def _evaluation(self, stop: StopRequest) -> Evaluation:
        model = self.scored_model
        scores = self.task.evaluate(model, stop)
        score = scores[self.task.score_name]
        if not math.isfinite(score):
            raise self._overflowed(score)
        sample = self.task.sample(model, self.progress.step, stop)
        watches = self.recipe.evaluation.watch_gradients
        gradients = watch_gradients(self.task, model) if watches else None
        return Evaluation(scores, sample, gradients)

    def _score(self, plan: Plan, log: MetricsLog | None, stop: StopRequest) -> None:
        """Do the evaluation that is due, and save; asked to stop, save that it is still due."""
        progress = self.progress
        began = time.perf_counter()
        try:
            evaluation = self.evaluate(stop)
        except Stopped:
            self.save()
            return
        place = self.record(evaluation, log)
        if progress.step <= self._patient_steps(plan):
            progress.num_without_progress = 0
        progress.is_evaluation_due = False
        progress.seconds += time.perf_counter() - began
        progress.finished = self._end(plan)
        self.save(place=place)

    def _refuse_ruined(self) -> None:
        """Refuse to keep weights that the last update made infinite."""
        progress, training = self.progress, self.recipe.training
        ruined = [n for n, p in self.model.named_parameters() if not bool(p.isfinite().all())]
        if ruined:
            raise DivergedError(
                f"the update of step {progress.step} made {ruined[0]} infinite or undefined\n"
                f"mend: a lower training.learning_rate (now {training.learning_rate:g}); the last "
                f"good weights are kept in {self.folder.path}"
            )

    def _overflowed(self, score: float) -> DivergedError:
        name, step = self.task.score_name.replace("_", " "), self.progress.step
        rate = f", or a lower training.learning_rate (now {self.recipe.training.learning_rate:g})"
        kept = f"{rate}; the last good weights are kept in {self.folder.path}"
        return DivergedError(
            f"the model's score at step {step} is {score} {name}, expected a finite number\n"
            "mend: a cell whose state stays bounded, such as model.cell=gru"
            f"{kept if step else ''}"
        )

    def _step(self, plan: Plan, log: MetricsLog | None) -> _Step:
        """Do one optimizer step."""
        progress, training = self.progress, self.recipe.training
        rate = learning_rate(
            progress.step,
            peak=training.learning_rate,
            floor=training.rate_floor,
            warmup_steps=plan.warmup_steps,
            max_steps=plan.max_steps,
            schedule=training.schedule,
        )
        set_learning_rate(self.optimizer, rate)
        self.optimizer.zero_grad()
        step = self._backward()
        norm = gradient_norm(self.model)
        self._check(step.loss, float(norm))
        if training.clip_grad_norm is not None:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), training.clip_grad_norm, norm)
        self.optimizer.step()
        if self.mean is not None:
            self.mean.update(self.model, progress.step)
        progress.step += 1
        progress.loss_sum += step.loss * step.num_targets
        progress.num_targets += step.num_targets
        if progress.step % training.log_every == 0 or progress.step == plan.max_steps:
            scores = self.task.train_scores(progress.loss_sum / progress.num_targets)
            values = {**scores, "learning_rate": rate, "gradient_norm": float(norm)}
            if log is not None:
                log.write("train", progress.step, values)
            progress.loss_sum, progress.num_targets = 0.0, 0
        return step

    def _backward(self) -> _Step:
        """Run the batches of one step, each process its share; leave their mean's gradients."""
        workers = self.workers
        batches = self.task.batches(self.progress.step)
        num_targets = sum(batch.num_targets for batch in batches)
        loss_sum = 0.0
        for place, whole in enumerate(batches):
            batch, weight = whole, 1.0
            if workers.num > 1:
                batch = whole.share(workers.index, workers.num)
                if batch.is_empty:
                    # Every process has to take part; this one's part counts nothing.
                    batch, weight = whole, 0.0
            is_last = place == len(batches) - 1
            with nullcontext() if is_last else workers.apart(self._called):
                result = self.task.loss(self._called, batch, self._carried)
                # The gradients of several processes are averaged, not summed.
                workers.backward(weight * result.loss_sum / (num_targets / workers.num))
            self._carried = result.carried
            loss_sum += weight * float(result.loss_sum.detach())
        mean = workers.sum(loss_sum) / num_targets
        num_items = sum(batch.num_items for batch in batches)
        return _Step(mean, num_targets, num_items, sum(batch.num_sequences for batch in batches))

    def _check(self, loss: float, norm: float) -> None:
        """Refuse a step that would ruin the weights, and to go on where they are ruined."""
        progress = self.progress
        if is_lost(loss, norm):
            kept = f"the last good weights are kept in {self.folder.path}"
        elif progress.watch(loss, norm):
            kept = f"the best weights, of step {progress.best_step}, are kept in {self.folder.path}"
        else:
            return
        raise diverged(
            self.model,
            self.recipe.training,
            step=progress.step + 1,
            loss=loss,
            norm=norm,
            kept=kept,
        )

    def _report(self, plan: Plan, step: _Step, seconds_per_step: float) -> None:
        progress = self.progress
        self.observe(
            Stepped(
                step=progress.step,
                scores=self.task.train_scores(step.loss),
                items_per_second=step.num_items * self.task.items_per_target / seconds_per_step,
                sequences_per_second=step.num_sequences / seconds_per_step,
                seconds_left=(plan.max_steps - progress.step) * seconds_per_step,
            )
        )

    def _end(self, plan: Plan) -> Literal["", "finished", "no more progress"]:
        """Return why the run is over; empty while it is not."""
        patience = self.recipe.evaluation.patience
        if self.progress.step >= plan.max_steps:
            return "finished"
        if patience is not None and self.progress.num_without_progress >= patience:
            return "no more progress"
        return ""

    def _patient_steps(self, plan: Plan) -> int:
        """Return until when no progress is no reason to stop: the warm-up, and the first pass."""
        return max(plan.warmup_steps, min(self.task.steps_per_epoch, plan.max_steps // 2))

    def _is_late(self, seconds: float) -> bool:
        minutes = self.recipe.training.max_minutes
        is_late = minutes is not None and seconds > _PATIENCE_WITH_MACHINE * minutes * 60
        return is_late and self.workers.is_main

    def _is_save_due(self) -> bool:
        is_due = time.monotonic() - self._saved_at >= self.recipe.training.checkpoint_seconds
        return is_due and self.workers.is_main


def end_sitting(
    folder: RunFolder, progress: Progress, reason: Reason, observe: Observer
) -> Finished:
    """Tell where the run stands now."""
    finished = Finished(
        folder.path,
        reason,
        progress.step,
        progress.best_step,
        progress.best_scores[0] if progress.best_scores else math.nan,
        progress.seconds,
    )
    observe(finished)
    return finished


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with ``prefix.``, without it."""
    start = f"{prefix}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the model's tensors by name; one that has two names only under the first."""
    first: dict[int, str] = {}
    state: dict[str, Any] = model.state_dict(keep_vars=True)
    return {name: t for name, t in state.items() if first.setdefault(id(t), name) == name}


def with_weights(build: Callable[[], _Network], tensors: Mapping[str, Tensor]) -> _Network:
    """Return a network with weights that were kept, in evaluation mode.

    Args:
        build: returns a new one; torch's random state stays as it is.
        tensors: the weights by name.

    Raises:
        CheckpointError: they are of another network.
    """
    with torch.random.fork_rng(devices=[]):
        model = build()
    load_weights(model, tensors)
    return model.eval()


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put back what ``weights`` returned.

    Raises:
        CheckpointError: names or shapes are those of another model.
    """
    own = weights(model)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
    if shapes != expected:
        different = sorted(set(shapes.items()) ^ set(expected.items()))[0][0]
        raise CheckpointError(
            f"the checkpoint is of another model: `{different}` is "
            f"{shapes.get(different, 'absent')} in it and {expected.get(different, 'absent')} in "
            "the recipe\nmend: put back the recipe.yaml that the run was made with"
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
