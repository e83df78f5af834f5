"""Units and their numbers."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data import DataError, Unit, Vocabulary

UNITS: tuple[Unit, ...] = ("characters", "bytes", "jamo")


@pytest.mark.parametrize("unit", UNITS)
@given(text=st.text(min_size=1))
def test_encode_and_decode_are_inverse(unit: Unit, text: str):
    vocabulary = Vocabulary.of(text, unit)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int64
    assert vocabulary.decode(ids) == unicodedata.normalize("NFC", text)
    assert Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json()))) == vocabulary


def test_decomposed_text_is_composed_first():
    vocabulary = Vocabulary.of("한국", "characters")
    assert vocabulary.symbols == "국한"
    np.testing.assert_array_equal(vocabulary.encode(unicodedata.normalize("NFD", "한국")), [1, 0])


def test_jamo_share_letters():
    assert len(Vocabulary.of("각국", "jamo")) == 4


@pytest.mark.parametrize("symbol", ["z", "~", "\udcff", "한", "\U0010ffff", "\0"])
def test_an_unknown_character_is_named(symbol: str):
    with pytest.raises(DataError, match="never occurs") as caught:
        Vocabulary.of("abc", "characters").encode(f"ab{symbol}")
    assert repr(symbol) in str(caught.value)
    assert "abc" in str(caught.value)


def test_a_long_vocabulary_is_not_listed_in_full():
    vocabulary = Vocabulary.of("".join(map(chr, range(0xAC00, 0xAF00))), "characters")
    with pytest.raises(DataError, match="768 in all") as caught:
        vocabulary.encode("a")
    assert len(str(caught.value)) < 300
