"""What is seen of files that nobody has described: pairs of texts, images with captions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from ostinato.data import DataError
from ostinato.data.readers.captions import find_captions
from ostinato.data.rows import ALSO
from ostinato.training.proposal import propose
from ostinato.training.survey import survey


def pictures(folder: Path, num: int = 5) -> dict[str, str]:
    (folder / "images").mkdir(parents=True)
    for number in range(num):
        Image.new("L", (4, 4), number).save(folder / f"images/{number}.png")
    return {f"{number}.png": f"picture {number}" for number in range(num)}


def test_parallel_files(tmp_path: Path):
    (tmp_path / "train.de").write_text("eins\nzwei\ndrei\n")
    (tmp_path / "train.en").write_text("one\ntwo\nthree\n")
    for path, columns in (
        (tmp_path, ["de", "en"]),
        (tmp_path / "train.de", ["de", "en"]),
        (tmp_path / "train.en", ["en", "de"]),
    ):
        seen = survey(path)
        assert seen.options.format == "text"
        assert list(seen.columns) == columns
        assert seen.num_rows == 3
        assert seen.columns["en"].values == ["one", "two", "three"]


def test_parallel_files_of_different_lengths(tmp_path: Path):
    (tmp_path / "train.de").write_text("eins\nzwei\n")
    (tmp_path / "train.en").write_text("one\n")
    with pytest.raises(DataError, match=r"train\.de has 2, .*train\.en has 1; .*line 2: 'zwei'"):
        survey(tmp_path)


def test_a_folder_of_images_with_captions(tmp_path: Path):
    folder = tmp_path / "shapes"
    texts = pictures(folder)
    (folder / "captions.json").write_text(json.dumps(texts))
    for path in (folder, folder / "captions.json"):
        seen = survey(path)
        assert seen.options.format == "captions"
        assert list(seen.columns) == ["image", "caption", ALSO]
        assert seen.columns["caption"].texts == list(texts.values())
        assert seen.columns["image"].kind == "array"
        assert seen.num_rows == 5


def test_captions_by_their_parts(tmp_path: Path):
    folder = tmp_path / "shapes"
    texts = list(pictures(folder, 6).items())
    for part, items in {"train": texts[:3], "val": texts[3:4], "test": texts[4:]}.items():
        (folder / f"{part}.json").write_text(json.dumps(dict(items)))
    seen = survey(folder)
    assert seen.files == {
        "train": folder / "train.json",
        "dev": folder / "val.json",
        "test": folder / "test.json",
    }
    assert seen.num_rows == 3


def test_captions_of_which_one_has_to_be_chosen(tmp_path: Path):
    folder = tmp_path / "shapes"
    texts = pictures(folder)
    for name in ("a.json", "b.json"):
        (folder / name).write_text(json.dumps(texts))
    with pytest.raises(DataError, match=r"holds 2 files of captions: a\.json, b\.json"):
        survey(folder)


def test_too_many_broken_captions_are_no_accident(tmp_path: Path):
    folder = tmp_path / "shapes"
    texts = pictures(folder)
    (folder / "images/0.png").write_text("no image")
    (folder / "captions.json").write_text(json.dumps(texts))
    with pytest.raises(DataError, match=r"1 malformed row of 5:\n.*0\.png is no image that can be"):
        survey(folder)


def test_captions_cut_short_are_named(tmp_path: Path):
    folder = tmp_path / "shapes"
    texts = pictures(folder)
    (folder / "captions.json").write_text(json.dumps(texts)[:40])
    with pytest.raises(DataError, match=r"captions\.json is no JSON that can be read"):
        survey(folder)
    with pytest.raises(DataError, match=r"captions\.json is no JSON that can be read"):
        find_captions(folder)


def test_queries_that_begin_alike_have_no_labels(tmp_path: Path):
    lines = [f"{('how', 'who')[number % 2]} is number {number}" for number in range(60)]
    (tmp_path / "q.txt").write_text("\n".join(lines) + "\n")
    assert list(survey(tmp_path / "q.txt").columns) == ["label", "text"]
    seen = survey(tmp_path / "q.txt", "suggestion")
    assert propose(seen, "suggestion").task == "suggestion"
    assert seen.text.split("\n")[:2] == lines[:2]


@pytest.mark.parametrize("source", ["{0} {0} 1", "the same again", "word{0}"])
def test_parallel_files_are_texts_whatever_they_hold(tmp_path: Path, source: str):
    (tmp_path / "train.de").write_text("".join(source.format(n % 9) + "\n" for n in range(90)))
    (tmp_path / "train.en").write_text("".join(f"no {n % 9}\n" for n in range(90)))
    assert propose(survey(tmp_path)).task == "text-to-text"


def test_two_columns_become_a_pair_where_that_is_asked_for(tmp_path: Path):
    rows = [f"무엇 {n},답 {n % 3}\n" for n in range(60)]
    (tmp_path / "qa.csv").write_text("".join(["질문,대답\n", *rows]))
    assert propose(survey(tmp_path / "qa.csv"), "text-to-text").task == "text-to-text"
