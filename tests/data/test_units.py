"""Text to units and back, in one piece and as a stream."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data import DataError
from ostinato.data.units import Unit, from_units, make_decoder, to_units

HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
CONJOINING = st.characters(min_codepoint=0x1100, max_codepoint=0x11FF)
ANY = st.characters(exclude_categories=("Cs",))
TEXT = st.text(HANGUL | CONJOINING | ANY)
UNITS: tuple[Unit, ...] = ("characters", "bytes", "jamo")


@pytest.mark.parametrize("unit", UNITS)
@given(text=TEXT)
def test_normalized_text_survives_the_round_trip(unit: Unit, text: str):
    text = unicodedata.normalize("NFC", text)
    assert from_units(to_units(text, unit), unit) == text


@pytest.mark.parametrize("unit", UNITS)
@given(text=TEXT)
def test_a_stream_never_takes_back_what_it_gave(unit: Unit, text: str):
    text = unicodedata.normalize("NFC", text)
    decoder = make_decoder(unit)
    shown = ""
    for piece in to_units(text, unit):
        shown += decoder.push(piece)
        assert text.startswith(shown)
    assert shown + decoder.flush() == text


def test_every_syllable_has_its_letters():
    syllables = "".join(map(chr, range(0xAC00, 0xD7A4)))
    assert to_units(syllables, "jamo") == unicodedata.normalize("NFD", syllables)
    assert from_units(to_units(syllables, "jamo"), "jamo") == syllables


def test_a_syllable_is_held_until_it_cannot_grow():
    decoder = make_decoder("jamo")
    pushed = [decoder.push(letter) for letter in unicodedata.normalize("NFD", "하늘")]
    assert pushed == ["", "", "하", "", "늘"]
    assert decoder.flush() == ""


def test_letters_that_do_not_join_stay_as_they_are():
    assert from_units("ㅋㅋ\u1100\u1100\u11a8\u1161", "jamo") == "ㅋㅋ\u1100\u1100\u11a8\u1161"


def test_malformed_bytes_become_replacement_characters():
    assert from_units("a\xec\x95b\xff", "bytes") == "a\ufffdb\ufffd"
    assert from_units("\xec\x95", "bytes") == "\ufffd"


def test_undecodable_bytes_of_a_command_line_are_bytes_again():
    assert to_units("\udcff", "bytes") == "\xff"


def test_a_lone_surrogate_has_no_bytes():
    with pytest.raises(DataError, match="lone surrogate"):
        to_units("ab\ud800", "bytes")
