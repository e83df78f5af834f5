"""Series of numbers that are written as a text."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.frames import FrameOptions, frames_of, numbers_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1 2 -3e2", [[0.1], [2], [-300]]),
        ("1, 2,3", [[1], [2], [3]]),
        (" 1;2;\t3; ", [[1], [2], [3]]),
        ("1 nan 3", [[1], [np.nan], [3]]),
        ("[1, 2.5]", [[1], [2.5]]),
        (" [[1, 2], [3, NaN]]", [[1, 2], [3, np.nan]]),
        ("7", [[7]]),
    ],
)
def test_numbers(text: str, expected: list[list[float]]):
    np.testing.assert_array_equal(
        frames_of(numbers_in(text), FrameOptions()), np.array(expected, np.float32)
    )


@pytest.mark.parametrize("text", ["one", "1 two", "[1, 2", "[" * 100_000, "1,,x"])
def test_no_numbers(text: str):
    with pytest.raises(DataError, match=r"expected numbers, got .*\nmend: give them as 0\.1 0\.2"):
        numbers_in(text)


@pytest.mark.parametrize("text", ["", " , ", "[]", '["a"]', "[[1], [2, 3]]", "[1, [2]]"])
def test_nothing_to_read(text: str):
    with pytest.raises(DataError):
        frames_of(numbers_in(text), FrameOptions())
