"""Scores of labels and numbers against scikit-learn, and as sums over examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from ostinato.core.errors import UnknownNameError
from ostinato.training.metrics import per_example
from ostinato.training.metrics.classification import (
    classification_scores,
    multi_label_scores,
)
from ostinato.training.metrics.regression import regression_scores
from ostinato.training.metrics.spans import span_f1

LABELS = ["ham", "spam", "eggs", "toast", "never"]
DRAW = np.random.default_rng(0)
TARGET = DRAW.choice(4, 200, p=[0.6, 0.2, 0.15, 0.05])
PREDICTED = np.where(DRAW.random(200) < 0.6, TARGET, DRAW.integers(4, size=200))
FLOAT32 = 1e-6


def test_labels():
    scores = classification_scores(PREDICTED.tolist(), TARGET, LABELS, positive="spam")
    assert scores == pytest.approx(
        {
            "accuracy": reference.accuracy_score(TARGET, PREDICTED),
            "macro_f1": reference.f1_score(TARGET, PREDICTED, average="macro"),
            "f1": reference.f1_score(TARGET, PREDICTED, average=None)[1],
        },
        abs=FLOAT32,
    )


def test_labels_that_training_does_not_have_are_missed():
    target = TARGET.copy()
    target[:20] = -1
    as_class = np.where(target < 0, 4, target)
    assert classification_scores(PREDICTED, target, LABELS[:4]) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(as_class, PREDICTED),
            "macro_f1": reference.f1_score(as_class, PREDICTED, average="macro"),
        },
        abs=FLOAT32,
    )


def test_a_prediction_of_no_label_is_never_right():
    predicted, target = np.array([0, 1, -1, -1, 0]), np.array([0, 1, -1, 0, -1])
    got = classification_scores(predicted, target, LABELS[:2])
    as_classes = np.array([0, 1, 3, 3, 0]), np.array([0, 1, 2, 0, 2])
    expected = {
        "accuracy": 0.4,
        "macro_f1": reference.f1_score(*reversed(as_classes), average="macro"),
    }
    assert got == pytest.approx(expected, abs=FLOAT32)
    assert per_example.accuracy(predicted, target).value == pytest.approx(0.4)
    assert per_example.macro_f1(predicted, target).value == pytest.approx(expected["macro_f1"])


def test_a_positive_label_that_is_none():
    with pytest.raises(UnknownNameError, match="did you mean 'spam'"):
        classification_scores(PREDICTED, TARGET, LABELS, positive="span")


def test_several_labels():
    target = DRAW.integers(2, size=(50, 6))
    predicted = np.where(DRAW.random((50, 6)) < 0.8, target, 1 - target)
    assert multi_label_scores(predicted, target.astype(np.float32)) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(target, predicted),
            "micro_f1": reference.f1_score(target, predicted, average="micro"),
            "macro_f1": reference.f1_score(target, predicted, average="macro"),
        },
        abs=FLOAT32,
    )


def test_numbers():
    target = DRAW.normal(1e4, 2, (30, 2))
    predicted = target + DRAW.normal(size=(30, 2))
    assert regression_scores(predicted, target) == pytest.approx(
        {
            "mse": reference.mean_squared_error(target, predicted),
            "mae": reference.mean_absolute_error(target, predicted),
            "r2": reference.r2_score(target, predicted),
        }
    )
    assert set(regression_scores([[1.0]], [[2.0]])) == {"mse", "mae"}


@pytest.mark.parametrize(
    "scores", [classification_scores([], [], LABELS), multi_label_scores([], [])]
)
def test_nothing_to_score(scores: dict[str, float]):
    assert scores == {}
    assert regression_scores([], []) == {}


def test_sums_over_examples_give_the_same_scores():
    whole = classification_scores(PREDICTED, TARGET, LABELS, positive="eggs")
    assert per_example.accuracy(PREDICTED, TARGET).value == pytest.approx(whole["accuracy"])
    assert per_example.macro_f1(PREDICTED, TARGET).value == pytest.approx(whole["macro_f1"])
    assert per_example.f1(PREDICTED, TARGET, 2).value == pytest.approx(whole["f1"])
    target = DRAW.integers(2, size=(50, 6))
    predicted = DRAW.integers(2, size=(50, 6))
    assert per_example.micro_f1(predicted, target).value == pytest.approx(
        multi_label_scores(predicted, target)["micro_f1"]
    )
    numbers, guesses = DRAW.normal(size=(2, 30, 3))
    errors = regression_scores(guesses, numbers)
    assert per_example.mse(guesses, numbers).value == pytest.approx(errors["mse"])
    assert per_example.mae(guesses, numbers).value == pytest.approx(errors["mae"])
    tags, gold = [["B-X", "O"], ["O", "B-X"], ["O"]], [["B-X", "O"], ["B-Y", "O"], ["B-X"]]
    assert (
        per_example.span_f1(tags, gold, "BIO").value == span_f1(tags, gold, "BIO")["span_f1"] == 0.4
    )


def test_losses_are_of_a_target():
    losses, counts = [2.0, 4.0, 0.0], [1, 10, 1]
    assert per_example.mean_loss(losses, counts).value == pytest.approx(0.5)
    assert per_example.perplexity(losses, counts).value == pytest.approx(math.exp(0.5))
    assert per_example.mean_loss(losses).value == pytest.approx(2)


def test_steps_without_a_target_do_not_count():
    scores = per_example.tag_accuracy(
        [np.array([1, 2, -100]), np.array([0])], [np.array([1, 1, -100]), np.array([-100])]
    )
    assert scores.table.tolist() == [[1, 2], [0, 0]]
    assert scores.value == 0.5
