"""Letters of words."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data import DataError
from ostinato.data.text import EMPTY_ID, UNKNOWN_ID, SpellingEncoder


def test_letters_are_numbered_by_frequency_then_code_point():
    encoder = SpellingEncoder.train(["banana", "cab"])
    assert encoder.letters == ("a", "b", "n", "c")
    assert encoder.num_characters == 7
    ids = encoder.encode("cabs")
    assert ids.dtype == np.int64
    assert ids.tolist() == [6, 3, 4, UNKNOWN_ID]


def test_a_word_without_letters_is_one_step():
    assert SpellingEncoder.train(["a"]).encode("").tolist() == [EMPTY_ID]


def test_long_words_keep_both_ends():
    encoder = SpellingEncoder.train(["abc"])
    ids = encoder.encode("a" * 30 + "b" * 100_000 + "c" * 8)
    assert ids.tolist() == [3] * 24 + [5] * 8
    assert encoder.encode("a" * 32).tolist() == [3] * 32


def test_syllables_share_letters_however_they_are_typed():
    encoder = SpellingEncoder.train(["한국"])
    decomposed = unicodedata.normalize("NFD", "한국")
    assert len(encoder.encode("한국")) == 6
    np.testing.assert_array_equal(encoder.encode("한국"), encoder.encode(decomposed))


@given(words=st.lists(st.text(min_size=1), min_size=1), word=st.text())
def test_saved_and_read_again(words: list[str], word: str):
    encoder = SpellingEncoder.train(words)
    again = SpellingEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(encoder.encode(word), again.encode(word))
    assert encoder.letters == SpellingEncoder.train(reversed(words)).letters
    assert all((encoder.encode(known) > EMPTY_ID).all() for known in words)


def test_mistakes():
    with pytest.raises(DataError, match="no word has a letter"):
        SpellingEncoder.train(["", ""])
    with pytest.raises(DataError, match="lone surrogate"):
        SpellingEncoder.train(["a\ud800"])
    with pytest.raises(DataError, match="train anew"):
        SpellingEncoder.from_json({"symbols": "abc"})
