"""``ostinato predict``, ``translate`` and ``chat`` of a run that writes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ostinato import load_run, runtime
from ostinato.data.pipeline import PartCounts
from ostinato.lens import attention
from ostinato.training.recipe_files import validate
from ostinato.training.session import train
from tests.cli.helpers import ask, refuse
from tests.serving.page.browser import find_browser
from tests.training.helpers import process_environment, tiny
from tests.training.writing_helpers import backwards, raw_pairs, tiny_pairs

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("writers")
    train(tiny_pairs(folder, 200, training={"max_steps": 40}), folder / "run")
    return str(folder / "run")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))


def test_predict_writes_a_record_a_line(capsys: Capture, run: str):
    Path("in.txt").write_text("a b\nf\n\na z\n")
    code, output, errors = ask(capsys, "predict", run, "in.txt")
    assert code == 0, errors
    records = [json.loads(line) for line in output.splitlines()]
    assert [record["input"] for record in records] == ["a b", "f", "a z"]
    assert all(set(record) >= {"text", "log_probability", "score"} for record in records)
    assert "note: input: 20.0 % of the units are unknown" in errors
    assert "note: 1 empty line left out" in errors


def test_several_texts_for_each(capsys: Capture, run: str):
    code, output, _ = ask(capsys, "predict", run, "a b", "decoding.num_best=3")
    (record,) = map(json.loads, output.splitlines())
    assert code == 0
    assert len({each["text"] for each in record["texts"]}) == 3
    shown = ask(capsys, "predict", run, "a b", "decoding.num_best=3", "--format", "table").output
    assert all(each["text"] in shown for each in record["texts"])


def test_what_did_not_come_to_its_end_is_marked(capsys: Capture, run: str):
    args = ("a b c d", "decoding.max_length=1", "decoding.method=greedy")
    (record,) = map(json.loads, ask(capsys, "predict", run, *args).output.splitlines())
    assert record["is_cut"] is True


def test_a_map_of_attention(capsys: Capture, run: str):
    code, _, errors = ask(capsys, "predict", run, "a b c", "--figure", "map.html")
    assert code == 0, errors
    page = Path("map.html").read_text()
    assert "Where the network looks while it writes" in page
    assert "drawn: map.html" in errors
    Path("in.txt").write_text("a\nb\n")
    assert "--figure draws one input, got 2" in refuse(
        capsys, "predict", run, "in.txt", "--figure", "map.html"
    )
    assert "map.docx" in refuse(capsys, "predict", run, "a", "--figure", "map.docx")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("a", "--probabilities"), "--probabilities is nothing to a run that learned text-to-text"),
        (("a", "model.cell=gru"), "model.cell cannot be changed now"),
        (("a", "decoding.bem=3"), "unknown key `decoding.bem`"),
        (("a", "decoding.num_best=7"), "num_best"),
        (("missing.csv",), "missing.csv"),
        (("picture.png",), "picture.png is an image, and the run"),
    ],
)
def test_wrong_uses_of_predict(capsys: Capture, run: str, arguments: tuple[str, ...], reason: str):
    Path("picture.png").write_bytes(b"")
    assert reason in refuse(capsys, "predict", run, *arguments)


@pytest.mark.parametrize("verb", ["translate", "chat"])
def test_a_line_for_each_line(
    capsys: Capture, run: str, verb: str, monkeypatch: pytest.MonkeyPatch
):
    lines = b"a b\n\n f\r\nc d e\n"
    given(monkeypatch, lines)
    code, output, errors = ask(capsys, verb, run)
    assert (code, errors) == (0, "")
    Path("in.txt").write_bytes(b"a b\nf\nc d e\n")
    records = ask(capsys, "predict", run, "in.txt").output.splitlines()
    texts = [json.loads(record)["text"] for record in records]
    assert output.split("\n") == [texts[0], "", texts[1], texts[2], ""]
    assert ask(capsys, verb, run, "in.txt").output.split("\n") == [*texts, ""]
    # Of a file, too, line i answers line i.
    Path("gaps.txt").write_bytes(lines)
    assert ask(capsys, verb, run, "gaps.txt").output == output
    Path("in.csv").write_text("n,x\n1,a b\n2,f\n")
    assert ask(capsys, verb, run, "in.csv").output.split("\n") == [*texts[:2], ""]
    Path("in.tsv").write_text("n\ttext\n1\ta b\n")
    assert ask(capsys, verb, run, "in.tsv", "data.input=text").output == f"{texts[0]}\n"
    assert ask(capsys, verb, run, "a b").output == f"{texts[0]}\n"


@pytest.mark.parametrize("method", ["greedy", "sample"])
def test_unit_by_unit_is_what_predict_writes(
    capsys: Capture, run: str, method: str, monkeypatch: pytest.MonkeyPatch
):
    Path("in.txt").write_text("a b\nf\nc d e\n")
    how = f"decoding.method={method}"
    records = ask(capsys, "predict", run, "in.txt", how).output.splitlines()
    given(monkeypatch, Path("in.txt").read_bytes())
    assert ask(capsys, "translate", run, "-", how).output.split("\n") == [
        *(json.loads(record)["text"] for record in records),
        "",
    ]


def test_an_answer_comes_before_the_next_line_is_asked_for(run: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "ostinato.cli", "chat", run, "-", "decoding.method=greedy"],
        env=process_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        answers: list[str] = []
        for line in ("a b", "f", "a b"):
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            # Were it not answered yet, this would wait for ever.
            answers.append(process.stdout.readline())
        process.stdin.close()
        assert process.stdout.read() == ""
    assert process.returncode == 0
    assert answers[0] == answers[2] != "\n"


def test_wrong_uses_of_conversations(capsys: Capture, run: str, monkeypatch: pytest.MonkeyPatch):
    given(monkeypatch, b"a b\n\xff\n")
    code, output, errors = ask(capsys, "translate", run)
    assert code == 2
    assert output.count("\n") == 1
    assert "standard input, line 2: byte 0xff is not UTF-8" in errors
    assert "mend: iconv" in errors
    assert "no such run: nothing" in refuse(capsys, "chat", "nothing", "a")
    assert "cannot be changed now" in refuse(capsys, "chat", run, "a", "training.seed=1")


def test_runs_of_other_kinds(capsys: Capture, run: str, tmp_path: Path):
    train(tiny(training={"max_steps": 1}), tmp_path / "language")
    said = refuse(capsys, "translate", str(tmp_path / "language"), "a")
    assert "learned language-model" in said
    assert "mend: use it with `ostinato generate" in said
    for command in (("generate", run), ("lens", run), ("serve", run)):
        assert "mend: use it with `ostinato translate" in refuse(capsys, *command)
    said = refuse(capsys, "evaluate", str(tmp_path / "language"), "--figure", "x.html")
    assert "learned language-model" in said


def test_evaluate_prints_both_ways_and_the_signature(capsys: Capture, run: str):
    code, output, errors = ask(capsys, "evaluate", run, "--figure", "gap.html", "--json", "x.json")
    assert code == 0, errors
    lines = output.splitlines()
    assert sum(line.startswith("model ") for line in lines) == 2
    assert sum(line.startswith("model, teacher-forced ") for line in lines) == 2
    assert not any("…" in line for line in lines)
    assert "model: free-running, reads what it writes (beam of 5, length penalty 1)" in lines
    assert any(line.startswith("BLEU: nrefs:1|case:mixed|") for line in lines)
    assert "The exposure gap" in Path("gap.html").read_text()
    assert json.loads(Path("x.json").read_text())["scores"]["model"]["bleu"]
    greedy = ask(capsys, "evaluate", run, "decoding.method=greedy").output
    assert "(greedy)" in greedy


def test_compare_and_check(capsys: Capture, run: str):
    code, output, _ = ask(capsys, "compare", run, run)
    assert code == 0
    assert "chrf" in output
    assert "pairs" in output
    recipe = str(Path(run) / "recipe.yaml")
    code, output, errors = ask(capsys, "check", recipe, "training.max_steps=5")
    assert code == 0, errors
    assert "targets [T=6, B=16]  int64" in output
    assert "reader" in output


def test_train_says_how_it_is_used(capsys: Capture, run: str):
    recipe = str(Path(run) / "recipe.yaml")
    code, output, _ = ask(capsys, "train", recipe, "training.max_steps=1", "--run", "short")
    assert code == 0
    assert output.splitlines()[-1] == "let it write with: ostinato translate short"


@pytest.mark.parametrize("verb", ["translate", "chat", "predict", "evaluate"])
def test_help_says_how_it_writes(capsys: Capture, verb: str):
    code, output, _ = ask(capsys, verb, "--help")
    assert code == 0
    assert "decoding." in output


def test_how_it_writes_is_no_text(capsys: Capture, run: str, monkeypatch: pytest.MonkeyPatch):
    how = "decoding.method=greedy"
    expected = ask(capsys, "translate", run, "a b", how).output
    for verb in ("translate", "chat"):
        given(monkeypatch, b"a b\n")
        assert ask(capsys, verb, run, how).output == expected
    given(monkeypatch, b"a b\n")
    (record,) = map(json.loads, ask(capsys, "predict", run, how).output.splitlines())
    assert (record["input"], record["text"] + "\n") == ("a b", expected)


@pytest.mark.parametrize(
    "how",
    [
        ("decoding.method=greedy", "decoding.max_length=2"),
        ("decoding.method=sample", "decoding.temperature=3", "decoding.seed=7"),
    ],
)
def test_the_map_is_of_the_text_that_is_printed(
    capsys: Capture, run: str, how: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    drawn: list[str] = []

    def seen(*arguments: Any, **options: Any) -> attention.AttentionMap:
        found = attention_map(*arguments, **options)
        drawn.append(found.text)
        return found

    attention_map = attention.attention_map
    monkeypatch.setattr(attention, "attention_map", seen)
    records = ask(capsys, "predict", run, "a b c", *how, "--figure", "map.html").output
    assert [json.loads(record)["text"] for record in records.splitlines()] == drawn


def test_a_file_beside_others_is_read_line_by_line(capsys: Capture, tmp_path: Path):
    pairs = backwards(80)
    Path("train.de").write_text("".join(f"{each['x']}\n" for each in pairs))
    Path("train.en").write_text("".join(f"{each['y']}\n" for each in pairs))
    files = {"de": "train.de", "en": "train.en"}
    raw = raw_pairs(Path("unused"), data={"train": files, "input": "de", "target": "en"})
    train(validate(raw, "pairs"), tmp_path / "run")
    Path("new.de").write_text("a b\ne f\n")
    code, output, errors = ask(capsys, "predict", "run", "new.de", "--format", "jsonl")
    assert code == 0, errors
    assert [json.loads(line)["input"] for line in output.splitlines()] == ["a b", "e f"]


def test_tools_say_what_is_wrong_without_a_traceback(tmp_path: Path):
    tools = Path(__file__).parents[2] / "tools"
    for name, more in (("text_samples.py", []), ("caption_sheet.py", ["page.md"])):
        done = subprocess.run(
            [sys.executable, str(tools / name), str(tmp_path / "nope"), *more],
            env=process_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr


def test_a_map_as_a_picture(capsys: Capture, run: str):
    find_browser()
    code, _, errors = ask(capsys, "predict", run, "a b c", "--figure", "map.png")
    assert code == 0, errors
    with Image.open("map.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 20


def test_what_is_lost_is_warned_of_in_programs(run: str):
    learned = load_run(run)
    writer = runtime.load(run)
    longest = "a " * 600
    for write in (
        lambda: learned.write([longest]),
        lambda: learned.predict([longest]),
        lambda: writer.write([longest]),
        lambda: writer.tell(longest, lambda _: None),
    ):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            write()
        said = [str(each.message) for each in told]
        assert any("1 text cut at 512 steps (88 units lost)" in each for each in said)
        assert any("longer than any of training" in each for each in said)
        assert all(each.filename == __file__ for each in told)
    counts = PartCounts()
    writer.write([longest], counts=counts)  # told there, and so no warning
    assert counts.num_longer == 1
    assert learned.write(["a b"])  # nothing is lost
