"""Networks that write, trained: what is learned, resumed, measured and refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.batches import make_batch
from ostinato.training.estimate import estimate_memory
from ostinato.training.events import Event, Noted
from ostinato.training.interrupt import Stopped, StopRequest
from ostinato.training.recipe_files import validate
from ostinato.training.results_of_run import results_of_run
from ostinato.training.session import resume, train
from ostinato.training.task import SelfMeasured
from ostinato.training.trained_writer import load_writer
from ostinato.training.writing_recipe import WritingRecipe
from ostinato.training.writing_task import WritingTask
from tests.training.examples import write_rows
from tests.training.test_resume import StopAt, assert_same_end
from tests.training.writing_helpers import backwards, raw_pairs, tiny_pairs

CPU = torch.device("cpu")
NEVER = StopRequest()
SAMPLED = {
    "teacher_forcing_decay": "exponential",
    "teacher_forcing_speed": 0.97,
    "free_choice": "sample",
}


def task_of(folder: Path, **changes: Any) -> WritingTask:
    return WritingTask.from_recipe(tiny_pairs(folder, **changes), CPU)


def test_it_learns_to_write_backwards(tmp_path: Path):
    recipe = tiny_pairs(
        tmp_path,
        400,
        model={"hidden_size": 24},
        training={"max_steps": 240, "learning_rate": 0.02},
        evaluation={"every": 120, "metric": "exact"},
    )
    finished = train(recipe, tmp_path / "run")
    found = results_of_run(tmp_path / "run")
    assert found.scores["exact"] == finished.best_score >= 0.8
    # A bag of letters has no order, and the nearest text is another.
    assert max(found.baselines.values()) <= 0.4
    assert found.scores["perplexity"] == pytest.approx(math.exp(found.scores["loss"]))
    (text,) = load_writer(tmp_path / "run").write(["a b c"])
    assert text[0].text == "C B A"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training": SAMPLED},
        {"training": {"batch_tokens": 60, "accumulate": 2}, "decoder": {"attention": "none"}},
        {"decoder": {"input_feeding": True, "attention": "bahdanau"}, "model": {"dropout": 0.2}},
        {"decoder": {"pointer": True}, "model": {"cell": "lstm"}},
    ],
)
def test_a_run_goes_on_to_the_same_bits(tmp_path: Path, changes: dict[str, Any]):
    training = {**changes.get("training", {}), "max_steps": 12, "ema_decay": 0.9}
    recipe = tiny_pairs(
        tmp_path, 80, **{**changes, "training": training, "evaluation": {"every": 5}}
    )
    train(recipe, tmp_path / "whole")
    for step in (3, 5):
        watch = StopAt(step)
        folder = tmp_path / str(step)
        assert train(recipe, folder, observe=watch, stop=watch.request).step == step
        assert resume(folder).step == 12
        assert_same_end(folder, tmp_path / "whole")


def test_the_ratio_stands_in_the_log(tmp_path: Path):
    train(tiny_pairs(tmp_path, 60, training={**SAMPLED, "max_steps": 6}), tmp_path / "run")
    records = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    ratios = [each["teacher_forcing_ratio"] for each in records if each["kind"] == "train"]
    assert ratios == [pytest.approx(0.97**step) for step in (1, 3, 5)]


def test_what_the_model_reads_in_its_place_changes_the_loss(tmp_path: Path):
    task = task_of(tmp_path, training={"teacher_forcing_ratio": 0.0})
    torch.manual_seed(0)
    model = task.build_model().eval()
    (batch,) = task.batches(0)
    free = task.loss(model, batch, None).loss_sum
    rows = batch.rows
    forced = task.loss(model, make_batch(task.train, rows), None).loss_sum
    assert free.item() != pytest.approx(forced.item(), rel=1e-6)


def test_batches_hold_every_pair_once_and_no_more_than_asked(tmp_path: Path):
    task = task_of(tmp_path, training={"batch_tokens": 40, "batch_size": 8})
    seen: list[int] = []
    for step in range(task.steps_per_epoch):
        (batch,) = task.batches(step)
        assert batch.targets is not None
        assert max(batch.targets.shape[0], batch.inputs["ids"].shape[0]) * len(batch.rows) <= 40
        seen += batch.rows.tolist()
    assert sorted(seen) == list(range(len(task.train)))


def test_shares_of_a_batch_cost_what_the_whole_costs(tmp_path: Path):
    task = task_of(tmp_path, training={**SAMPLED, "free_choice": "argmax"})
    model = task.build_model().eval()
    (batch,) = task.batches(7)
    whole = task.loss(model, batch, None).loss_sum.item()
    shares = [batch.share(index, 3) for index in range(3)]
    parts = sum(task.loss(model, share, None).loss_sum.item() for share in shares)
    assert parts == pytest.approx(whole, rel=1e-5)
    assert sum(share.num_targets for share in shares) == batch.num_targets


def test_where_the_loss_decides_nothing_is_written(tmp_path: Path):
    task = task_of(tmp_path, evaluation={"metric": "loss"})
    scores = task.evaluate(task.build_model(), NEVER)
    assert set(scores) == {"loss", "perplexity"}
    assert set(task.baselines()) == {"unigram"}
    assert not task.higher_is_better


def test_an_evaluation_obeys_between_two_batches(tmp_path: Path):
    task = task_of(tmp_path)
    stop = StopRequest()
    stop.signal = 2
    with pytest.raises(Stopped):
        task.evaluate(task.build_model(), stop)
    with pytest.raises(Stopped):
        task.sample(task.build_model(), 0, stop)


def test_a_sample_is_what_is_written_for_the_first_pairs(tmp_path: Path):
    task = task_of(tmp_path)
    lines = task.sample(task.build_model(), 0, NEVER).splitlines()
    assert [line.partition(" → ")[0] for line in lines] == [each.content for each in task.dev[:3]]


def test_notes_tell_the_sizes_and_what_has_no_effect(tmp_path: Path):
    task = task_of(
        tmp_path,
        text={"max_length": 3},
        frames={"num_mels": 20},
        decoding={"method": "greedy", "beam_size": 9, "top_p": 0.5},
        training={"momentum": 0.5, "free_choice": "sample"},
    )
    notes = " / ".join(task.notes())
    assert "read: 3 words in the middle, 3 at most, 9 different" in notes
    assert "cut at 3 steps" in notes
    keys = (
        "frames.num_mels, training.momentum, training.free_choice, decoding.beam_size, "
        "decoding.top_p"
    )
    assert f"without effect here: {keys}" in notes
    notes = " / ".join(task_of(tmp_path, training={**SAMPLED, "free_choice": "sample"}).notes())
    assert "without effect" not in notes
    (note,) = [note for note in task_of(tmp_path).notes() if "free-running" in note]
    assert "teacher-forced" in note


def test_a_check_knows_shapes_and_memory(tmp_path: Path):
    task = task_of(tmp_path, training={"batch_size": 7, **SAMPLED}, decoder={"pointer": True})
    assert isinstance(task, SelfMeasured)
    model = task.build_model()
    shapes = list(task.shapes(model))
    assert shapes[:2] == ["ids [S=5, B=7]  int64", "copies [S=5, B=7]  int64"]
    assert "targets [T=6, B=7]  int64" in shapes
    batches, num = task.narrow()
    assert [rows for rows, _ in batches] == [1, 2]
    assert num == 7
    assert estimate_memory(task, model, task.recipe.training).saved.total > 0
    assert task.num_scored == sum(len(e) + len(e.target) for e in task.dev if e.target is not None)


def test_right_answers_that_stand_beside(tmp_path: Path):
    rows = [{**row, "others": [row["x"]]} for row in backwards(60)]
    path = write_rows(tmp_path / "also.jsonl", rows)
    recipe = validate(raw_pairs(path, data={"also": "others"}), "also")
    assert isinstance(recipe, WritingRecipe)
    task = WritingTask.from_recipe(recipe, CPU)
    assert all(e.labels == tuple(dict.fromkeys((e.labels[0], e.content))) for e in task.dev)
    # Copying the source is right everywhere now.
    assert task.baselines()["copy"] == pytest.approx(100)


def test_sounds_and_series_become_texts(tmp_path: Path):
    random = np.random.default_rng(0)
    rows = []
    for _ in range(80):
        signs = random.integers(0, 2, int(random.integers(1, 5)))
        series = np.repeat(signs * 2.0 - 1, 2)[:, None] + random.normal(0, 0.1, (2 * len(signs), 1))
        rows.append(
            {"x": series.round(3).tolist(), "y": " ".join("up" if s else "down" for s in signs)}
        )
    path = write_rows(tmp_path / "series.jsonl", rows)
    raw = raw_pairs(path, frames={"noise": 0.05}, model={"embedding_size": 128})
    recipe = validate(raw, "series")
    assert isinstance(recipe, WritingRecipe)
    task = WritingTask.from_recipe(recipe, CPU)
    assert task.item_name == "frames"
    assert set(task.baselines()) == {"most frequent"}
    first, again = (task.batches(0)[0].inputs["frames"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != make_batch(task.train, task.batches(0)[0].rows).inputs["frames"]).any()
    train(recipe, tmp_path / "run")
    (best,) = load_writer(tmp_path / "run").write([rows[0]["x"]])
    assert isinstance(best[0].text, str)


@pytest.mark.parametrize(
    ("rows", "changes", "reason", "mend"),
    [
        (
            [*backwards(40), {"x": "a", "y": ""}, {"x": "", "y": "A"}],
            {},
            "2 malformed rows of",
            "data.malformed=",
        ),
        ([{"x": "a", "y": "A"}] * 30, {}, "the dev part holds no examples", "data.dev=FILE"),
        (backwards(40), {"data": {"target": "z"}}, "no column 'z'", "data.target="),
        (backwards(40), {"data": {"target": None}}, "`data.target` is missing", "COLUMN"),
    ],
)
def test_data_that_cannot_be_learned_from(
    tmp_path: Path, rows: Any, changes: dict[str, Any], reason: str, mend: str
):
    path = write_rows(tmp_path / "bad.jsonl", rows)
    recipe = validate(raw_pairs(path, **changes), "bad")
    assert isinstance(recipe, WritingRecipe)
    with pytest.raises(Exception, match=reason) as caught:
        WritingTask.from_recipe(recipe, CPU)
    assert mend in str(caught.value).partition("mend: ")[2]


def test_malformed_pairs_are_left_out_and_counted_as_the_recipe_says(tmp_path: Path):
    rows = [*backwards(40), {"x": "a", "y": " "}, {"x": "", "y": "A"}]
    path = write_rows(tmp_path / "bad.jsonl", rows)
    recipe = validate(raw_pairs(path, data={"malformed": 0.1}), "bad")
    assert isinstance(recipe, WritingRecipe)
    notes = WritingTask.from_recipe(recipe, CPU).notes()
    (note,) = [note for note in notes if "left out" in note]
    assert note.startswith("2 malformed rows left out: bad.jsonl, line ")


def test_parallel_files_of_unequal_lengths(tmp_path: Path):
    for name, lines in (("a", ["a", "b", "c"]), ("b", ["A", "B"])):
        (tmp_path / f"train.{name}").write_text("".join(f"{line}\n" for line in lines))
    files = {"x": str(tmp_path / "train.a"), "y": str(tmp_path / "train.b")}
    recipe = validate(raw_pairs(Path(), data={"train": files}), "parallel")
    assert isinstance(recipe, WritingRecipe)
    with pytest.raises(DataError, match=r"(?s)different numbers of lines.*has 3.*has 2.*mend: "):
        WritingTask.from_recipe(recipe, CPU)


def test_notes_move_with_polyphony_alone(tmp_path: Path):
    rows = [{"x": [[0.0, number]], "y": f"{number}"} for number in range(40)]
    path = write_rows(tmp_path / "notes.jsonl", rows)
    recipe = validate(raw_pairs(path, frames={"transpose": 1}), "notes")
    assert isinstance(recipe, WritingRecipe)
    with pytest.raises(OptionError, match=r"mend: frames\.transpose=0"):
        WritingTask.from_recipe(recipe, CPU)


def test_what_is_noted_is_told(tmp_path: Path):
    events: list[Event] = []
    train(
        tiny_pairs(tmp_path, 60, training={"max_steps": 1}), tmp_path / "run", observe=events.append
    )
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert notes[0].startswith("data: ")
