"""Images with captions: every layout, and everything that can be wrong with one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.readers import guess_format
from ostinato.data.readers.captions import are_captions
from ostinato.data.rows import ALSO
from tests.data.readers.helpers import rows_and_reports, values_of, write

DOGS = ["a dog runs", "a brown dog"]
TEXTS = {"dog.png": DOGS, "sea.png": ["the sea"]}


def picture(folder: Path, name: str, shade: int = 100, size: tuple[int, int] = (6, 4)) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, shade).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture(tmp_path / "pets", "dog.png", 100)
    picture(tmp_path / "pets", "images/sea.png", 200)
    return tmp_path / "pets"


def captions(folder: Path, content: Any, name: str = "captions.json") -> Path:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return write(folder, name, text)


def pairs(rows: list[dict[str, Any]]) -> list[tuple[int, str, list[str]]]:
    return [(int(row["image"][0, 0]), row["caption"], row[ALSO]) for row in rows]


EXPECTED = [
    (100, "a dog runs", ["a brown dog"]),
    (100, "a brown dog", ["a dog runs"]),
    (200, "the sea", []),
]
COCO = {
    "images": [{"id": 7, "file_name": "dog.png"}, {"id": 9, "file_name": "sea.png"}],
    "annotations": [
        {"image_id": 7, "caption": "a dog runs"},
        {"image_id": 7, "caption": " a brown dog "},
        {"image_id": 9, "caption": "the sea"},
    ],
}
LAYOUTS = {
    "captions.json": json.dumps(TEXTS),
    "list.json": json.dumps([{"image": name, "captions": each} for name, each in TEXTS.items()]),
    "coco.json": json.dumps(COCO),
    "indented.json": json.dumps(COCO, indent=2),
    "lines.jsonl": "\n".join(
        json.dumps({"file_name": name, "text": each}) for name, each in TEXTS.items()
    ),
    "lines.json": "\n".join(
        json.dumps({"file_name": name, "sentences": each}) for name, each in TEXTS.items()
    ),
    "table.csv": "image,caption\ndog.png,a dog runs\ndog.png,a brown dog\nsea.png,the sea\n",
    "table.tsv": "dog.png#0\ta dog runs\ndog.png#1\ta brown dog\nsea.png#0\tthe sea\n",
    "other.csv": (
        "id;Caption;File_Name\n1;a dog runs;dog.png\n2;a brown dog;dog.png\n3;the sea;sea.png\n"
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout(folder: Path, name: str):
    path = captions(folder, LAYOUTS[name], name)
    assert are_captions(path)
    found = values_of(path, format="captions")
    assert pairs(found) == EXPECTED
    assert all(row["image"].dtype == np.uint8 for row in found)
    assert all(row["image"].shape == (4, 6) for row in found)
    packed = write(folder, f"{name}.gz", gzip.compress(path.read_bytes()))
    assert pairs(values_of(packed, format="captions")) == EXPECTED


def test_a_folder_with_one_file_of_captions(folder: Path):
    captions(folder, TEXTS)
    write(folder, "notes.json", '{"made": "by hand"}')
    assert guess_format(folder) == "captions"
    assert pairs(values_of(folder)) == EXPECTED
    captions(folder, TEXTS, "more.json")
    message = (
        r"holds 2 files of captions: captions\.json, more\.json\nmend: give one of them, such as"
    )
    with pytest.raises(DataError, match=message):
        values_of(folder)


def test_images_elsewhere(folder: Path, tmp_path: Path):
    path = captions(tmp_path, {"dog.png": "a dog"})
    with pytest.raises(
        DataError, match=r"names 1 image, such as 'dog\.png', but none of them .*\nmend: say where"
    ):
        values_of(path, format="captions")
    assert len(values_of({"captions": path, "images": folder})) == 1
    with pytest.raises(OptionError, match=r"captions come as text, images, expected"):
        values_of({"text": path, "images": folder}, format="captions")
    with pytest.raises(DataError, match="no such file"):
        values_of({"captions": path, "images": folder / "none"})


def test_captions_of_one_word_are_read_where_captions_are_asked_for(folder: Path):
    captions(folder, {"dog.png": "dog", "sea.png": "sea"})
    assert guess_format(folder) == "images"
    assert [row["caption"] for row in values_of(folder, format="captions")] == ["dog", "sea"]


def test_labels_are_no_captions(folder: Path):
    for name in ("cat/1.png", "dog/2.png"):
        picture(folder / "labelled", name)
    write(folder / "labelled", "labels.csv", "image,text\ncat/1.png,cat\ndog/2.png,dog\n")
    assert guess_format(folder / "labelled") == "images"
    assert not are_captions(folder / "dog.png")


def test_images_are_brought_to_one_size(folder: Path):
    path = captions(folder, TEXTS)
    assert {
        row["image"].shape for row in values_of(path, format="captions", image_size=(8, 5))
    } == {(8, 5)}
    picture(folder, "images/sea.png", 200, (7, 4))
    assert {row["image"].shape for row in values_of(path, format="captions")} == {(96, 96)}
    for name in ("dog.png", "images/sea.png"):
        picture(folder, name, size=(300, 10))
    assert {row["image"].shape for row in values_of(path, format="captions")} == {(96, 96)}


def test_colours(folder: Path):
    Image.new("RGB", (6, 4), (255, 0, 51)).save(folder / "dog.png")
    Image.new("RGBA", (6, 4), (1, 2, 3, 128)).save(folder / "images/sea.png")
    rows = values_of(captions(folder, TEXTS), format="captions")
    assert rows[0]["image"].shape == (4, 6, 3)
    assert rows[0]["image"][0, 0].tolist() == [255, 0, 51]
    assert rows[2]["image"][0, 0].tolist() == [1, 2, 3]


def test_broken_images_are_named_and_each_lost_caption_counted(folder: Path):
    whole = picture(folder, "cut.png", size=(60, 60)).read_bytes()
    write(folder, "cut.png", whole[: len(whole) // 2])
    write(folder, "text.png", "no image at all")
    write(folder, "empty.png", b"")
    texts = {**TEXTS, "cut.png": ["x y", "x z"], "text.png": "x", "empty.png": "y", "none.png": "z"}
    rows, reports = rows_and_reports(captions(folder, texts), format="captions")
    assert pairs([dict(row.values) for row in rows]) == EXPECTED
    assert len(reports) == 5
    for report, (place, reason) in zip(
        reports,
        (
            ("'cut.png'", "cut.png is no image that can be read"),
            ("'cut.png'", "cut.png is no image that can be read"),
            ("'text.png'", "text.png is no image that can be read: its content is of no format"),
            ("'empty.png'", "empty.png is empty"),
            ("'none.png'", "no image 'none.png' in "),
        ),
        strict=True,
    ):
        assert report.startswith(f"captions.json, {place}: ")
        assert reason in report


def test_captions_and_images_without_each_other(folder: Path):
    coco = {
        "images": [*COCO["images"], {"id": 10, "file_name": "lone.png"}, {"id": 7}, "x"],
        "annotations": [
            *COCO["annotations"],
            {"image_id": 99, "caption": "of nothing"},
            {"image_id": 9, "caption": ""},
            {"caption": "of nothing"},
            3,
        ],
    }
    rows, reports = rows_and_reports(captions(folder, coco), format="captions")
    assert pairs([dict(row.values) for row in rows]) == EXPECTED
    assert reports == [
        "captions.json, image 4: expected an object with id and file_name",
        "captions.json, image 5: expected an object with id and file_name",
        "captions.json, annotation 4: a caption without an image: image_id 99",
        "captions.json, annotation 5: an image without a caption: 'sea.png'",
        "captions.json, annotation 6: a caption without an image: image_id None",
    ]


def test_an_image_of_coco_without_a_caption(folder: Path):
    coco = {**COCO, "images": [*COCO["images"], {"id": 10, "file_name": "lone.png"}]}
    coco["images"].append({"id": 7, "file_name": "again.png"})
    reports = rows_and_reports(captions(folder, coco), format="captions")[1]
    assert reports == [
        "captions.json, image 4: the id 7 is that of 'dog.png'",
        "captions.json, image 3: an image without a caption: 'lone.png'",
    ]


def test_images_of_a_folder_that_no_caption_names(folder: Path):
    path = captions(folder, TEXTS)
    picture(folder, "images/lone.png")
    rows, reports = rows_and_reports(folder)
    assert len(rows) == 3
    assert reports == ["pets/images/lone.png: an image without a caption"]
    # The file alone may be of one part, and the rest of another.
    assert rows_and_reports(path, format="captions")[1] == []


@pytest.mark.parametrize(
    ("content", "report"),
    [
        (
            [{"image": "dog.png"}, {"image": "sea.png", "caption": "x y"}],
            "item 1: an image without",
        ),
        ({"dog.png": "x y", "sea.png": None}, "'sea.png': an image without a caption: 'sea.png'"),
        ({"dog.png": "x y", "sea.png": []}, "'sea.png': an image without a caption: 'sea.png'"),
        (
            {"dog.png": "x y", "sea.png": ["a", 3]},
            "'sea.png': 1 of 2 captions of 'sea.png' hold no",
        ),
        ([{"image": "dog.png", "caption": "x"}, {"image": 5, "caption": "x"}], "item 2: a caption"),
        ([{"image": "dog.png", "caption": "x"}, 3], "item 2: expected an object {…}, got int"),
    ],
)
def test_entries_that_say_too_little(folder: Path, content: object, report: str):
    rows, reports = rows_and_reports(captions(folder, content), format="captions")
    assert len(rows) == 1
    assert len(reports) == 1
    assert f"captions.json, {report}" in reports[0]


def test_malformed_lines_of_a_table_are_named(folder: Path):
    text = "image,caption\ndog.png,a dog\nsea.png\nsea.png,the sea\n"
    rows, reports = rows_and_reports(captions(folder, text, "c.csv"), format="captions")
    assert [row.place for row in rows] == ["c.csv, line 2", "c.csv, line 4"]
    assert reports == ["c.csv, line 3: 1 field (by ','), expected 2"]
    text = '{"image": "dog.png", "caption": "a dog"}\n{broken\n'
    reports = rows_and_reports(captions(folder, text, "c.jsonl"), format="captions")[1]
    assert reports[0].startswith("c.jsonl, line 2: not JSON")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '{"dog.png": "a', "is no JSON that can be read"),
        ("a.json", "3", "names no images and captions: it is int"),
        ("a.json", '[{"a": 1, "b": 2, "c": 3}]', r"the columns are a, b, c\nmend: call them image"),
        ("a.csv", "a,b,c\n1,2,3\n", "names no images and captions: the columns are a, b, c"),
        ("a.json", "", "is empty"),
    ],
)
def test_files_that_are_no_captions(folder: Path, name: str, content: str, message: str):
    path = captions(folder, content, name)
    assert not are_captions(path)
    with pytest.raises(DataError, match=message):
        values_of(path, format="captions")


def test_a_folder_without_captions(folder: Path):
    with pytest.raises(DataError, match="holds no file of captions that names images in it"):
        values_of(folder, format="captions")


def test_each_image_is_read_once_and_shared(folder: Path):
    rows = values_of(captions(folder, TEXTS), format="captions")
    assert rows[0]["image"] is rows[1]["image"]


def test_images_of_labels_are_brought_to_one_size_too(tmp_path: Path):
    for name, size in (("cat/1.png", (6, 4)), ("dog/2.png", (5, 5))):
        picture(tmp_path / "pets", name, size=size)
    assert {row["image"].shape for row in values_of(tmp_path / "pets", image_size=(3, 7))} == {
        (3, 7)
    }
