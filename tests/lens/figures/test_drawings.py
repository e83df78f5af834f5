"""The sheet: what is where, and that nothing leaves its square."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest

from ostinato.lens.figures.drawings import sheet
from ostinato.lens.figures.theme import description_of, reading_of

TICK = np.array([[3, 4, 0], [6, -8, 1]], np.float32)
PAIR = np.array([[10, 0, 1], [0, 2, 0], [5, 0, 1]], np.float32)
NOTHING = np.zeros((0, 3), np.float32)


def lines(trace: Any) -> list[list[tuple[float, float]]]:
    points = list(zip(trace.x, trace.y, strict=True))
    return [list(each) for gap, each in groupby(points, lambda p: p[0] is None) if not gap]


def test_each_drawing_has_its_square():
    figure: Any = sheet({"ours": [TICK] * 11 + [PAIR], "real": [PAIR]}, "boxes")
    ours, real = figure.data
    found = lines(ours)
    assert len(found) == 11 + 2
    assert len(lines(real)) == 2
    for number, line in enumerate(found[:11]):
        row, column = divmod(number, 10)
        assert all(column <= x <= column + 1 and row + 0.5 <= y <= row + 1.5 for x, y in line)
    # A tick is drawn as it is: down first, then up.
    (x0, y0), (x1, y1), (x2, y2) = found[0]
    assert (x1 - x0) / (y1 - y0) == pytest.approx(3 / 4)
    assert (x2 - x1) / (y2 - y1) == pytest.approx(6 / -8)
    top, bottom = figure.layout.yaxis.range[1], figure.layout.yaxis.range[0]
    assert (top, bottom) == (0, 0.5 + 2 + 0.5 + 1)
    assert [each.text for each in figure.layout.annotations] == ["ours", "real"]
    assert "12 ours, 1 real; 2 points in the middle" in description_of(figure)
    assert reading_of(figure)


def test_a_drawing_that_is_far_too_large_stays_in_its_square():
    figure: Any = sheet({"ours": [TICK, TICK, 1000 * TICK]}, "x")
    wide = [max(x for x, _ in line) - min(x for x, _ in line) for line in lines(figure.data[0])]
    assert wide == pytest.approx([0.8, 0.8, 0.8])


def test_a_drawing_that_is_small_stays_small():
    figure: Any = sheet({"ours": [TICK, TICK, np.array([[0.9, 0, 1]], np.float32)]}, "x")
    wide = [max(x for x, _ in line) - min(x for x, _ in line) for line in lines(figure.data[0])]
    assert wide[2] == pytest.approx(0.08)


@pytest.mark.parametrize("drawings", [[NOTHING], [np.array([[0, 0, 1]], np.float32)]])
def test_a_drawing_of_nothing(drawings: list[np.ndarray]):
    figure: Any = sheet({"ours": drawings}, "x")
    assert all(np.isfinite(x) for line in lines(figure.data[0]) for point in line for x in point)
