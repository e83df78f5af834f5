"""Naive predictors: proper distributions, and the formula as it is written."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.training.baselines import bigram_bits, unigram_bits

V = 4
IDS = st.lists(st.integers(0, V - 1), min_size=2, max_size=30).map(np.array)


def bigram_by_hand(train: list[int], before: int, after: int) -> float:
    pairs = list(itertools.pairwise(train))
    unigram = (train.count(after) + 1) / (len(train) + V)
    followers = [b for a, b in pairs if a == before]
    if not followers:
        return unigram
    kept = max(followers.count(after) - 0.75, 0)
    return (kept + 0.75 * len(set(followers)) * unigram) / len(followers)


@given(train=IDS, before=st.integers(0, V - 1))
def test_probabilities_sum_to_one(train: np.ndarray, before: int):
    scored = [np.array([before, after]) for after in range(V)]
    for bits in (unigram_bits, bigram_bits):
        assert sum(2 ** -bits(train, pair, V) for pair in scored) == pytest.approx(1)


@given(train=IDS, scored=st.lists(st.integers(0, V - 1), min_size=2, max_size=30).map(np.array))
def test_the_bigram_is_as_written(train: np.ndarray, scored: np.ndarray):
    expected = [
        -math.log2(bigram_by_hand(train.tolist(), a, b))
        for a, b in itertools.pairwise(scored.tolist())
    ]
    assert bigram_bits(train, scored, V) == pytest.approx(np.mean(expected))


def test_regular_text_is_easy_for_the_bigram_only():
    text = np.tile(np.arange(V), 100)
    assert unigram_bits(text, text, V) == pytest.approx(2, abs=0.01)
    assert bigram_bits(text, text, V) < 0.05


def test_certainty_costs_nothing():
    ids = np.zeros(5, dtype=np.int64)
    assert f"{unigram_bits(ids, ids, 1):.3f}" == "0.000"
    assert f"{bigram_bits(ids, ids, 1):.3f}" == "0.000"
