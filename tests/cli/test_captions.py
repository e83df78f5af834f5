"""``ostinato predict`` of images, and the other verbs of a run that says them in words."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.training.caption_helpers import fields, tiny_captions, write_captions

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("captions")
    images = write_captions(folder / "fields", 40)
    train(tiny_captions(images, training={"max_epochs": 2}), folder / "run")
    return str(folder / "run")


@pytest.fixture(autouse=True)
def _among_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("some/deeper").mkdir(parents=True)
    for number, path in enumerate(("a.png", "some/b10.png", "some/b9.jpg", "some/deeper/c.bmp")):
        Image.fromarray(fields(number % 3, 1)).save(path)
    Path("some/notes.txt").write_text("no image")


def records(capsys: Capture, *arguments: str) -> list[dict[str, Any]]:
    code, output, errors = ask(capsys, "predict", *arguments, "--format", "jsonl")
    assert code == 0, errors
    return [json.loads(line) for line in output.splitlines()]


def test_images_and_folders_of_them(capsys: Capture, run: str):
    found = records(capsys, run, "a.png", "some", "decoding.method=greedy")
    names = [record["input"] for record in found]
    assert names == ["a.png", "some/b9.jpg", "some/b10.png", "some/deeper/c.bmp"]
    assert all(record["text"] for record in found)
    (alone,) = records(capsys, run, "some/b10.png", "decoding.method=greedy")
    assert alone == found[2]
    shown = ask(capsys, "predict", run, "some", "--format", "table").output
    assert "some/deeper/c.bmp" in shown


def test_paths_through_standard_input(capsys: Capture, run: str, monkeypatch: pytest.MonkeyPatch):
    given = b"a.png\n\nsome/b10.png\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
    assert [record["input"] for record in records(capsys, run)] == ["a.png", "some/b10.png"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a.png\n"), "utf-8"))
    code, output, errors = ask(capsys, "translate", run)
    assert (code, output.count("\n")) == (0, 1), errors


def test_a_file_of_captions(capsys: Capture, run: str):
    Path("said.json").write_text(json.dumps({"a.png": "dark grey", "some/b9.jpg": ["x", "y"]}))
    assert len(records(capsys, run, "said.json")) == 3
    assert "no image 'lost.png'" in _refused_captions(capsys, run)


def _refused_captions(capsys: Capture, run: str) -> str:
    Path("lost.json").write_text(json.dumps({"a.png": "dark", "lost.png": "grey"}))
    return refuse(capsys, "predict", run, "lost.json")


def test_what_is_no_image_is_named(capsys: Capture, run: str):
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:50])
    assert "cut.png is no image that can be read" in refuse(capsys, "predict", run, "cut.png")
    assert "some/notes.txt is no image" in refuse(capsys, "predict", run, "some/notes.txt")
    assert "nowhere.png" in refuse(capsys, "predict", run, "a.png", "nowhere.png")
    Path("empty").mkdir()
    assert "empty holds no files of the kind" in refuse(capsys, "predict", run, "empty")
    Path("cut.png").rename("some/cut.png")
    assert "some/cut.png is no image that can be read" in refuse(capsys, "predict", run, "some")
    code, output, errors = ask(capsys, "predict", run, "some", "data.malformed=0.5")
    assert (code, len(output.splitlines())) == (0, 3)
    assert "1 malformed row left out: some/cut.png" in errors


def test_other_sizes_and_modes(capsys: Capture, run: str):
    big = Image.fromarray(fields(0, 2)).resize((400, 100))
    for mode in ("RGBA", "P", "CMYK", "1"):
        big.convert(mode).save(f"{mode}.tif")
    Image.fromarray(np.asarray(big, np.uint16) * 257).save("deep.png")
    found = records(capsys, run, "RGBA.tif", "P.tif", "CMYK.tif", "1.tif", "deep.png")
    assert len(found) == 5


def test_a_figure_of_what_it_looks_at(capsys: Capture, run: str):
    code, _, errors = ask(capsys, "predict", run, "a.png", "--figure", "map.html")
    assert code == 0, errors
    assert "Where the network looks while it writes" in Path("map.html").read_text()
    many = refuse(capsys, "predict", run, "some", "--figure", "map.html")
    assert "--figure draws one input, got 3" in many
    assert "image.png --figure map.html" in many


def test_evaluate_check_and_init(capsys: Capture, run: str, tmp_path: Path):
    code, output, errors = ask(capsys, "evaluate", run)
    assert code == 0, errors
    assert all(name in output for name in ("cider", "most frequent", "nearest", "unigram"))
    folder = write_captions(tmp_path / "own", 24)
    code, output, errors = ask(capsys, "init", str(folder), "--output", "own.yaml")
    assert code == 0, errors
    assert "task: image-to-text" in output
    code, output, errors = ask(capsys, "check", "own.yaml", "training.threads=1")
    assert code == 0, errors
    assert "images [B=" in output
    assert "serve" in refuse(capsys, "serve", run)
