"""Training and trained models from a program."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.training import api
from ostinato.training.errors import RunError
from ostinato.training.events import Stepped
from tests.training.helpers import raw_recipe, tiny

LINES = ["good film", "a very good film", "bad film", "a very bad film", "so good", "so bad"]


def write_reviews(folder: Path) -> Path:
    path = folder / "reviews.csv"
    rows = [f"{line} {n},{'+' if 'good' in line else '-'}" for n in range(12) for line in LINES]
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def review_recipe(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "task": "classification",
        "data": {"train": str(write_reviews(folder)), "input": "text", "target": "label"},
        "model": {"hidden_size": 8, "embedding_size": 8},
        "training": {"max_epochs": 4, "learning_rate": 0.05, "threads": 1, "device": "cpu"},
        **changes,
    }


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> ost.Run:
    folder = tmp_path_factory.mktemp("reviews")
    return ost.train(review_recipe(folder), run=folder / "run", progress=False)


def test_a_run_predicts(reviews: ost.Run):
    assert reviews.finished is not None
    assert reviews.finished.reason in ("finished", "no more progress")
    assert reviews.labels == ("+", "-")
    assert reviews.predict(["so good", "so bad"]) == ["+", "-"]
    chances = reviews.predict_proba(["so good", "so bad"])
    assert isinstance(chances, np.ndarray)
    assert chances.shape == (2, 2)
    np.testing.assert_allclose(chances.sum(1), 1)
    assert reviews.predict([]) == []


def test_a_run_knows_its_scores(reviews: ost.Run):
    assert reviews.scores["accuracy"] == reviews.finished.best_score  # pyright: ignore[reportOptionalMemberAccess]
    assert reviews.results.step == reviews.finished.best_step  # pyright: ignore[reportOptionalMemberAccess]
    assert reviews.results.score_name == "accuracy"
    assert "majority" in reviews.results.baselines
    kinds = {record["kind"] for record in reviews.metrics()}
    assert kinds == {"train", "evaluation"}


def test_a_run_is_scored_on_its_test_part(reviews: ost.Run):
    report = reviews.evaluate()
    assert report.metric == "accuracy"
    assert report.scores["model"]["accuracy"].value == 1


def test_a_run_that_was_opened_is_the_same(reviews: ost.Run):
    opened = ost.load_run(reviews.path)
    assert opened.finished is None
    assert opened.recipe == reviews.recipe
    assert opened.scores == reviews.scores
    np.testing.assert_array_equal(opened.predict_proba(LINES), reviews.predict_proba(LINES))
    assert ost.load_run(str(reviews.path), "last").predict(LINES)


def test_using_a_run_leaves_the_random_state_alone(reviews: ost.Run):
    before = torch.get_rng_state()
    ost.load_run(reviews.path).predict(LINES)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_classifier_does_not_write(reviews: ost.Run):
    with pytest.raises(RunError, match=r"(?s)expected a language model.*mend: "):
        reviews.generate("a")


def test_one_input_is_not_several(reviews: ost.Run):
    with pytest.raises(ost.OstinatoError, match=r"mend: put it into a list"):
        reviews.predict("good")


def test_a_recipe_is_given_in_four_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    steps = "training.max_steps=1"
    by_name = ost.train("hello", steps, progress=False)
    assert by_name.path == Path("runs/hello")
    assert ost.train("hello", steps, progress=False).path == Path("runs/hello-2")
    path = tmp_path / "mine.yaml"
    path.write_text((by_name.path / "recipe.yaml").read_text("utf-8"), encoding="utf-8")
    by_path = ost.train(path, progress=False)
    assert by_path.path == Path("runs/mine")
    assert by_path.recipe == by_name.recipe
    raw = raw_recipe()
    by_mapping = ost.train(raw, steps, progress=False)
    assert by_mapping.path == Path("runs/language-model")
    assert by_mapping.recipe.training.max_steps == 1
    assert raw["training"]["max_steps"] == 24
    by_recipe = ost.train(tiny(), steps, run="own", progress=False)
    assert by_recipe.recipe == by_mapping.recipe
    with pytest.raises(RunError, match="exists"):
        ost.train(tiny(), steps, run="own", progress=False)
    assert ost.train(tiny(), steps, run="own", force=True, progress=False).finished


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        ("helo", [], "did you mean 'hello'"),
        ({"task": "classify"}, [], "`task`: got 'classify'"),
        ("hello", ["model.hiden_size=3"], "did you mean `model.hidden_size`"),
        ("hello", ["model.hidden_size"], "expected key.path=value"),
    ],
)
def test_a_wrong_recipe_is_an_error_with_its_mend(recipe: Any, changes: list[str], message: str):
    with pytest.raises(ost.OstinatoError, match=f"(?s){message}.*mend: "):
        ost.train(recipe, *changes, progress=False)


def test_progress_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ost.train(tiny(), "training.max_steps=6", run=tmp_path / "run")
    printed = capsys.readouterr().out
    assert "to beat: unigram" in printed
    assert "step 6/6  held out: " in printed
    assert "finished at step 6" in printed


def test_ctrl_c_gives_the_run_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Impatient:
        def __call__(self, event: object) -> None:
            if isinstance(event, Stepped) and event.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(api, "PrintedLines", Impatient)
    run = ost.train(tiny(), run=tmp_path / "run")
    assert run.finished is not None
    assert run.finished.reason == "interrupted"
    assert run.finished.step < 24
    assert len(run.generate("the ", length=5, seed=0)) == 9


def test_a_language_model_writes_and_does_not_predict(tmp_path: Path):
    run = ost.train(tiny(), "training.max_steps=2", run=tmp_path / "run", progress=False)
    assert run.generate(length=8, seed=1) == run.generate(length=8, seed=1)
    assert run.results.score_name == "bits_per_character"
    with pytest.raises(RunError, match=r"(?s)does not predict.*mend: use generate"):
        run.predict(["a"])


def test_what_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(RunError, match="no such run"):
        ost.load_run(tmp_path / "none")
    with pytest.raises(ost.OstinatoError, match="expected best or last"):
        ost.load_run(tmp_path, "worst")  # pyright: ignore[reportArgumentType]


def arrays(folder: Path, task: str) -> dict[str, Any]:
    rows = "\n".join(
        f'{{"x": [[{n % 7}, 1.0], [{n % 5}, 0.5]], "y": {target}}}'
        for n in range(40)
        for target in [{"regression": n % 7, "tagging": f'["{n % 2}", "b"]'}[task]]
    )
    path = folder / "rows.jsonl"
    path.write_text(rows, encoding="utf-8")
    return {
        "task": task,
        "data": {"train": str(path), "input": "x", "target": "y", "split": {"test": 0}},
        "model": {"hidden_size": 8},
        "training": {"max_epochs": 2, "threads": 1},
    }


def test_a_regression_gives_numbers(tmp_path: Path):
    run = ost.train(arrays(tmp_path, "regression"), run=tmp_path / "run", progress=False)
    found = run.predict([np.ones((3, 2)), np.zeros((2, 2))])
    assert isinstance(found, np.ndarray)
    assert found.shape == (2, 1)
    with pytest.raises(RunError, match="no probabilities"):
        run.predict_proba([np.ones((3, 2))])


def test_a_tagger_gives_a_tag_for_each_step(tmp_path: Path):
    run = ost.train(arrays(tmp_path, "tagging"), run=tmp_path / "run", progress=False)
    (tags,) = run.predict([np.ones((3, 2))])
    (chances,) = run.predict_proba([np.ones((3, 2))])
    assert len(tags) == len(chances) == 3
    assert set(tags) <= set(run.labels)
