"""Evaluations, comparisons and the table of results."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data import DataError
from ostinato.training.api import load_run
from ostinato.training.errors import RunError
from ostinato.training.evaluation import Score, compare_runs, evaluate_run
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.results import (
    BEGIN,
    END,
    GOALS,
    Row,
    find_goal,
    table_lines,
    update_table,
)
from ostinato.training.session import load_trained, train
from ostinato.training.trained import load_examples
from tests.training.example_helpers import tiny_examples, write_examples
from tests.training.helpers import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and two runs on it: one that knows order, one that does not."""
    folder = tmp_path_factory.mktemp("reports")
    path = write_examples(folder)
    train(tiny_examples(path), folder / "recurrent")
    train(tiny_examples(path, model={"shape": "one-to-one"}), folder / "bag")
    return folder


def test_a_model_that_knows_order_beats_those_that_do_not(folder: Path):
    report = evaluate_run(folder / "recurrent")
    accuracy = {name: scores["accuracy"].value for name, scores in report.scores.items()}
    assert list(accuracy) == ["model", "majority", "bag of words"]
    assert accuracy["model"] > 0.9
    assert accuracy["bag of words"] < 0.75
    assert report.metric == "accuracy"
    assert report.part == "test"
    assert report.num_examples > 20


def test_the_test_part_is_none_of_what_was_learned(folder: Path):
    trained = load_examples(folder / "recurrent")
    report = evaluate_run(folder / "recurrent", part="dev")
    metrics = (folder / "recurrent" / "metrics.jsonl").read_text().splitlines()
    evaluations = [r for r in map(json.loads, metrics) if r["kind"] == "evaluation"]
    best = max(record["accuracy"] for record in evaluations)
    assert report.scores["model"]["accuracy"].value == pytest.approx(best)
    assert not trained.model.training


def test_intervals_hold_the_score(folder: Path):
    for scores in evaluate_run(folder / "recurrent").scores.values():
        for score in scores.values():
            assert score.low <= score.value <= score.high


def test_another_file(folder: Path, tmp_path: Path):
    other = write_examples(tmp_path, 50, seed=9)
    report = evaluate_run(folder / "recurrent", other)
    assert report.num_examples == 50
    assert report.part == str(other)
    other.write_text("words,label\na b,yes\n")
    with pytest.raises(DataError, match=r"order\.csv, line 2: the column `text` is missing"):
        evaluate_run(folder / "recurrent", other)


def test_changed_data_are_refused(tmp_path: Path):
    path = write_examples(tmp_path, 60)
    recipe = tiny_examples(path, training={"max_epochs": 1})
    train(recipe, tmp_path / "run")
    path.write_text(path.read_text().replace("yes", "maybe", 1))
    with pytest.raises(DataError, match="the data changed since the run"):
        evaluate_run(tmp_path / "run")


def test_a_run_without_a_test_part(tmp_path: Path):
    path = write_examples(tmp_path, 60)
    recipe = tiny_examples(path, training={"max_epochs": 1})
    split = recipe.data.split.model_copy(update={"test": 0.0})
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"split": split})})
    train(recipe, tmp_path / "run")
    with pytest.raises(RunError, match=r"has no test part\nmend: .*--part dev"):
        evaluate_run(tmp_path / "run")


def test_comparison(folder: Path):
    found = compare_runs([folder / "bag", folder / "recurrent"])
    (difference,) = found.differences
    assert difference.value == pytest.approx(found.scores[1].value - found.scores[0].value)
    assert difference.low > 0
    assert difference.flips == 0
    assert found.num_parameters[0] != found.num_parameters[1]
    same = compare_runs([folder / "bag", folder / "bag"]).differences[0]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_what_cannot_be_compared(folder: Path, tmp_path: Path):
    path = write_examples(tmp_path, 60, seed=3)
    train(tiny_examples(path, training={"max_epochs": 1}), tmp_path / "other")
    with pytest.raises(RunError, match="have different examples"):
        compare_runs([folder / "bag", tmp_path / "other"])
    with pytest.raises(RunError, match="expected two or more"):
        compare_runs([folder / "bag"])


def test_a_language_model_on_its_test_part(tmp_path: Path):
    recipe = tiny(data={"tested": 0.2}, training={"max_steps": 6})
    train(recipe, tmp_path / "run")
    report = evaluate_run(tmp_path / "run")
    task = LanguageModelTask.from_recipe(recipe, torch.device("cpu"))
    model = load_trained(tmp_path / "run").model
    expected = task.evaluate_test(model, StopRequest())
    scores = report.scores["model"]
    assert scores["nats_per_character"].value == pytest.approx(expected["nats_per_character"])
    assert scores["bits_per_character"].value == pytest.approx(expected["bits_per_character"])
    assert list(report.scores) == ["model", "unigram", "bigram"]
    assert math.isnan(report.scores["unigram"]["bits_per_character"].low)
    assert task.corpus.tested is not None
    assert report.num_examples == task.corpus.tested.num_characters


def test_a_language_model_without_a_test_part(tmp_path: Path):
    train(tiny(training={"max_steps": 2}), tmp_path / "run")
    with pytest.raises(OptionError, match="nothing of the text was kept for a test"):
        evaluate_run(tmp_path / "run")
    assert evaluate_run(tmp_path / "run", part="dev").part == "dev"


ROW = Row(
    recipe="spam",
    metric="accuracy",
    higher_is_better=True,
    score=Score(0.99, 0.98, 1.0),
    others={"majority": 0.87},
    num_examples=500,
    item="example",
    seed=0,
    seconds=100.0,
    num_parameters=1000,
)


def test_a_row_knows_whether_its_goal_is_reached():
    assert ROW.is_reached
    assert replace(ROW, score=Score(0.98, 0.97, 0.99)).is_reached is False
    assert replace(ROW, seconds=181.0).is_reached is False
    assert replace(ROW, recipe="surnames", metric="macro_f1").is_reached is None
    assert replace(ROW, recipe="music", higher_is_better=False, score=Score(8.4, 8, 9)).is_reached


def test_the_table_keeps_other_rows_and_their_order(tmp_path: Path):
    path = tmp_path / "results.md"
    path.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    update_table(path, [replace(ROW, recipe="questions")])
    update_table(path, [ROW])
    update_table(path, [replace(ROW, recipe="questions", seconds=61.0)])
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert text.index("| `spam` |") < text.index("| `questions` |")
    assert "1:01 of 3:00" in text
    assert "**0.990** [0.980, 1.000] | ≥ 0.985, reached | majority 0.870" in text
    assert text.count("| `questions` |") == 1
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(DataError, match="cannot read"):
        update_table(path, [ROW])


def test_a_document_without_marks(tmp_path: Path):
    path = tmp_path / "results.md"
    path.write_text("no table here\n")
    with pytest.raises(DataError, match="put both lines where the table goes"):
        update_table(path, [ROW])


def test_a_recipe_without_a_row():
    with pytest.raises(UnknownNameError, match="unknown result 'hello'"):
        find_goal("hello")
    assert all(line.count("|") == 10 for line in table_lines([ROW]))
    assert len(GOALS) == 18


def test_malformed_rows_of_another_file_are_named(folder: Path, tmp_path: Path):
    other = write_examples(tmp_path, 20, seed=4)
    lines = other.read_text().splitlines()
    lines[3] += ",one,two"
    lines[7] = "a b,"
    other.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"1 malformed row of 20:\n.*line 4"):
        evaluate_run(folder / "recurrent", other)
    lines[3] = "a c b,yes"
    other.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=r"line 8: the label is empty"):
        evaluate_run(folder / "recurrent", other)


def test_a_saved_model_is_scored_where_its_data_are_not(tmp_path: Path):
    path = write_examples(tmp_path)
    train(tiny_examples(path), tmp_path / "run")
    load_run(tmp_path / "run").save_pretrained(tmp_path / "saved")
    other = path.rename(tmp_path / "other.csv")
    report = evaluate_run(tmp_path / "saved", other)
    assert list(report.scores) == ["model"]
    assert report.scores["model"]["accuracy"].value > 0.9
    with pytest.raises(DataError, match="no such file"):
        evaluate_run(tmp_path / "saved")
