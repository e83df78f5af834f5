"""The task of drawings: points in, the density of the next one out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ostinato.data import DataError
from ostinato.data.batches import Batch, Batches, Example, make_batch
from ostinato.data.drawings import DrawingPipeline, num_points, stretched
from ostinato.data.pipeline import fingerprint
from ostinato.data.rows import Malformed
from ostinato.data.wording import counted
from ostinato.models.drawing_model import NUM_READ, DrawingModel
from ostinato.models.encoder import SequenceEncoder
from ostinato.models.mixture_density import MixtureDensityHead
from ostinato.models.starting import start_layers
from ostinato.training.cell_text import cell_of_text
from ostinato.training.drawing_naive import naive_losses
from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.evaluating import evaluating
from ostinato.training.example_data import Source
from ostinato.training.interrupt import StopRequest
from ostinato.training.metrics.per_example import ExampleScores, mean_loss
from ostinato.training.model_memory import fitting_into_memory
from ostinato.training.task import EndLoss, State, StepLoss
from ostinato.training.unused_keys import unused_drawing_keys

NATS_PER_POINT: Final = "nats_per_point"
NATS_PER_DRAWING: Final = "nats_per_drawing"

_NUM_WATCHED = 16


class DrawingTask:
    """See ``Task``."""

    score_name = NATS_PER_POINT
    higher_is_better = False
    scored_on = "dev"
    item_name = "points"

    def __init__(
        self,
        recipe: DrawingRecipe,
        pipeline: DrawingPipeline,
        train: Sequence[Example],
        dev: Sequence[Example],
        device: torch.device,
        notes: Sequence[str] = (),
    ) -> None:
        self.recipe = recipe
        self.pipeline = pipeline
        self.train = train
        self.dev = dev
        self.device = device
        self._notes = tuple(notes)
        self._model_notes: tuple[str, ...] = ()
        training = recipe.training
        self._batches = Batches(
            [len(example) for example in train], training.batch_size, None, recipe.seed
        )
        self.steps_per_epoch = -(-len(self._batches) // training.accumulate)
        # The end of a drawing is a step, and no point.
        self.items_per_target = num_points(train) / sum(map(len, train))

    @classmethod
    def from_recipe(cls, recipe: DrawingRecipe, device: torch.device) -> DrawingTask:
        """Read the drawings that the recipe names, and measure the training part.

        Raises:
            DataError: a file cannot be read, or too many rows are no drawings.
            RecipeError: the recipe does not fit the data.
        """
        source = Source(recipe)
        rows = {part: source.rows(part) for part in ("train", "dev")}
        source.malformed.check()
        pipeline = DrawingPipeline.learn(rows["train"], source.input, recipe.strokes.max_length)
        malformed = Malformed(recipe.data.malformed)
        parts = {
            part: pipeline.examples(malformed.counting(each), malformed)
            for part, each in rows.items()
        }
        malformed.num_rows -= malformed.num_malformed
        malformed.check()
        if not parts["dev"]:
            raise DataError(
                f"the dev part holds no usable drawing: {malformed.note()}\n"
                "mend: repair them, or give data.dev=FILE with drawings"
            )
        notes = [pipeline.cut_note(part, examples) for part, examples in parts.items()]
        if keys := unused_drawing_keys(recipe):
            notes.append(f"without effect here: {', '.join(keys)}")
        notes += [source.malformed.note(), malformed.note()]
        return cls(recipe, pipeline, parts["train"], parts["dev"], device, [n for n in notes if n])

    def build_model(self) -> DrawingModel:
        """Return a new model, from torch's random state."""
        model = build_drawing_model(self.recipe, self.pipeline)
        self._model_notes = tuple(model.notes)
        return model.to(self.device)

    def batches(self, step: int) -> Sequence[Batch]:
        """Return the batches of optimizer step ``step``, stretched as the recipe says."""
        epoch, place = divmod(step, self.steps_per_epoch)
        accumulate = self.recipe.training.accumulate
        last = min((place + 1) * accumulate, len(self._batches))
        return [self._batch(epoch, index) for index in range(place * accumulate, last)]

    def loss(self, model: nn.Module, batch: Batch, carried: State | None) -> StepLoss:  # noqa: ARG002
        """Run one batch; nothing is carried from one to the next."""
        points, lengths, targets = tensors(batch, self.device)
        return StepLoss(model(points, lengths, targets), {})

    def end_loss(self, model: nn.Module) -> EndLoss:
        """Return the loss of the longest drawings of the dev part, at their last step alone."""
        order = np.argsort([-len(example) for example in self.dev], kind="stable")
        batch = make_batch(self.dev, order[:_NUM_WATCHED])
        points, lengths, targets = tensors(batch, self.device)
        ends, rows = lengths - 1, torch.arange(len(lengths), device=self.device)
        said, expected = model(points, lengths)[ends, rows], targets[ends, rows]
        head: Any = model.head
        loss = head.loss(said[None], expected[None], torch.ones_like(lengths))
        return EndLoss(loss, batch.lengths - 1, is_whole=False)

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return nats per point."""
        return {NATS_PER_POINT: mean_loss / self.items_per_target}

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the dev part.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two batches.
        """
        size = self.recipe.evaluation.batch_size
        losses = losses_of(model, self.dev, size, self.device, stop)
        return {each.name: each.value for each in scores_of(self.dev, losses)}

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:  # noqa: ARG002
        """Nothing is written."""
        return ""

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of naive predictors on the dev part."""
        num_components = self.recipe.model.num_components
        found = naive_losses(self.pipeline, self.train, self.dev, num_components)
        return {name: scores_of(self.dev, losses)[0].value for name, losses in found.items()}

    def notes(self) -> tuple[str, ...]:
        """Describe the data, and what of the newest model was asked for and is not done."""
        pipeline = self.pipeline
        lengths = np.array([len(example) for example in self.train])
        drawings = counted(len(self.train), "drawing")
        data = (
            f"data: {drawings} to learn from, {len(self.dev):,} to choose by; "
            f"{np.median(lengths):.0f} steps in the middle, {lengths.max():,} at most; a usual "
            f"step is {pipeline.scale:.3g} long on each axis"
        )
        why = "whole numbers are off by up to a half" if pipeline.is_whole else "0.001 of the scale"
        least = f"no Gaussian is narrower than {pipeline.least_deviation:.3g}: {why}"
        return (data, least, *self._notes, *self._model_notes)

    def facts(self, model: nn.Module) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the pipeline, and the fingerprint of the drawings."""
        return {
            "pipeline": self.pipeline.to_json(),
            "num_examples": {"train": len(self.train), "dev": len(self.dev)},
            "data_sha256": fingerprint([*self.train, *self.dev]),
        }

    @property
    def num_scored(self) -> int:
        """How many steps an evaluation runs through."""
        return sum(map(len, self.dev))

    def narrow(self) -> tuple[Sequence[tuple[int, Batch]], int]:
        """Return batches of one and two drawings from the longest on, and how many a batch has."""
        order = np.argsort([-len(example) for example in self.train], kind="stable")
        num = min(self.recipe.training.batch_size, len(order))
        sizes = {1: 0, min(2, num): 0}
        return [(rows, make_batch(self.train, order[:rows])) for rows in sizes], num

    def shapes(self, model: nn.Module) -> Iterator[str]:
        """Describe the tensors of the largest batch."""
        batches, num = self.narrow()
        num_steps = len(batches[0][1].inputs["frames"])
        head: Any = model.head
        num_outputs = head.linear.out_features
        yield f"points [T={num_steps}, B={num}, 3]  float32: dx, dy, pen"
        yield f"lengths [B={num}]  int64"
        yield f"targets [T={num_steps}, B={num}, 3]  float32: the point after each"
        yield (
            f"said [T={num_steps}, B={num}, O={num_outputs}]  float32: "
            f"{head.num_components} Gaussians of 6 numbers, 3 states of the pen"
        )

    def _batch(self, epoch: int, index: int) -> Batch:
        rows, share = self._batches.rows(epoch, index), self.recipe.strokes.stretch
        if not share:
            return make_batch(self.train, rows)

        def changed(row: int) -> Example:
            random = np.random.default_rng([self.recipe.seed, epoch, row])
            return stretched(self.train[row], share, random)

        chosen = [changed(int(row)) for row in rows]
        return replace(make_batch(chosen, range(len(chosen))), rows=rows)


def build_drawing_model(recipe: DrawingRecipe, pipeline: DrawingPipeline) -> DrawingModel:
    """Return a new network for the drawings that the pipeline makes.

    Raises:
        UnknownNameError: the recipe names no known cell.
        EquationError: its equations cannot be read.
        OptionError: options that do not go together, or more than fits into memory.
    """
    options = recipe.model
    with fitting_into_memory(options.hidden_size):
        encoder = SequenceEncoder(
            cell_of_text(options.cell, options.functions),
            NUM_READ,
            options.hidden_size,
            output_size=options.output_size,
            num_layers=options.num_layers,
            residual=options.residual,
            dropout=options.dropout,
            recurrent_dropout=options.recurrent_dropout,
            zoneout=options.zoneout,
            layer_norm=options.layer_norm,
            sizes=options.sizes,
            engine=options.engine,
            memory=options.memory,
            checkpoint_every=options.checkpoint_every,
        )
        head = MixtureDensityHead(
            encoder.output_size,
            options.num_components,
            scale=pipeline.scale,
            least_deviation=pipeline.least_deviation,
        )
    start_layers(encoder.recurrent_layers, options.start, options.start_steps)
    return DrawingModel(encoder, head)


def tensors(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the points, the lengths and the targets of a batch on a device."""
    found = (batch.inputs["frames"], batch.lengths, batch.targets)
    points, lengths, targets = (torch.as_tensor(each, device=device) for each in found)
    return points, lengths, targets


@torch.no_grad()
def losses_of(
    model: nn.Module,
    examples: Sequence[Example],
    batch_size: int,
    device: torch.device,
    stop: StopRequest | None = None,
) -> npt.NDArray[np.float64]:
    """Return the loss of each drawing in nats, ``[N]``.

    Args:
        model: of ``build_drawing_model``.
        examples: ``N`` drawings; their order is kept.
        batch_size: drawings side by side; it changes no loss.
        device: of the model.
        stop: is looked at between two batches.

    Raises:
        Stopped: someone asked to stop.
    """
    losses = np.zeros(len(examples))
    order = np.argsort([len(example) for example in examples], kind="stable")
    head: Any = model.head
    with evaluating(model):
        for start in range(0, len(order), batch_size):
            if stop is not None:
                stop.check()
            batch = make_batch(examples, order[start : start + batch_size])
            points, lengths, targets = tensors(batch, device)
            outputs = model(points, lengths)
            losses[batch.rows] = head.losses(outputs, targets, lengths).double().cpu().numpy()
    return losses


def scores_of(
    examples: Sequence[Example], losses: npt.NDArray[np.float64]
) -> tuple[ExampleScores, ExampleScores]:
    """Return what each drawing adds to the nats per point, which decide, and per drawing."""
    counts = [num_points([example]) for example in examples]
    return mean_loss(losses, counts, NATS_PER_POINT), mean_loss(losses, None, NATS_PER_DRAWING)
