"""CIDEr-D against its formula worked out by hand, and what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.training.metrics.consensus import cider, words_of
from ostinato.training.metrics.intervals import bootstrap_interval

PICTURES = [["a red box is here now"], ["the blue line goes up"], ["one more black circle there"]]


def test_the_same_words_are_worth_ten():
    assert cider([each[0] for each in PICTURES], PICTURES).value == pytest.approx(10)


def test_nothing_in_common_and_nothing_said_are_worth_nought():
    assert cider(["x y z", "", "q"], PICTURES).value == 0


def test_two_words_by_hand():
    # "a", "b", "c" and "d" is in one of two pictures: all weigh ln 2. "a b", "a c" share one
    # of two words: a cosine of 1/2 for n = 1; no pair of words; n = 3 and 4 are not there.
    scores = cider(["a c", "d"], [["a b"], ["c d"]])
    first = 10 * (1 / 2) / 4
    second = 10 * (1 / math.sqrt(2)) * math.exp(-1 / 72) / 4
    np.testing.assert_allclose(scores.table[:, 0], [first, second])


def test_what_all_pictures_have_says_nothing():
    assert cider(["there is"], [["there is"]]).value == 0


def test_saying_a_word_again_does_not_help():
    references = [["red box"], ["blue line"]]
    once = cider(["red box", "blue line"], references).table[0, 0]
    again = cider(["red red box", "blue line"], references).table[0, 0]
    assert again < once


def test_references_are_a_mean():
    both = cider(["red box", "up"], [["red box", "blue line"], ["down"]]).table[0, 0]
    assert both == pytest.approx(10 * (2 / 4) / 2)


def test_words_and_resamples():
    assert words_of("There's a Box, 3 boxes.") == ["there", "s", "a", "box", "3", "boxes"]
    low, high = bootstrap_interval(cider([each[0] for each in PICTURES], PICTURES))
    assert (low, high) == (pytest.approx(10), pytest.approx(10))
