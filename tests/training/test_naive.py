"""Naive predictors, against counts by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ostinato.data.batches import Example
from ostinato.data.frames import FrameOptions
from ostinato.data.pipeline import Pipeline, PipelineOptions, Task
from ostinato.data.rows import LAST_TARGET, Malformed, Row
from ostinato.data.text import TextOptions
from ostinato.training.naive import Predictions, baselines


def learned(
    task: Task, train: Sequence[dict[str, Any]], scored: Sequence[dict[str, Any]]
) -> tuple[Pipeline, list[Example], list[Example]]:
    target = None if task == "polyphony" else "y"
    options = PipelineOptions(task, "x", target, TextOptions(), FrameOptions())
    parts = [[Row("row", values) for values in part] for part in (train, scored)]
    pipeline = Pipeline.learn(parts[0], options)
    malformed = Malformed()
    first, second = (pipeline.examples(part, malformed) for part in parts)
    assert malformed.num_malformed == 0
    return pipeline, first, second


def naive(
    task: Task, train: Sequence[dict[str, Any]], scored: Sequence[dict[str, Any]]
) -> dict[str, Predictions]:
    return baselines(*learned(task, train, scored))


TEXTS = [
    {"x": "good film", "y": "pos"},
    {"x": "a good one", "y": "pos"},
    {"x": "bad film", "y": "neg"},
    {"x": "a bad one", "y": "neg"},
    {"x": "so good", "y": "pos"},
]


def test_majority_and_bag_of_words():
    scored = [{"x": "bad bad bad", "y": "neg"}, {"x": "good", "y": "new"}, {"x": "", "y": "pos"}]
    found = naive("classification", TEXTS, scored)
    assert list(found) == ["majority", "bag of words"]
    assert found["majority"].labels == [("pos",)] * 3
    assert found["bag of words"].labels == [("neg",), ("pos",), ("pos",)]


def test_the_bag_knows_no_order():
    train = [{"x": text, "y": text[0]} for text in ("a b", "b a", "a b", "b a", "a b c")]
    bag = naive("classification", train, [{"x": "a b", "y": "a"}, {"x": "b a", "y": "b"}])
    assert len(set(bag["bag of words"].labels)) == 1


def test_mean_and_deviation_of_arrays():
    random = np.random.default_rng(0)
    series = [random.standard_normal(20) * (3 if n % 2 else 1) for n in range(40)]
    rows = [{"x": x, "y": "wide" if n % 2 else "narrow"} for n, x in enumerate(series)]
    rows[3]["x"] = np.where(np.arange(20) == 4, np.nan, series[3])
    found = naive("classification", rows[:30], rows[30:])
    expected = [(row["y"],) for row in rows[30:]]
    assert found["mean and deviation"].labels == expected


def test_persistence_only_where_the_label_before_is_known():
    def row(x: float, y: str, before: str) -> dict[str, Any]:
        return {"x": [x], "y": y, LAST_TARGET: before}

    train = [row(1, "up", "down"), row(2, "down", "up")]
    scored = [row(3, "up", "up"), row(4, "up", "down")]
    assert naive("classification", train, scored)["persistence"].labels == [("up",), ("down",)]
    assert "persistence" not in naive("classification", train, [*scored, {"x": [5.0], "y": "up"}])


def test_several_labels():
    train = [
        {"x": "a b", "y": "A,B"},
        {"x": "a c", "y": "A"},
        {"x": "c", "y": ""},
        {"x": "a", "y": "A"},
        {"x": "b", "y": "B"},
    ] * 5
    found = naive("multi-label", train, [{"x": "a b", "y": ""}, {"x": "c c", "y": ""}])
    assert found["majority"].labels == [("A",)] * 2
    assert found["bag of words"].labels == [("A", "B"), ()]


def test_a_label_that_every_example_has():
    train = [{"x": "a", "y": "A"}, {"x": "b", "y": "A,B"}] * 3
    found = naive("multi-label", train, [{"x": "a", "y": ""}])
    assert found["bag of words"].labels == [("A",)]


@pytest.mark.parametrize("num", [1, 2])
def test_numbers(num: int):
    random = np.random.default_rng(0)
    values = random.standard_normal(60)
    # The second moment counts, which the mean of the steps carries.
    rows = [{"x": [v, v], "y": [3 * v + 1, -v][:num]} for v in values]
    found = naive("regression", rows[:50], rows[50:])
    expected = np.array([row["y"] for row in rows])
    mean, bag = found["mean"].numbers, found["mean and deviation"].numbers
    assert mean is not None
    assert bag is not None
    np.testing.assert_allclose(mean, np.repeat(expected[:50].mean(0)[None], 10, 0), rtol=1e-6)
    assert bag.shape == (10, num)
    assert np.abs(bag - expected[50:]).max() < 0.3


def test_numbers_of_texts():
    rows = [{"x": word, "y": value} for word, value in [("a", 1), ("b", 5)] * 20]
    bag = naive("regression", rows, [{"x": "b", "y": 5}])["bag of words"].numbers
    assert bag is not None
    assert abs(float(bag[0, 0]) - 5) < 0.3


def test_the_usual_tag_of_the_word():
    train = [
        {"x": ["the", "run"], "y": ["D", "N"]},
        {"x": ["run"], "y": ["V"]},
        {"x": ["run", "the", "dog"], "y": ["V", "D", "N"]},
        {"x": ["a", "a"], "y": ["D", "D"]},
    ]
    scored = [{"x": "the run zzz", "y": "D N N"}, {"x": ["dog"], "y": ["X"]}]
    found = naive("tagging", train, scored)
    assert found["majority"].labels == [("D", "D", "D"), ("D",)]
    assert found["usual tag of the word"].labels == [("D", "V", "D"), ("N",)]


def test_tags_of_arrays_have_no_words():
    train = [{"x": [1, 2], "y": ["u", "d"]}, {"x": [1], "y": ["u"]}]
    found = naive("tagging", train, [{"x": [1, 2, 3], "y": ["u", "u", "u"]}])
    assert list(found) == ["majority"]
    assert found["majority"].labels == [("u", "u", "u")]


def test_music_against_counting():
    random = np.random.default_rng(0)
    pieces = [(random.random((int(n), 88)) < 0.3).astype(np.uint8) for n in (5, 9, 2, 7)]
    rows = [{"x": piece} for piece in pieces]
    found = naive("polyphony", rows[:2], rows[2:])
    for name, order in (("frequency", 0), ("bigram", 1)):
        losses = found[name].losses
        assert losses is not None
        expected = [nats_by_counting(pieces[:2], piece, order) for piece in pieces[2:]]
        np.testing.assert_allclose(losses, expected, rtol=1e-9)


def nats_by_counting(train: Sequence[np.ndarray], piece: np.ndarray, order: int) -> float:
    total = 0.0
    for step in range(1, len(piece)):
        for note in range(88):
            seen = [1, 1]
            for other in train:
                for place in range(1, len(other)):
                    if not order or other[place - 1, note] == piece[step - 1, note]:
                        seen[int(other[place, note])] += 1
            total -= math.log(seen[int(piece[step, note])] / sum(seen))
    return total
