"""Scores of predictions: the same whether at once or as sums over examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data.batches import NO_TARGET, Example
from ostinato.data.frames import FrameOptions
from ostinato.data.labels import LabelSet
from ostinato.data.pipeline import Pipeline, PipelineOptions, Task
from ostinato.data.text import TextOptions
from ostinato.training.example_scores import Scorer, deciding_metric
from ostinato.training.naive import Predictions
from tests.training.examples import recipe_of

LABELS = ("a", "b", "c")
TAGS = ("B-x", "B-y", "I-x", "I-y", "O")


def scorer(task: Task, names: tuple[str, ...] = (), scheme: str = "none", **more: Any) -> Scorer:
    options = PipelineOptions(task, "x", "y", TextOptions(), FrameOptions())
    labels = LabelSet(names) if names else None
    return Scorer(Pipeline(options, "text", labels=labels), scheme, more.get("positive"))


def example(target: object, labels: tuple[str, ...] = ()) -> Example:
    array = np.asarray(target)
    return Example("row", np.ones(3, np.int64), array, labels=labels)


def assert_agree(found: Scorer, examples: Sequence[Example], predictions: Predictions) -> set[str]:
    """The scores by example give those of all; return which there are."""
    scores = found.scores(examples, predictions)
    by_example = found.by_example(examples, predictions)
    assert set(by_example) <= set(scores)
    for name, each in by_example.items():
        assert len(each.table) == len(examples)
        np.testing.assert_allclose(each.value, scores[name], rtol=1e-5, atol=1e-7, err_msg=name)
    return set(by_example)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("positive", [None, "b"])
def test_labels(seed: int, positive: str | None):
    random = np.random.default_rng(seed)
    # What training does not have is among the targets, and a naive predictor may say it.
    names = [*LABELS, "new"][: 4 - seed % 2]
    targets = [str(label) for label in random.choice(names, 40)]
    said = [(str(label),) for label in random.choice(names, 40)]
    numbers = [LABELS.index(label) if label in LABELS else NO_TARGET for label in targets]
    examples = [example(n, (label,)) for n, label in zip(numbers, targets, strict=True)]
    losses = np.where(np.array(numbers) < 0, 0, random.random(40))
    found = scorer("classification", LABELS, positive=positive)
    names_of_scores = assert_agree(found, examples, Predictions(said, losses=losses))
    assert names_of_scores == {"accuracy", "macro_f1", "loss"} | ({"f1"} if positive else set())
    scores = found.scores(examples, Predictions(said, losses=losses))
    right = [a == b != "new" for (a,), b in zip(said, targets, strict=True)]
    assert scores["accuracy"] == pytest.approx(np.mean(right))
    known = sum(number >= 0 for number in numbers)
    assert scores["loss"] == pytest.approx(losses.sum() / known)


def test_an_unseen_label_is_wrong_even_if_it_is_said():
    examples = [example(NO_TARGET, ("new",))] * 2
    found = scorer("classification", LABELS)
    predictions = Predictions([("new",)] * 2, losses=np.zeros(2))
    scores = found.scores(examples, predictions)
    assert math.isnan(scores.pop("loss")), "there is no target to lose on"
    assert scores == {"accuracy": 0, "macro_f1": 0}
    found_by_example = found.by_example(examples, predictions)
    assert math.isnan(found_by_example["loss"].value)
    assert found_by_example["accuracy"].value == 0


@pytest.mark.parametrize("seed", range(4))
def test_several_labels(seed: int):
    random = np.random.default_rng(seed)

    def some(names: Sequence[str]) -> list[tuple[str, ...]]:
        return [tuple(name for name in names if random.random() < 0.4) for _ in range(30)]

    targets, said = some([*LABELS, "new", "newer"]), some(LABELS)
    examples = [example(np.zeros(3, np.float32), labels) for labels in targets]
    found = scorer("multi-label", LABELS)
    predictions = Predictions(said, losses=random.random(30))
    assert assert_agree(found, examples, predictions) == {
        "micro_f1",
        "macro_f1",
        "accuracy",
        "loss",
    }
    pairs = list(zip(said, targets, strict=True))
    hits = sum(len(set(a) & set(b)) for a, b in pairs)
    total = sum(len(a) + len(b) for a, b in pairs)
    scores = found.scores(examples, predictions)
    assert scores["micro_f1"] == pytest.approx(2 * hits / total)
    assert scores["accuracy"] == pytest.approx(np.mean([set(a) == set(b) for a, b in pairs]))


@pytest.mark.parametrize("num", [1, 3])
def test_numbers(num: int):
    random = np.random.default_rng(0)
    targets = random.standard_normal((20, num)).astype(np.float32)
    said = random.standard_normal((20, num))
    examples = [example(target) for target in targets]
    losses = random.random(20)
    predictions = Predictions(numbers=said, losses=losses)
    found = scorer("regression")
    assert assert_agree(found, examples, predictions) == {"mse", "mae", "loss"}
    scores = found.scores(examples, predictions)
    assert scores["mse"] == pytest.approx(((said - targets) ** 2).mean())
    assert scores["mae"] == pytest.approx(np.abs(said - targets).mean())
    assert scores["loss"] == pytest.approx(losses.mean())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scheme", ["none", "BIO"])
def test_tags(seed: int, scheme: str):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 7, 25)

    def some(names: Sequence[str]) -> list[tuple[str, ...]]:
        return [tuple(str(tag) for tag in random.choice(names, n)) for n in lengths]

    targets, said = some([*TAGS, "B-new"]), some(TAGS)
    examples = [
        example([TAGS.index(tag) if tag in TAGS else NO_TARGET for tag in tags], tags)
        for tags in targets
    ]
    predictions = Predictions(said, losses=random.random(25))
    found = scorer("tagging", TAGS, scheme)
    names = assert_agree(found, examples, predictions)
    assert names == {"accuracy", "loss"} | ({"span_f1"} if scheme == "BIO" else set())
    scores = found.scores(examples, predictions)
    pairs = [
        (a, b)
        for one, two in zip(said, targets, strict=True)
        for a, b in zip(one, two, strict=True)
    ]
    assert scores["accuracy"] == pytest.approx(np.mean([a == b for a, b in pairs]))
    known = sum(b in TAGS for _, b in pairs)
    losses = predictions.losses
    assert losses is not None
    has_target = [any(tag in TAGS for tag in tags) for tags in targets]
    assert scores["loss"] == pytest.approx(losses[has_target].sum() / known)


def test_the_loss_of_music_is_that_of_a_step():
    examples = [example(np.zeros((n, 88), np.float32)) for n in (3, 5)]
    predictions = Predictions(losses=np.array([6.0, 2.0]))
    found = scorer("polyphony")
    assert found.scores(examples, predictions) == {"loss": 1.0}
    assert assert_agree(found, examples, predictions) == {"loss"}


def test_a_predictor_without_probabilities_has_no_loss():
    found = scorer("classification", LABELS).scores([example(0, ("a",))], Predictions([("a",)]))
    assert found == {"accuracy": 1.0, "macro_f1": 1.0}


def test_a_positive_label_that_is_none():
    with pytest.raises(UnknownNameError, match="unknown label 'd'"):
        scorer("classification", LABELS, positive="d")


@pytest.mark.parametrize(
    ("task", "evaluation", "name", "higher"),
    [
        ("classification", {}, "accuracy", True),
        ("classification", {"metric": "f1", "positive": "a"}, "f1", True),
        ("classification", {"metric": "loss"}, "loss", False),
        ("multi-label", {}, "micro_f1", True),
        ("regression", {}, "mse", False),
        ("tagging", {}, "accuracy", True),
        ("tagging", {"scheme": "BIOES"}, "span_f1", True),
        ("tagging", {"scheme": "BIO", "metric": "accuracy"}, "accuracy", True),
        ("polyphony", {}, "loss", False),
    ],
)
def test_what_decides(task: str, evaluation: dict[str, str], name: str, higher: bool):
    assert deciding_metric(recipe_of(task, Path("x"), evaluation=evaluation)) == (name, higher)


@pytest.mark.parametrize(
    ("task", "evaluation", "said"),
    [
        (
            "classification",
            {"metric": "mse"},
            "is no score of the task classification\nmend: one of: auto",
        ),
        ("classification", {"metric": "span_f1"}, "is no score of the task"),
        (
            "classification",
            {"metric": "f1"},
            "positive does not name it\nmend: evaluation.positive=",
        ),
        (
            "classification",
            {"scheme": "BIO"},
            "the task is classification\nmend: evaluation.scheme=",
        ),
        ("tagging", {"metric": "span_f1"}, "how tags mark spans\nmend: evaluation.scheme=BIO"),
        ("tagging", {"metric": "macro_f1"}, "is no score of the task tagging"),
        ("polyphony", {"metric": "accuracy"}, "is no score of the task polyphony"),
        ("regression", {"metric": "accuracy"}, "is no score of the task regression"),
    ],
)
def test_what_cannot_decide(task: str, evaluation: dict[str, str], said: str):
    with pytest.raises(OptionError, match=said):
        deciding_metric(recipe_of(task, Path("x"), evaluation=evaluation))


def test_tags_behind_a_cut_count_as_wrong():
    found = scorer("tagging", LABELS)
    whole = example(np.zeros(2, np.int64), ("x", "y", "x", "y"))
    scores = found.scores([whole], Predictions([("x", "y")]))
    assert scores["accuracy"] == 0.5
