"""``ostinato lab``: a line for each network, a table, and a figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import ask

QUICK = ("--cells", "elman,gru", "--steps", "20,10", "--budget", "20")


def test_networks_are_told_one_by_one_and_together(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    path = tmp_path / "latch.html"
    answer = ask(capsys, "lab", "latch", *QUICK, "--seeds", "2", "--html", str(path))
    assert answer.code == 0
    rows = [line.split() for line in answer.output.splitlines()]
    networks = [row[:3] for row in rows if row[:1] in (["elman"], ["gru"])]
    assert networks == [
        [cell, steps, seed]
        for cell in ("elman", "gru")
        for steps in ("10", "20")
        for seed in ("0", "1")
    ]
    assert "| cell | T = 10 | T = 20 |" in answer.output
    assert "0.500 without memory" in answer.output
    assert "8 networks in" in answer.output
    assert "The latch problem" in path.read_text()


def test_without_a_figure_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str]):
    answer = ask(capsys, "lab", "latch", "--cells", "gru", "--steps", "5", "--budget", "1")
    assert "ostinato lab latch --cells gru --steps 5 --html FILE.html" in answer.output


def test_equations_and_changes_of_the_recipe(capsys: pytest.CaptureFixture[str]):
    equations = "h = tanh(W @ h + U @ x)"
    answer = ask(
        capsys, "lab", "latch", "model.hidden_size=3", "--cells", equations, "--steps", "5",
        "--budget", "2",
    )  # fmt: skip
    assert answer.code == 0
    assert "h = tanh(W @ h + U @ x)" in answer.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lach",), "did you mean 'latch'"),
        (("latch", "--cells", "lstmm"), "lstm"),
        (("latch", "--steps", "ten"), "--steps: got 'ten', expected whole numbers"),
        (("latch", "--steps", "-3"), "--steps: got '-3'"),
        (("latch", "--steps", "1"), "steps=1 is too short"),
        (("latch", "--steps", "10,abc"), "--steps: got 'abc'"),
        (("latch", "--cells", "gru,nope"), "nope"),
        (("latch", "--cells", ","), "--cells: nothing to try"),
        (("latch", "--steps", ","), "--steps: nothing to try"),
        (("latch", "--html", "/"), "cannot write /: it is a folder"),
        (("latch", "--html", "."), "cannot write .: it is a folder"),
        (("latch", "--html", "folder.html"), "it is a folder"),
        (("latch", "--html", f"{'x' * 249}.html"), "too long"),
        (("latch", "--html", "curve.bmp"), "expected a name that ends in .html"),
        (("latch", "--html", "missing/curve.html"), "there is no folder missing"),
        (("latch", "model.hiden_size=3"), "did you mean `model.hidden_size`"),
    ],
)
def test_mistakes_are_said_before_anything_is_printed(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    code, output, errors = ask(capsys, "lab", *arguments)
    assert (code, output) == (2, "")
    assert message in errors
    assert errors.splitlines()[-1].startswith("mend: ")
