"""Texts as a tree."""

from __future__ import annotations

import torch

from ostinato.models.trie import Trie

END = 9
TRIE = Trie([(1, 2), (1, 2, 3), (4,), (1, 2), ()], END)


def allowed(*beginning: int) -> list[int]:
    found = TRIE.is_allowed(torch.tensor([TRIE.place(beginning)]), 10)
    return found[0].nonzero()[:, 0].tolist()


def test_what_may_come_next():
    assert allowed() == [1, 4, END]
    assert allowed(1) == [2]
    assert allowed(1, 2) == [3, END]
    assert allowed(1, 2, 3) == [END]
    assert allowed(1, 2, 3, END) == []
    assert allowed(7) == allowed(1, 2, 3, 4) == allowed(7, 1) == []


def test_places_of_rows():
    start = torch.tensor([TRIE.root, TRIE.root, TRIE.place([1, 2]), -1])
    found = TRIE.after(start, torch.tensor([1, 5, 3, 1]))
    assert found.tolist() == [TRIE.place([1]), -1, TRIE.place([1, 2, 3]), -1]
    assert TRIE.is_allowed(start, 4).int().tolist() == [
        [0, 1, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
    ]


def test_no_texts():
    assert not Trie([], END).is_allowed(torch.tensor([0]), 10).any()
