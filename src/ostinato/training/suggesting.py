"""How a network completes what is begun."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch

from ostinato.data.batches import Example, make_batch
from ostinato.data.pipeline import Pipeline
from ostinato.models.decoding import decode
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.models.trie import Trie
from ostinato.training.evaluating import evaluating
from ostinato.training.interrupt import StopRequest
from ostinato.training.suggestion_recipe import SuggestingRecipe
from ostinato.training.writing import pairs_of
from ostinato.training.writing_model import decoding_options

# Consonants and vowels as a keyboard gives them, and those that stand together in a syllable.
_TYPED: Final = range(0x3131, 0x3164)
_LEADS: Final = range(0x1100, 0x1113)


@dataclass(frozen=True)
class Suggestion:
    """A query that goes on as was begun.

    Attributes:
        text: of the whole query.
        log_probability: of what follows the beginning, in nats.
    """

    text: str
    log_probability: float


@dataclass(frozen=True)
class Asked:
    """What is to be completed.

    Attributes:
        before: the query before, read.
        units: of the beginning, as they are written.
        numbers: of the units.
    """

    before: Example
    units: Sequence[str]
    numbers: Sequence[int]


def asked(pipeline: Pipeline, before: Example, beginning: str) -> Asked:
    """Return a beginning as the network takes it.

    Args:
        pipeline: of the run.
        before: the query before, encoded.
        beginning: of a query, or nothing. Of letters of Hangul, a last consonant that stands alone
            begins a syllable, as it does while one types.

    Raises:
        DataError: it holds a lone surrogate.
    """
    target = pipeline.target
    assert target is not None
    if target.encoder.options.unit == "jamo":
        beginning = _as_typed(beginning)
    numbers, units = target.beginning(beginning)
    return Asked(before, units, numbers)


def _as_typed(text: str) -> str:
    """Let a last single consonant begin a syllable, but not one of several such as ㅋㅋ."""
    is_single = text and ord(text[-1]) in _TYPED and ord(text[-2:-1] or " ") not in _TYPED
    lead = unicodedata.normalize("NFKC", text[-1]) if is_single else ""
    return text[:-1] + lead if lead and ord(lead) in _LEADS else text


def suggesting_options(decoding: SuggestingRecipe, pipeline: Pipeline) -> DecodingOptions:
    """Return how queries are completed: by no more units than the longest of training has.

    Raises:
        OptionError: a value is of another method.
    """
    width = max(decoding.beam_size, decoding.num_best)
    options = decoding_options(decoding.model_copy(update={"beam_size": width}), pipeline)
    if decoding.max_length is not None:
        return options
    return replace(options, max_length=max(pipeline.longest_target, decoding.min_length + 1))


@torch.no_grad()
def complete(
    model: EncoderDecoder,
    pipeline: Pipeline,
    wanted: Sequence[Asked],
    options: DecodingOptions,
    batch_size: int,
    device: torch.device,
    *,
    allowed: Trie | None = None,
    stop: StopRequest | None = None,
) -> list[list[Suggestion]]:
    """Return suggestions for each beginning, the likeliest first, all of which came to their end.

    Args:
        model: of ``build_writing_model``.
        pipeline: of the run.
        wanted: their order is kept.
        options: a beam.
        batch_size: beginnings side by side; it changes no suggestion.
        device: of the model.
        allowed: see ``trie_of``; None for any text.
        stop: is looked at between two batches.

    Raises:
        Stopped: someone asked to stop.
    """
    found: list[list[Suggestion]] = [[] for _ in wanted]
    befores = [each.before for each in wanted]
    assert pipeline.target is not None
    forbidden = pipeline.target.never_written
    order = sorted(range(len(wanted)), key=lambda place: len(wanted[place].numbers))
    with evaluating(model):
        for start in range(0, len(order), batch_size):
            if stop is not None:
                stop.check()
            rows = order[start : start + batch_size]
            pairs = pairs_of(make_batch(befores, rows), device)
            begun = [wanted[row].numbers for row in rows]
            state = model.begin(model.read(pairs.inputs, pairs.lengths, pairs.copied))
            texts = decode(
                model,
                model.resume(begun, state),
                len(rows),
                options,
                begun=begun,
                allowed=allowed,
                forbidden=forbidden,
            )
            for row, best in zip(rows, texts, strict=True):
                ended = [each for each in best if each.is_ended]
                found[row] = [
                    Suggestion(_text(pipeline, wanted[row], each.tokens), each.log_probability)
                    for each in ended
                ]
    return found


def _text(pipeline: Pipeline, begun: Asked, tokens: Sequence[int]) -> str:
    """Return the whole query: what was begun, with unknown units as they are, and what follows."""
    target = pipeline.target
    assert target is not None
    return target.encoder.text([*begun.units, *(target.unit(number) for number in tokens)])
