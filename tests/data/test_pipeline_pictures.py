"""Pictures in the pipeline: one form, learned from training; batches of bytes; back from JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ostinato.data import DataError
from ostinato.data.batches import make_batch
from ostinato.data.frames import FrameOptions
from ostinato.data.pictures import PictureForm, moved
from ostinato.data.pipeline import PartCounts, Pipeline, PipelineOptions, fingerprint
from ostinato.data.rows import ALSO, Malformed, Row
from ostinato.data.text import TextOptions

OPTIONS = PipelineOptions(
    task="image-to-text",
    input="image",
    target="caption",
    text=TextOptions(),
    frames=FrameOptions(),
    target_text=TextOptions(unit="words"),
)
DRAW = np.random.default_rng(0)


def rows(num: int = 6, shape: tuple[int, ...] = (4, 6)) -> list[Row]:
    return [
        Row(
            f"image {number}",
            {
                "image": DRAW.integers(0, 256, shape, dtype=np.uint8),
                "caption": f"a {number}",
                ALSO: ["it"] if number == 0 else [],
            },
        )
        for number in range(num)
    ]


def test_a_picture_is_one_step_and_stays_bytes():
    given = rows(shape=(4, 6, 3))
    pipeline = Pipeline.learn(given, OPTIONS)
    assert (pipeline.kind, pipeline.unit_name) == ("pictures", "images")
    assert pipeline.form == PictureForm(4, 6, 3)
    examples = pipeline.examples(given, Malformed())
    assert [len(example) for example in examples] == [1] * 6
    assert examples[0].labels == ("a 0", "it")
    assert examples[1].content is None
    batch = make_batch(examples, [3, 1])
    images = batch.inputs["images"]
    assert images.shape == (2, 3, 4, 6)
    assert images.dtype == np.uint8
    assert (images[0] == given[3].values["image"].transpose(2, 0, 1)).all()
    assert batch.lengths.tolist() == [1, 1]
    share = batch.share(1, 2)
    assert (share.inputs["images"] == images[1:]).all()
    assert share.targets is not None
    assert share.targets.shape[1] == 1


def test_mean_and_deviation_of_each_channel_are_those_of_training_alone():
    given = rows(shape=(4, 6, 3))
    pipeline = Pipeline.learn(given, OPTIONS)
    pixels = np.concatenate([row.values["image"].reshape(-1, 3) for row in given]).astype(float)
    assert pipeline.scaling is not None
    np.testing.assert_allclose(pipeline.scaling.mean, pixels.mean(0), rtol=1e-5)
    np.testing.assert_allclose(pipeline.scaling.scale, pixels.std(0), rtol=1e-5)
    before = pipeline.to_json()
    pipeline.examples([Row("x", {"image": np.full((4, 6, 3), 255), "caption": "a"})], Malformed())
    assert pipeline.to_json() == before


def test_a_pipeline_comes_back_from_json():
    given = rows()
    pipeline = Pipeline.learn(given, replace(OPTIONS, image_size=(5, 7)))
    again = Pipeline.from_json(json.loads(json.dumps(pipeline.to_json())))
    assert again.form == PictureForm(5, 7, 1)
    assert again.options == pipeline.options
    same = [each.examples(given, Malformed()) for each in (pipeline, again)]
    assert fingerprint(same[0]) == fingerprint(same[1])
    assert same[0][0].steps.shape == (1, 1, 5, 7)


def test_the_fingerprint_sees_every_pixel():
    given = rows()
    pipeline = Pipeline.learn(given, OPTIONS)
    before = fingerprint(pipeline.examples(given, Malformed()))
    given[2].values["image"][3, 5] ^= 1
    assert fingerprint(pipeline.examples(given, Malformed())) != before


def test_pictures_of_every_size_and_kind_take_the_form_of_training(tmp_path: Path):
    pipeline = Pipeline.learn(rows(), OPTIONS)
    colours = Image.fromarray(DRAW.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    for mode in ("RGB", "RGBA", "P", "L", "1", "CMYK", "I;16"):
        path = tmp_path / f"{mode.replace(';', '')}.tif"
        if mode == "I;16":
            Image.fromarray(DRAW.integers(0, 65536, (40, 60)).astype(np.uint16)).save(path)
        else:
            colours.convert(mode).save(path)
        row = Row("x", {"image": str(path)})
        example = pipeline.example(row, PartCounts(), with_target=False)
        assert example.steps.shape == (1, 1, 4, 6)
        assert example.steps.dtype == np.uint8
        assert example.steps.std() > 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("nowhere.png", "no such file"),
        (np.zeros((4, 6, 2)), r"expected an image \[H, W\]"),
        (None, "the column `image` is missing"),
        (["a"], "expected an image"),
        (np.full((4, 6), np.nan), "holds nan to nan"),
    ],
)
def test_what_is_no_picture_is_named(value: object, reason: str):
    given = rows()
    pipeline = Pipeline.learn([*given, Row("bad", {"image": value, "caption": "x"})], OPTIONS)
    malformed = Malformed(0.5)
    assert len(pipeline.examples([Row("bad", {"image": value})], malformed)) == 0
    assert malformed.num_malformed == 1
    with pytest.raises(DataError, match=reason):
        pipeline.example(Row("bad", {"image": value}), PartCounts(), with_target=False)


def test_without_a_single_picture_the_first_reason_is_told():
    with pytest.raises(DataError, match=r"no image to learn from: a: .*nowhere\.png.*\nmend: "):
        Pipeline.learn([Row("a", {"image": "nowhere.png", "caption": "x"})], OPTIONS)


def test_pictures_move_and_their_edges_are_kept():
    picture = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    assert (moved(picture, 0, 0) == picture).all()
    assert moved(picture, 1, 0)[0].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7]]
    assert moved(picture, 0, -2)[0, 0].tolist() == [2, 3, 3, 3]
    assert (moved(picture, 9, 9) == 0).all()
    assert (moved(picture, -9, -9) == 11).all()
