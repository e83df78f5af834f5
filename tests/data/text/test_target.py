"""Numbers of what is written, and of what is copied."""

from __future__ import annotations

import pytest

from ostinato.data.text import EncodingCounts, TargetEncoder, TextEncoder, TextOptions


def target_of(*texts: str, **options: object) -> TargetEncoder:
    return TargetEncoder(TextEncoder.train(texts, TextOptions(unit="words", **options)))


def test_start_and_end_come_behind_the_units():
    target = target_of("a b a")
    assert target.encoder.symbols == ("<padding>", "<unknown>", "<empty>", "a", "b")
    assert (target.start, target.end, target.num_symbols) == (5, 6, 7)
    assert target.encode("b a").tolist() == [4, 3, 6]
    assert target.text([4, 3, 6]) == "b a"
    assert target.unit(target.start) == target.unit(target.end) == ""


def test_an_empty_text_is_its_end_alone():
    target = target_of("a")
    assert target.encode(" ").tolist() == [target.end]
    assert target.text([]) == ""


def test_a_cut_text_has_no_end_and_is_counted():
    target = target_of("a b c", max_length=2)
    counts = EncodingCounts()
    assert target.encode("a b c", counts).tolist() == [3, 4]
    assert target.encode("a b", counts).tolist() == [3, 4, target.end]
    assert (counts.num_truncated, counts.num_cut_units) == (1, 1)


def test_copies_are_numbered_beside_their_source():
    target = target_of("a b")
    numbers, copied = target.copies(["x", "a", "y", "x", "<empty>"])
    first = target.num_symbols
    assert numbers.tolist() == [first, 3, first + 1, first, -1]
    assert copied == ("x", "y")
    counts = EncodingCounts()
    encoded = target.encode("y b z x", counts, copied)
    assert encoded.tolist() == [first + 1, 4, 1, first, target.end]
    assert counts.num_unknown == 1
    assert target.text(encoded.tolist(), copied) == "y b <unknown> x"


def test_a_number_behind_the_vocabulary_needs_its_source():
    target = target_of("a")
    with pytest.raises(IndexError):
        target.unit(target.num_symbols)
