"""Evaluations, comparisons and the table of results."""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data import DataError
from ostinato.data.corpus import other_part
from ostinato.training.api import load_run
from ostinato.training.errors import RunError
from ostinato.training.evaluation import Score, compare_runs, evaluate_run, evaluate_runs
from ostinato.training.example_data import Source
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import builtin_recipes, validate
from ostinato.training.results import (
    BEGIN,
    END,
    GOALS,
    Bound,
    Row,
    find_goal,
    table_lines,
    update_table,
)
from ostinato.training.session import load_trained, train
from ostinato.training.trained import load_examples
from tests.training.example_helpers import raw_examples, tiny_examples, write_examples
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


@pytest.mark.parametrize("by", ["hash", "order"])
def test_no_example_is_in_two_parts(tmp_path: Path, by: str):
    path = write_examples(tmp_path, 200)
    # Inputs that occur again stay together under a hash, wherever their rows stand.
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows, *rows[1:100]]) + "\n")
    raw = raw_examples(path)
    raw["data"]["split"]["by"] = by
    recipe = validate(raw, "tiny")
    assert isinstance(recipe, ExampleRecipe)
    source = Source(recipe)
    parts = {part: source.rows(part) for part in ("train", "dev", "test")}
    places = [row.place for part in parts.values() for row in part]
    assert len(places) == len(set(places)) == 299
    texts = {name: {row.values["text"] for row in part} for name, part in parts.items()}
    if by == "hash":
        assert not texts["train"] & texts["dev"]
        assert not (texts["train"] | texts["dev"]) & texts["test"]
    else:
        lines = {name: [int(row.place.split()[-1]) for row in part] for name, part in parts.items()}
        assert max(lines["train"]) < min(lines["dev"]) <= max(lines["dev"]) < min(lines["test"])


def test_the_best_weights_are_scored(folder: Path):
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


def test_folds_are_scored_as_one(folder: Path, tmp_path: Path):
    first = folder / "recurrent"
    other = write_examples(tmp_path, 60, seed=8)
    train(tiny_examples(other), tmp_path / "second")
    reports = [evaluate_run(first), evaluate_run(tmp_path / "second")]
    both = evaluate_runs([first, tmp_path / "second"])
    counts = [report.num_examples for report in reports]
    assert both.num_examples == sum(counts)
    for predictor in ("model", "majority"):
        each = [report.scores[predictor]["accuracy"].value for report in reports]
        expected = sum(n * value for n, value in zip(counts, each, strict=True)) / sum(counts)
        assert both.scores[predictor]["accuracy"].value == pytest.approx(expected)
        assert "macro_f1" not in both.scores[predictor], "labels of folds may differ"
    assert evaluate_runs([first]) == reports[0]
    train(tiny_examples(other, evaluation={"metric": "loss"}), tmp_path / "third")
    with pytest.raises(RunError, match="are judged by different scores"):
        evaluate_runs([first, tmp_path / "third"])


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


def test_language_models_are_compared(tmp_path: Path):
    for name, cell in (("gru", "gru"), ("plain", "h = tanh(W @ h + U @ x + b)")):
        train(tiny(model={"cell": cell}), tmp_path / name)
    runs = [tmp_path / "gru", tmp_path / "plain"]
    found = compare_runs(runs)
    reports = [evaluate_run(run, part="dev") for run in runs]
    for score, report in zip(found.scores, reports, strict=True):
        assert score == report.scores["model"]["bits_per_character"]
    (difference,) = found.differences
    assert difference.value == pytest.approx(found.scores[1].value - found.scores[0].value)
    assert difference.low <= difference.value <= difference.high
    assert (found.metric, found.higher_is_better) == ("bits_per_character", False)
    assert (found.item, found.num_examples) == ("character", reports[0].num_examples)
    train(tiny(data={"held_out": 0.2}), tmp_path / "other")
    with pytest.raises(RunError, match="have different texts"):
        compare_runs([tmp_path / "gru", tmp_path / "other"])
    with pytest.raises(OptionError, match="nothing of the text was kept for a test"):
        compare_runs(runs, "test")


def test_another_text_is_cut_as_the_runs_own(tmp_path: Path):
    names = ["jürgen", "zoë", "anna", "émile", "bo"] * 8
    recipe = tiny(
        data={"text": "\n".join(names), "documents": "lines"},
        training={"max_steps": 8, "tbptt_steps": 5},
    )
    train(recipe, tmp_path / "run")
    task = LanguageModelTask.from_recipe(recipe, torch.device("cpu"))
    other = tmp_path / "other.txt"
    for form in ("NFC", "NFD"):
        other.write_text(unicodedata.normalize(form, "zoë\nbo\n\nanna\n"), "utf-8")
        report = evaluate_run(tmp_path / "run", other)
        assert report.num_examples == len("zoë\nbo\nanna\n")
        part = other_part(task.corpus, other.read_text("utf-8"), "lines")
        assert part.starts is not None
        assert part.starts.tolist() == [0, 4, 7]
        model = load_trained(tmp_path / "run").model
        # By hand: each line from the end of a line on, the state afresh.
        losses: list[float] = []
        for name in ("zoë", "bo", "anna"):
            ids = torch.as_tensor(task.corpus.vocabulary.encode(f"\n{name}\n"))
            logits = model(ids[:-1, None])[0].detach()
            losses.append(float(functional.cross_entropy(logits[:, 0], ids[1:], reduction="sum")))
        nats = report.scores["model"]["nats_per_character"].value
        assert nats == pytest.approx(sum(losses) / report.num_examples, rel=1e-5)


def test_seeds_that_dealt_lines_otherwise(tmp_path: Path):
    data = {"text": "\n".join(f"line {n}" for n in range(40)), "documents": "lines"}
    for seed in (0, 1):
        train(tiny(data=data, seed=seed, training={"max_steps": 2}), tmp_path / str(seed))
    with pytest.raises(RunError, match="have the seeds 0 and 1, by which their lines were dealt"):
        compare_runs([tmp_path / "0", tmp_path / "1"])


def test_a_text_and_examples_are_not_compared(folder: Path, tmp_path: Path):
    train(tiny(training={"max_steps": 2}), tmp_path / "text")
    with pytest.raises(RunError, match="have different texts"):
        compare_runs([tmp_path / "text", folder / "bag"])
    with pytest.raises(RunError, match="expected one that learned from examples"):
        compare_runs([folder / "bag", tmp_path / "text"])


def test_a_language_model_without_a_test_part(tmp_path: Path):
    train(tiny(training={"max_steps": 2}), tmp_path / "run")
    with pytest.raises(OptionError, match="nothing of the text was kept for a test"):
        evaluate_run(tmp_path / "run")
    assert evaluate_run(tmp_path / "run", part="dev").part == "dev"


def scored(value: float, **others: float) -> dict[str, Score]:
    naive = {name: Score(each, math.nan, math.nan) for name, each in others.items()}
    return {"model": Score(value, value - 0.01, value + 0.01), **naive}


ROW = Row(
    recipe="spam",
    scores={"accuracy": scored(0.99, majority=0.87), "f1": scored(0.94, majority=0.0)},
    num_examples=500,
    item="example",
    seed=0,
    seconds=100.0,
    num_parameters=1000,
)
ACCURACY, F1 = find_goal("spam").bounds


def test_a_row_knows_whether_its_goal_is_reached():
    assert ROW.is_reached(ACCURACY)
    assert ROW.is_reached(F1) is False
    assert replace(ROW, seconds=181.0).is_reached(ACCURACY) is False
    assert replace(ROW, scores={"accuracy": scored(0.98)}).is_reached(ACCURACY) is False


def test_a_goal_may_be_a_margin_or_a_limit_from_above():
    over = Bound("macro_f1", 0.05, over="bag")
    assert over.is_reached({**scored(0.46), "bag of characters": Score(0.40, 0, 1)})
    assert not over.is_reached({**scored(0.44, majority=0.1), "bag of words": Score(0.40, 0, 1)})
    assert str(over) == "≥ 0.05 over bag"
    loss = Bound("loss", 8.45)
    assert loss.is_reached(scored(8.4))
    assert not loss.is_reached(scored(8.5))
    assert Bound("loss").is_reached(scored(8.5)) is None


def test_a_row_is_read_back():
    data = json.loads(json.dumps(ROW.to_json(), allow_nan=False))
    assert data["scores"]["f1"]["majority"]["low"] is None
    back = Row.from_json(data)
    assert back.scores["accuracy"]["model"] == ROW.scores["accuracy"]["model"]
    assert math.isnan(back.scores["f1"]["majority"].low)
    del data["scores"]["f1"]
    with pytest.raises(ValueError, match="got the scores accuracy, expected accuracy, f1"):
        Row.from_json(data)


def test_the_table_keeps_other_rows_and_their_order(tmp_path: Path):
    path = tmp_path / "results.md"
    path.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    questions = replace(ROW, recipe="questions", scores={"accuracy": scored(0.9, majority=0.2)})
    update_table(path, [questions])
    update_table(path, [ROW])
    update_table(path, [replace(questions, seconds=61.0)])
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert text.index("| `spam` |") < text.index("| `questions` |")
    assert "1:01 of 3:00" in text
    assert "**0.990** [0.980, 1.000] | ≥ 0.985, reached | majority 0.870" in text
    assert "|  |  | f1 | **0.940** [0.930, 0.950] | ≥ 0.95, missed | majority 0.000" in text
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
    assert set(GOALS) <= set(builtin_recipes())
    assert len(GOALS) > 30


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
