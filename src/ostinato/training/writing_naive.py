"""Naive writers: what a network must beat to have learned anything of what it reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline
from ostinato.data.text import UNKNOWN_ID
from ostinato.data.vocabulary import Ids
from ostinato.training.writing_scores import Writings

_BLOCK = 64
_SHORTEST, _LONGEST = 1, 4
_PICTURES = 1024
_MOST_PIXELS = 4096


def naive_writings(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> dict[str, Writings]:
    """Return what naive writers, learned from ``train``, write for ``scored``, by name.

    - the most frequent answer of all;
    - of texts, the answer of the training example whose text shares most runs of letters; of
      pictures, that of the one whose pixels are nearest;
    - of texts, the text itself, copied;
    - unigram: each unit by its frequency, which writes nothing but has a perplexity.
    """
    most = Counter(example.labels[0] for example in train).most_common(1)[0][0]
    found = {"most frequent": Writings(tuple(most for _ in scored))}
    if pipeline.kind == "pictures":
        places = nearest_pictures(train, scored)
        found["nearest"] = Writings([train[int(place)].labels[0] for place in places])
    elif pipeline.kind in ("text", "words"):
        places = _nearest(_sources(train), _sources(scored))
        found["nearest"] = Writings([train[int(place)].labels[0] for place in places])
        found["copy"] = Writings(_sources(scored))
    found["unigram"] = Writings(losses=unigram_losses(pipeline, train, scored))
    return found


def nearest_pictures(known: Sequence[Example], asked: Sequence[Example]) -> Ids:
    """Return the place of the known picture at the least Euclidean distance, int64 ``[N]``.

    Pixels are compared, each channel by itself; of larger pictures, means of blocks of them.

    Args:
        known: at least one.
        asked: pictures of the same form.
    """
    rows = _thumbnails(asked)
    best = np.full(len(asked), np.inf, np.float32)
    places = np.zeros(len(asked), np.int64)
    for start in range(0, len(known), _PICTURES):
        block = _thumbnails(known[start : start + _PICTURES])
        # |a - b|² without |a|², which is the same for every b.
        distances = (block**2).sum(1) - 2 * (rows @ block.T)
        found = distances.argmin(1)
        least = distances[np.arange(len(asked)), found]
        is_nearer = least < best
        best[is_nearer] = least[is_nearer]
        places[is_nearer] = found[is_nearer] + start
    return places


def _thumbnails(examples: Sequence[Example]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the pixels of pictures, or the means of blocks of them, from 0 to 1: ``[N, F]``."""
    _, channels, height, width = examples[0].steps.shape
    side = max(1, math.ceil(math.sqrt(height * width / _MOST_PIXELS)))
    rows, columns = max(1, height // side), max(1, width // side)
    found = np.empty((len(examples), channels, rows, columns), np.float32)
    tall, wide = height // rows, width // columns
    for place, example in enumerate(examples):
        cut = example.steps[0, :, : rows * tall, : columns * wide].astype(np.float32)
        blocks = cut.reshape(channels, rows, tall, columns, wide)
        found[place] = blocks.mean((2, 4)) / 255
    return found.reshape(len(examples), -1)


def _sources(examples: Sequence[Example]) -> list[str]:
    contents = (example.content for example in examples)
    return [each if isinstance(each, str) else " ".join(each or ()) for each in contents]


def _nearest(known: Sequence[str], asked: Sequence[str]) -> Ids:
    """Return the place of the known text with the most runs of letters in common, int64 ``[N]``.

    Cosine of runs of one to four letters within words, weighted by how rare they are (tf-idf).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    runs: Any = TfidfVectorizer(analyzer="char_wb", ngram_range=(_SHORTEST, _LONGEST))
    table = runs.fit_transform(known).T.tocsr()
    rows = runs.transform(asked)
    found: list[Ids] = [
        (rows[start : start + _BLOCK] @ table).toarray().argmax(1)
        for start in range(0, len(asked), _BLOCK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def unigram_losses(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the nats of each right text under the frequencies of training (add-one)."""
    assert pipeline.target is not None
    num_symbols = pipeline.target.num_symbols

    def numbers(example: Example) -> Ids:
        assert example.target is not None
        # What could be copied from the source alone is unknown here.
        return np.where(example.target < num_symbols, example.target, UNKNOWN_ID)

    counts = np.ones(num_symbols)
    # Nothing begins twice: the start is never a target.
    counts[pipeline.target.start] = 0
    for example in train:
        np.add.at(counts, numbers(example), 1)
    with np.errstate(divide="ignore"):
        logs = np.log(counts / counts.sum())
    return np.array([-float(logs[numbers(example)].sum()) for example in scored])
