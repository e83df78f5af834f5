"""Units of a text joined again, one after another."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data.errors import DataError
from ostinato.data.text import TextEncoder, TextOptions
from ostinato.data.text.joining import make_joiner

TEXTS = [
    'A man, in a "blue" shirt (and hat), said: well-made!',
    "Don't pay $5 for 3.14 kg -- it's 50% off...",
    "개가 달린다. 값은 1,000원!",
    "„Grace“ steht dort.",
    "he/she and/or #tag @home",
]


def joined(units: list[str], unit: str) -> str:
    joiner = make_joiner(TextOptions(unit=unit))
    return "".join(map(joiner.push, units)) + joiner.flush()


def encoder_of(unit: str, texts: list[str] = TEXTS) -> TextEncoder:
    return TextEncoder.train(texts, TextOptions(unit=unit, vocabulary_size=500))


@pytest.mark.parametrize("unit", ["characters", "syllables", "jamo", "bytes", "bpe", "unigram"])
@pytest.mark.parametrize("text", TEXTS)
def test_most_units_give_the_text_back(unit: str, text: str):
    encoder = encoder_of(unit)
    assert encoder.text(encoder.units(text)) == text


@pytest.mark.parametrize("unit", ["words", "wordpiece"])
@pytest.mark.parametrize("text", TEXTS)
def test_words_find_the_spaces_of_punctuation(unit: str, text: str):
    encoder = encoder_of(unit)
    assert encoder.text(encoder.units(text)) == text


@given(st.text(max_size=40))
def test_letters_and_bytes_lose_nothing(text: str):
    for unit in ("jamo", "bytes", "characters"):
        encoder = encoder_of(unit)
        normal = encoder.text(encoder.whole_units(text))
        assert encoder.text(encoder.whole_units(normal)) == normal


def test_special_symbols_stand_for_themselves():
    for unit in ("jamo", "bytes", "characters", "bpe"):
        assert joined(["<unknown>"], unit) == "<unknown>"
    assert joined(["ᄒ", "ᅡ", "<unknown>", "ᆫ"], "jamo") == "하<unknown>ᆫ"
    assert joined(["ED", "95", "<unknown>"], "bytes") == "\ufffd<unknown>"


def test_what_is_certain_comes_at_once():
    joiner = make_joiner(TextOptions(unit="jamo"))
    assert [joiner.push(unit) for unit in "한국"] == ["한", "국"]
    assert [joiner.push(unit) for unit in "하나"] == ["", "하"]
    assert joiner.flush() == "나"
    words = make_joiner(TextOptions(unit="words"))
    assert [words.push(unit) for unit in ("(", "a", "b", ")", ".")] == ["(", "a", " b", ")", "."]


@pytest.mark.parametrize("unit", ["morphemes", "numbers"])
def test_what_cannot_be_joined_is_refused(unit: str):
    with pytest.raises(DataError, match=r"(?s)no text can be joined.*mend: target_text.unit=bpe"):
        make_joiner(TextOptions(unit=unit))


@pytest.mark.parametrize(("language", "share"), [("en", 0.995), ("de", 0.99)])
def test_real_captions(ostinato_data: Path, language: str, share: float):
    path = ostinato_data / "multi30k" / f"val.{language}.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [" ".join(line.split()) for line in file]
    for unit, least in (("bpe", 1.0), ("words", share)):
        encoder = TextEncoder.train(texts, TextOptions(unit=unit))
        same = [encoder.text(encoder.whole_units(text)) == text for text in texts]
        assert sum(same) / len(same) >= least
