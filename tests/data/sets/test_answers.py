"""Several right answers, and parts that share no question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data.rows import ALSO
from ostinato.data.sets.answers import by, dealt, families_of, with_also
from tests.data.sets.helpers import made

NAMES = st.sampled_from("abcdefgh")


def test_other_answers_in_their_order():
    rows = made(*[{"q": q, "a": a} for q, a in ("x1", "y2", "x3", "x1", "x4")])
    found = list(with_also(rows, by("q"), "a", once=False))
    assert [tuple(row.values.values()) for row in found] == [
        ("x", "1", ["3", "4"]),
        ("x", "3", ["1", "4"]),
        ("x", "4", ["1", "3"]),
        ("y", "2", []),
    ]
    once = list(with_also(rows, by("q"), "a", once=True))
    assert [(row.place, row.values["a"], row.values[ALSO]) for row in once] == [
        ("row 1", "1", ["3", "4"]),
        ("row 2", "2", []),
    ]


def test_parts_are_whole_and_apart():
    rows = made(*[{"q": f"question {number % 700}"} for number in range(1000)])
    parts = {
        part: [row.values["q"] for row in dealt(rows, part, by("q"), dev=0.2, test=0.1)]
        for part in ("train", "dev", "test")
    }
    assert sum(map(len, parts.values())) == 1000
    assert not set(parts["train"]) & set(parts["dev"]) | set(parts["dev"]) & set(parts["test"])
    assert not set(parts["train"]) & set(parts["test"])
    assert len(set(parts["dev"])) / 700 == pytest.approx(0.2, abs=0.05)
    assert len(set(parts["test"])) / 700 == pytest.approx(0.1, abs=0.04)


@given(st.lists(st.tuples(NAMES, NAMES), max_size=12), st.randoms())
def test_families_are_what_hangs_together(pairs: list[tuple[str, str]], random):
    families = families_of(pairs)
    assert set(families) == {left for left, _ in pairs}
    for left, right in pairs:
        for other, same in pairs:
            if left == other or right == same:
                assert families[left] == families[other]
    for name in families.values():
        assert name == min(each for each in families if families[each] == name)
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert families_of(shuffled) == families


def test_families_are_no_larger_than_they_must_be():
    assert families_of([("a", "x"), ("b", "y"), ("c", "y"), ("d", "d")]) == {
        "a": "a",
        "b": "b",
        "c": "b",
        "d": "d",
    }
