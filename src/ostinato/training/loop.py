"""The loop: one step after another, and nothing that a kill could lose."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from ostinato.training.checkpoint import Checkpoint
from ostinato.training.errors import CheckpointError, DivergedError
from ostinato.training.events import Evaluated, Finished, Observer, Reason, Stepped
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.metrics_log import MetricsLog
from ostinato.training.optimization import (
    clip_gradients,
    diverged,
    learning_rate,
    load_optimizer_tensors,
    make_optimizer,
    optimizer_tensors,
    set_learning_rate,
)
from ostinato.training.recipe import Recipe
from ostinato.training.run import Plan, RunFolder
from ostinato.training.task import State, Task

# A sitting may take this many times the minutes of the recipe.
_PATIENCE_WITH_MACHINE = 1.5


@dataclass
class Progress:
    """The counters of a run; with the tensors of a checkpoint, all that the rest depends on.

    Attributes:
        step: optimizer steps done; epoch and place in the data follow from it.
        best_score: of the held-out evaluations, lower is better.
        best_step: where it was reached.
        num_without_progress: evaluations since then.
        loss_sum: training loss since the last line of the log, summed over targets.
        num_targets: how many targets that sum is over.
        seconds: time spent, over all sittings.
        is_evaluation_due: whether the evaluation that belongs to this step is not done yet.
        finished: why the run is over; empty while it is not.
    """

    step: int = 0
    best_score: float | None = None
    best_step: int = 0
    num_without_progress: int = 0
    loss_sum: float = 0.0
    num_targets: int = 0
    seconds: float = 0.0
    is_evaluation_due: bool = False
    finished: Literal["", "finished", "no more progress"] = ""


class Evaluation(NamedTuple):
    """What an evaluation found, not counted yet.

    Attributes:
        scores: by name.
        sample: what the model writes.
    """

    scores: dict[str, float]
    sample: str


class Loop:
    """Trains one model by one plan; see ``run``."""

    def __init__(
        self, recipe: Recipe, task: Task, model: nn.Module, folder: RunFolder, observe: Observer
    ) -> None:
        self.recipe = recipe
        self.task = task
        self.model = model
        self.folder = folder
        self.observe = observe
        self.optimizer = make_optimizer(model, recipe.training)
        self.progress = Progress()
        self._carried: State | None = None
        self._saved_at = time.monotonic()

    def run(self, plan: Plan, log: MetricsLog, stop: StopRequest) -> Finished:
        """Train until the plan's end, until nothing gets better, or until asked to stop.

        Asked to stop within an evaluation, it abandons that; the next sitting begins with it, so
        that no score is missing and none is counted twice.

        A sitting that takes much longer than the recipe allows, because the machine became slower
        than it was when the steps were planned, stops as if asked to.

        Raises:
            DivergedError: the loss or a gradient is not finite; checkpoints are kept.
            StorageError: the disk is full; the newest checkpoint is kept.
        """
        progress = self.progress
        self.model.train()
        if progress.is_evaluation_due:
            self._score(plan, log, stop)
        began, seconds_before = time.perf_counter(), progress.seconds
        steps_before = progress.step
        is_late = False
        while not (stop or is_late or progress.finished):
            loss, num_targets = self._step(plan, log)
            now = time.perf_counter()
            progress.seconds = seconds_before + now - began
            self._report(plan, loss, num_targets, (now - began) / (progress.step - steps_before))
            is_late = self._is_late(now - began)
            if progress.step % plan.evaluate_every == 0 or progress.step == plan.max_steps:
                progress.is_evaluation_due = True
                self._score(plan, log, stop)
            elif stop or is_late or self._is_save_due():
                self.save(is_best=False)
        reason = progress.finished or ("interrupted" if stop else "out of time")
        return end_sitting(self.folder, progress, reason, self.observe)

    def evaluate(self, stop: StopRequest) -> Evaluation:
        """Score the held-out part, and let the model write.

        Raises:
            Stopped: someone asked to stop.
            DivergedError: the score is not finite.
        """
        scores = self.task.evaluate(self.model, stop)
        score = scores[self.task.score_name]
        if not math.isfinite(score):
            raise self._overflowed(score)
        return Evaluation(scores, self.task.sample(self.model, self.progress.step, stop))

    def record(self, evaluation: Evaluation, log: MetricsLog) -> bool:
        """Count and log an evaluation; return whether none before was better."""
        progress = self.progress
        scores, sample = evaluation
        score = scores[self.task.score_name]
        is_best = progress.best_score is None or score < progress.best_score
        if is_best:
            progress.best_score, progress.best_step = score, progress.step
            progress.num_without_progress = 0
        else:
            progress.num_without_progress += 1
        log.write("evaluation", progress.step, {**scores, **({"sample": sample} if sample else {})})
        self.observe(Evaluated(progress.step, scores, is_best, sample))
        return is_best

    def save(self, *, is_best: bool) -> None:
        """Write a checkpoint."""
        tensors = {
            **optimizer_tensors(self.optimizer),
            **{f"carried.{name}": value for name, value in (self._carried or {}).items()},
            "random.cpu": torch.get_rng_state(),
        }
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        checkpoint = Checkpoint(weights(self.model), tensors, asdict(self.progress))
        self.folder.checkpoints.save(checkpoint, step=self.progress.step, is_best=is_best)
        self._saved_at = time.monotonic()

    def restore(self, checkpoint: Checkpoint, device: torch.device) -> None:
        """Go back to a checkpoint: weights, optimizer, random state, place in the data.

        Raises:
            CheckpointError: it is of another model.
        """
        load_weights(self.model, checkpoint.model)
        tensors = dict(checkpoint.training)
        torch.set_rng_state(tensors.pop("random.cpu"))
        cuda = tensors.pop("random.cuda", None)
        if cuda is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(cuda)
        carried = {
            name.removeprefix("carried."): value.to(device)
            for name, value in tensors.items()
            if name.startswith("carried.")
        }
        self._carried = carried or None
        load_optimizer_tensors(self.optimizer, tensors)
        self.progress = Progress(**checkpoint.progress)

    def _score(self, plan: Plan, log: MetricsLog, stop: StopRequest) -> None:
        """Do the evaluation that is due, and save; asked to stop, save that it is still due."""
        progress = self.progress
        began = time.perf_counter()
        try:
            evaluation = self.evaluate(stop)
        except Stopped:
            self.save(is_best=False)
            return
        is_best = self.record(evaluation, log)
        progress.is_evaluation_due = False
        progress.seconds += time.perf_counter() - began
        progress.finished = self._end(plan)
        self.save(is_best=is_best)

    def _overflowed(self, score: float) -> DivergedError:
        name, step = self.task.score_name.replace("_", " "), self.progress.step
        rate = f", or a lower training.learning_rate (now {self.recipe.training.learning_rate:g})"
        kept = f"{rate}; the last good weights are kept in {self.folder.path}"
        return DivergedError(
            f"the model's score at step {step} is {score} {name}, expected a finite number\n"
            "mend: a cell whose state stays bounded, such as model.cell=gru"
            f"{kept if step else ''}"
        )

    def _step(self, plan: Plan, log: MetricsLog) -> tuple[float, int]:
        """Do one optimizer step; return its mean loss and the number of its targets."""
        progress, training = self.progress, self.recipe.training
        rate = learning_rate(
            progress.step,
            peak=training.learning_rate,
            floor=training.cosine_floor,
            warmup_steps=plan.warmup_steps,
            max_steps=plan.max_steps,
        )
        set_learning_rate(self.optimizer, rate)
        result = self.task.loss(self.model, progress.step, self._carried)
        self.optimizer.zero_grad()
        torch.autograd.backward(result.loss)
        norm = clip_gradients(self.model, training.clip_grad_norm)
        loss = float(result.loss.detach())
        if not (math.isfinite(loss) and math.isfinite(norm)):
            kept = f"the last good weights are kept in {self.folder.path}"
            raise diverged(
                self.model, training, step=progress.step + 1, loss=loss, norm=norm, kept=kept
            )
        self.optimizer.step()
        self._carried = result.carried
        progress.step += 1
        progress.loss_sum += loss * result.num_targets
        progress.num_targets += result.num_targets
        if progress.step % training.log_every == 0 or progress.step == plan.max_steps:
            mean = progress.loss_sum / progress.num_targets
            values = {**self.task.train_scores(mean), "learning_rate": rate, "gradient_norm": norm}
            log.write("train", progress.step, values)
            progress.loss_sum, progress.num_targets = 0.0, 0
        return loss, result.num_targets

    def _report(self, plan: Plan, loss: float, num_targets: int, seconds_per_step: float) -> None:
        progress = self.progress
        self.observe(
            Stepped(
                step=progress.step,
                scores=self.task.train_scores(loss),
                items_per_second=num_targets * self.task.items_per_target / seconds_per_step,
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

    def _is_late(self, seconds: float) -> bool:
        minutes = self.recipe.training.max_minutes
        return minutes is not None and seconds > _PATIENCE_WITH_MACHINE * minutes * 60

    def _is_save_due(self) -> bool:
        return time.monotonic() - self._saved_at >= self.recipe.training.checkpoint_seconds


def end_sitting(
    folder: RunFolder, progress: Progress, reason: Reason, observe: Observer
) -> Finished:
    """Tell where the run stands now."""
    finished = Finished(
        folder.path,
        reason,
        progress.step,
        progress.best_step,
        math.nan if progress.best_score is None else progress.best_score,
        progress.seconds,
    )
    observe(finished)
    return finished


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the model's tensors by name; one that has two names only under the first."""
    first: dict[int, str] = {}
    state: dict[str, Any] = model.state_dict(keep_vars=True)
    return {name: t for name, t in state.items() if first.setdefault(id(t), name) == name}


def load_weights(model: nn.Module, tensors: dict[str, Tensor] | Any) -> None:
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
