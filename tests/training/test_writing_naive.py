"""Writers that have learned nothing of the order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.data.batches import Example
from ostinato.data.frames import FrameOptions
from ostinato.data.pipeline import Pipeline, PipelineOptions
from ostinato.data.rows import Malformed, Row
from ostinato.data.text import TextOptions
from ostinato.training.writing_naive import naive_writings, nearest_pictures

TRAIN = [("the red house", "A B"), ("a blue boat", "B"), ("the red boat", "A B"), ("zoo", "C C C")]
SCORED = [("red houses", "A"), ("blue", "B D"), ("zoos", "C")]


def learned() -> tuple[Pipeline, list[Example], list[Example]]:
    options = PipelineOptions(
        "text-to-text", "x", "y", TextOptions(), FrameOptions(), target_text=TextOptions()
    )
    train, scored = (
        [Row(source, {"x": source, "y": target}) for source, target in pairs]
        for pairs in (TRAIN, SCORED)
    )
    pipeline = Pipeline.learn(train, options)
    return (
        pipeline,
        pipeline.examples(train, Malformed()),
        pipeline.examples(scored, Malformed()),
    )


def test_what_each_writes():
    found = naive_writings(*learned())
    assert list(found["most frequent"].texts) == ["A B"] * 3
    assert found["nearest"].texts == ["A B", "B", "C C C"]
    assert found["copy"].texts == ["red houses", "blue", "zoos"]
    assert not found["unigram"].texts


def test_the_unigram_counts_units_and_ends_and_one_more():
    pipeline, train, scored = learned()
    found = naive_writings(pipeline, train, scored)["unigram"]
    # Units: A 2, B 3, C 3, 4 ends; 3 special ones and the end are symbols, the start is not.
    assert pipeline.target is not None
    assert pipeline.target.num_symbols == 8
    total = 2 + 3 + 3 + 4 + 7
    logs = {"A": math.log(3 / total), "B": math.log(4 / total), "C": math.log(4 / total)}
    end, unknown = math.log(5 / total), math.log(1 / total)
    expected = [-logs["A"] - end, -logs["B"] - unknown - end, -logs["C"] - end]
    assert found.losses is not None
    np.testing.assert_allclose(found.losses, expected)


def test_the_unigram_is_a_distribution():
    pipeline, train, _ = learned()
    assert pipeline.target is not None
    numbers = [n for n in range(pipeline.target.num_symbols) if n != pipeline.target.start]
    every = [Example("x", np.zeros(1, np.int64), np.array([n]), content="x") for n in numbers]
    losses = naive_writings(pipeline, train, every)["unigram"].losses
    assert losses is not None
    assert np.exp(-losses).sum() == pytest.approx(1)


@pytest.mark.parametrize("size", [(4, 6), (100, 130), (3, 5000)])
def test_the_nearest_picture_is_that_of_least_distance(size: tuple[int, int]):
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (12, 2, *size), dtype=np.uint8)
    known = [Example("", picture[None]) for picture in pictures]
    faint = pictures[[7, 0, 11, 3]] // 2 + draw.integers(0, 40, (4, 2, *size), dtype=np.uint8)
    asked = [Example("", picture[None]) for picture in faint]
    distances = ((faint[:, None].astype(float) - pictures[None]) ** 2).sum((2, 3, 4))
    assert nearest_pictures(known, asked).tolist() == distances.argmin(1).tolist()
