"""Naive completions of queries: what a network must beat to have learned anything of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline
from ostinato.training.baselines import bigram
from ostinato.training.popular import PopularEnds, PopularQueries
from ostinato.training.suggestion_scores import NUM_SCORED, Begun, Completions, queries_of
from ostinato.training.writing_naive import unigram_losses


def naive_completions(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Begun]
) -> dict[str, Completions]:
    """Return what naive predictors, learned from ``train``, suggest for ``scored``, by name.

    - popular query: the most frequent query of training that begins so;
    - popular end: what is begun, with the most frequent end of any query that fits;
    - unigram and bigram: each unit by its frequency, and by that after the unit before, which
      suggest nothing but have a perplexity.
    """
    queries = queries_of(pipeline, train)
    examples = [each.example for each in scored]
    return {
        "popular query": _completed(PopularQueries(queries), scored),
        "popular end": _completed(PopularEnds(queries), scored),
        **naive_losses(pipeline, train, examples),
    }


def naive_losses(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> dict[str, Completions]:
    """Return how likely unigram and bigram hold queries."""
    return {
        "unigram": Completions(losses=unigram_losses(pipeline, train, scored)),
        "bigram": Completions(losses=_bigram_losses(pipeline, train, scored)),
    }


def _completed(source: PopularQueries | PopularEnds, scored: Sequence[Begun]) -> Completions:
    return Completions(
        [[source.complete(text, NUM_SCORED) for text in each.beginnings] for each in scored]
    )


def _bigram_losses(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> npt.NDArray[np.float64]:
    """Return the nats of each query, its end included."""
    assert pipeline.target is not None
    border = np.array([pipeline.target.end])

    def stream(examples: Sequence[Example]) -> list[npt.NDArray[np.int64]]:
        """Return a border before each query; most queries end with one, too."""
        found = (example.target for example in examples)
        return [np.concatenate([border, units]) for units in found if units is not None]

    pieces = stream(scored)
    chances = bigram(
        np.concatenate(stream(train)), np.concatenate(pieces), pipeline.target.num_symbols
    )
    # The first piece's border is not predicted; those of the others follow an end, or a cut.
    costs = np.concatenate([[0.0], -np.log(chances)])
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    costs[starts[:-1]] = 0
    return np.add.reduceat(costs, starts[:-1])
