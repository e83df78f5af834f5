"""Counts in sentences."""

from __future__ import annotations

from ostinato.data.wording import counted


def test_one_and_many():
    assert [counted(number, "step") for number in (0, 1, 2000)] == [
        "0 steps",
        "1 step",
        "2,000 steps",
    ]
