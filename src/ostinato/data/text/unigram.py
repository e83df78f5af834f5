"""Pieces of words by the unigram language model (Kudo 2018, arXiv:1804.10959).

A word is any sequence of pieces, each drawn by itself: p(word) = Σ over its segmentations of
Π p(piece). Expectation maximization fits the probabilities to the words of training, and the
pieces whose loss costs the likelihood least are dropped until as many are left as are wanted.
Sums run in one fixed order, so the same words give the same pieces.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

_LONGEST_PIECE = 16
# Longer words are learned from in parts, so that no probability of a part underflows.
_LONGEST_PART = 32
_SEEDS_PER_PIECE = 10
_SHRINK = 0.75
_LEAST_COUNT = 0.5
_TINY = np.finfo(np.float64).tiny
# Digits of what is compared: a last bit does not decide which of two equal pieces stays.
_DIGITS = 6

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def train_unigram(
    words: Mapping[str, int], letters: Sequence[str], size: int, min_count: int
) -> list[tuple[str, float]]:
    """Return pieces with the logarithm of their probability, the most probable first.

    Args:
        words: the words of training, and how often each occurs.
        letters: what must be pieces; a word is cut at every other letter.
        size: at most so many pieces, and at least the letters.
        min_count: longer pieces that are rarer are none.
    """
    parts = _parts(words, frozenset(letters))
    occurrences = _occurrences(parts, letters, min_count, _SEEDS_PER_PIECE * size)
    # Letters come first, since they are the shortest.
    pieces = sorted(occurrences, key=lambda piece: (len(piece), piece))
    counts = np.array([occurrences[piece] for piece in pieces], np.float64)
    weights = np.array(list(parts.values()), np.float64)
    lattice = _Lattice(list(parts), pieces)
    other_spellings = _Lattice(pieces[::-1], pieces, whole=False)
    while True:
        for _ in range(2):
            counts = lattice.expected_counts(counts / counts.sum(), weights)
            counts[counts < _LEAST_COUNT] = 0
            counts[: len(letters)] = np.maximum(counts[: len(letters)], _LEAST_COUNT)
        num_left = np.count_nonzero(counts)
        if num_left <= size:
            break
        p = counts / counts.sum()
        others = other_spellings.likelihoods(p)[::-1]
        # What the likelihood of the words loses when a piece has to be spelled by others.
        loss = counts * (np.log(np.maximum(p, _TINY)) - np.log(np.maximum(others, _TINY)))
        loss[: len(letters)] = np.inf
        loss[counts == 0] = -np.inf
        order = np.argsort(-loss.round(_DIGITS), kind="stable")
        counts[order[max(size, int(_SHRINK * num_left)) :]] = 0
        lattice.forget(counts == 0)
        other_spellings.forget(counts == 0)
    left = np.flatnonzero(counts)
    scores = np.log(counts[left] / counts.sum()).round(_DIGITS).tolist()
    scored = zip((pieces[place] for place in left), scores, strict=True)
    return sorted(scored, key=lambda item: (-item[1], item[0]))


def _parts(words: Mapping[str, int], letters: frozenset[str]) -> dict[str, int]:
    """Return the parts of words that are spelled with ``letters``, the longest parts first."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for known, run in groupby(word, letters.__contains__):
            if known:
                part = "".join(run)
                for start in range(0, len(part), _LONGEST_PART):
                    counts[part[start : start + _LONGEST_PART]] += count
    return {part: counts[part] for part in sorted(counts, key=lambda part: (-len(part), part))}


def _occurrences(
    parts: Mapping[str, int], letters: Sequence[str], min_count: int, most: int
) -> dict[str, int]:
    """Count the letters, and the ``most`` longer pieces that cover most of the text."""
    counts: Counter[str] = Counter()
    for part, count in parts.items():
        for start, end in _places(len(part)):
            counts[part[start:end]] += count
    longer = [piece for piece in counts if len(piece) > 1 and counts[piece] >= min_count]
    longer.sort(key=lambda piece: (-counts[piece] * len(piece), piece))
    return {piece: counts[piece] for piece in (*letters, *longer[:most])}


def _places(length: int) -> Iterator[tuple[int, int]]:
    """Yield where pieces may start and end in a word of ``length`` letters."""
    for start in range(length):
        for end in range(start + 1, min(length, start + _LONGEST_PIECE) + 1):
            yield start, end


class _Lattice:
    """Every way to write words with pieces: an edge for each piece at each place of a word.

    Nodes are places within words, the first places of all words before the second ones. With the
    longest words first, the words that reach a place are the first so many, and the nodes of a
    place are a slice. Probabilities are no logarithms: the words are short enough.

    Args:
        words: the longest first.
        pieces: the letters of the words among them.
        whole: whether a word may be one piece.
    """

    def __init__(self, words: Sequence[str], pieces: Sequence[str], *, whole: bool = True) -> None:
        numbers = {piece: number for number, piece in enumerate(pieces)}
        edges = array("q")
        for number, word in enumerate(words):
            for start, end in _places(len(word)):
                piece = numbers.get(word[start:end])
                if piece is not None and (whole or end - start < len(word)):
                    edges.extend((number, start, end, piece))
        self._edges: Integers = np.frombuffer(edges, np.int64).reshape(-1, 4)
        self._num_pieces = len(pieces)
        self._lengths = np.array([len(word) for word in words], np.int64)
        reached = [np.count_nonzero(self._lengths >= place) for place in range(len(words[0]) + 1)]
        self._first = np.concatenate([[0], np.cumsum(reached)])
        self._sort()

    def forget(self, dropped: npt.NDArray[np.bool_]) -> None:
        """Remove the edges of the pieces that are ``dropped``."""
        self._edges = self._edges[~dropped[self._edges[:, 3]]]
        self._sort()

    def likelihoods(self, p: Floats) -> Floats:
        """Return the probability of each word, for the probability ``p`` of each piece."""
        return self._forward(p)[self._last_nodes()]

    def expected_counts(self, p: Floats, weights: Floats) -> Floats:
        """Return how often each piece is expected in words that occur ``weights`` times."""
        forward, backward = self._forward(p), self._backward(p)
        share = (weights / forward[self._last_nodes()])[self._number]
        counts = share * forward[self._from] * p[self._piece] * backward[self._to]
        return np.bincount(self._piece, counts, self._num_pieces).astype(np.float64)

    def _forward(self, p: Floats) -> Floats:
        """Return the probability of all ways from the start of its word to each node."""
        result = np.ones(self._first[-1])
        for end in range(1, len(self._ends) - 1):
            edges = slice(self._ends[end], self._ends[end + 1])
            result[self._nodes(end)] = np.bincount(
                self._number[edges],
                result[self._from[edges]] * p[self._piece[edges]],
                self._first[end + 1] - self._first[end],
            )
        return result

    def _backward(self, p: Floats) -> Floats:
        """Return the probability of all ways from each node to the end of its word."""
        result = np.zeros(self._first[-1])
        result[self._last_nodes()] = 1
        for start in range(len(self._starts) - 2, -1, -1):
            edges = self._by_start[self._starts[start] : self._starts[start + 1]]
            result[self._nodes(start)] += np.bincount(
                self._number[edges],
                result[self._to[edges]] * p[self._piece[edges]],
                self._first[start + 1] - self._first[start],
            )
        return result

    def _sort(self) -> None:
        """Bring the edges into the order of their ends, and find those of each place."""
        self._edges = self._edges[np.argsort(self._edges[:, 2], kind="stable")]
        self._number, start, end, self._piece = self._edges.T.copy()
        self._from, self._to = self._first[start] + self._number, self._first[end] + self._number
        self._by_start = np.argsort(start, kind="stable")
        places = np.arange(len(self._first))
        self._ends = np.searchsorted(end, places)
        self._starts = np.searchsorted(start[self._by_start], places)

    def _nodes(self, place: int) -> slice:
        return slice(self._first[place], self._first[place + 1])

    def _last_nodes(self) -> Integers:
        return self._first[self._lengths] + np.arange(len(self._lengths))
