"""Queries completed by a network: what is learned, suggested, scored, resumed and refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

import ostinato as ost
from ostinato.core.errors import OptionError, OstinatoError
from ostinato.data import DataError
from ostinato.data.pipeline import PartCounts
from ostinato.data.rows import Row
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.estimate import estimate_memory
from ostinato.training.evaluation import compare_runs, evaluate_run, evaluate_runs
from ostinato.training.interrupt import StopRequest
from ostinato.training.recipe_files import validate
from ostinato.training.results import Bound, find_goal, table_lines
from ostinato.training.results import Row as ResultRow
from ostinato.training.results_of_run import results_of_run
from ostinato.training.session import resume, train
from ostinato.training.suggester import Suggester, load_suggester
from ostinato.training.suggestion_naive import naive_losses
from ostinato.training.suggestion_scores import begun
from ostinato.training.suggestion_task import SuggestionTask
from ostinato.training.trained_writer import load_writer
from ostinato.training.writing_scores import num_targets
from tests.training.examples import write_rows
from tests.training.suggestion_helpers import CITIES, raw_queries, sessions, tiny_queries
from tests.training.test_resume import StopAt, assert_same_end

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned that the query before decides."""
    folder = tmp_path_factory.mktemp("sessions")
    recipe = tiny_queries(
        folder,
        600,
        training={"max_steps": 260},
        evaluation={"every": 130, "metric": "mrr@5", "prefixes": 2},
    )
    train(recipe, folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on lines, without queries before."""
    folder = tmp_path_factory.mktemp("lines")
    lines = [str(row["query"]) for row in sessions(400)]
    (folder / "asked.txt").write_text("\n".join(lines) + "\n")
    raw = raw_queries(folder / "asked.txt", training={"max_steps": 60})
    del raw["data"]["target"]
    train(validate(raw, "lines"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def suggester(run: Path) -> Suggester:
    return load_suggester(run)


def test_the_query_before_decides(suggester: Suggester):
    for city in CITIES:
        best = suggester.suggest("badal in ", f"map of {city}")[0]
        assert best.text == f"badal in {city}"
        assert best.log_probability > math.log(0.5)
    # Without one, no city is much likelier than another.
    found = {each.text: each.log_probability for each in suggester.suggest("badal in ")}
    assert {f"badal in {city}" for city in CITIES} <= set(found)


def test_it_is_better_than_whatever_is_popular(run: Path):
    results = results_of_run(run)
    assert results.score_name == "mrr@5"
    assert results.scores["mrr@5"] > 0.5
    assert set(results.baselines) == {"popular query", "popular end"}
    report = evaluate_run(run)
    bound = Bound("mrr@5", 0.1, over="popular")
    its = {name: each[bound.metric] for name, each in report.scores.items() if bound.metric in each}
    assert bound.is_reached(its)


def test_what_is_scored_is_named(run: Path):
    report = evaluate_run(run)
    assert list(report.scores) == ["model", "popular query", "popular end", "unigram", "bigram"]
    ranked = {
        f"{part}{score}"
        for part in ("", "partial_")
        for score in ("mrr@5", "success@1", "success@5")
    }
    assert set(report.scores["model"]) == {*ranked, "loss", "perplexity"}
    assert set(report.scores["popular query"]) == ranked
    assert set(report.scores["bigram"]) == {"loss", "perplexity"}
    assert report.scores["bigram"]["loss"].value < report.scores["unigram"]["loss"].value
    assert report.scores["popular query"]["mrr@5"].value == 0
    assert (report.item, report.metric) == ("query", "mrr@5")
    said = " / ".join(report.remarks)
    assert "2 of each at most, of lengths drawn with seed 0; training has 0 of them" in said
    model = report.scores["model"]["mrr@5"].value
    ends = report.scores["popular end"]["mrr@5"].value
    assert f"mrr@5, model above popular query: {model:+.4f} [" in said
    assert f"mrr@5, model above popular end: {model - ends:+.4f} [" in said


def test_the_score_is_of_what_is_suggested(run: Path, suggester: Suggester, tmp_path: Path):
    rows = sessions(30, seed=9)
    path = write_rows(tmp_path / "other.jsonl", rows)
    report = evaluate_run(run, path)
    trained = suggester.trained
    examples = [
        trained.pipeline.example(Row(f"row {n}", row), PartCounts()) for n, row in enumerate(rows)
    ]
    total, num = 0.0, 0
    asked = begun(trained.pipeline, examples, suggester.recipe.evaluation)
    for row, each in zip(rows, asked, strict=True):
        for text in each.beginnings:
            found = [s.text for s in suggester.suggest(text, str(row["before"]))]
            total += 1 / (1 + found.index(row["query"])) if row["query"] in found else 0
            num += 1
    assert report.scores["model"]["mrr@5"].value == pytest.approx(total / num)
    # Some of these are queries of training: the most popular completion finds some of them.
    assert report.scores["popular query"]["success@5"].value > 0


def test_suggestions_begin_as_asked_and_are_likely_first(suggester: Suggester):
    questions = [("", None), ("b", "map of rome"), ("ke", ""), ("nirin in l", None)]
    for (prefix, _), best in zip(questions, suggester.suggest_all(questions, 7), strict=True):
        assert all(each.text.startswith(prefix) and each.text != prefix for each in best)
        assert len({each.text for each in best}) == len(best)
        chances = [each.log_probability for each in best]
        assert chances == sorted(chances, reverse=True)
        assert all(each <= 0 for each in chances)


def test_side_by_side_as_one_by_one(suggester: Suggester):
    questions = [(text, f"map of {city}") for city in CITIES for text in ("", "s", "surin i")]
    together = suggester.suggest_all(questions)
    for asked, best in zip(questions, together, strict=True):
        (each,) = suggester.suggest_all([asked])
        assert [found.text for found in each] == [found.text for found in best]
        for one, other in zip(each, best, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)


def test_with_a_trie_only_queries_of_training_are_suggested(run: Path):
    suggester = load_suggester(run, changes=["decoding.trie=true"])
    recipe = suggester.recipe
    task = SuggestionTask.from_recipe(recipe, CPU)
    seen = {example.labels[0] for example in task.train}
    dev = next(e.labels[0] for e in task.dev if e.labels[0] not in seen)
    assert {each.text for each in suggester.suggest("ba", num=50)} <= seen
    assert suggester.suggest("no such thing") == []
    assert dev not in {each.text for each in suggester.suggest(dev[:-1], num=5)}
    assert evaluate_run(run, changes=["decoding.trie=true"]).scores["model"]["mrr@5"].value == 0


def test_what_is_unknown_stays_as_it_is_and_is_counted(suggester: Suggester):
    counts = PartCounts()
    ((best, *_),) = suggester.suggest_all([("Ω in r", None)], counts=counts)
    assert best.text.startswith("Ω in r")
    assert "units are unknown" in " ".join(counts.notes("input"))


def test_what_is_longer_than_all_of_training_is_counted(suggester: Suggester):
    counts = PartCounts()
    suggester.suggest_all([("a" * 200, None), ("ba", None)], counts=counts)
    assert counts.num_longer == 1
    assert "1 input longer than any of training" in " ".join(counts.notes("input"))


def test_lines_are_queries_without_one_before(alone: Path):
    suggester = load_suggester(alone)
    assert not suggester.reads_before
    assert suggester.suggest("ba")[0].text.startswith("ba")
    with pytest.raises(RunError, match="learned from queries without the one before"):
        suggester.suggest("ba", "map of rome")
    # An empty one is none.
    assert suggester.suggest("ba", "") == suggester.suggest("ba")
    assert "asked.txt" in ost.load_run(alone).recipe.data.train.name


def test_parts_share_no_query(alone: Path):
    task = SuggestionTask.from_recipe(ost.load_run(alone).recipe, CPU)
    parts = [{example.labels[0] for example in part} for part in (task.train, task.dev)]
    assert not parts[0] & parts[1]
    # Each time that a query was asked is one to learn from.
    assert len(task.train) > len(parts[0])
    assert "of which training has 0" in task.notes()[0]


def test_a_loss_is_what_the_units_cost(alone: Path):
    task = SuggestionTask.from_recipe(ost.load_run(alone).recipe, CPU)
    trained = load_suggester(alone).trained
    found = task.evaluate(trained.model, StopRequest())
    costs, num = 0.0, 0
    for example in task.dev:
        assert example.target is not None
        targets = torch.as_tensor(example.target)[:, None]
        length = torch.tensor([len(targets)])
        costs -= trained.model.log_probabilities({}, length, targets, length).sum().item()
        num += len(targets)
    assert found["loss"] == pytest.approx(costs / num, rel=1e-5)
    assert set(found) == {"loss", "perplexity"}


def test_the_bigram_is_that_of_pairs(alone: Path):
    task = SuggestionTask.from_recipe(ost.load_run(alone).recipe, CPU)
    bounds = task.baselines()
    assert set(bounds) == {"unigram", "bigram"}
    each = naive_losses(task.pipeline, task.train, task.dev)["bigram"].losses
    assert each is not None
    num = sum(num_targets(example) for example in task.dev)
    assert each.sum() / num == pytest.approx(bounds["bigram"])
    # What a query costs does not depend on the one in front of it.
    twice = naive_losses(task.pipeline, task.train, [task.dev[1], task.dev[0]])["bigram"].losses
    assert twice == pytest.approx([each[1], each[0]])
    assert bounds["bigram"] < bounds["unigram"] < math.log(30)


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path):
    recipe = tiny_queries(tmp_path, 120, training={"checkpoint_seconds": 0})
    train(recipe, tmp_path / "whole")
    watch = StopAt(7)
    train(recipe, tmp_path / "stopped", observe=watch, stop=watch.request)
    resume(tmp_path / "stopped")
    assert_same_end(tmp_path / "whole", tmp_path / "stopped")


def test_runs_of_other_units_are_compared_on_the_same_beginnings(run: Path, tmp_path: Path):
    folder = run.parent
    raw = ost.load_run(run).recipe.model_dump(mode="json")
    raw["target_text"]["unit"] = "bytes"
    raw["training"]["max_steps"] = 20
    train(validate(raw, "bytes"), tmp_path / "bytes")
    found = compare_runs([run, tmp_path / "bytes"])
    assert (found.metric, found.item) == ("mrr@5", "query")
    assert found.differences[0].value < 0
    raw["evaluation"]["prefixes"] = 1
    train(validate(raw, "fewer"), tmp_path / "fewer")
    with pytest.raises(RunError, match="have different examples"):
        compare_runs([run, tmp_path / "fewer"])
    with pytest.raises(RunError, match="score each by itself"):
        evaluate_runs([run, run])
    assert folder.is_dir()


def test_in_python(run: Path, tmp_path: Path):
    opened = ost.load_run(run)
    assert opened.suggest("badal in ", "map of lima", num=1)[0].text == "badal in lima"
    assert len(opened.suggest("b", num_best=3)) == 3
    assert opened.predict([("map of rome", "badal in ")]) == ["badal in rome"]
    assert opened.predict(["badal in r"]) == ["badal in rome"]
    with pytest.raises(DataError, match="expected what is begun, or the query before"):
        opened.predict([3])
    with pytest.raises(RecipeError, match="decoding"):
        opened.suggest("b", nothing=3)
    opened.save_pretrained(tmp_path / "saved")
    saved = ost.from_pretrained(tmp_path / "saved")
    assert saved.suggest("badal in ", "map of oslo") == opened.suggest("badal in ", "map of oslo")
    assert "model.suggest(" in (tmp_path / "saved" / "README.md").read_text()


def test_a_writer_of_texts_is_no_suggester(run: Path):
    with pytest.raises(RunError, match="mend: use it with `ostinato suggest "):
        load_writer(run)
    with pytest.raises(RunError, match="mend: use suggest"):
        ost.load_run(run).predict_proba(["ba"])


def test_its_sizes_are_measured(run: Path, alone: Path):
    for folder in (run, alone):
        recipe = ost.load_run(folder).recipe
        task = SuggestionTask.from_recipe(recipe, CPU)
        memory = estimate_memory(task, task.build_model(), recipe.training)
        assert memory.total > 0
        assert any(line.startswith("targets [T=") for line in task.shapes(task.build_model()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_text": {"unit": "words"}}, "mend: target_text.unit=characters, jamo or bytes"),
        ({"target_text": {"unit": "bpe"}}, "may be begun within one of its bpe"),
        ({"decoding": {"method": "sample"}}, "mend: decoding.method=beam"),
        ({"data": {"also": "x"}}, "mend: leave data.also out"),
        ({"evaluation": {"metric": "bleu"}}, "evaluation.metric"),
        ({"evaluation": {"prefixes": 0}}, "evaluation.prefixes"),
    ],
)
def test_recipes_that_make_no_sense(tmp_path: Path, changes: dict[str, object], message: str):
    with pytest.raises(RecipeError, match=message):
        tiny_queries(tmp_path, 10, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"input": "nowhere"}}, "no column 'nowhere'"),
        ({"data": {"target": "nowhere"}}, "no column 'nowhere'"),
        ({"data": {"target": None}}, "`data.target` is missing"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, changes: dict[str, object], message: str):
    recipe = tiny_queries(tmp_path, 60, **changes)
    with pytest.raises(OstinatoError, match=message):
        SuggestionTask.from_recipe(recipe, CPU)


def test_rows_that_cannot_be_used(tmp_path: Path):
    rows = [*sessions(200), {"before": "map of rome", "query": " "}, {"before": "map of rome"}]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(DataError, match="there is nothing to write"):
        SuggestionTask.from_recipe(validate(raw_queries(path), "rows"), CPU)
    lenient = validate(raw_queries(path, data={"malformed": 0.05}), "rows")
    notes = SuggestionTask.from_recipe(lenient, CPU).notes()
    assert any("2" in note and "left out" in note for note in notes), notes
    numbers = [{"before": [1.0, 2.0], "query": "badal in rome"} for _ in range(50)]
    path = write_rows(tmp_path / "numbers.jsonl", numbers)
    recipe = validate(raw_queries(path, data={"split": {"by": "order"}}), "numbers")
    with pytest.raises(RecipeError, match="the query before is no text"):
        SuggestionTask.from_recipe(recipe, CPU)


def test_nothing_to_look_at_without_a_query_before(tmp_path: Path):
    (tmp_path / "asked.txt").write_text("\n".join(str(r["query"]) for r in sessions(100)))
    raw = raw_queries(tmp_path / "asked.txt", decoder={"attention": "general"})
    raw["data"]["target"] = None
    task = SuggestionTask.from_recipe(validate(raw, "lines"), CPU)
    with pytest.raises(OptionError, match=r"mend: decoder\.attention=none"):
        task.build_model()
    raw = raw_queries(tmp_path / "asked.txt", text={"lowercase": True})
    raw["data"]["target"] = None
    notes = SuggestionTask.from_recipe(validate(raw, "lines"), CPU).notes()
    assert "without effect here: text.lowercase" in notes


def test_attention_to_the_query_before_is_learned_too(tmp_path: Path):
    recipe = tiny_queries(
        tmp_path, 200, decoder={"attention": "general"}, model={"bidirectional": True}
    )
    finished = train(recipe, tmp_path / "run")
    assert finished.best_score < 3.2
    assert load_suggester(tmp_path / "run").suggest("b", "map of rome")


def test_a_query_of_one_character_cannot_be_begun(run: Path, tmp_path: Path):
    path = write_rows(tmp_path / "short.jsonl", [{"query": "b"}, {"query": "badal in rome"}])
    report = evaluate_run(run, path)
    assert report.num_examples == 2
    assert "1 query of one character cannot be begun" in report.remarks


def test_the_log_holds_the_scores(run: Path):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    scored = [line for line in lines if line["kind"] == "evaluation"]
    assert scored
    assert all({"loss", "perplexity", "mrr@5", "partial_mrr@5"} <= set(line) for line in scored)


def test_its_scores_are_a_row_of_results(run: Path):
    report = evaluate_run(run)
    row = ResultRow.of("suggest-en", report, seed=0, seconds=60.0, num_parameters=9)
    bound = find_goal("suggest-en").bounds[0]
    assert row.is_reached(bound)
    line = table_lines([row])[2]
    assert f"{report.num_examples:,} queries | mrr@5 | " in line
    assert "popular end" in line
    assert ResultRow.from_json(row.to_json()) == row
