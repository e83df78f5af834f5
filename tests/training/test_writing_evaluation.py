"""Runs that write: scored on their test part, compared, saved, used from Python."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OstinatoError
from ostinato.data import DataError
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.evaluation import compare_runs, evaluate_run, evaluate_runs, read_part
from ostinato.training.metrics import texts
from ostinato.training.results import Bound, Row
from ostinato.training.session import train
from ostinato.training.trained_writer import load_writer
from ostinato.training.writing import trace
from ostinato.training.writing_evaluation import FORCED
from tests.training.examples import write_rows
from tests.training.writing_helpers import backwards, tiny_pairs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scored")
    train(tiny_pairs(folder, 300, training={"max_steps": 60}), folder / "run")
    return folder / "run"


def test_what_is_scored_is_named(run: Path):
    report = evaluate_run(run)
    names = ["model", FORCED, "most frequent", "nearest", "copy", "unigram"]
    assert list(report.scores) == names
    assert (report.metric, report.higher_is_better, report.item) == ("chrf", True, "pair")
    every = {"bleu", "chrf", "exact", "unit_error", "word_error", "loss", "perplexity"}
    assert set(report.scores["model"]) == set(report.scores[FORCED]) == every
    assert set(report.scores["unigram"]) == {"loss", "perplexity"}
    for name in ("bleu", "chrf"):
        score = report.scores["model"][name]
        assert score.low <= score.value <= score.high
    said = " / ".join(report.remarks)
    assert "free-running, reads what it writes (beam of 5, length penalty 1)" in said
    assert "teacher-forced" in said
    assert "BLEU: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in said
    assert report.to_json()["remarks"] == report.remarks


def test_the_score_is_of_what_is_written(run: Path, tmp_path: Path):
    rows = backwards(40, seed=7)
    path = write_rows(tmp_path / "other.jsonl", rows)
    report = evaluate_run(run, path, changes=["decoding.method=greedy"])
    trained = load_writer(run)
    best = trained.write([row["x"] for row in rows], trained.options(["decoding.method=greedy"]))
    written = [each[0].text for each in best]
    answers = [[str(row["y"])] for row in rows]
    assert report.scores["model"]["bleu"].value == texts.bleu(written, answers).value
    assert report.scores["model"]["exact"].value == texts.exact(written, answers).value
    assert "greedy" in report.remarks[0]


def test_teacher_forced_each_unit_follows_the_right_one(run: Path):
    trained = load_writer(run)
    read = read_part(run, trained.recipe, trained.pipeline, None, "test")
    found = trace(
        trained.model, trained.pipeline, read.examples, 8, torch.device("cpu"), is_forced=True
    )
    pairs = zip(found, read.examples, strict=True)
    are_right = [np.array_equal(each.numbers, example.target) for each, example in pairs]
    scores = evaluate_run(run).scores
    assert scores[FORCED]["exact"].value == np.mean(are_right)
    assert scores[FORCED]["loss"] == scores["model"]["loss"]


def test_naive_writers_are_left_out_where_the_data_changed(run: Path, tmp_path: Path):
    path = write_rows(tmp_path / "other.jsonl", backwards(10, seed=3))
    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    recipe = (moved / "recipe.yaml").read_text()
    write_rows(tmp_path / "pairs.jsonl", backwards(300, seed=5))
    (moved / "recipe.yaml").write_text(recipe.replace(str(run.parent), str(tmp_path)))
    report = evaluate_run(moved, path)
    assert list(report.scores) == ["model", FORCED]
    assert any("no naive predictor" in note for note in report.notes)
    with pytest.raises(DataError, match="the data changed since"):
        evaluate_run(moved)


def test_two_runs_on_the_same_pairs(run: Path, tmp_path: Path):
    shutil.copy(run.parent / "pairs.jsonl", tmp_path)
    other = tiny_pairs(tmp_path, 300, training={"max_steps": 2}, decoder={"attention": "none"})
    train(other, tmp_path / "other")
    found = compare_runs([run, tmp_path / "other"])
    assert (found.metric, found.item) == ("chrf", "pair")
    assert found.differences[0].value < 0
    train(tiny_pairs(tmp_path, 200, training={"max_steps": 2}), tmp_path / "third")
    with pytest.raises(RunError, match="different examples"):
        compare_runs([run, tmp_path / "third"])


def test_runs_judged_by_other_scores_are_not_compared(run: Path, tmp_path: Path):
    recipe = tiny_pairs(tmp_path, 300, training={"max_steps": 2}, evaluation={"metric": "loss"})
    train(recipe, tmp_path / "other")
    with pytest.raises(RunError, match="judged by different scores"):
        compare_runs([run, tmp_path / "other"])
    found = compare_runs([tmp_path / "other", tmp_path / "other"])
    assert (found.metric, found.higher_is_better) == ("loss", False)


@pytest.mark.parametrize(("metric", "is_of_units"), [("loss", True), ("chrf", False)])
def test_means_over_other_units_are_not_compared(tmp_path: Path, metric: str, is_of_units: bool):
    for unit in ("words", "characters"):
        recipe = tiny_pairs(
            tmp_path,
            training={"max_steps": 2},
            target_text={"unit": unit},
            evaluation={"metric": metric},
        )
        train(recipe, tmp_path / unit)
    runs = [tmp_path / "words", tmp_path / "characters"]
    if not is_of_units:
        assert compare_runs(runs).metric == metric
        return
    with pytest.raises(RunError, match=r"write other units .* words, .* characters") as caught:
        compare_runs(runs)
    assert "mend: train both with the same section target_text" in str(caught.value)


def test_several_runs_are_no_one_run(run: Path):
    with pytest.raises(RunError, match="mend: score each by itself"):
        evaluate_runs([run, run])


def test_a_row_of_results(run: Path):
    report = evaluate_run(run)
    row = Row.of("translate-de-en", report, seed=0, seconds=5.0, num_parameters=9)
    assert row.scores["bleu"]["model"] == report.scores["model"]["bleu"]
    assert Row.from_json(row.to_json()) == row
    assert row.is_reached(Bound("bleu", 0.0))
    assert not Bound("unit_error", 0.5).higher_is_better


def test_from_python(run: Path, tmp_path: Path):
    opened = ost.load_run(run)
    texts = ["a b c", "f"]
    assert opened.predict(texts) == [best[0].text for best in opened.write(texts)]
    three = opened.write(texts, num_best=3)
    assert [len(best) for best in three] == [3, 3]
    scores = [each.score for each in three[0]]
    assert scores == sorted(scores, reverse=True)
    drawn = [opened.write(texts, method="sample", temperature=2.0, seed=s) for s in (1, 1, 2)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert opened.labels == ()
    opened.save_pretrained(tmp_path / "saved")
    again = ost.from_pretrained(tmp_path / "saved")
    assert again.write(texts, num_best=3) == three
    card = (tmp_path / "saved" / "README.md").read_text()
    assert "text2text-generation" in card
    assert 'print(model.predict(["a text"])[0])' in card
    assert again.evaluate(run.parent / "pairs.jsonl").scores["model"]


def test_wrong_uses_from_python(run: Path):
    opened = ost.load_run(run)
    with pytest.raises(DataError, match="got one input"):
        opened.predict("a b")
    with pytest.raises(RecipeError, match=r"unknown key `decoding\.beams`"):
        opened.write(["a"], beams=3)
    with pytest.raises(OstinatoError, match="mend: "):
        opened.write(["a"], num_best=9, beam_size=2)
    with pytest.raises(RunError, match="mend: use write"):
        opened.predict_proba(["a"])
    with pytest.raises(RunError, match="mend: use it with `ostinato translate"):
        opened.generate()
    for measure in (ost.lens.trace, ost.lens.gradient_through_time):
        with pytest.raises(RunError, match="which the lens does not take"):
            measure(opened, "a b")
