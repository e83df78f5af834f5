"""The task of queries: what is begun is to be completed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline
from ostinato.data.wording import counted
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.training.errors import RecipeError
from ostinato.training.example_scores import Metric
from ostinato.training.interrupt import StopRequest
from ostinato.training.suggesting import asked, complete, suggesting_options
from ostinato.training.suggestion_naive import naive_completions, naive_losses
from ostinato.training.suggestion_recipe import SuggestionRecipe
from ostinato.training.suggestion_scores import (
    NUM_SCORED,
    Begun,
    Completions,
    begun,
    by_example,
    queries_of,
    suggestion_metric,
)
from ostinato.training.writing import losses
from ostinato.training.writing_recipe import WritingRecipe
from ostinato.training.writing_scores import num_targets
from ostinato.training.writing_task import WritingTask
from ostinato.training.written import trie_of

_NUM_SHOWN = 3
_MOST_SHOWN = 40


class SuggestionTask(WritingTask):
    """See ``Task``: a task of pairs that may have nothing to read, and other scores."""

    def __init__(
        self,
        recipe: WritingRecipe,
        pipeline: Pipeline,
        train: Sequence[Example],
        dev: Sequence[Example],
        device: torch.device,
        notes: Sequence[str] = (),
    ) -> None:
        assert isinstance(recipe, SuggestionRecipe)
        self._own = recipe
        if pipeline.kind != "text":
            raise RecipeError(
                f"the query before is no text: the column {pipeline.options.input!r} holds "
                f"{pipeline.kind}\nmend: data.input=COLUMN with the text of the query before"
            )
        super().__init__(recipe, pipeline, train, dev, device, notes)
        if pipeline.reads_nothing:
            self.item_name = "queries"
        self._begun = begun(pipeline, dev, recipe.evaluation)
        # What is shown in training is one text; a network that has not learned to end has an end.
        self._quick = DecodingOptions(method="greedy", max_length=_MOST_SHOWN)

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the dev part: how likely its queries are, and how well they are completed.

        Where the loss decides, nothing is completed.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two batches.
        """
        writer = cast("EncoderDecoder", model)
        size = self._own.evaluation.batch_size
        found = Completions(losses=losses(writer, self.dev, size, self.device, stop))
        if self.score_name != "loss":
            found = replace(found, texts=self._completed(writer, self._begun, stop))
        return {name: each.value for name, each in by_example(self._begun, found).items()}

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:  # noqa: ARG002
        """Complete the beginnings of the first queries of the dev part.

        Raises:
            Stopped: someone asked to stop.
        """
        shown = [each for each in self._begun if each.beginnings][:_NUM_SHOWN]
        shown = [replace(each, beginnings=each.beginnings[-1:]) for each in shown]
        found = self._completed(cast("EncoderDecoder", model), shown, stop, is_quick=True)
        return "\n".join(
            f"{each.beginnings[0]} → {texts[0][0] if texts[0] else '…'}"
            for each, texts in zip(shown, found, strict=True)
        )

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of naive predictors on the dev part."""
        if self.score_name == "loss":
            found = naive_losses(self.pipeline, self.train, self.dev)
        else:
            found = naive_completions(self.pipeline, self.train, self._begun)
        scores = {name: by_example(self._begun, each) for name, each in found.items()}
        name = self.score_name
        return {each: values[name].value for each, values in scores.items() if name in values}

    def notes(self) -> tuple[str, ...]:
        """Describe the data, and what of the newest model was asked for and is not done."""
        return (self._described(), *self._notes, *self._model_notes)

    @property
    def num_scored(self) -> int:
        """Steps that an evaluation reads: what is written is in proportion, as in training."""
        return sum(len(example) for example in self.dev)

    def _described(self) -> str:
        assert self.pipeline.target is not None
        train = queries_of(self.pipeline, self.train)
        known = set(train)
        num_seen = sum(each.query in known for each in self._begun)
        lengths = np.array([num_targets(example) for example in self.train])
        unit = self.pipeline.target.encoder.options.unit
        read = "alone" if self.pipeline.reads_nothing else "each with the one before"
        return (
            f"data: {counted(len(train), 'query')} to learn from ({len(known):,} "
            f"different), {read}; {len(self.dev):,} to choose by, of which training has "
            f"{num_seen:,}; {np.median(lengths):.0f} {unit} in the middle, the end counted, "
            f"{lengths.max():,} at most, {self.pipeline.target.num_symbols:,} different"
        )

    def _decoding(self) -> DecodingOptions:
        return suggesting_options(self._own.decoding, self.pipeline)

    def facts(self, model: nn.Module) -> Mapping[str, Any]:
        """Return what a writer's are, and whether it suggests known queries alone."""
        return {**super().facts(model), "known_only": self._own.decoding.trie}

    def _metric(self) -> Metric:
        return suggestion_metric(self._own)

    def _completed(
        self,
        model: EncoderDecoder,
        scored: Sequence[Begun],
        stop: StopRequest,
        *,
        is_quick: bool = False,
    ) -> list[list[list[str]]]:
        decoding = self._own.decoding
        options = self._quick
        if not is_quick:
            options = replace(self._decoding(), num_best=NUM_SCORED)
        allowed = None
        if decoding.trie:
            assert self.pipeline.target is not None
            queries = queries_of(self.pipeline, self.train)
            allowed = trie_of(self.pipeline.target, queries)
        wanted = [
            asked(self.pipeline, each.example, beginning)
            for each in scored
            for beginning in each.beginnings
        ]
        size = self._own.evaluation.batch_size
        found = complete(
            model, self.pipeline, wanted, options, size, self.device, allowed=allowed, stop=stop
        )
        return grouped(scored, [[each.text for each in best] for best in found])


def grouped(scored: Sequence[Begun], found: Sequence[list[str]]) -> list[list[list[str]]]:
    """Return for each query what was found for each of its beginnings."""
    rest = iter(found)
    return [[next(rest) for _ in each.beginnings] for each in scored]
