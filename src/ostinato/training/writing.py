"""What a network writes for examples, free-running; and how well it knows the right texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.data.batches import NO_TARGET, Batch, Example, in_order_of_length, make_batch
from ostinato.data.pipeline import Pipeline
from ostinato.data.vocabulary import Ids
from ostinato.models.decoding import decode
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.models.search import Hypothesis
from ostinato.training.evaluating import evaluating
from ostinato.training.example_task import tensors
from ostinato.training.interrupt import StopRequest

Numbers = npt.NDArray[np.float64]


class Pairs(NamedTuple):
    """A batch on a device.

    Attributes:
        inputs: of the reader, by name.
        lengths: int64 ``[B]``.
        targets: int64 ``[T, B]``, 0 in the padding.
        target_lengths: int64 ``[B]``.
        copied: int64 ``[S, B]``; None where nothing is copied.
    """

    inputs: dict[str, Tensor]
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    copied: Tensor | None


def pairs_of(batch: Batch, device: torch.device) -> Pairs:
    """Return a batch as the network takes it; one without targets has none of length 0."""
    inputs, lengths = tensors(batch, device)
    copied = inputs.pop("copies", None)
    targets = batch.targets
    if targets is None:
        targets = np.zeros((0, len(batch.lengths)), np.int64)
    written = torch.as_tensor(targets, device=device)
    is_there = written != NO_TARGET
    return Pairs(inputs, lengths, written.where(is_there, 0), is_there.sum(0), copied)


@torch.no_grad()
def write(
    model: EncoderDecoder,
    pipeline: Pipeline,
    examples: Sequence[Example],
    options: DecodingOptions,
    batch_size: int,
    device: torch.device,
    stop: StopRequest | None = None,
    *,
    numbers: Sequence[int] | None = None,
) -> list[list[Hypothesis]]:
    """Let a network write a text, or several, for each example, from what it writes itself alone.

    Args:
        model: of ``build_writing_model``.
        pipeline: that made the examples.
        examples: their order is kept.
        options: how.
        batch_size: examples side by side; it changes no text.
        device: of the model.
        stop: is looked at between two batches.
        numbers: of the examples among all: what is drawn depends on them; None for 0, 1, ….

    Raises:
        Stopped: someone asked to stop.
    """
    numbers = range(len(examples)) if numbers is None else numbers
    found: list[list[Hypothesis]] = [[] for _ in examples]
    assert pipeline.target is not None
    forbidden = pipeline.target.never_written
    with evaluating(model):
        for batch in in_order_of_length(examples, batch_size):
            if stop is not None:
                stop.check()
            pairs = pairs_of(batch, device)
            reading = model.read(pairs.inputs, pairs.lengths, pairs.copied)
            rows = [int(row) for row in batch.rows]
            texts = decode(
                model,
                model.begin(reading),
                len(rows),
                options,
                numbers=[numbers[row] for row in rows],
                forbidden=forbidden,
            )
            for row, text in zip(rows, texts, strict=True):
                found[row] = text
    return found


@torch.no_grad()
def tell_units(
    model: EncoderDecoder,
    pipeline: Pipeline,
    example: Example,
    options: DecodingOptions,
    number: int,
    tell: Callable[[int], None],
) -> None:
    """Write one text, and tell each unit as soon as it is chosen; the same units as ``write``.

    Args:
        model: of ``build_writing_model``, in evaluation mode, on the CPU.
        pipeline: that made the example.
        example: what is read.
        options: how, but no beam.
        number: of the example among all.
        tell: is given one unit after another.
    """
    assert pipeline.target is not None
    pairs = pairs_of(make_batch([example], [0]), torch.device("cpu"))
    decode(
        model,
        model.begin(model.read(pairs.inputs, pairs.lengths, pairs.copied)),
        1,
        options,
        numbers=[number],
        forbidden=pipeline.target.never_written,
        tell=lambda _, unit: tell(unit),
    )


def text_of(pipeline: Pipeline, example: Example, tokens: Sequence[int]) -> str:
    """Return the text of units that were written for an example."""
    assert pipeline.target is not None
    return pipeline.target.text(tokens, example.copied)


@torch.no_grad()
def losses(
    model: EncoderDecoder,
    examples: Sequence[Example],
    batch_size: int,
    device: torch.device,
    stop: StopRequest | None = None,
) -> Numbers:
    """Return what the right text of each example costs, teacher-forced: nats ``[N]``.

    Args:
        model: of ``build_writing_model``.
        examples: with targets.
        batch_size: examples side by side.
        device: of the model.
        stop: is looked at between two batches.

    Raises:
        Stopped: someone asked to stop.
    """
    found = np.zeros(len(examples))
    with evaluating(model):
        for batch in in_order_of_length(examples, batch_size):
            if stop is not None:
                stop.check()
            pairs = pairs_of(batch, device)
            logs = model.log_probabilities(
                pairs.inputs,
                pairs.lengths,
                pairs.targets,
                pairs.target_lengths,
                copied=pairs.copied,
            )
            found[batch.rows] = -logs.double().sum(0).cpu().numpy()
    return found


@dataclass(frozen=True)
class Trace:
    """A right text, unit by unit.

    Attributes:
        losses: nats of each right unit ``[T]``.
        numbers: int64 ``[T]``, the unit that the network held likeliest in its place.
    """

    losses: Numbers
    numbers: Ids


@torch.no_grad()
def trace(
    model: EncoderDecoder,
    pipeline: Pipeline,
    examples: Sequence[Example],
    batch_size: int,
    device: torch.device,
    *,
    is_forced: bool,
) -> list[Trace]:
    """Follow the right text of each example.

    Args:
        model: of ``build_writing_model``.
        pipeline: that made the examples.
        examples: with targets; their order is kept.
        batch_size: examples side by side.
        device: of the model.
        is_forced: before each step the right unit is read (teacher-forced), or else the unit that
            the network held likeliest; not the end, so that every place of the text is reached.
    """
    assert pipeline.target is not None
    start, end = pipeline.target.start, pipeline.target.end
    never = torch.tensor(pipeline.target.never_written, device=device)
    found: dict[int, Trace] = {}
    with evaluating(model):
        for batch in in_order_of_length(examples, batch_size):
            pairs = pairs_of(batch, device)
            state = model.begin(model.read(pairs.inputs, pairs.lengths, pairs.copied))
            tokens = torch.full_like(pairs.lengths, start)
            costs: list[Tensor] = []
            own: list[Tensor] = []
            for right in pairs.targets:
                logs, state = model.step(tokens, state)
                costs.append(-logs.gather(1, right[:, None])[:, 0])
                logs = logs.index_fill(1, never, -torch.inf)
                own.append(logs.argmax(1))
                going_on = logs.index_fill(1, tokens.new_tensor([end]), -torch.inf).argmax(1)
                tokens = right if is_forced else going_on
            cost, number = torch.stack(costs).double().cpu(), torch.stack(own).cpu()
            for place, row in enumerate(batch.rows):
                length = int(pairs.target_lengths[place])
                found[int(row)] = Trace(
                    cost[:length, place].numpy(), number[:length, place].numpy()
                )
    return [found[row] for row in range(len(examples))]
