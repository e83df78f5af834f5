"""Images said in words: learned, resumed, batched, scored and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ostinato as ost
from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.batches import make_batch
from ostinato.data.pictures import moved
from ostinato.models.one_to_many import OneToMany
from ostinato.models.readers import ImageReader
from ostinato.training.errors import RecipeError
from ostinato.training.estimate import estimate_memory
from ostinato.training.evaluation import compare_runs, evaluate_run
from ostinato.training.proposal import propose
from ostinato.training.proposal_text import render
from ostinato.training.recipe_files import parse_recipe, validate
from ostinato.training.session import resume, train
from ostinato.training.survey import survey
from ostinato.training.trained_writer import load_writer
from ostinato.training.writing_evaluation import FORCED
from ostinato.training.writing_recipe import WritingRecipe
from ostinato.training.writing_task import WritingTask
from tests.training.caption_helpers import (
    HEIGHT,
    WIDTH,
    fields,
    raw_captions,
    tiny_captions,
    write_captions,
)
from tests.training.test_resume import StopAt, assert_same_end

CPU = torch.device("cpu")
PLAIN = {"attention": "none", "context": "start"}


def task_of(path: Path, **changes: Any) -> WritingTask:
    return WritingTask.from_recipe(tiny_captions(path, **changes), CPU)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_captions(tmp_path_factory.mktemp("fields") / "fields")


@pytest.fixture(scope="module")
def run(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "looking"
    train(tiny_captions(images), folder)
    return folder


@pytest.fixture(scope="module")
def plain(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "plain"
    train(tiny_captions(images, decoder=PLAIN), folder)
    return folder


@pytest.mark.parametrize("which", ["run", "plain"])
def test_new_images_are_said_in_words(which: str, request: pytest.FixtureRequest):
    trained = load_writer(request.getfixturevalue(which))
    assert isinstance(trained.model, OneToMany)
    texts = [best[0].text for best in trained.write([fields(0, 2, 1000), fields(1, 0, 1001)])]
    assert [text.removesuffix(" !") for text in texts] == ["dark light", "grey dark"]


def test_the_test_part_is_scored_beside_naive_writers(run: Path):
    report = evaluate_run(run)
    assert list(report.scores) == ["model", FORCED, "most frequent", "nearest", "unigram"]
    every = {"bleu", "chrf", "cider", "exact", "unit_error", "word_error", "loss", "perplexity"}
    assert set(report.scores["model"]) == every
    exact = {name: its["exact"].value for name, its in report.scores.items() if "exact" in its}
    assert exact["model"] >= 0.9 > exact["most frequent"]
    assert report.scores["model"]["cider"].value > report.scores["most frequent"]["cider"].value
    perplexity = {name: report.scores[name]["perplexity"].value for name in ("model", "unigram")}
    assert perplexity["model"] < perplexity["unigram"]


def test_every_caption_of_an_image_is_right(run: Path):
    trained = load_writer(run)
    examples = WritingTask.from_recipe(trained.recipe, CPU).dev
    answers = {example.labels for example in examples if len(example.labels) > 1}
    assert answers
    assert all(f"{min(each, key=len)} !" in each for each in answers)


def test_two_runs_are_compared(run: Path, plain: Path):
    found = compare_runs([run, plain], "dev")
    assert found.metric == "exact"


def test_the_same_words_whichever_the_batch(run: Path):
    trained = load_writer(run)
    asked = [fields(left, right, 7) for left in range(3) for right in range(3)]
    examples = trained.encode(asked)
    for method in ("beam", "greedy", "sample"):
        options = trained.options([f"decoding.method={method}"])
        together = trained.write_examples(examples, options)
        for number, example in enumerate(examples):
            ((alone, *_),) = trained.write_examples([example], options, [number])
            assert alone.numbers == together[number][0].numbers
            assert alone.log_probability == pytest.approx(
                together[number][0].log_probability, abs=1e-5
            )


def test_shorter_captions_change_nothing_beside_longer_ones(images: Path):
    task = task_of(images)
    model = task.build_model().double().eval()
    rows = list(range(len(task.train)))
    assert len({len(np.asarray(task.train[row].target)) for row in rows}) > 1

    @torch.no_grad()
    def loss(chosen: list[int]) -> float:
        return float(task.loss(model, make_batch(task.train, chosen), None).loss_sum)

    alone = sum(loss([row]) for row in rows)
    assert loss(rows) == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("stop", [3, 8])
def test_a_run_that_was_stopped_ends_where_it_would_have(images: Path, tmp_path: Path, stop: int):
    recipe = tiny_captions(
        images,
        frames={"shift": 1},
        training={"max_epochs": None, "max_steps": 12},
        evaluation={"every": 4},
    )
    train(recipe, tmp_path / "whole")
    watch = StopAt(stop)
    folder = tmp_path / "stopped"
    assert train(recipe, folder, observe=watch, stop=watch.request).step == stop
    assert resume(folder).step == 12
    assert_same_end(folder, tmp_path / "whole")


def test_images_move_in_training_as_the_seed_says(images: Path):
    still, moving, again = (task_of(images, frames={"shift": n}) for n in (0, 2, 2))
    (a,), (b,), (c,) = still.batches(3), moving.batches(3), again.batches(3)
    assert (a.rows == b.rows).all()
    assert (b.inputs["images"] == c.inputs["images"]).all()
    assert not (a.inputs["images"] == b.inputs["images"]).all()
    for before, after in zip(a.inputs["images"], b.inputs["images"], strict=True):
        moves = [(rows, columns) for rows in range(-2, 3) for columns in range(-2, 3)]
        assert any((moved(before, *move) == after).all() for move in moves)


def test_it_is_measured_before_it_is_trained(images: Path):
    task = task_of(images)
    model = task.build_model()
    assert estimate_memory(task, model, task.recipe.training).saved.total > 0
    lines = list(task.shapes(model))
    assert lines[0] == f"images [B=16, C=1, H={HEIGHT}, W={WIDTH}]  uint8"
    assert f"read: images, each {HEIGHT} × {WIDTH} in grey" in task.notes()[0]


def test_bytes_are_scaled_where_the_network_is(images: Path):
    for standardize in (True, False):
        task = task_of(images, frames={"standardize": standardize})
        reader = task.build_model().reader
        assert isinstance(reader, ImageReader)
        scaling = task.pipeline.scaling
        assert scaling is not None
        expected = (scaling.mean, scaling.scale) if standardize else (0, 255)
        assert (reader.mean.numpy() == expected[0]).all()
        assert (reader.scale.numpy() == expected[1]).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frames": {"noise": 0.1}}, "frames.noise changes steps, and an image has none"),
        ({"model": {"bidirectional": True}}, "an image is no sequence: model.bidirectional"),
        ({"decoder": {"pointer": True}}, "an image has no units that could be copied"),
    ],
)
def test_what_is_of_sequences_alone_is_refused(images: Path, changes: dict[str, Any], reason: str):
    with pytest.raises(OptionError, match=reason):
        task_of(images, **changes).build_model()


def test_cider_is_of_captions(tmp_path: Path):
    raw = raw_captions(tmp_path, task="text-to-text", evaluation={"metric": "cider"})
    with pytest.raises(RecipeError, match="cider, which is of captions, but"):
        validate(raw, "x")


def test_keys_without_effect_are_named(images: Path):
    task = task_of(images, frames={"hop_ms": 5.0}, text={"unit": "bpe"})
    assert "without effect here: frames.hop_ms, text.unit" in task.notes()


def test_what_is_wrong_in_a_folder_is_named_and_can_be_left_out(tmp_path: Path):
    folder = write_captions(tmp_path / "bad", 40)
    broken = folder / "images" / "field1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    (folder / "images" / "field2.png").write_text("no image at all")
    Image.fromarray(fields(0, 0)).save(folder / "images" / "unsaid.png")
    captions = json.loads((folder / "captions.json").read_text())
    captions["lost.png"] = ["dark dark"]
    captions["field3.png"] = ""
    (folder / "captions.json").write_text(json.dumps(captions))
    with pytest.raises(DataError) as error:
        task_of(folder)
    for reason in (
        "field1.png is no image that can be read",
        "field2.png is no image that can be read",
        "no image 'lost.png'",
        "unsaid.png: an image without a caption",
        "mend: repair them, or leave them out, counted: data.malformed=",
    ):
        assert reason in str(error.value)
    assert str(error.value).count("an image without a caption") == 2
    notes = task_of(folder, data={"malformed": 0.2}).notes()
    assert any("5 malformed rows left out" in note for note in notes)


def test_images_of_other_sizes_and_modes_are_brought_to_one(tmp_path: Path):
    folder = write_captions(tmp_path / "mixed", 60)
    for number, mode in enumerate(("RGBA", "P", "L", "CMYK", "RGB")):
        path = folder / "images" / f"field{number}.png"
        image = Image.open(path).resize((40, 20)).convert("RGB").convert(mode)
        path.unlink()
        image.save(path.with_suffix(".tif"))
    captions = json.loads((folder / "captions.json").read_text())
    for number in range(5):
        captions[f"field{number}.tif"] = captions.pop(f"field{number}.png")
    deep = fields(2, 2).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "images" / "deep.png")
    captions["deep.png"] = ["light light"]
    (folder / "captions.json").write_text(json.dumps(captions))
    task = task_of(folder, data={"image_size": [HEIGHT, WIDTH]})
    shapes = {example.steps.shape for example in [*task.train, *task.dev]}
    # Some have colours, so that all do.
    assert shapes == {(1, 3, HEIGHT, WIDTH)}
    assert str(task_of(folder).pipeline.form) == "96 × 96 in colour"


@pytest.mark.parametrize("layout", ["json", "csv", "coco", "parts"])
def test_a_recipe_for_a_folder_of_images(tmp_path: Path, layout: str):
    folder = write_captions(tmp_path / "own", 40)
    captions: dict[str, list[str]] = json.loads((folder / "captions.json").read_text())
    if layout != "json":
        (folder / "captions.json").unlink()
    pairs = [(name, caption) for name, its in captions.items() for caption in its]
    if layout == "csv":
        lines = ["image,caption", *(f"{name},{caption}" for name, caption in pairs)]
        (folder / "said.csv").write_text("\n".join(lines))
    if layout == "coco":
        names = list(captions)
        coco = {
            "images": [{"id": names.index(name), "file_name": name} for name in names],
            "annotations": [{"image_id": names.index(n), "caption": said} for n, said in pairs],
        }
        (folder / "coco.json").write_text(json.dumps(coco))
    if layout == "parts":
        for part, keep in (("train", lambda n: n % 4 > 0), ("val", lambda n: n % 4 == 0)):
            its = {name: c for n, (name, c) in enumerate(captions.items()) if keep(n)}
            (folder / f"captions_{part}.json").write_text(json.dumps(its))
    text = render(propose(survey(folder)))
    recipe = validate(parse_recipe(text, "own"), "own")
    assert isinstance(recipe, WritingRecipe)
    assert recipe.task == "image-to-text"
    assert recipe.data.format == "captions"
    assert (recipe.data.dev is None) == (layout != "parts")
    task = WritingTask.from_recipe(recipe, CPU)
    assert len(task.train) + len(task.dev) >= 0.6 * len(pairs)


def test_captions_are_no_other_task(images: Path, tmp_path: Path):
    seen = survey(images)
    with pytest.raises(OptionError, match="which are no classification"):
        propose(seen, "classification")
    table = tmp_path / "table.csv"
    table.write_text("text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(30)))
    with pytest.raises(OptionError, match="holds no images with captions"):
        propose(survey(table), "image-to-text")


def test_several_files_of_captions_are_not_guessed_between(tmp_path: Path):
    folder = write_captions(tmp_path / "two", 10)
    (folder / "more.json").write_text((folder / "captions.json").read_text())
    with pytest.raises(DataError, match=r"holds 2 files of captions: captions\.json, more\.json"):
        survey(folder)


def test_from_python(run: Path, images: Path):
    model = ost.load_run(run)
    path = images / "images" / "field0.png"
    by_path, by_array = model.predict([str(path), np.asarray(Image.open(path))])
    assert by_path == by_array
    found = ost.lens.attention_map(model, fields(0, 2))
    assert found.text.startswith("dark light")
