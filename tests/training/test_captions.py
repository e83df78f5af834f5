"""Pictures that become texts: through the same pipeline, task, evaluation and commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ostinato as ost
from ostinato.data.batches import make_batch
from ostinato.data.pipeline import Pipeline, fingerprint
from ostinato.data.rows import Malformed, Row
from ostinato.training.errors import RecipeError
from ostinato.training.evaluation import evaluate_run
from ostinato.training.recipe_files import validate
from ostinato.training.session import resume, train
from ostinato.training.writing_recipe import WritingRecipe
from ostinato.training.writing_task import WritingTask
from tests.cli.helpers import ask, refuse
from tests.training.examples import Values, write_rows
from tests.training.test_resume import StopAt, assert_same_end
from tests.training.writing_helpers import raw_pairs

CPU = torch.device("cpu")


def corners(num: int, seed: int = 0) -> list[Values]:
    """Return pictures with one bright corner or two, and what is said of each, from the top."""
    random = np.random.default_rng(seed)
    names = {(0, 0): "top left", (0, 1): "top right", (1, 0): "low left", (1, 1): "low right"}
    rows: list[Values] = []
    for _ in range(num):
        image = random.integers(0, 20, (16, 16))
        chosen = sorted(random.choice(4, int(random.integers(1, 3)), replace=False).tolist())
        places = [divmod(int(corner), 2) for corner in chosen]
        for down, across in places:
            image[8 * down : 8 * down + 8, 8 * across : 8 * across + 8] += 200
        caption = " and ".join(names[place] for place in places)
        rows.append({"x": image.tolist(), "y": caption})
    return rows


def captions(folder: Path, num: int = 120, **changes: Any) -> WritingRecipe:
    path = write_rows(folder / "corners.jsonl", corners(num))
    given: dict[str, Any] = {
        "task": "image-to-text",
        "model": {"bidirectional": False},
        **changes,
    }
    recipe = validate(raw_pairs(path, **given), "corners")
    assert isinstance(recipe, WritingRecipe)
    return recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corners")
    recipe = captions(
        folder,
        800,
        model={"bidirectional": False, "hidden_size": 48},
        training={"max_steps": 200, "learning_rate": 0.002},
        decoder={"attention": "bahdanau"},
        evaluation={"every": 100, "metric": "exact"},
    )
    train(recipe, folder / "run")
    return folder / "run"


def test_it_learns_to_say_what_it_sees(run: Path):
    report = evaluate_run(run)
    assert report.scores["model"]["exact"].value >= 0.9
    assert list(report.scores)[2:] == ["most frequent", "unigram"]
    assert report.scores["most frequent"]["exact"].value <= 0.5
    assert 0 < report.scores["most frequent"]["cider"].value < report.scores["model"]["cider"].value


@pytest.mark.parametrize("attention", ["general", "none"])
def test_a_run_goes_on_to_the_same_bits(tmp_path: Path, attention: str):
    recipe = captions(tmp_path, 60, decoder={"attention": attention}, training={"max_steps": 6})
    train(recipe, tmp_path / "whole")
    watch = StopAt(2)
    train(recipe, tmp_path / "part", observe=watch, stop=watch.request)
    resume(tmp_path / "part")
    assert_same_end(tmp_path / "part", tmp_path / "whole")


def test_pictures_side_by_side_and_shared(tmp_path: Path):
    task = WritingTask.from_recipe(captions(tmp_path), CPU)
    batch = make_batch(task.train, [0, 1, 2])
    images = batch.inputs["images"]
    assert (images.shape, images.dtype) == ((3, 1, 16, 16), np.float32)
    assert 0 <= images.min() < images.max() <= 1
    share = batch.share(1, 2)
    np.testing.assert_array_equal(share.inputs["images"], images[1:2])
    assert (batch.num_items, share.num_sequences) == (3, 1)
    model = task.build_model().eval()
    whole = task.loss(model, batch, None).loss_sum.item()
    parts = [task.loss(model, batch.share(index, 2), None).loss_sum.item() for index in range(2)]
    assert sum(parts) == pytest.approx(whole, rel=1e-5)
    assert next(task.shapes(model)) == "images [B=16, C=1, H=16, W=16]  float32"
    assert "read: pictures of 16 by 16, in grey" in task.notes()[0]


def test_json_and_back(tmp_path: Path):
    task = WritingTask.from_recipe(captions(tmp_path), CPU)
    again = Pipeline.from_json(json.loads(json.dumps(task.pipeline.to_json())))
    rows = [Row("r", row) for row in corners(5, seed=4)]
    both = [each.examples(rows, Malformed()) for each in (task.pipeline, again)]
    assert fingerprint(both[0]) == fingerprint(both[1])
    assert again.form == task.pipeline.form


def test_from_python(run: Path):
    opened = ost.load_run(run)
    rows = corners(40, seed=9)
    said = opened.predict([row["x"] for row in rows])
    assert np.mean([text == row["y"] for text, row in zip(said, rows, strict=True)]) >= 0.8
    found = ost.lens.attention_map(opened, rows[0]["x"])
    assert found.weights.shape == (len(found.units), len(found.source))
    found.figure()


def test_the_path_of_a_picture(
    capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (row,) = corners(1, seed=9)
    (said,) = ost.load_run(run).predict([row["x"]])
    Image.fromarray(np.array(row["x"], np.uint8)).save("seen.png")
    code, output, errors = ask(capsys, "predict", str(run), "seen.png", "--figure", "map.html")
    assert code == 0, errors
    assert json.loads(output)["text"] == said
    Path("list.txt").write_text("seen.png\n\nseen.png\n")
    code, output, _ = ask(capsys, "translate", str(run), "list.txt")
    assert output == f"{said}\n\n{said}\n"
    Path("cut.png").write_bytes(Path("seen.png").read_bytes()[:60])
    Path("text.png").write_text("no picture")
    for name in ("cut.png", "text.png", "missing.png"):
        assert name in refuse(capsys, "predict", str(run), name)
    assert "no such file" in refuse(capsys, "translate", str(run), "a text")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task": "text-to-text", "evaluation": {"metric": "cider"}}, "which is of captions"),
        ({"model": {"crf": True}}, "unknown key"),
    ],
)
def test_recipes_that_make_no_sense(tmp_path: Path, changes: dict[str, Any], reason: str):
    with pytest.raises(RecipeError, match=rf"(?s){reason}.*mend: "):
        captions(tmp_path, **changes)
