"""Labels have numbers, in an order that everyone agrees on."""

from __future__ import annotations

from itertools import permutations

import pytest

from ostinato.data import DataError
from ostinato.data.labels import UNSEEN, LabelSet


def test_numbers_by_value_then_text_by_code_points():
    labels = LabelSet.of(["b", "10", "가", "9", "B", "-1.5", "9"])
    assert labels.names == ("-1.5", "9", "10", "B", "b", "가")
    assert len(labels) == 6
    assert [labels.number(name) for name in labels.names] == list(range(6))
    assert labels.number("unheard of") == UNSEEN


def test_the_order_is_the_same_whatever_comes_first():
    # `nan` and `inf` are numbers to Python; equal numbers are written in several ways.
    found = {
        LabelSet.of(order).names
        for order in permutations(["nan", "2", "1", "inf", "1.0", "NaN", "x"])
    }
    assert found == {("1", "1.0", "2", "inf", "NaN", "nan", "x")}


@pytest.mark.parametrize(("labels", "shown"), [([], "none"), (["a", "a"], "only 'a'")])
def test_one_label_is_nothing_to_tell_apart(labels: list[str], shown: str):
    with pytest.raises(DataError, match=rf"holds {shown}\nmend: check data.target"):
        LabelSet.of(labels)
