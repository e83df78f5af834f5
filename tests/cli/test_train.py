"""``ostinato train`` and ``ostinato generate``, as a newcomer uses and misuses them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rich.console import Console

from ostinato.cli.display import ProgressDisplay
from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.training.helpers import TEXT, last, raw_recipe, tiny

TINY = [
    "model.hidden_size=8",
    "training.tbptt_steps=12",
    "training.max_steps=6",
    "training.max_minutes=null",
    "training.threads=1",
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def test_hello_is_learned_and_drawn(capsys: pytest.CaptureFixture[str]):
    code, output, errors = ask(capsys, "train", "hello", "training.threads=1")
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert any("spells 'hello'" in line for line in lines)
    assert "4 of 4 letters are the likeliest" in output
    (target,) = [line for line in lines if line.startswith("│ target")]
    assert [cell.strip() for cell in target.split("│")[2:6]] == list("ello")
    (first,) = [line for line in lines if line.startswith("│ input")]
    assert [cell.strip() for cell in first.split("│")[2:6]] == list("hell")
    rows = [line for line in lines if line.startswith("│ P(next")]
    assert [row[11] for row in rows] == list("helo")
    columns = zip(
        *([float(cell.split()[0]) for cell in r.split("│")[2:6]] for r in rows), strict=True
    )
    assert all(abs(sum(column) - 1) < 0.01 for column in columns)
    assert sum(row.count("◀") for row in rows) == 4
    assert sum(line.startswith("│ hidden") for line in lines) == 3

    answer = ask(
        capsys, "generate", "runs/hello", "--prompt", "h", "--length", "4", "--temperature", "0"
    )
    assert answer.output == "hello\n"


def test_text_end_to_end(capsys: pytest.CaptureFixture[str]):
    Path("fox.txt").write_text(TEXT)
    code, output, _ = ask(capsys, "train", "text", "data=fox.txt", *TINY)
    assert code == 0
    for word in (
        "held out",
        "bits per character",
        "unigram",
        "bigram",
        "characters/s",
        "left",
        "│ ",
    ):
        assert word in output
    assert "let it write with: ostinato generate runs/text" in output
    run = Path("runs/text")
    assert {entry.name for entry in run.iterdir()} == {
        "recipe.yaml",
        "run.json",
        "metrics.jsonl",
        "tensorboard",
        "checkpoints",
        "lock",
    }
    assert yaml.safe_load((run / "recipe.yaml").read_text())["data"]["path"] == str(
        Path.cwd() / "fox.txt"
    )

    def write(*options: str) -> str:
        return ask(capsys, "generate", "runs/text", "--length", "20", *options).output

    assert write("--seed", "4", "--prompt", "the ") == write("--seed", "4", "--prompt", "the ")
    assert write("--seed", "4", "--prompt", "the ").startswith("the ")
    assert len(write("--seed", "1")) == 21
    assert write("--seed", "1", "--checkpoint", "last")


def test_runs_are_numbered(capsys: pytest.CaptureFixture[str]):
    for _ in range(3):
        assert ask(capsys, "train", "hello", "training.max_steps=1").code == 0
    assert sorted(entry.name for entry in Path("runs").iterdir()) == ["hello", "hello-2", "hello-3"]


@pytest.mark.parametrize("unit", ["characters", "jamo", "bytes"])
def test_korean(capsys: pytest.CaptureFixture[str], unit: str):
    Path("한글.txt").write_text("나는 학교에 간다. 너는 집에 온다.\n" * 20)
    assert ask(capsys, "train", "text", "data=한글.txt", f"data.unit={unit}", *TINY).code == 0
    answer = ask(capsys, "generate", "runs/text", "--prompt", "나는 학", "--length", "30")
    assert answer.code == 0
    assert len(answer.output) == 5 - 1 + 30 + 1
    if unit == "characters":
        assert "'漢'" in refuse(capsys, "generate", "runs/text", "--prompt", "漢")


def test_a_recipe_of_ones_own_with_equations(capsys: pytest.CaptureFixture[str]):
    raw = raw_recipe(
        model={"cell": "z = sigmoid(W_z @ [h, x])\nh = z * h + (1 - z) * tanh(W @ [h, x])\n"}
    )
    Path("mine.yaml").write_text(yaml.safe_dump(raw))
    assert ask(capsys, "train", "mine.yaml", "training.max_steps=3").code == 0
    assert Path("runs/mine").is_dir()


def test_a_model_that_learns_nothing_is_told(capsys: pytest.CaptureFixture[str]):
    Path("fox.txt").write_text(TEXT)
    short = [*TINY, "training.max_steps=1"]
    output = ask(capsys, "train", "text", "data=fox.txt", *short).output
    assert ", 1 step; run folder" in output
    assert "the model is no better than the unigram" in output
    longer = [*TINY, "training.max_steps=100", "training.learning_rate=0.03"]
    output = ask(capsys, "train", "text", "data=fox.txt", *longer).output
    assert "no better than the unigram" not in output


def test_the_standard_library(capsys: pytest.CaptureFixture[str]):
    code, output, _ = ask(capsys, "train", "stdlib", "data.max_characters=5000", *TINY)
    assert code == 0
    assert "4,750 characters to learn from, 250 held out" in output
    assert "│ def " in output


def test_a_terminal_shows_a_bar(tmp_path: Path):
    with Path("screen").open("w") as screen:
        console = Console(force_terminal=True, width=100, file=screen)
        with ProgressDisplay(console) as display:
            train(tiny(), tmp_path / "run", observe=display.observe)
    shown = Path("screen").read_text()
    assert "24/24" in shown
    assert "characters/s" in shown
    assert "left" in shown


FILES = {
    "empty.txt": b"",
    "binary.txt": b"ab\0cd" * 100,
    "latin.txt": b"caf\xe9\n" * 100,
    "short.txt": b"short",
    "good.txt": TEXT.encode(),
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["text"], "needs a text\nmend: add data=FILE"),
        (["text", "data=missing.txt"], "no such file"),
        (["text", "data=empty.txt"], "is empty\nmend: "),
        (["text", "data=binary.txt"], "NUL byte at offset 2\nmend: "),
        (["text", "data=latin.txt"], "byte 0xe9 at offset 3 (line 1)\nmend: give its encoding"),
        (["text", "data=short.txt"], "too short"),
        (["text", "data=folder"], "is a folder, not a file\nmend: "),
        (["text", "data=good.txt", "data.encoding=klingon"], "unknown encoding 'klingon'\nmend: "),
        (["text", "good.txt"], "mend: write it as data=good.txt"),
        (["good.txt"], "mend: to train on it as a text: ostinato train text data=good.txt"),
        (["text", "data="], "`data.path` is empty\nmend: add data=FILE"),
        (["text", "data=-"], "mend: data=/dev/stdin"),
        (["hello", "model.cell=my.cell"], "no such file: my.cell; expected a cell's name"),
        (["hello", "model.cell=good.txt"], 'mend: model.cell="$(cat good.txt)"'),
        (["hello", "model.cell=LSTM"], "did you mean 'lstm'?"),
        (["hello", "model.cell=h = exp(W @ h + U @ x) * 1e30"], "the model's score at step 0 is"),
        (["helo"], "did you mean 'hello'?"),
        (["mine.yaml"], "no such file"),
        (["hello", "training.lr=1"], "unknown key `training.lr`"),
        (["hello", "training.max_steps=abc"], "expected a valid integer"),
        (["hello", "model.cell=lstn"], "did you mean 'lstm'?"),
        (["hello", "model.cell=h = tahn(W @ h)"], "^^^"),
        (["hello", "model.engine=steam"], "unknown engine 'steam'"),
        (["hello", "sample.prompt=z"], "'z'"),
        (["hello", "--run", "folder"], "holds something else than a run\nmend: "),
        (["hello", "--run", "good.txt"], "cannot write good.txt"),
        (["--resume", "missing"], "no such run: missing\nmend: "),
        (["--resume", "folder"], "is not a run: it has no recipe.yaml\nmend: "),
    ],
)
def test_mistakes_in_training(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    Path("folder/precious").write_text("mine")
    assert message in refuse(capsys, "train", *arguments)
    assert not Path("runs").exists()
    assert Path("folder/precious").read_text() == "mine"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    train(tiny(training={"max_steps": 2}), folder)
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prompt", "Ω"], "'Ω' (GREEK CAPITAL LETTER OMEGA) never occurs"),
        (["--prompt", ""], "the prompt is empty\nmend: "),
        (["--prompt", "\udcff"], "never occurs"),
        # As an argument arrives in the locale C.
        (["--prompt", "\udced\udc95\udc9c"], "'한' (HANGUL SYLLABLE HAN) never occurs"),
        (["--length", "-1"], "length: got -1"),
        (["--temperature", "-1"], "temperature: got -1.0"),
        (["--temperature", "nan"], "temperature: got nan"),
        (["--top-p", "0"], "top_p: got 0.0"),
        (["--top-p", "1.1"], "top_p: got 1.1"),
    ],
)
def test_mistakes_in_generating(
    capsys: pytest.CaptureFixture[str], finished: Path, options: list[str], message: str
):
    assert message in refuse(capsys, "generate", str(finished), *options)


def test_runs_that_cannot_be_used(capsys: pytest.CaptureFixture[str], finished: Path):
    assert "exists\nmend: go on" in refuse(capsys, "train", "hello", "--run", str(finished))
    assert "is over: finished at step 2" in refuse(capsys, "train", "--resume", str(finished))
    assert last(finished).progress["step"] == 2
    assert "no such run" in refuse(capsys, "generate", "nothing")
    Path("cut").mkdir()
    for name in ("recipe.yaml", "run.json"):
        Path("cut", name).write_bytes((finished / name).read_bytes())
    assert "stopped before its first step" in refuse(capsys, "train", "--resume", "cut")
    assert "stopped before its first step" in refuse(capsys, "generate", "cut")
