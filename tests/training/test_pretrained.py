"""Models that were saved for use, here and on the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import yaml
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

import ostinato as ost
from ostinato import runtime
from ostinato.core.errors import StorageError
from ostinato.training import pretrained
from ostinato.training.errors import CheckpointError, RunError
from ostinato.training.session import resume
from tests.training.helpers import TEXT, tiny
from tests.training.test_api import LINES, review_recipe


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> ost.Run:
    folder = tmp_path_factory.mktemp("reviews")
    recipe = review_recipe(folder)
    return ost.train(recipe, "training.max_epochs=2", run=folder / "run", progress=False)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> ost.Run:
    folder = tmp_path_factory.mktemp("writer")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    changes = [f"data={folder / 'text.txt'}", "training.max_steps=8"]
    return ost.train(tiny(), *changes, run=folder / "run", progress=False)


def test_a_saved_classifier_predicts_the_same_bits(reviews: ost.Run, tmp_path: Path):
    reviews.save_pretrained(tmp_path / "saved")
    files = {path.name for path in (tmp_path / "saved").iterdir()}
    assert files == {"recipe.yaml", "run.json", "model.safetensors", "README.md"}
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    model = ost.from_pretrained(tmp_path / "saved")
    np.testing.assert_array_equal(model.predict_proba(LINES), reviews.predict_proba(LINES))
    assert model.results == reviews.results
    assert model.labels == reviews.labels
    assert model.metrics() == []


def test_a_saved_language_model_writes_the_same(writer: ost.Run, tmp_path: Path):
    writer.save_pretrained(tmp_path / "saved")
    model = ost.from_pretrained(tmp_path / "saved")
    assert model.generate("the", seed=1, length=40) == writer.generate("the", seed=1, length=40)
    assert model.scores == writer.scores
    without_torch = runtime.load(tmp_path / "saved")
    assert isinstance(without_torch, runtime.LanguageModel)
    np.testing.assert_allclose(
        without_torch.score(TEXT),
        runtime.load(writer.path).score(TEXT),  # pyright: ignore[reportAttributeAccessIssue]
    )


def test_a_saved_model_is_saved_again_from_where_it_was_saved(reviews: ost.Run, tmp_path: Path):
    reviews.save_pretrained(tmp_path / "first")
    ost.from_pretrained(tmp_path / "first").save_pretrained(tmp_path / "second")
    second = ost.from_pretrained(tmp_path / "second")
    np.testing.assert_array_equal(second.predict_proba(LINES), reviews.predict_proba(LINES))
    first = json.loads((tmp_path / "first/run.json").read_text("utf-8"))
    assert json.loads((tmp_path / "second/run.json").read_text("utf-8")) == first


def test_where_the_data_lay_is_not_told(reviews: ost.Run, writer: ost.Run, tmp_path: Path):
    for run in (reviews, writer):
        run.save_pretrained(tmp_path / "saved")
        for path in (tmp_path / "saved").iterdir():
            assert str(run.path.parent).encode() not in path.read_bytes(), path
    data = yaml.safe_load((tmp_path / "saved/recipe.yaml").read_text("utf-8"))["data"]
    assert data["path"] == "text.txt"


def test_the_card_says_what_the_model_is_worth(reviews: ost.Run, tmp_path: Path):
    reviews.save_pretrained(tmp_path / "mine")
    card = (tmp_path / "mine/README.md").read_text("utf-8")
    _, head, body = card.split("---\n", 2)
    assert yaml.safe_load(head)["pipeline_tag"] == "text-classification"
    assert yaml.safe_load(head)["library_name"] == "ostinato"
    assert "- data: reviews.csv" in body
    assert "- labels: `+`, `-`" in body
    assert f"| this model, step {reviews.results.step} | {reviews.scores['accuracy']:.4f} |" in body
    assert "| majority (baseline) |" in body
    assert "ost.from_pretrained(" in body


def test_a_saved_model_takes_the_place_of_another(
    reviews: ost.Run, writer: ost.Run, tmp_path: Path
):
    folder = tmp_path / "saved"
    folder.mkdir()
    writer.save_pretrained(folder)
    reviews.save_pretrained(folder)
    assert ost.from_pretrained(folder).recipe.task == "classification"
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_what_is_no_saved_model_is_never_replaced(reviews: ost.Run, tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    for taken in (tmp_path, tmp_path / "letter.txt", reviews.path):
        with pytest.raises(RunError, match=r"(?s)something else than a saved model.*mend: "):
            reviews.save_pretrained(taken)
    assert (tmp_path / "letter.txt").read_text("utf-8") == "dear"


def test_a_model_that_cannot_be_written_leaves_the_old_one(
    reviews: ost.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reviews.save_pretrained(tmp_path / "saved")
    before = {p.name: p.read_bytes() for p in (tmp_path / "saved").iterdir()}

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pretrained.files, "write_file", full)
    with pytest.raises(StorageError, match="no space left"):
        reviews.save_pretrained(tmp_path / "saved")
    assert {p.name: p.read_bytes() for p in (tmp_path / "saved").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_changed_weights_are_not_loaded(reviews: ost.Run, tmp_path: Path):
    reviews.save_pretrained(tmp_path / "saved")
    path = tmp_path / "saved/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="its content changed"):
        ost.from_pretrained(tmp_path / "saved")


@pytest.mark.parametrize("missing", ["recipe.yaml", "run.json", "model.safetensors"])
def test_a_model_without_a_file_is_refused(reviews: ost.Run, tmp_path: Path, missing: str):
    reviews.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / missing).unlink()
    with pytest.raises(RunError, match=f"it has no {missing}"):
        ost.from_pretrained(tmp_path / "saved")


def test_a_run_and_a_saved_model_are_told_apart(reviews: ost.Run, tmp_path: Path):
    with pytest.raises(RunError, match=r"mend: ost.load_run"):
        ost.from_pretrained(reviews.path)
    reviews.save_pretrained(tmp_path / "saved")
    assert ost.load_run(tmp_path / "saved").predict(LINES) == reviews.predict(LINES)
    with pytest.raises(RunError, match="cannot go on learning"):
        resume(tmp_path / "saved")


def test_a_model_goes_to_the_hub_and_comes_back(
    reviews: ost.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hub = tmp_path / "hub"
    calls: list[tuple[str, Any]] = []

    class Api:
        def __init__(self, token: str | None) -> None:
            calls.append(("token", token))

        def create_repo(self, repo_id: str, **options: Any) -> None:
            calls.append((repo_id, options))

        def upload_folder(self, *, folder_path: Path, **options: Any) -> Any:
            Path(folder_path).rename(hub)
            return type("Commit", (), {"commit_url": "hub/commit/1", **options})

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(hub))
    url = reviews.push_to_hub("someone/reviews", private=True, token="secret")
    assert url == "hub/commit/1"
    assert calls == [
        ("token", "secret"),
        ("someone/reviews", {"private": True, "exist_ok": True}),
    ]
    model = ost.from_pretrained("someone/reviews", revision="main")
    assert model.predict(LINES) == reviews.predict(LINES)
    assert "# reviews\n" in (hub / "README.md").read_text("utf-8")
    assert "from_pretrained('someone/reviews')" in (hub / "README.md").read_text("utf-8")


@pytest.mark.parametrize("error", [LocalEntryNotFoundError("offline"), ValueError])
def test_a_hub_that_cannot_be_reached_is_an_error_with_its_mend(
    error: Any, reviews: ost.Run, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any, **__: Any) -> None:
        raise error if isinstance(error, OSError) else _not_found()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", fail)
    with pytest.raises(RunError, match=r"(?s)the hub did not give it.*mend: "):
        ost.from_pretrained("someone/nothing")
    with pytest.raises(RunError, match=r"(?s)did not take the model.*mend: "):
        reviews.push_to_hub("someone/nothing")


def _not_found() -> Exception:
    error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)
    Exception.__init__(error, "404 Client Error.\n\nRepository Not Found")
    return error


def test_offline_a_model_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RunError, match="the hub did not give it"):
        ost.from_pretrained("someone/nothing")
    with pytest.raises(RunError, match="the hub did not give it"):
        ost.from_pretrained("some one/no name")
    with pytest.raises(RunError, match="no such folder"):
        ost.from_pretrained("./nothing")
