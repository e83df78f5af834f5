"""``ostinato check``: everything that a recipe would do, and errors as everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from ostinato.training.recipe_files import parse_recipe, validate
from tests.cli.helpers import ask, refuse

ROWS = [
    (f"the {thing} is {how} {label}{number}", label)
    for number in range(40)
    for thing, how, label in (("sun", "bright", "day"), ("moon", "pale", "night"))
]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    data = tmp_path / "sky.csv"
    data.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    path = tmp_path / "sky.yaml"
    path.write_text(
        f"task: classification\ndata: {{train: {data}, input: text, target: label}}\n"
        "model: {cell: gru, hidden_size: 8, embedding_size: 4, bidirectional: true}\n"
        "training: {batch_size: 8, max_epochs: 3, device: cpu, threads: 1}\n"
    )
    return path


def test_everything_is_shown(capsys: pytest.CaptureFixture[str], recipe: Path):
    answer = ask(capsys, "check", str(recipe), "model.dropout=0.25")
    assert answer.code == 0, answer.errors
    resolved, _, rest = answer.output.partition("\ndata\n")
    assert validate(parse_recipe(resolved, "shown"), "shown").model.dropout == 0.25
    numbers = re.findall(r"^  (train|dev|test) +(\d+) examples; words: 5 in the middle", rest, re.M)
    assert [part for part, _ in numbers] == ["train", "dev", "test"]
    assert sum(int(num) for _, num in numbers) == len(ROWS)
    assert re.search(r"day +\d+ +\d+ +\d+", rest)
    assert "% of the units are unknown" in rest
    assert "ids [T=5, B=8]  int64" in rest
    assert "scores [B=8, O=2]  float32" in rest
    assert re.search(r"encoder +640 parameters", rest)
    assert re.search(r"together +[\d,.]+ MiB|[\d,.]+ MiB  together", rest)
    num_train = int(numbers[0][1])
    assert f"{3 * -(-num_train // 8)} steps of" in rest
    assert re.search(r"together [\d.]+ s", rest)


def test_a_language_model_of_equations(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 40)
    state = torch.get_rng_state()
    answer = ask(
        capsys,
        "check",
        "text",
        f"data={text}",
        "model.cell=h = tanh(W @ h + U @ x)",
        "model.hidden_size=8",
        "training.max_minutes=null",
        "training.max_steps=20",
        "training.batch_size=4",
        "training.tbptt_steps=16",
        "sample.length=5",
    )
    assert answer.code == 0, answer.errors
    assert "cell: h = tanh(W @ h + U @ x)" in answer.output
    assert "ids [T=16, B=4]  int64, V=28" in answer.output
    assert re.search(r"recurrent +1,088 parameters", answer.output)
    assert "20 steps of" in answer.output
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "data.target=lable",
            "no column 'lable' (the columns are text, label); did you mean 'label'",
        ),
        ("data.train=nothing.csv", "no such file"),
        ("model.cell=gro", "unknown cell 'gro'"),
        ("model.cell=h = tanh(W @ h", "line 1"),
        ("model.hidden=8", "did you mean `model.hidden_size`"),
        ("model.crf=true", "a CRF joins the tags of a sequence"),
        ("evaluation.metric=span_f1", "no score of the task classification"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], recipe: Path, change: str, said: str):
    code = ask(capsys, "check", str(recipe), change)
    assert code.code == 2
    assert code.errors.startswith("error: ")
    assert said in code.errors
    assert "Traceback" not in code.errors


def test_an_unknown_recipe(capsys: pytest.CaptureFixture[str]):
    assert "did you mean 'spam'" in refuse(capsys, "check", "spma")
