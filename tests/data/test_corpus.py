"""A text cut in two."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from ostinato.data import DataError, Unit, build_corpus, read_text, with_context


def test_the_tail_is_held_out_and_wholly_predicted():
    corpus = build_corpus("abcdefghij", held_out=0.3)
    assert corpus.vocabulary.decode(corpus.train.ids) == "abcdefg"
    assert corpus.vocabulary.decode(corpus.held_out.ids) == "hij"
    assert corpus.vocabulary.decode(with_context(corpus)) == "ghij"
    assert corpus.num_unseen == 3
    assert corpus.is_held_out


def test_without_a_tail_the_scores_are_of_the_training_text():
    corpus = build_corpus("hello", held_out=0)
    assert not corpus.is_held_out
    assert corpus.num_unseen == 0
    np.testing.assert_array_equal(with_context(corpus), corpus.train.ids)


@pytest.mark.parametrize(("unit", "ratio"), [("characters", 1.0), ("bytes", 3.0), ("jamo", 2.5)])
def test_units_per_character(unit: Unit, ratio: float):
    corpus = build_corpus("가각" * 10, unit=unit, held_out=0.5)
    assert corpus.train.units_per_character == ratio
    assert corpus.held_out.num_characters == 10


def test_equal_lines_are_kept_once():
    corpus = build_corpus("a\nb\na\nc\nb\n", distinct_lines=True, held_out=0)
    assert corpus.vocabulary.decode(corpus.train.ids) == "a\nb\nc\n"


def test_long_lines_of_both_parts_are_measured():
    line = "a line of more than twenty characters"
    text = f"{line}\nshort\n" + "x" * 50 + "\n" + f"{line}\nshort\n" + "y" * (100 - len(line) - 7)
    corpus = build_corpus(text, held_out=100 / len(text))
    assert corpus.held_out.num_characters == 100
    assert corpus.repeated_share == len(line) / 100
    once = build_corpus(text, held_out=0.4, distinct_lines=True)
    assert once.repeated_share == 0


def test_the_fingerprint_depends_on_the_text_and_how_it_is_read():
    prints = {
        build_corpus("abcdef", held_out=0.5).sha256,
        build_corpus("abcdeg", held_out=0.5).sha256,
        build_corpus("abcdef", held_out=0.2).sha256,
        build_corpus("abcdef", held_out=0.5, unit="bytes").sha256,
    }
    assert len(prints) == 4
    assert build_corpus("abcdef", held_out=0.5).sha256 in prints


@pytest.mark.parametrize(("text", "held_out"), [("a", 0.0), ("abc", 0.1), ("abc", 0.5)])
def test_too_short_to_be_cut(text: str, held_out: float):
    with pytest.raises(DataError, match="too short"):
        build_corpus(text, held_out=held_out)


def test_tiny_shakespeare(ostinato_data: Path):
    text = read_text(ostinato_data / "tinyshakespeare" / "input.txt")
    corpus = build_corpus(text)
    assert corpus.train.num_characters + corpus.held_out.num_characters == 1_115_394
    assert len(corpus.vocabulary) == 65


@pytest.mark.parametrize("unit", ["characters", "jamo", "bytes"])
def test_korean_titles(ostinato_data: Path, unit: Unit):
    text = read_text(ostinato_data / "ko_news_titles" / "train.news_title.txt")
    corpus = build_corpus(text, unit=unit, distinct_lines=True)
    parts = corpus.train.ids, corpus.held_out.ids
    lines = "".join(map(corpus.vocabulary.decode, parts)).split("\n")
    assert len(lines) == len(set(lines))
    assert set(lines) == set(unicodedata.normalize("NFC", text).split("\n"))


def test_the_beginning_may_be_held_out():
    corpus = build_corpus("abcdefghij", held_out=0.2, held_out_at="start", tested=0.3)
    assert corpus.tested is not None
    parts = (corpus.held_out, corpus.train, corpus.tested)
    assert [corpus.vocabulary.decode(part.ids) for part in parts] == ["ab", "cdefg", "hij"]
    # Before the test stands the end of what was learned; before the beginning, nothing did.
    assert corpus.vocabulary.decode(with_context(corpus, corpus.tested)) == "ghij"
    assert corpus.vocabulary.decode(with_context(corpus)) == "cab"
    usual = build_corpus("abcdefghij", held_out=0.2, tested=0.3)
    assert usual.sha256 != corpus.sha256
    lines = "a\nb\nc\nd\ne\n"
    of_lines = [
        build_corpus(lines, documents="lines", held_out=0.2, held_out_at=place)
        for place in ("start", "end")
    ]
    assert of_lines[0].held_out.ids.tolist() == of_lines[1].held_out.ids.tolist()
