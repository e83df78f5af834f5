"""CIDEr-D: how much a caption agrees with what several people said of a picture."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ostinato.training.metrics.per_example import ExampleScores, mean_of

_LONGEST: Final = 4
_SIGMA: Final = 6.0
_SCALE: Final = 10.0

NGram = tuple[str, ...]


def cider(said: Sequence[str], references: Sequence[Sequence[str]]) -> ExampleScores:
    """Return CIDEr-D (Vedantam, Zitnick, Parikh 2015, arXiv:1411.5726), from 0 to 10.

    The mean over n = 1 … 4 and over the references s of a picture of ``10 · exp(-(|c|-|s|)²/2σ²) ·
    min(g(c), g(s))·g(s) / (‖g(c)‖ ‖g(s)‖)``, where g weighs each n-gram of words by how often it
    stands there and by ``ln`` of how few pictures have it in a reference; σ is 6 words. Words are
    compared in lower case without punctuation, and are not stemmed.

    Args:
        said: a caption for each of ``N`` pictures.
        references: right captions for each; they also say which n-grams are common.
    """
    counts = [[_ngrams(words_of(each)) for each in its] for its in references]
    found = Counter[NGram]()
    for its in counts:
        found.update({ngram for each in its for ngram in each})
    weights = {ngram: math.log(len(references) / num) for ngram, num in found.items()}
    unseen = math.log(max(len(references), 1))
    values = [
        _agreement(_ngrams(words_of(caption)), its, weights, unseen)
        for caption, its in zip(said, counts, strict=True)
    ]
    return mean_of("cider", np.array(values, np.float64))


def words_of(caption: str) -> list[str]:
    """Return the words that are compared."""
    return re.findall(r"\w+", caption.lower())


def _ngrams(words: Sequence[str]) -> Counter[NGram]:
    return Counter(
        tuple(words[start : start + n])
        for n in range(1, _LONGEST + 1)
        for start in range(len(words) - n + 1)
    )


def _agreement(
    said: Counter[NGram],
    references: Sequence[Counter[NGram]],
    weights: Mapping[NGram, float],
    unseen: float,
) -> float:
    """Return the mean over the references of the mean over n."""
    if not references:
        return 0.0
    total = 0.0
    for n in range(1, _LONGEST + 1):
        ours = _weighed(said, n, weights, unseen)
        for reference in references:
            theirs = _weighed(reference, n, weights, unseen)
            total += _likeness(ours, theirs) * _of_a_length(said, reference)
    return _SCALE * total / (_LONGEST * len(references))


def _weighed(
    ngrams: Counter[NGram], n: int, weights: Mapping[NGram, float], unseen: float
) -> dict[NGram, float]:
    return {
        ngram: num * weights.get(ngram, unseen) for ngram, num in ngrams.items() if len(ngram) == n
    }


def _likeness(ours: Mapping[NGram, float], theirs: Mapping[NGram, float]) -> float:
    """Return a cosine in which saying a word more often than the reference does not help."""
    norms = math.hypot(*ours.values()) * math.hypot(*theirs.values())
    if not norms:
        return 0.0
    return sum(min(own, theirs.get(n, 0.0)) * theirs.get(n, 0.0) for n, own in ours.items()) / norms


def _of_a_length(ours: Counter[NGram], theirs: Counter[NGram]) -> float:
    longer = _length(ours) - _length(theirs)
    return math.exp(-(longer**2) / (2 * _SIGMA**2))


def _length(ngrams: Counter[NGram]) -> int:
    return sum(num for ngram, num in ngrams.items() if len(ngram) == 1)
