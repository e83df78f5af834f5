"""The task of pairs: something is read, and a text is to be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from ostinato.data.batches import Batch, Batches, Example, make_batch
from ostinato.data.frames import FrameOptions
from ostinato.data.pipeline import Pipeline, PipelineOptions, fingerprint
from ostinato.data.text import TextOptions
from ostinato.data.wording import counted, shape_in_words
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.describing import describe_writer
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.training.example_data import Source, read_options
from ostinato.training.example_scores import Metric
from ostinato.training.example_task import check_variation, is_varied, varied_example
from ostinato.training.interrupt import StopRequest
from ostinato.training.task import EndLoss, State, StepLoss
from ostinato.training.teacher_forcing import drawn, forcing_ratio, is_scheduled
from ostinato.training.unused_keys import unused_writing_keys
from ostinato.training.writing import losses, pairs_of, text_of, write
from ostinato.training.writing_model import (
    build_writing_model,
    decoding_options,
    greedy_options,
)
from ostinato.training.writing_naive import naive_writings
from ostinato.training.writing_recipe import WritingRecipe
from ostinato.training.writing_scores import Writings, WritingScorer, num_targets, writing_metric

_NUM_SHOWN = 3


class WritingTask:
    """See ``Task``. In training, texts are written greedily; a run's test is as its recipe says."""

    items_per_target = 1.0
    scored_on = "dev"

    def __init__(
        self,
        recipe: WritingRecipe,
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
        self.item_name = pipeline.unit_name if pipeline.encoder is None else "tokens"
        self._notes = tuple(notes)
        self._model_notes: tuple[str, ...] = ()
        self._greedy = greedy_options(recipe.decoding, pipeline)
        self._ratio = training.teacher_forcing_ratio
        self.score_name, self.higher_is_better = self._metric()
        self._batches = Batches(
            [_length(example) for example in train],
            training.batch_size,
            training.batch_tokens,
            recipe.seed,
        )
        self.steps_per_epoch = -(-len(self._batches) // training.accumulate)
        check_variation(recipe, pipeline)

    @classmethod
    def from_recipe(cls, recipe: WritingRecipe, device: torch.device) -> WritingTask:
        """Read the pairs that the recipe names, and learn the pipeline from the training part.

        Raises:
            DataError: a file cannot be read, or too many rows are malformed.
            RecipeError: the recipe does not fit the data.
        """
        source = Source(recipe)
        parts = source.learned(writing_options(recipe, source), "pair", _with_lengths)
        notes = parts.notes
        if keys := unused_writing_keys(recipe, parts.pipeline, is_sound=parts.are_sounds):
            notes = [*notes, f"without effect here: {', '.join(keys)}"]
        return cls(recipe, parts.pipeline, parts.train, parts.dev, device, notes)

    def build_model(self) -> EncoderDecoder:
        """Return a new model, from torch's random state."""
        model = build_writing_model(self.recipe, self.pipeline)
        self._model_notes = tuple(model.notes)
        return model.to(self.device)

    def batches(self, step: int) -> Sequence[Batch]:
        """Return the batches of optimizer step ``step``, and the coins of scheduled sampling."""
        training = self.recipe.training
        epoch, place = divmod(step, self.steps_per_epoch)
        first = place * training.accumulate
        last = min(first + training.accumulate, len(self._batches))
        made = [self._batch(epoch, index) for index in range(first, last)]
        if not is_scheduled(training):
            return made
        self._ratio = forcing_ratio(training, step)
        return [
            replace(batch, forced=drawn(_shape(batch), self._ratio, self.recipe.seed, step, number))
            for number, batch in enumerate(made)
        ]

    def loss(self, model: nn.Module, batch: Batch, carried: State | None) -> StepLoss:  # noqa: ARG002
        """Run one batch; nothing is carried from one to the next."""
        pairs = pairs_of(batch, self.device)
        forced = batch.forced
        loss = model(
            pairs.inputs,
            pairs.lengths,
            pairs.targets,
            pairs.target_lengths,
            forced=None if forced is None else torch.as_tensor(forced, device=self.device),
            copied=pairs.copied,
        )
        return StepLoss(loss, {})

    def end_loss(self, model: nn.Module) -> EndLoss:  # noqa: ARG002
        """Nothing asks for it: the recipe refuses ``watch_gradients``."""
        raise AssertionError("steps read and steps written are not of one sequence")

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return the loss in nats per unit, and how often the right unit was read."""
        scores = {"loss": mean_loss}
        if is_scheduled(self.recipe.training):
            scores["teacher_forcing_ratio"] = self._ratio
        return scores

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the dev part: what is written, and, teacher-forced, loss and perplexity.

        Where the loss decides, nothing is written.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two batches.
        """
        writer = cast("EncoderDecoder", model)
        size = self.recipe.evaluation.batch_size
        found = Writings(losses=losses(writer, self.dev, size, self.device, stop))
        if self.score_name != "loss":
            found = replace(found, texts=self._texts(writer, self.dev, stop))
        return self._scorer.scores(self.dev, found)

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:  # noqa: ARG002
        """Write for the first pairs of the dev part.

        Raises:
            Stopped: someone asked to stop.
        """
        shown = self.dev[:_NUM_SHOWN]
        written = self._texts(cast("EncoderDecoder", model), shown, stop)
        pairs = zip(shown, written, strict=True)
        return "\n".join(
            f"{_source(example)} → {text}  (right: {example.labels[0]})" for example, text in pairs
        )

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of naive writers on the dev part."""
        found = naive_writings(self.pipeline, self.train, self.dev)
        scores = {name: self._scorer.scores(self.dev, each) for name, each in found.items()}
        name = self.score_name
        return {each: values[name] for each, values in scores.items() if name in values}

    def notes(self) -> tuple[str, ...]:
        """Describe the data, and what of the newest model was asked for and is not done."""
        data = describe(self.pipeline, self.train, self.dev)
        return (data, *self._notes, *self._model_notes, *self._score_notes())

    def _score_notes(self) -> Iterator[str]:
        if self.score_name != "loss":
            yield (
                f"{self.scored_on}: loss and perplexity are teacher-forced; the other scores are "
                "of what is written free-running, greedily"
            )

    def facts(self, model: nn.Module) -> Mapping[str, Any]:
        """Return the pipeline, what runs the network without torch, and the pairs' fingerprint."""
        return {
            "pipeline": self.pipeline.to_json(),
            "writer": describe_writer(cast("EncoderDecoder", model)),
            "decoding": asdict(self._decoding()),
            "num_examples": {"train": len(self.train), "dev": len(self.dev)},
            "data_sha256": fingerprint([*self.train, *self.dev]),
        }

    def _decoding(self) -> DecodingOptions:
        """Return how a trained network writes."""
        return decoding_options(self.recipe.decoding, self.pipeline)

    def _metric(self) -> Metric:
        """Return the score that chooses the weights."""
        return writing_metric(self.recipe)

    @cached_property
    def _scorer(self) -> WritingScorer:
        return WritingScorer(self.pipeline, self.recipe.evaluation.tokenizer)

    @property
    def num_scored(self) -> int:
        """Steps that an evaluation runs through: read, and written."""
        return sum(len(example) + num_targets(example) for example in self.dev)

    def narrow(self) -> tuple[Sequence[tuple[int, Batch]], int]:
        """Return batches of one and two pairs, the longest, and how many a batch holds of them."""
        order, num = self._largest()
        sizes = {1: 0, min(2, num): 0}
        batches = [(rows, self._of_step(make_batch(self.train, order[:rows]))) for rows in sizes]
        return batches, num

    def shapes(self, model: nn.Module) -> Iterator[str]:  # noqa: ARG002
        """Describe the tensors of the largest batch."""
        order, num = self._largest()
        batch = make_batch(self.train, order[:num])
        names = {"frames": "SBI", "images": "BCHW", "spellings": "CU", "spelling_lengths": "U"}
        for name, value in batch.inputs.items():
            yield f"{name} {shape_in_words(names.get(name, 'SB'), value.shape)}  {value.dtype}"
        yield f"lengths {shape_in_words('B', batch.lengths.shape)}  {batch.lengths.dtype}"
        assert batch.targets is not None
        yield f"targets {shape_in_words('TB', batch.targets.shape)}  {batch.targets.dtype}"
        assert self.pipeline.target is not None
        scores = (*batch.targets.shape, self.pipeline.target.num_symbols)
        yield f"scores {shape_in_words('TBV', scores)}  float32"

    def _batch(self, epoch: int, index: int) -> Batch:
        rows = self._batches.rows(epoch, index)
        if not is_varied(self.pipeline.options.frames):
            return make_batch(self.train, rows)
        scaling = self.pipeline.scaling
        center = None if scaling is None else scaling.mean
        chosen = [
            varied_example(
                self.train[int(row)],
                self.pipeline,
                np.random.default_rng([self.recipe.seed, epoch, int(row)]),
                center,
            )
            for row in rows
        ]
        return replace(make_batch(chosen, range(len(chosen))), rows=rows)

    def _largest(self) -> tuple[list[int], int]:
        """Return the pairs from the longest on, and how many of them one batch holds."""
        training = self.recipe.training
        lengths = np.array([_length(example) for example in self.train])
        order = np.argsort(-lengths, kind="stable")
        num = min(training.batch_size, len(order))
        if training.batch_tokens is not None:
            num = max(1, min(num, training.batch_tokens // int(lengths[order[0]])))
        return [int(row) for row in order], num

    def _of_step(self, batch: Batch) -> Batch:
        """Return a batch with the coins that a step has."""
        training = self.recipe.training
        if not is_scheduled(training):
            return batch
        return replace(batch, forced=drawn(_shape(batch), 0.5, self.recipe.seed))

    def _texts(
        self, model: EncoderDecoder, examples: Sequence[Example], stop: StopRequest
    ) -> list[str]:
        size = self.recipe.evaluation.batch_size
        found = write(model, self.pipeline, examples, self._greedy, size, self.device, stop)
        pairs = zip(examples, found, strict=True)
        return [text_of(self.pipeline, example, each[0].tokens) for example, each in pairs]


def writing_options(recipe: WritingRecipe, source: Source) -> PipelineOptions:
    """Return how the recipe turns rows into pairs."""
    text, target, frames = recipe.text, recipe.target_text, recipe.frames
    return PipelineOptions(
        task=recipe.task,
        input=source.input,
        target=source.target,
        text=TextOptions(**text.model_dump()),
        frames=FrameOptions(**frames.model_dump(exclude={"standardize"})),
        spelling=recipe.model.spelling != "none",
        target_text=TextOptions(**target.model_dump()),
        also=recipe.data.also,
        copies=recipe.decoder.pointer,
        image_size=read_options(recipe.data).image_size,
        may_read_nothing=recipe.may_read_nothing,
    )


def describe(pipeline: Pipeline, train: Sequence[Example], dev: Sequence[Example]) -> str:
    """Return a sentence about the data."""
    read = np.array([len(example) for example in train])
    written = np.array([num_targets(example) for example in train])
    assert pipeline.target is not None
    if pipeline.form is not None:
        of_read = f"read: images, each {pipeline.form}"
    else:
        of_read = f"read: {np.median(read):.0f} {pipeline.unit_name} in the middle"
        of_read += f", {read.max():,} at most"
    if pipeline.encoder is not None:
        of_read += f", {pipeline.encoder.num_symbols:,} different"
    of_written = f"written: {np.median(written):.0f} units in the middle, {written.max():,} at most"
    of_written += f", {pipeline.target.num_symbols:,} different"
    data = f"data: {counted(len(train), 'pair')} to learn from, {len(dev):,} to choose by"
    return f"{data}; {of_read}; {of_written}"


def _length(example: Example) -> int:
    """Return the steps of a pair: of the longer side."""
    return max(len(example), num_targets(example))


def _with_lengths(pipeline: Pipeline, train: Sequence[Example]) -> Pipeline:
    """Return a pipeline that knows the longest pairs that are learned from."""
    return replace(
        pipeline,
        longest=max(map(len, train)),
        longest_target=max(map(num_targets, train)),
    )


def _shape(batch: Batch) -> tuple[int, ...]:
    assert batch.targets is not None
    return batch.targets.shape


def _source(example: Example) -> str:
    content = example.content
    if content is None:
        return example.place
    return content if isinstance(content, str) else " ".join(content)
