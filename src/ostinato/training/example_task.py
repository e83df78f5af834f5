"""The task of examples: padded batches in, the scores of held-out examples out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.data.batches import (
    NO_TARGET,
    Batch,
    Batches,
    Example,
    in_order_of_length,
    make_batch,
)
from ostinato.data.example_streams import ExampleStreams, StreamedBatch
from ostinato.data.frames import FrameOptions, transposed, varied
from ostinato.data.pictures import moved
from ostinato.data.pipeline import Pipeline, PipelineOptions, fingerprint
from ostinato.data.streams import gap_note
from ostinato.data.text import TextOptions
from ostinato.data.wording import counted
from ostinato.training.evaluating import evaluating
from ostinato.training.example_data import Source
from ostinato.training.example_model import build_example_model
from ostinato.training.example_scores import Scorer, deciding_metric
from ostinato.training.interrupt import StopRequest
from ostinato.training.naive import Predictions, baselines
from ostinato.training.recipe import ExampleRecipe, WritingRecipe
from ostinato.training.recipe_parts import FramesRecipe
from ostinato.training.task import EndLoss, State, StepLoss
from ostinato.training.unused_keys import unused_keys
from ostinato.training.windows import loss_of_window

_NUM_WATCHED = 16


class ExampleTask:
    """See ``Task``."""

    items_per_target = 1.0
    scored_on = "dev"

    def __init__(
        self,
        recipe: ExampleRecipe,
        pipeline: Pipeline,
        train: Sequence[Example],
        dev: Sequence[Example],
        device: torch.device,
        notes: Sequence[str] = (),
    ) -> None:
        training = recipe.training
        self.recipe = recipe
        self.pipeline = pipeline
        self.train = train
        self.dev = dev
        self.device = device
        self.item_name = "frames" if pipeline.kind == "frames" else "tokens"
        self._notes = tuple(notes)
        self._model_notes: tuple[str, ...] = ()
        self._scorer = Scorer(pipeline, recipe.evaluation.scheme, recipe.evaluation.positive)
        metric = deciding_metric(recipe)
        self.score_name, self.higher_is_better = metric.name, metric.higher_is_better
        self._batches = Batches(
            [len(example) for example in train],
            training.batch_size,
            training.batch_tokens,
            recipe.seed,
        )
        self._streams = _streams(recipe, train)
        num_batches = len(self._batches if self._streams is None else self._streams)
        self.steps_per_epoch = -(-num_batches // training.accumulate)
        self._num_batches = num_batches
        check_variation(recipe, pipeline)

    @classmethod
    def from_recipe(cls, recipe: ExampleRecipe, device: torch.device) -> ExampleTask:
        """Read the examples that the recipe names, and learn the pipeline from the training part.

        Raises:
            DataError: a file cannot be read, or too many rows are malformed.
            RecipeError: the recipe does not fit the data.
        """
        source = Source(recipe)
        parts = source.learned(pipeline_options(recipe, source), "example")
        notes = parts.notes
        if keys := unused_keys(recipe, parts.pipeline, is_sound=parts.are_sounds):
            notes = [*notes, f"without effect here: {', '.join(keys)}"]
        return cls(recipe, parts.pipeline, parts.train, parts.dev, device, notes)

    def build_model(self) -> nn.Module:
        """Return a new model, from torch's random state."""
        weights = None
        if self.recipe.training.class_weights == "balanced":
            weights = _balanced(self.pipeline, self.train)
        model = build_example_model(self.recipe, self.pipeline, weights)
        self._model_notes = tuple(model.notes)
        return model.to(self.device)

    def batches(self, step: int) -> Sequence[Batch | StreamedBatch]:
        """Return the batches of optimizer step ``step``, varied as the recipe says."""
        epoch, place = divmod(step, self.steps_per_epoch)
        first = place * self.recipe.training.accumulate
        last = min(first + self.recipe.training.accumulate, self._num_batches)
        return [self._batch(epoch, index) for index in range(first, last)]

    def loss(
        self, model: nn.Module, batch: Batch | StreamedBatch, carried: State | None
    ) -> StepLoss:
        """Run one batch; nothing is carried from one to the next but the state of streams."""
        if isinstance(batch, StreamedBatch):
            return self._loss_of_streams(model, batch, carried)
        inputs, lengths = tensors(batch, self.device)
        targets = torch.as_tensor(batch.targets, device=self.device)
        return StepLoss(model(inputs, lengths, targets), {})

    def _loss_of_streams(
        self, model: nn.Module, batch: StreamedBatch, carried: State | None
    ) -> StepLoss:
        resets = torch.as_tensor(batch.resets, device=self.device)

        def run(steps: slice, state: State | None, *, is_learned: bool) -> tuple[Tensor, State]:
            piece = batch.piece(steps)
            inputs, lengths = tensors(piece, self.device)
            targets = torch.as_tensor(piece.targets, device=self.device) if is_learned else None
            return model(inputs, lengths, targets, state, resets[steps])

        return loss_of_window(batch.window, carried, run)

    def end_loss(self, model: nn.Module) -> EndLoss:
        """Return the loss of the longest examples of the dev part, at their last step alone."""
        order = np.argsort([-len(example) for example in self.dev], kind="stable")
        batch = make_batch(self.dev, order[:_NUM_WATCHED])
        inputs, lengths = tensors(batch, self.device)
        targets = torch.as_tensor(batch.targets, device=self.device)
        ends = batch.lengths - 1
        if self.recipe.task not in ("tagging", "polyphony"):
            return EndLoss(model(inputs, lengths, targets), ends, is_whole=True)
        rows = torch.arange(len(ends), device=self.device)
        said, expected = model(inputs, lengths)[lengths - 1, rows], targets[lengths - 1, rows]
        # Of one step, whatever weighs whole sequences: a CRF says nothing about a step alone.
        if self.recipe.task == "tagging":
            loss = F.cross_entropy(said, expected, ignore_index=NO_TARGET, reduction="sum")
        else:
            loss = F.binary_cross_entropy_with_logits(said, expected.to(said), reduction="sum")
        return EndLoss(loss, ends, is_whole=False)

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return the loss in nats per target."""
        return {"loss": mean_loss}

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the dev part.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two batches.
        """
        predictions = predict(
            model, self.pipeline, self.dev, self.recipe.evaluation.batch_size, self.device, stop
        )
        return self._scorer.scores(self.dev, predictions)

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:  # noqa: ARG002
        """Nothing is written."""
        return ""

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of naive predictors on the dev part."""
        found = baselines(self.pipeline, self.train, self.dev)
        scores = {name: self._scorer.scores(self.dev, each) for name, each in found.items()}
        name = self.score_name
        return {each: values[name] for each, values in scores.items() if name in values}

    def notes(self) -> tuple[str, ...]:
        """Describe the data, and what of the newest model was asked for and is not done."""
        data = describe(self.pipeline, self.train, self.dev)
        return (data, *self._notes, *self._stream_notes(), *self._model_notes)

    def _stream_notes(self) -> Iterator[str]:
        training = self.recipe.training
        if self._streams is None or training.tbptt_steps is None:
            return
        if note := gap_note(training.tbptt_steps, training.tbptt_stride):
            yield note
        if self._streams.num_streams < training.batch_size:
            yield (
                f"the examples are few: {counted(self._streams.num_streams, 'stream')} instead of "
                f"batch_size={training.batch_size}"
            )

    def facts(self, model: nn.Module) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the pipeline, and the fingerprint of the examples."""
        return {
            "pipeline": self.pipeline.to_json(),
            "num_examples": {"train": len(self.train), "dev": len(self.dev)},
            "data_sha256": fingerprint([*self.train, *self.dev]),
        }

    def _batch(self, epoch: int, index: int) -> Batch | StreamedBatch:
        options = self.pipeline.options.frames
        varies = self.pipeline.kind == "frames" and is_varied(options)
        scaling = self.pipeline.scaling
        center = None if scaling is None else scaling.mean

        def varied(example: Example, row: int) -> Example:
            random = np.random.default_rng([self.recipe.seed, epoch, row])
            return varied_example(example, self.pipeline, random, center)

        if self._streams is not None:
            return self._streams.batch(epoch, index, varied if varies else None)
        rows = self._batches.rows(epoch, index)
        if not varies:
            return make_batch(self.train, rows)
        chosen = [varied(self.train[int(row)], int(row)) for row in rows]
        return replace(make_batch(chosen, range(len(chosen))), rows=rows)


def _streams(recipe: ExampleRecipe, train: Sequence[Example]) -> ExampleStreams | None:
    """Return the streams of examples that are learned piece by piece; None for whole ones.

    Raises:
        OptionError: the task or the network needs whole sequences.
        DataError: there are too few steps.
    """
    training, model = recipe.training, recipe.model
    if training.tbptt_steps is None:
        return None
    reasons = {
        f"the task {recipe.task} says something at the end alone": (
            recipe.task not in ("tagging", "polyphony")
        ),
        "model.bidirectional reads from the end": model.bidirectional,
        "model.crf weighs whole sequences of tags": model.crf,
        "model.shape=one-to-one carries nothing": model.shape == "one-to-one",
    }
    for reason, holds in reasons.items():
        if holds:
            raise OptionError(
                f"training.tbptt_steps learns sequences piece by piece, but {reason}\n"
                "mend: training.tbptt_steps=null"
            )
    return ExampleStreams(
        train, training.batch_size, training.tbptt_steps, training.tbptt_stride, recipe.seed
    )


def pipeline_options(recipe: ExampleRecipe, source: Source) -> PipelineOptions:
    """Return how the recipe turns rows into examples."""
    text, frames = recipe.text, recipe.frames
    return PipelineOptions(
        task=recipe.task,
        input=source.input,
        target=source.target,
        text=TextOptions(**text.model_dump()),
        frames=FrameOptions(**frames.model_dump(exclude={"standardize"})),
        spelling=recipe.model.spelling != "none",
        label_separator=recipe.data.label_separator,
    )


def tensors(batch: Batch, device: torch.device) -> tuple[dict[str, Tensor], Tensor]:
    """Return the inputs and the lengths of a batch on a device."""
    inputs = {name: torch.as_tensor(value, device=device) for name, value in batch.inputs.items()}
    return inputs, torch.as_tensor(batch.lengths, device=device)


@torch.no_grad()
def predict(
    model: Any,
    pipeline: Pipeline,
    examples: Sequence[Example],
    batch_size: int,
    device: torch.device,
    stop: StopRequest | None = None,
) -> Predictions:
    """Let a model predict, and measure its loss where the targets are known.

    Args:
        model: of ``build_example_model``.
        pipeline: that made the examples.
        examples: ``N`` of them; their order is kept.
        batch_size: examples side by side; it changes no prediction.
        device: of the model.
        stop: is looked at between two batches.

    Raises:
        Stopped: someone asked to stop.
    """
    num = len(examples)
    labels: list[tuple[str, ...]] = [()] * num
    probabilities: list[np.ndarray[Any, np.dtype[np.float64]]] = [np.zeros(0)] * num
    numbers: list[np.ndarray[Any, np.dtype[np.float64]]] = [np.zeros(0)] * num
    losses = np.full(num, np.nan)
    names = () if pipeline.labels is None else pipeline.labels.names
    task = pipeline.options.task
    aligned = task in ("tagging", "polyphony")
    with evaluating(model):
        for batch in in_order_of_length(examples, batch_size):
            if stop is not None:
                stop.check()
            inputs, lengths = tensors(batch, device)
            scores = model(inputs, lengths)
            if batch.targets is not None:
                targets = torch.as_tensor(batch.targets, device=device)
                losses[batch.rows] = model.head.losses(scores, targets, lengths).double().cpu()
            decoded = model.head.decode(scores, lengths).cpu()
            chances = model.head.probabilities(scores, lengths).double().cpu().numpy()
            if task == "regression":
                for place, row in enumerate(batch.rows):
                    numbers[row] = decoded[place].double().numpy()
                continue
            for place, row in enumerate(batch.rows):
                length = int(batch.lengths[place])
                probabilities[row] = chances[:length, place] if aligned else chances[place]
            if task != "polyphony":
                for row, found in zip(
                    batch.rows, _labels(names, decoded, batch, task), strict=True
                ):
                    labels[row] = found
    return Predictions(
        labels=() if task in ("regression", "polyphony") else labels,
        probabilities=() if task == "regression" else probabilities,
        numbers=np.stack(numbers) if task == "regression" and num else None,
        losses=losses,
    )


def _labels(
    names: Sequence[str], decoded: Tensor, batch: Batch, task: str
) -> Iterator[tuple[str, ...]]:
    """Yield the labels of each row; decoded in the form of the targets."""
    numbers = decoded.numpy()
    for place, length in enumerate(batch.lengths):
        if task == "classification":
            yield (names[int(numbers[place])],)
        elif task == "tagging":
            yield tuple(names[int(number)] for number in numbers[:length, place])
        else:
            yield tuple(name for name, on in zip(names, numbers[place], strict=True) if on)


def describe(pipeline: Pipeline, train: Sequence[Example], dev: Sequence[Example]) -> str:
    """Return a sentence about the data."""
    lengths = np.array([len(example) for example in train])
    parts = [
        f"data: {counted(len(train), 'example')} to learn from, {len(dev):,} to choose by",
        f"{np.median(lengths):.0f} {pipeline.unit_name} in the middle, {lengths.max():,} at most",
    ]
    if pipeline.encoder is not None:
        parts.append(f"{pipeline.encoder.num_symbols:,} different {pipeline.unit_name}")
    if pipeline.kind == "frames":
        parts.append(f"{pipeline.num_features:,} numbers a step")
    if pipeline.labels is not None:
        parts.append(f"{len(pipeline.labels)} labels")
    return "; ".join(parts)


def varied_example(
    example: Example,
    pipeline: Pipeline,
    random: np.random.Generator,
    center: np.ndarray[Any, np.dtype[np.float32]] | None,
) -> Example:
    """Return an example as training hears or sees it this time."""
    options = pipeline.options.frames
    if pipeline.kind == "pictures":
        rows, columns = random.integers(-options.shift, options.shift + 1, 2).tolist()
        return replace(example, steps=moved(example.steps[0], rows, columns)[None])
    if options.transpose and example.target is not None:
        semitones = int(random.integers(-options.transpose, options.transpose + 1))
        target = transposed(example.target, semitones)
        example = replace(example, steps=transposed(example.steps, semitones), target=target)
    return replace(example, steps=varied(example.steps, options, random, center, pipeline.picture))


def is_varied(options: FrameOptions) -> bool:
    """Whether arrays are changed in training."""
    changes = (options.shift, options.time_stretch, options.noise, options.mask, options.transpose)
    return any(changes)


def check_variation(recipe: ExampleRecipe | WritingRecipe, pipeline: Pipeline) -> None:
    """Refuse changes in training that make no sense for the data."""
    frames, task = recipe.frames, recipe.task
    if pipeline.kind == "pictures":
        _check_pictures(frames)
    elif pipeline.kind != "frames" and is_varied(pipeline.options.frames):
        raise OptionError(
            "frames.* changes arrays in training, but the examples are text\n"
            "mend: leave the section frames out"
        )
    if frames.transpose and task != "polyphony":
        raise OptionError(
            "frames.transpose moves notes: it goes with task: polyphony alone\n"
            "mend: frames.transpose=0"
        )
    # A picture moves by itself, and stays at its step.
    shift = 0 if pipeline.picture is not None else frames.shift
    for name, moves in (("time_stretch", frames.time_stretch), ("shift", shift)):
        if moves and task in ("tagging", "polyphony"):
            raise OptionError(
                f"frames.{name} would part the steps from their targets (task: {task})\n"
                f"mend: frames.{name}=0"
            )


def _check_pictures(frames: FramesRecipe) -> None:
    for name in ("time_stretch", "noise", "mask", "transpose"):
        if getattr(frames, name):
            raise OptionError(
                f"frames.{name} changes steps, and an image has none\n"
                f"mend: frames.{name}=0; frames.shift moves images in training"
            )


def _balanced(pipeline: Pipeline, train: Sequence[Example]) -> list[float]:
    """Return a weight for each label; the mean over the training targets is 1."""
    if pipeline.labels is None or pipeline.options.task == "multi-label":
        raise OptionError(
            "training.class_weights=balanced weighs labels of which one is right, but the task is "
            f"{pipeline.options.task}\nmend: training.class_weights=none"
        )
    counts = np.zeros(len(pipeline.labels))
    for example in train:
        for label in example.labels:
            counts[pipeline.labels.number(label)] += 1
    return list(counts.sum() / (len(counts) * np.maximum(counts, 1)))
