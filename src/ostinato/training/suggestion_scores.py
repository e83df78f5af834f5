"""What completions of queries are worth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline
from ostinato.data.text.options import normalized
from ostinato.training.example_scores import Metric
from ostinato.training.metrics import per_example
from ostinato.training.metrics.per_example import ExampleScores
from ostinato.training.suggestion_recipe import SuggestionEvaluationRecipe, SuggestionRecipe
from ostinato.training.writing_scores import num_targets

NUM_SCORED: Final = 5
"""Suggestions that are looked at for each beginning."""
RANKED: Final = f"mrr@{NUM_SCORED}"
_DEPTHS: Final = (1, NUM_SCORED)

Texts = Sequence[str]
_IsRight = Callable[[str, str], bool]


@dataclass(frozen=True)
class Begun:
    """A query, and beginnings of it that are to be completed.

    Attributes:
        query: in the normal form and case that the network writes.
        beginnings: shorter by a character or more; none of a query of one character.
        example: the query as units, and the query before.
    """

    query: str
    beginnings: tuple[str, ...]
    example: Example


@dataclass(frozen=True)
class Completions:
    """What a predictor says of ``N`` queries.

    Attributes:
        texts: for each query, for each of its beginnings, the suggestions, the best first; empty
            where it makes none.
        losses: ``[N]`` in nats, of each query; None where it has none.
    """

    texts: Sequence[Sequence[Texts]] = ()
    losses: npt.NDArray[np.float64] | None = None


def suggestion_metric(recipe: SuggestionRecipe) -> Metric:
    """Return the score that chooses the weights."""
    name = recipe.evaluation.metric
    name = "loss" if name == "auto" else name
    return Metric(name, name != "loss")


def begun(
    pipeline: Pipeline, examples: Sequence[Example], how: SuggestionEvaluationRecipe
) -> list[Begun]:
    """Return the queries of examples, each with beginnings whose lengths are drawn.

    The lengths, in characters, are uniform between 1 and one less than the query has, all different
    as far as there are enough. They depend on the query and the seed alone.
    """
    return [
        Begun(query, _beginnings(query, how.prefixes, how.prefix_seed), example)
        for query, example in zip(queries_of(pipeline, examples), examples, strict=True)
    ]


def queries_of(pipeline: Pipeline, examples: Sequence[Example]) -> list[str]:
    """Return the queries of examples in the normal form and case that the network writes."""
    assert pipeline.target is not None
    options = pipeline.target.encoder.options
    return [normalized(example.labels[0], options) for example in examples]


def _beginnings(query: str, num: int, seed: int) -> tuple[str, ...]:
    most = len(query) - 1
    if most < 1:
        return ()
    digest = hashlib.sha256(query.encode()).digest()
    draw = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    lengths = 1 + draw.choice(most, min(num, most), replace=False)
    return tuple(query[:length] for length in sorted(lengths))


def by_example(scored: Sequence[Begun], found: Completions) -> dict[str, ExampleScores]:
    """Return, by name, what each query adds to the scores: a mean over its beginnings.

    ``mrr@5`` is the mean of 1 divided by the place of the query among five suggestions, 0 where it
    is not among them; ``success@k`` the share of beginnings for which it is among the first k.
    ``partial`` ones also take a suggestion that is the query's beginning up to the end of a word:
    partial-matching MRR (Park and Chiba 2017; Kim 2019, arXiv:1909.00599).
    """
    scores: list[ExampleScores] = []
    if len(found.texts):
        for start, is_right in (("", _is_query), ("partial_", _is_part)):
            places = [
                [_place(each.query, texts, is_right) for texts in best]
                for each, best in zip(scored, found.texts, strict=True)
            ]
            nums = [len(each) for each in places]
            ranks = [sum(1 / place for place in each if place) for each in places]
            scores.append(per_example.rate(f"{start}{RANKED}", ranks, nums))
            for depth in _DEPTHS:
                hits = [sum(0 < place <= depth for place in each) for each in places]
                scores.append(per_example.rate(f"{start}success@{depth}", hits, nums))
    if found.losses is not None:
        counts = [num_targets(each.example) for each in scored]
        scores.append(per_example.mean_loss(found.losses, counts))
        scores.append(per_example.perplexity(found.losses, counts))
    return {score.name: score for score in scores}


def _place(query: str, texts: Texts, is_right: _IsRight) -> int:
    """Return the place of the first right suggestion, from 1 on; 0 for none."""
    pairs = enumerate(texts[:NUM_SCORED], 1)
    return next((place for place, text in pairs if is_right(query, text)), 0)


def _is_query(query: str, text: str) -> bool:
    return text == query


def _is_part(query: str, text: str) -> bool:
    return text == query or query.startswith(f"{text} ")
