"""Texts as a tree."""

from __future__ import annotations

import random

import numpy as np

from ostinato.models.trie import Trie

END = 9
TRIE = Trie([(1, 2), (1, 2, 3), (4,), (1, 2), ()], END)


def allowed(*beginning: int) -> list[int]:
    found = TRIE.is_allowed(np.array([TRIE.place(beginning)]), 10)
    return found[0].nonzero()[0].tolist()


def test_what_may_come_next():
    assert allowed() == [1, 4, END]
    assert allowed(1) == [2]
    assert allowed(1, 2) == [3, END]
    assert allowed(1, 2, 3) == [END]
    assert allowed(1, 2, 3, END) == []
    assert allowed(7) == allowed(1, 2, 3, 4) == allowed(7, 1) == []


def test_places_of_rows():
    start = np.array([TRIE.root, TRIE.root, TRIE.place([1, 2]), -1])
    found = TRIE.after(start, np.array([1, 5, 3, 1]))
    assert found.tolist() == [TRIE.place([1]), -1, TRIE.place([1, 2, 3]), -1]
    assert TRIE.is_allowed(start, 4).astype(int).tolist() == [
        [0, 1, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
    ]


def test_as_many_random_texts_as_a_set_of_them():
    draw = random.Random(0)
    texts = {tuple(draw.choices(range(4), k=draw.randrange(6))) for _ in range(300)}
    trie = Trie(sorted(texts, key=str), 2)
    beginnings = {text[:size] for text in texts for size in range(len(text) + 1)}
    places = {beginning: trie.place(beginning) for beginning in beginnings}
    assert len(set(places.values())) == len(places)
    allowed = trie.is_allowed(np.array(list(places.values())), 4)
    for beginning, row in zip(places, allowed, strict=True):
        after = {text[len(beginning)] for text in beginnings if text[:-1] == beginning and text}
        assert set(row.nonzero()[0].tolist()) == after | ({2} if beginning in texts else set())


def test_units_and_places_that_are_not_there():
    places = np.array([-1, 0, 0, 0, TRIE.place([1])])
    # The last key is that of the place before with the next unit, were units not checked.
    units = np.array([1, -1, 10, 99, 2 - 10])
    assert TRIE.after(places, units).tolist() == [-1] * 5


def test_no_texts():
    assert Trie([], END).place([1]) == -1
    assert not Trie([], END).is_allowed(np.array([0]), 10).any()
