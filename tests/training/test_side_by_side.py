"""Files whose lines belong together, found by their names."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ostinato.training.side_by_side import beside_file, side_by_side


def write(folder: Path, **files: str) -> Path:
    """Write ``train_de="ein\\n"`` as ``train.de``."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


def names(files: object) -> object:
    if isinstance(files, Path):
        return files.name
    assert isinstance(files, dict)
    return {key: names(value) for key, value in files.items()}


def test_parts_and_languages(tmp_path: Path):
    write(tmp_path, train_de="a\nb\n", train_en="c\nd\n", val_de="a\n", val_en="c\n")
    for language in ("de", "en"):
        path = tmp_path / f"test_2016_flickr.{language}.gz"
        path.write_bytes(gzip.compress(b"x\n"))
    assert names(side_by_side(tmp_path)) == {
        "train": {"de": "train.de", "en": "train.en"},
        "dev": {"de": "val.de", "en": "val.en"},
        "test": {"de": "test_2016_flickr.de.gz", "en": "test_2016_flickr.en.gz"},
    }


def test_any_names_where_the_lengths_agree(tmp_path: Path):
    folder = write(tmp_path, train_seq_in="a\n", train_seq_out="O\n", train_label="x\n")
    assert names(side_by_side(folder)) == {
        "train": {"label": "train.label", "seq.in": "train.seq.in", "seq.out": "train.seq.out"}
    }
    write(folder, train_label="x\ny\n")
    assert side_by_side(folder) is None


def test_languages_of_unequal_lengths_are_for_the_reader_to_refuse(tmp_path: Path):
    folder = write(tmp_path, train_de="a\nb\n", train_en="c\n")
    assert names(side_by_side(folder)) == {"train": {"de": "train.de", "en": "train.en"}}
    assert beside_file(folder / "train.de") is None


def test_two_files_of_one_name(tmp_path: Path):
    folder = write(tmp_path, tales_ko="가\n나\n", tales_en="a\nb\n", README_md="notes")
    assert names(side_by_side(folder)) == {"train": {"en": "tales.en", "ko": "tales.ko"}}
    found = beside_file(folder / "tales.ko")
    assert found is not None
    assert list(found["train"]) == ["ko", "en"]
    write(folder, other_csv="a,b\n")
    assert side_by_side(folder) is None
    assert names(beside_file(folder / "tales.en")) == {
        "train": {"en": "tales.en", "ko": "tales.ko"}
    }


def test_a_file_brings_its_parts(tmp_path: Path):
    folder = write(tmp_path, train_de="a\n", train_en="c\n", test_de="a\n", test_en="c\n")
    found = beside_file(folder / "train.en")
    assert found is not None
    assert [list(files) for files in found.values()] == [["en", "de"], ["en", "de"]]
    assert names(found["test"]) == {"en": "test.en", "de": "test.de"}


@pytest.mark.parametrize(
    "files",
    [
        {"a_txt": "x\n", "a_log": "y\n"},
        {"a_de": "x\n", "b_en": "y\n"},
        {"a_de": "x\n", "a_py": "y\n"},
        {"a_de": "x\n", "a_en": "y\nz\n"},
    ],
)
def test_files_that_are_no_partners(tmp_path: Path, files: dict[str, str]):
    folder = write(tmp_path, **files)
    for path in folder.iterdir():
        assert beside_file(path) is None


def test_binary_files_have_no_lines(tmp_path: Path):
    for language in ("de", "en"):
        (tmp_path / f"train.{language}").write_bytes(bytes(range(256)) * 4)
    assert side_by_side(tmp_path) is None


def test_real_translations(ostinato_data: Path):
    found = side_by_side(ostinato_data / "multi30k")
    languages = ("cs", "de", "en", "fr")
    assert names(found) == {
        part: {language: f"{stem}.{language}.gz" for language in languages}
        for part, stem in (("train", "train"), ("dev", "val"), ("test", "test_2016_flickr"))
    }
