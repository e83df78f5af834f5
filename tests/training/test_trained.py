"""A run that is read again predicts from plain values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ostinato.core.errors import OstinatoError
from ostinato.data import DataError
from ostinato.data.pipeline import PartCounts
from ostinato.data.rows import Row
from ostinato.training.errors import RunError
from ostinato.training.session import train
from ostinato.training.trained import load_examples
from tests.training.examples import TASKS, recipe_for
from tests.training.helpers import tiny

SHORT = {"training": {"max_steps": 2}, "evaluation": {"every": 2}}


def trained_run(name: str, folder: Path, **changes: object) -> Path:
    train(recipe_for(name, folder, 60, **{**SHORT, **changes}), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: trained_run(name, tmp_path_factory.mktemp("runs")) for name in TASKS}


def test_texts(runs: dict[str, Path]):
    trained = load_examples(runs["texts"])
    assert not trained.model.training
    counts = PartCounts()
    texts = ["a c b", "", "b 😀 가 a \0", "c" * 100_000, "a " * 5000]
    found = trained.predict(texts, counts)
    assert all(label in ("a first", "b first") for (label,) in found.labels)
    for chances in found.probabilities:
        np.testing.assert_allclose(chances.sum(), 1, rtol=1e-6)
    assert found.losses is not None
    assert np.isnan(found.losses).all()
    assert (counts.text.num_empty, counts.text.num_truncated) == (1, 1)
    # What is beside it changes no prediction.
    for text, chances in zip(texts, found.probabilities, strict=True):
        (alone,) = trained.predict([text]).probabilities
        np.testing.assert_allclose(alone, chances, atol=1e-6)


def test_rows_and_columns(runs: dict[str, Path]):
    trained = load_examples(runs["texts"])
    values = ["a b", {"x": "a b", "other": 1}, Row("somewhere", {"x": "a b"})]
    examples = trained.encode(values)
    assert [example.place for example in examples] == ["input 1", "input 2", "somewhere"]
    assert len({example.steps.tobytes() for example in examples}) == 1
    assert all(example.target is None for example in examples)


def test_arrays_and_numbers(runs: dict[str, Path]):
    (label,) = load_examples(runs["arrays"]).predict([[1.0, float("nan"), 3.0]]).labels
    assert label[0] in ("0", "1")
    numbers = load_examples(runs["numbers"]).predict([[1.0], np.ones(50)]).numbers
    assert numbers is not None
    assert numbers.shape == (2, 2)
    assert np.isfinite(numbers).all()


def test_tags_of_tokens_and_of_a_text(runs: dict[str, Path]):
    trained = load_examples(runs["spelled tags"])
    first, second = trained.predict([["ABC", "abcn", "x"], "ABC abcn x"]).labels
    assert first == second
    assert len(first) == 3


def test_music_goes_on_after_the_last_step(runs: dict[str, Path]):
    trained = load_examples(runs["music"])
    (chances,) = trained.predict([np.eye(88)[:4]]).probabilities
    assert chances.shape == (4, 88)
    assert trained.predict([np.eye(88)[:1]]).probabilities[0].shape == (1, 88)


def test_several_labels(runs: dict[str, Path]):
    found = load_examples(runs["several labels"]).predict(["a b", "c"])
    for labels, chances in zip(found.labels, found.probabilities, strict=True):
        names = ("begins", "ends")
        assert labels == tuple(n for n, c in zip(names, chances, strict=True) if c > 0.5)


def test_nothing_to_predict(runs: dict[str, Path]):
    assert load_examples(runs["texts"]).predict([]).labels == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("texts", 5, "input 2: expected a text, got int"),
        ("texts", {"y": "a"}, "input 2: the column `x` is missing; the columns are y"),
        ("texts", "\udcff", "input 2: character 0 is a lone surrogate"),
        ("arrays", "text", "input 2: expected numbers, got 'text'"),
        ("arrays", [[1, 2]], "input 2: it has 2 numbers a step, expected 1"),
        ("spelled tags", "  ", "input 2: it holds no tokens"),
        ("music", np.zeros((3, 12)), "input 2: it has 12 numbers a step, expected 88"),
    ],
)
def test_an_input_that_cannot_be_read(runs: dict[str, Path], name: str, value: object, said: str):
    trained = load_examples(runs[name])
    good = {"texts": "a", "spelled tags": "a", "arrays": [1.0], "music": np.zeros((2, 88))}[name]
    with pytest.raises(DataError, match=f"(?s){said}.*\nmend: "):
        trained.predict([good, value])


def test_weights_of_classes_are_read_again(tmp_path: Path):
    path = trained_run("texts", tmp_path, training={"max_steps": 2, "class_weights": "balanced"})
    assert len(load_examples(path, "last").predict(["a b"]).labels) == 1


def test_a_run_of_another_kind(tmp_path: Path):
    train(tiny(training={"max_steps": 1}), tmp_path / "run")
    with pytest.raises(
        RunError, match=r"language-model, expected one .*\nmend: .*`ostinato generate"
    ):
        load_examples(tmp_path / "run")
    with pytest.raises(RunError, match="no such run"):
        load_examples(tmp_path / "nothing")


@pytest.mark.parametrize("change", [{}, {"pipeline": None}, {"pipeline": {"kind": "text"}}])
def test_a_damaged_pipeline(change: dict[str, object], tmp_path: Path):
    path = trained_run("texts", tmp_path) / "run.json"
    facts = json.loads(path.read_text())
    del facts["pipeline"]
    path.write_text(json.dumps({**facts, **change}))
    with pytest.raises(OstinatoError, match=r"(?s)run\.json.*\nmend: "):
        load_examples(path.parent)


@pytest.mark.parametrize("part", ["encoder", "options", "labels", "scaling"])
def test_a_damaged_part_of_a_pipeline(part: str, tmp_path: Path):
    path = trained_run("texts", tmp_path) / "run.json"
    facts = json.loads(path.read_text())
    facts["pipeline"][part] = {"unit": 5}
    path.write_text(json.dumps(facts))
    with pytest.raises(OstinatoError, match=r"(?s)\nmend: "):
        load_examples(path.parent)
