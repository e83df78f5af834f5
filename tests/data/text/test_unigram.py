"""Pieces of words by the unigram language model."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from ostinato.data.text.unigram import _Lattice, train_unigram
from ostinato.data.text.words import split_words

WORDS = {"banana": 7, "bandana": 5, "nab": 3, "an": 11, "b": 2}


def _segmentations(word: str) -> list[list[str]]:
    cuts = [places for n in range(len(word)) for places in combinations(range(1, len(word)), n)]
    return [
        [word[i:j] for i, j in zip((0, *places), (*places, len(word)), strict=True)]
        for places in cuts
    ]


@pytest.mark.parametrize("whole", [True, False])
def test_the_lattice_sums_over_all_segmentations(whole: bool):
    words = sorted(WORDS, key=lambda word: (-len(word), word))
    pieces = sorted({word[i:j] for word in words for i, j in combinations(range(8), 2)} - {""})
    p = np.random.default_rng(0).dirichlet(np.ones(len(pieces)))
    p[3] = 0
    chance = dict(zip(pieces, p, strict=True))
    likelihoods, counts = [], Counter[str]()
    for word in words:
        ways = [way for way in _segmentations(word) if whole or way != [word]]
        chances = [math.prod(chance[piece] for piece in way) for way in ways]
        likelihoods.append(sum(chances))
        for way, share in zip(ways, chances, strict=True):
            for piece in way:
                counts[piece] += WORDS[word] * share / sum(chances)
    lattice = _Lattice(words, pieces, whole=whole)
    np.testing.assert_allclose(lattice.likelihoods(p), likelihoods, rtol=1e-12)
    lattice.forget(p == 0)
    np.testing.assert_allclose(lattice.likelihoods(p), likelihoods, rtol=1e-12)
    if whole:
        found = lattice.expected_counts(p, np.array([WORDS[word] for word in words], float))
        np.testing.assert_allclose(found, [counts[piece] for piece in pieces], rtol=1e-12)


def test_letters_stay_and_scores_are_probabilities():
    pieces = train_unigram(WORDS, "abdn", 8, 2)
    assert set("abdn") <= {piece for piece, _ in pieces}
    assert len(pieces) <= 8
    assert [score for _, score in pieces] == sorted((score for _, score in pieces), reverse=True)
    assert sum(math.exp(score) for _, score in pieces) == pytest.approx(1, abs=1e-5)


def test_the_order_of_words_does_not_matter():
    backwards = dict(reversed(WORDS.items()))
    assert train_unigram(WORDS, "abdn", 7, 2) == train_unigram(backwards, "abdn", 7, 2)


def test_a_long_word_is_learned_from_in_parts():
    pieces = dict(train_unigram({"ab" * 20_000: 1}, "ab", 20, 2))
    assert "abababab" in pieces


def test_pieces_are_as_good_as_those_of_the_reference(ostinato_data: Path):
    """Bits of the words under either vocabulary: the reference differs from run to run."""
    from tokenizers import Tokenizer, models, trainers

    lines = (ostinato_data / "sst" / "stsa.binary.dev.txt").read_text(encoding="utf-8").splitlines()
    words = Counter(word for line in lines for word in split_words(line[2:]))
    letters = sorted({letter for word in words for letter in word})
    ours = Tokenizer(models.Unigram([("<unk>", -20.0), *train_unigram(words, letters, 1000, 2)], 0))
    theirs = Tokenizer(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=1001, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    theirs.train_from_iterator(list(words.elements()), trainer)

    def num_pieces(tokenizer: Tokenizer) -> int:
        return sum(count * len(tokenizer.encode(word).ids) for word, count in words.items())

    assert num_pieces(ours) < 1.05 * num_pieces(theirs)
