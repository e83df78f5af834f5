"""``ostinato suggest``, and ``predict``, ``evaluate``, ``check`` and ``init`` of queries."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ostinato.training.recipe_files import load_recipe
from ostinato.training.session import train
from ostinato.training.suggestion_recipe import SuggestionRecipe
from ostinato.training.suggestion_task import SuggestionTask
from ostinato.training.tasks import task_of
from tests.cli.helpers import ask, refuse
from tests.training.helpers import process_environment
from tests.training.suggestion_helpers import sessions, tiny_queries

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("suggesting")
    train(tiny_queries(folder, 300, training={"max_steps": 60}), folder / "run")
    return str(folder / "run")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))


def test_each_line_is_answered_by_a_line(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, run: str
):
    given(monkeypatch, b"ba\nmap of rome\tke\n\n")
    code, output, errors = ask(capsys, "suggest", run)
    assert code == 0, errors
    lines = [line.split("\t") for line in output.splitlines()]
    assert len(lines) == 3
    assert all(len(line) == 5 for line in lines)
    assert all(text.startswith("ba") for text in lines[0])
    assert all(text.startswith("ke") for text in lines[1])
    Path("lines.txt").write_text("ba\nmap of rome\tke\n\n")
    assert ask(capsys, "suggest", run, "lines.txt").output == output
    assert ask(capsys, "suggest", run, "ba").output == output.splitlines()[0] + "\n"


def test_a_line_is_answered_before_the_next_is_read(run: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "ostinato.cli", "suggest", run, "decoding.num_best=2"],
        env=process_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for beginning in ("ba", "ke"):
        process.stdin.write(f"{beginning}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert len(line.split("\t")) == 2
        assert line.startswith(beginning)
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def test_predict_gives_records(capsys: Capture, run: str):
    Path("rows.csv").write_text("query,before\nba,map of rome\nke,\n")
    code, output, errors = ask(capsys, "predict", run, "rows.csv", "decoding.num_best=3")
    assert code == 0, errors
    first, second = (json.loads(line) for line in output.splitlines())
    assert (first["input"], first["before"]) == ("ba", "map of rome")
    assert len(first["suggestions"]) == len(second["suggestions"]) == 3
    assert all(set(each) == {"text", "log_probability"} for each in first["suggestions"])
    # The same file with other names for its columns.
    Path("named.csv").write_text("typed,last\nba,map of rome\nke,\n")
    args = ("data.target=typed", "data.input=last", "decoding.num_best=3")
    assert ask(capsys, "predict", run, "named.csv", *args).output == output
    shown = ask(capsys, "predict", run, "rows.csv", "--format", "table").output
    assert "map of rome → ba" in shown
    assert first["suggestions"][0]["text"] in shown


def test_a_trie_has_no_suggestion_for_what_nobody_asked(capsys: Capture, run: str):
    args = ("predict", run, "xyz", "decoding.trie=true")
    assert json.loads(ask(capsys, *args).output)["suggestions"] == []
    assert "–" in ask(capsys, *args, "--format", "table").output
    seen = {row["query"] for row in sessions(300)}
    code, output, _ = ask(capsys, "suggest", run, "b", "decoding.trie=true")
    assert code == 0
    assert set(output.rstrip("\n").split("\t")) <= seen


def test_evaluate_and_check_say_what_they_do(capsys: Capture, run: str):
    report = ask(capsys, "evaluate", run, "--part", "dev", "--json", "out.json")
    assert report.code == 0, report.errors
    assert "dev: " in report.output
    assert "queries" in report.output
    assert "popular end" in report.output
    assert "bootstrap samples of the queries" in report.output
    assert json.loads(Path("out.json").read_text())["item"] == "query"
    checked = ask(capsys, "check", str(Path(run) / "recipe.yaml"))
    assert checked.code == 0, checked.errors
    assert "each with the one before" in checked.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("suggest", "RUN", "ba", "model.hidden_size=3"), "cannot be changed now"),
        (("suggest", "RUN", "ba", "decoding.num_best=0"), "decoding.num_best"),
        (("suggest", "RUN", "ba", "decoding.method=greedy"), "mend: decoding.method=beam"),
        (("predict", "RUN", "nothing.csv"), "nothing.csv"),
        (("predict", "RUN", "ba", "--probabilities"), "--probabilities is nothing to"),
        (("translate", "RUN", "ba"), "mend: use it with `ostinato suggest"),
        (("generate", "RUN"), "mend: use it with `ostinato suggest"),
        (("serve", "RUN"), "mend: use it with `ostinato suggest"),
        (("lens", "RUN"), "mend: use it with `ostinato suggest"),
        (("evaluate", "RUN", "--figure", "gap.html"), "--figure draws"),
    ],
)
def test_refusals(capsys: Capture, run: str, arguments: tuple[str, ...], message: str):
    said = refuse(capsys, *(run if each == "RUN" else each for each in arguments))
    assert message in said


def test_bad_input_is_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch, run: str):
    given(monkeypatch, b"ba\n\xff\n")
    said = refuse(capsys, "suggest", run)
    assert "standard input, line 2: byte 0xff is not UTF-8" in said
    Path("other.jsonl").write_text('{"query": "ba"}\n{"before": "x", "query": 3}\n')
    assert "other.jsonl" in refuse(capsys, "predict", run, "other.jsonl")


def test_unknown_and_long_beginnings_are_counted(capsys: Capture, run: str):
    _, _, errors = ask(capsys, "suggest", run, "ΩΩ")
    assert "note: input: 100.0 % of the units are unknown" in errors
    _, _, errors = ask(capsys, "suggest", run, "b" * 99)
    assert "1 input longer than any of training" in errors


def proposed(capsys: Capture, *arguments: str) -> SuggestionRecipe:
    said = ask(capsys, "init", *arguments, "--task", "suggestion", "--output", "r.yaml")
    assert said.code == 0, said.errors
    recipe = load_recipe("r.yaml", ["training.threads=1", "training.device=cpu"])
    assert isinstance(recipe, SuggestionRecipe)
    return recipe


def test_a_list_of_queries_becomes_a_recipe_that_works(capsys: Capture):
    Path("asked.txt").write_text("\n".join(str(row["query"]) for row in sessions(300)) + "\n")
    recipe = proposed(capsys, "asked.txt")
    assert (recipe.data.target, recipe.data.format) == ("text", "text")
    task = task_of(recipe, torch.device("cpu"))
    assert isinstance(task, SuggestionTask)
    assert task.pipeline.reads_nothing
    assert task.build_model() is not None


def test_a_log_of_sessions_becomes_a_recipe_that_reads_the_query_before(capsys: Capture):
    lines = [f"{row['before']},{row['query']}" for row in sessions(300)]
    Path("log.csv").write_text("\n".join(["before,query", *lines]) + "\n")
    recipe = proposed(capsys, "log.csv")
    assert (recipe.data.input, recipe.data.target) == ("before", "query")
    assert recipe.decoder.attention == "general"
    Path("odd.csv").write_text("\n".join(["last,asked", *lines]) + "\n")
    assert "mend: --target COLUMN" in refuse(capsys, "init", "odd.csv", "--task", "suggestion")
    recipe = proposed(capsys, "odd.csv", "--target", "asked", "--force")
    assert (recipe.data.input, recipe.data.target) == (None, "asked")
    assert recipe.decoder.attention == "none"


def test_korean_queries_may_be_cut_within_a_syllable(capsys: Capture):
    Path("ko.txt").write_text("\n".join(f"서울 맛집 {n}호" for n in range(30)), "utf-8")
    said = ask(capsys, "init", "ko.txt", "--task", "suggestion").output
    assert "jamo, within a syllable" in said
    assert "no query is there twice" in said
    Path("few.txt").write_text("a\nb\n")
    assert "too few" in refuse(capsys, "init", "few.txt", "--task", "suggestion")
