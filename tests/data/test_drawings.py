"""Rows of strokes become steps and targets; what is no drawing is named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.drawings import (
    END,
    DrawingPipeline,
    is_ended,
    lines_of,
    num_points,
    stretched,
    strokes_of,
)
from ostinato.data.rows import Malformed, Row
from ostinato.models import mixture_density

TICK = [[3, 4, 0], [6, -8, 1]]
PAIR = [[1, 0, 1], [0, 2, 0], [5, 0, 1]]


def rows_of(*drawings: object) -> list[Row]:
    return [Row(f"d.npz, drawing {n}", {"strokes": each}) for n, each in enumerate(drawings, 1)]


def learned(*drawings: object, max_length: int = 100) -> DrawingPipeline:
    return DrawingPipeline.learn(rows_of(*drawings), "strokes", max_length)


def test_what_is_read_is_what_was_to_be_said_before():
    (row,) = rows_of(TICK)
    example = learned(TICK).example(row)
    assert example.target is not None
    assert example.steps.tolist() == [[0, 0, END], [3, 4, 0], [6, -8, 1]]
    assert example.target.tolist() == [[3, 4, 0], [6, -8, 1], [0, 0, END]]
    assert example.steps.dtype == example.target.dtype == np.float32
    assert (is_ended(example), num_points([example])) == (True, 2)


def test_the_network_means_the_same_end():
    assert mixture_density.END == END


@pytest.mark.parametrize(("limit", "expected", "ended"), [(3, 3, True), (2, 2, False)])
def test_a_drawing_that_is_too_long_loses_its_rest_and_its_end(
    limit: int, expected: int, ended: bool
):
    pipeline = learned(PAIR, max_length=limit)
    examples = pipeline.examples(rows_of(PAIR), Malformed())
    assert (num_points(examples), is_ended(examples[0])) == (expected, ended)
    note = "" if ended else "train: 1 drawing cut at strokes.max_length"
    assert pipeline.cut_note("train", examples) == note


def test_one_scale_for_both_axes():
    pipeline = learned(TICK, PAIR)
    assert pipeline.scale == pytest.approx(math.sqrt((25 + 100 + 1 + 4 + 25) / 10))
    assert (pipeline.is_whole, pipeline.least_deviation) == (True, 1 / math.sqrt(12))
    halves = [[each / 4 for each in point[:2]] + point[2:] for point in TICK]
    other = learned(halves)
    assert not other.is_whole
    assert other.least_deviation == pytest.approx(1e-3 * other.scale)


def test_a_pen_that_never_moves_has_a_scale():
    assert learned([[0, 0, 1]]).scale == 1


def test_json():
    pipeline = learned(TICK)
    assert DrawingPipeline.from_json(pipeline.to_json()) == pipeline


@pytest.mark.parametrize(
    ("drawing", "reason"),
    [
        ([], "holds no points"),
        (np.zeros((0, 3)), "holds no points"),
        ([[1, 2]], r"expected numbers \[N, 3\], got \[1, 2\]"),
        ([1, 2, 0], r"expected numbers \[N, 3\], got \[3\]"),
        ("a house", r"expected numbers \[N, 3\], got str"),
        ([[1, 2, 0], [1, 2]], r"expected numbers \[N, 3\], got list"),
        ([[1, 2, 0], [math.nan, 2, 1]], "point 2 is nan, 2, expected finite"),
        ([[1e300, 2, 0]], "point 1 is inf, 2, expected finite"),
        ([[1, 2, 0], [1, 2, 3]], "the pen after point 2 is 3, expected 0 or 1"),
        ([[1, 2, math.nan]], "the pen after point 1 is nan"),
    ],
)
def test_what_is_no_drawing(drawing: object, reason: str):
    with pytest.raises(DataError, match=reason):
        strokes_of(drawing)
    malformed = Malformed(0.5)
    rows = rows_of(TICK, drawing)
    found = DrawingPipeline.learn(rows, "strokes", 9).examples(malformed.counting(rows), malformed)
    assert (len(found), malformed.num_malformed) == (1, 1)
    assert malformed.shown[0].startswith("d.npz, drawing 2: ")


def test_nothing_to_learn_from():
    with pytest.raises(DataError, match=r"no usable drawing .* d\.npz, drawing 1: it holds no po"):
        learned([])
    with pytest.raises(DataError, match=r"no column 'lines'.*strokes"):
        DrawingPipeline.learn(rows_of(TICK), "lines", 9)


def test_a_drawing_is_stretched_and_its_pen_is_not():
    example = learned(TICK).example(rows_of(TICK)[0])
    found = [stretched(example, 0.2, np.random.default_rng(seed)) for seed in range(300)]
    factors = np.array([each.steps[1, :2] / example.steps[1, :2] for each in found])
    assert factors.min() >= 0.8 - 1e-6
    assert factors.max() <= 1.2 + 1e-6
    assert (factors.min(0) < 0.82).all()
    assert (factors.max(0) > 1.18).all()
    for each, (wide, high) in zip(found, factors, strict=True):
        assert each.target is not None
        assert example.target is not None
        expected = example.target * [wide, high, 1]
        assert each.target == pytest.approx(expected, rel=1e-6)
        assert each.target[:, 2].tolist() == [0, 1, END]
        assert each.steps[1:].tolist() == each.target[:-1].tolist()


def test_lines_begin_on_the_paper_and_end_where_the_pen_is_lifted():
    lines = lines_of(np.array(PAIR))
    assert [line.tolist() for line in lines] == [[[0, 0], [1, 0]], [[1, 2], [6, 2]]]
    unlifted = lines_of(np.array([[3, 4, 0], [6, -8, 0]]))
    assert [line.tolist() for line in unlifted] == [[[0, 0], [3, 4], [9, -4]]]
    assert lines_of(np.zeros((0, 3))) == []
