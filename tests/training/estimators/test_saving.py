"""Estimators as folders, and on the hub."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import ostinato as ost
from ostinato import (
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from ostinato.core.errors import OptionError
from ostinato.training.errors import CheckpointError, RunError
from ostinato.training.generate import generate
from ostinato.training.session import load_trained

SIZES: dict[str, Any] = {
    "hidden_size": 8,
    "learning_rate": 0.05,
    "max_epochs": 2,
    "threads": 1,
    "random_state": 0,
}
TEXTS = ["go up", "go down", "up we go", "down it is"] * 5
TABLE = np.linspace(0, 1, 120).reshape(20, 6)
CASES: dict[str, tuple[Any, Any, Any]] = {
    "texts": (SequenceClassifier(**SIZES), TEXTS, ["+", "-", "+", "-"] * 5),
    "numbers as classes": (SequenceClassifier(**SIZES), TABLE, [3, 7] * 10),
    "weights": (SequenceClassifier(**SIZES, class_weight={3: 1.0, 7: 2.5}), TABLE, [3, 7] * 10),
    "truth values": (SequenceClassifier(**SIZES), TEXTS, [True, False] * 10),
    "objects": (SequenceClassifier(**SIZES), TEXTS, np.array(["a", "b"] * 10, dtype=object)),
    "regression": (SequenceRegressor(**SIZES), TABLE, TABLE.sum(1)),
    "two numbers": (SequenceRegressor(**SIZES), TABLE, TABLE[:, :2]),
    "tags": (SequenceTagger(**SIZES), [["a", "b"], ["b", "a"]] * 10, [["X", "Y"], ["Y", "X"]] * 10),
    "text": (LanguageModel(**SIZES, batch_size=4), "to be or not to be. " * 30, None),
}


@pytest.mark.parametrize("case", CASES)
def test_an_estimator_comes_back(tmp_path: Path, case: str):
    estimator, X, y = CASES[case]
    estimator.fit(X, y)
    estimator.save_pretrained(tmp_path / "saved")
    back = type(estimator).from_pretrained(tmp_path / "saved")
    assert str(back.get_params()) == str(estimator.get_params())
    for name, value in vars(estimator).items():
        if name.endswith("_"):
            np.testing.assert_equal(getattr(back, name), value)
            assert type(getattr(back, name)) is type(value)
    probes = X if case == "text" else X[:4]
    assert np.array_equal(back.predict(probes), estimator.predict(probes))
    assert back.score(X, y) == estimator.score(X, y)
    # The folder is that of any saved model.
    run = ost.from_pretrained(tmp_path / "saved")
    assert run.results.scores
    if case == "tags":
        assert run.predict(probes) == estimator.predict(probes)
    if case == "text":
        assert run.generate("to", seed=0) == estimator.generate("to", length=500, seed=0)
    card = (tmp_path / "saved" / "README.md").read_text("utf-8")
    name = type(estimator).__name__
    assert f"from ostinato import {name}\n\nmodel = {name}.from_pretrained(" in card
    # It is replaced, and what else lies there is not.
    back.save_pretrained(tmp_path / "saved")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("keep")
    with pytest.raises(RunError, match="holds something else"):
        back.save_pretrained(tmp_path / "other")


def test_documents_end_where_they_did(tmp_path: Path):
    names = ["anna", "bob", "carl", "dora"] * 10
    model = LanguageModel(**{**SIZES, "max_epochs": 6}, batch_size=4).fit(names)
    model.save_pretrained(tmp_path / "saved")
    trained = load_trained(tmp_path / "saved")
    assert trained.document_end is not None
    expected = "".join(
        generate(
            trained.model,
            trained.vocabulary,
            trained.start,
            length=60,
            temperature=0.8,
            seed=3,
            document_end=trained.document_end,
        )
    ).removeprefix("\n")
    assert model.generate(length=60, seed=3) == expected
    run = ost.from_pretrained(tmp_path / "saved")
    assert run.generate(length=60, seed=3) == expected
    # One text of lines is the same documents.
    assert model.score("anna\nbob") == pytest.approx(model.score(["anna", "bob"]))


def test_texts_are_scored_by_a_model_of_one_text():
    model = LanguageModel(**SIZES, batch_size=4).fit("to be or not to be. " * 30)
    both = model.score(["to be", "or not"])
    one, other = model.score("to be"), model.score("or not")
    assert both == pytest.approx((5 * one + 6 * other) / 11)


def test_what_is_cut_is_warned_of():
    long = ["a b c d"] * 10 + ["b a"] * 10
    with pytest.warns(UserWarning, match="sequences of X cut at max_length"):
        model = SequenceClassifier(**SIZES, unit="words", max_length=3).fit(long, [0, 1] * 10)
    with pytest.warns(UserWarning, match="1 sequence of X cut at max_length"):
        model.predict(["a b c d", "a"])


def test_what_is_no_estimator_of_the_class(tmp_path: Path):
    with pytest.raises(NotFittedError):
        SequenceClassifier().save_pretrained(tmp_path / "saved")
    model = SequenceRegressor(**{**SIZES, "random_state": np.random.RandomState(0)})
    model.fit(TABLE, TABLE.sum(1)).save_pretrained(tmp_path / "saved")
    assert SequenceRegressor.from_pretrained(tmp_path / "saved").random_state is None
    with pytest.raises(RunError, match="is a SequenceRegressor, expected a SequenceClassifier"):
        SequenceClassifier.from_pretrained(tmp_path / "saved")
    with pytest.raises(RunError, match="no such folder"):
        SequenceClassifier.from_pretrained(tmp_path / "nothing")
    path = tmp_path / "saved" / "estimator.json"
    content = json.loads(path.read_bytes())
    path.write_text("{")
    with pytest.raises(RunError, match=r"estimator.json is damaged: .*\nmend: "):
        SequenceRegressor.from_pretrained(tmp_path / "saved")
    del content["parameters"]
    path.write_text(json.dumps(content))
    with pytest.raises(RunError, match="is damaged: 'parameters'"):
        SequenceRegressor.from_pretrained(tmp_path / "saved")
    path.unlink()
    with pytest.raises(RunError, match="is a saved model, but no estimator"):
        SequenceRegressor.from_pretrained(tmp_path / "saved")


def test_weights_that_were_changed(tmp_path: Path):
    model = SequenceRegressor(**SIZES).fit(TABLE, TABLE.sum(1))
    model.save_pretrained(tmp_path / "saved")
    weights = tmp_path / "saved" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        SequenceRegressor.from_pretrained(tmp_path / "saved")


def test_parameters_that_json_does_not_hold(tmp_path: Path):
    model = SequenceClassifier(**SIZES, verbose=Fraction(0)).fit(TABLE, [0, 1] * 10)
    with pytest.raises(OptionError, match="a Fraction cannot be saved without pickle"):
        model.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_to_the_hub_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hub = tmp_path / "hub"
    wanted: list[str] = []

    class Api:
        def __init__(self, token: object) -> None:
            assert token == "secret"

        def create_repo(self, repo_id: str, **options: object) -> None:
            assert (repo_id, options) == ("someone/ups", {"private": True, "exist_ok": True})

        def upload_folder(self, *, folder_path: str, **options: object) -> object:
            Path(folder_path).rename(hub)
            return type("Commit", (), {"commit_url": "hub/commit/1", **options})

    def download(*_: object, allow_patterns: list[str], **__: object) -> str:
        wanted.extend(allow_patterns)
        return str(hub)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    model = SequenceClassifier(**SIZES).fit(TEXTS, ["+", "-"] * 10)
    assert model.push_to_hub("someone/ups", private=True, token="secret") == "hub/commit/1"
    back = SequenceClassifier.from_pretrained("someone/ups")
    assert back.predict(TEXTS).tolist() == model.predict(TEXTS).tolist()
    assert {path.name for path in hub.iterdir()} <= set(wanted)
    assert "from_pretrained('someone/ups')" in (hub / "README.md").read_text("utf-8")
