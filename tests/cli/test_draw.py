"""``ostinato draw``, and what the other commands do with a run that draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ostinato as ost
from ostinato.lens.figures import writing
from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.training.drawing_helpers import raw_drawings, tiny_drawings, write_drawings
from tests.training.helpers import tiny

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boxes")
    train(tiny_drawings(write_drawings(folder), training={"max_steps": 40}), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "writer"
    train(tiny(training={"max_steps": 1}), folder)
    return folder


def drawn(capsys: Capture, run: Path, *options: str) -> list[list[list[float]]]:
    answer = ask(capsys, "draw", str(run), *options)
    assert answer.code == 0, answer.errors
    return [json.loads(line) for line in answer.output.splitlines()]


def test_a_line_of_points_each(capsys: Capture, run: Path):
    drawings = drawn(capsys, run, "--num", "5", "--seed", "3", "--max-points", "30")
    assert len(drawings) == 5
    assert max(map(len, drawings)) <= 30
    assert all(pen in (0, 1) for each in drawings for _, _, pen in each)
    assert drawn(capsys, run, "--num", "2", "--seed", "3", "--max-points", "30") == drawings[:2]
    assert drawn(capsys, run, "--num", "5", "--seed", "4", "--max-points", "30") != drawings
    assert drawn(capsys, run, "--num", "5") != drawn(capsys, run, "--num", "5")


def test_python_draws_the_same(capsys: Capture, run: Path):
    drawings = ost.load_run(run).draw(4, seed=3, temperature=0.5, max_points=20)
    expected = drawn(
        capsys, run, "--num", "4", "--seed", "3", "--temperature", "0.5", "--max-points", "20"
    )
    for got, points in zip(drawings, expected, strict=True):
        assert got.dtype == np.float32
        assert got == pytest.approx(np.array(points).reshape(-1, 3), abs=1e-3)


def test_a_sheet_with_real_drawings_beside(capsys: Capture, run: Path, tmp_path: Path):
    path, points = tmp_path / "sheet.html", tmp_path / "points.json"
    options = ("--num", "12", "--real", "7", "--seed", "0", "--temperature", "0.5")
    answer = ask(capsys, "draw", str(run), *options, "--figure", str(path), "--json", str(points))
    assert (answer.code, answer.output) == (0, "")
    assert f"sheet: {path}" in answer.errors
    page = path.read_text(encoding="utf-8")
    assert "12 drawn by the network, temperature 0.5, 7 real ones" in page
    assert len(json.loads(points.read_text())) == 12


def test_a_sheet_without_the_data(
    capsys: Capture, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ost.load_run(run).save_pretrained(tmp_path / "saved")
    monkeypatch.chdir(tmp_path)
    answer = ask(capsys, "draw", "saved", "--num", "3", "--figure", "sheet.html")
    assert answer.code == 0
    assert "note: no real drawings beside them: " in answer.errors
    assert "real ones" not in (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert "model.draw(10, seed=0)" in (tmp_path / "saved" / "README.md").read_text()
    one, other = (ost.load_run(each).draw(2, seed=1) for each in (run, tmp_path / "saved"))
    assert [each.tobytes() for each in one] == [each.tobytes() for each in other]


def test_pictures_are_asked_of_the_browser(
    capsys: Capture, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def picture(_: object, form: str) -> bytes:
        asked.append(form)
        return b"<svg></svg>"

    monkeypatch.setattr(writing, "picture", picture)
    for form in ("svg", "png"):
        path = tmp_path / f"sheet.{form}"
        assert ask(capsys, "draw", str(run), "--num", "2", "--figure", str(path)).code == 0
        assert path.is_file()
    assert asked == ["svg", "png"]


def test_settings_out_of_range(capsys: Capture, run: Path, tmp_path: Path):
    assert "temperature: got 0.0" in refuse(capsys, "draw", str(run), "--temperature", "0")
    assert "temperature: got nan" in refuse(capsys, "draw", str(run), "--temperature", "nan")
    assert "num: got 0" in refuse(capsys, "draw", str(run), "--num", "0")
    assert "max_points: got 0" in refuse(capsys, "draw", str(run), "--max-points", "0")
    missing = str(tmp_path / "no" / "sheet.html")
    assert "cannot write" in refuse(capsys, "draw", str(run), "--figure", missing)
    assert "sheet.gif" in refuse(capsys, "draw", str(run), "--figure", str(tmp_path / "sheet.gif"))


def test_a_run_that_learned_something_else(capsys: Capture, writer: Path, run: Path):
    said = refuse(capsys, "draw", str(writer))
    assert "learned language-model" in said
    assert f"mend: use it with `ostinato generate {writer}`" in said
    for command in ("generate", "lens", "serve", "predict"):
        said = refuse(capsys, command, str(run))
        assert "learned drawing" in said
        assert f"mend: use it with `ostinato draw {run}`" in said
    for use in (lambda: ost.load_run(run).predict([[[1, 2, 0]]]), ost.load_run(run).generate):
        with pytest.raises(ost.OstinatoError, match=r"drawing(.|\n)*mend: "):
            use()


def test_evaluate(capsys: Capture, run: Path, tmp_path: Path):
    path = tmp_path / "scores.json"
    answer = ask(capsys, "evaluate", str(run), "--json", str(path))
    assert answer.code == 0, answer.errors
    assert "test: 30 drawings" in answer.output
    report = json.loads(path.read_text())
    assert report["metric"] == "nats_per_point"
    assert not report["higher_is_better"]
    names = ["model", "one Gaussian", "mixture without memory", "last step repeated"]
    assert list(report["scores"]) == names
    for scores in report["scores"].values():
        assert list(scores) == ["nats_per_point", "nats_per_drawing"]
        for score in scores.values():
            assert score["low"] < score["value"] < score["high"]


def test_evaluate_another_file(capsys: Capture, run: Path, tmp_path: Path):
    other = write_drawings(tmp_path, seed=5)
    answer = ask(capsys, "evaluate", str(run), f"{other}#train")
    assert answer.code == 0, answer.errors
    assert "120 drawings" in answer.output
    assert "one Gaussian" in answer.output
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"lines": [[3, 4, 0], [5, 6, 1]]}) + "\n")
    answer = ask(capsys, "evaluate", str(run), str(rows), "data.input=lines")
    assert answer.code == 0, answer.errors
    assert "1 drawing" in answer.output
    said = refuse(capsys, "evaluate", str(run), str(rows))
    assert "the column `strokes` is missing; the columns are lines" in said
    assert "several parts" in refuse(capsys, "evaluate", str(run), str(other))
    assert "cannot be changed now" in refuse(
        capsys, "evaluate", str(run), str(rows), "strokes.max_length=3"
    )


def test_evaluate_on_data_that_changed(capsys: Capture, tmp_path: Path):
    path = write_drawings(tmp_path)
    train(tiny_drawings(path, training={"max_steps": 1}), tmp_path / "run")
    write_drawings(tmp_path, seed=1)
    assert "the data changed" in refuse(capsys, "evaluate", str(tmp_path / "run"))


def test_compare(capsys: Capture, run: Path, tmp_path: Path):
    path = run.parent / "boxes.npz"
    train(tiny_drawings(path, training={"max_steps": 1}), tmp_path / "short")
    answer = ask(capsys, "compare", str(run), str(tmp_path / "short"))
    assert answer.code == 0, answer.errors
    assert "dev: 30 drawings" in answer.output
    assert "lower is better" in answer.output
    other = write_drawings(tmp_path, seed=1)
    train(tiny_drawings(other, training={"max_steps": 1}), tmp_path / "other")
    said = refuse(capsys, "compare", str(run), str(tmp_path / "other"))
    assert "have different drawings" in said


def test_check(capsys: Capture, tmp_path: Path):
    recipe = tmp_path / "boxes.yaml"
    recipe.write_text(json.dumps(raw_drawings(write_drawings(tmp_path))))
    answer = ask(capsys, "check", str(recipe))
    assert answer.code == 0, answer.errors
    for line in (
        "120 drawings to learn from, 30 to choose by",
        "points [T=11, B=16, 3]  float32: dx, dy, pen",
        "3 Gaussians of 6 numbers, 3 states of the pen",
        "12 steps of",
    ):
        assert line in answer.output


def test_train_says_how_to_go_on(capsys: Capture, tmp_path: Path):
    recipe = tmp_path / "boxes.yaml"
    recipe.write_text(json.dumps(raw_drawings(write_drawings(tmp_path))))
    folder = str(tmp_path / "run")
    answer = ask(capsys, "train", str(recipe), "--run", folder, "training.max_steps=2")
    assert answer.code == 0, answer.errors
    assert f"let it draw with: ostinato draw {folder} --figure sheet.html" in answer.output
    assert "to beat, nats per point, dev: one Gaussian" in answer.output
