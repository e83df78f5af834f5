"""What ends a run, what is written down, and what is never overwritten."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from ostinato.core.errors import EquationError, OptionError, StorageError, UnknownNameError
from ostinato.data import DataError
from ostinato.training import calibration
from ostinato.training.checkpoint import CheckpointStore
from ostinato.training.errors import DivergedError, RunError
from ostinato.training.events import Evaluated, Event, Finished, Noted, Started, Stepped
from ostinato.training.interrupt import StopRequest, stop_on_signals
from ostinato.training.recipe_files import parse_recipe, validate
from ostinato.training.run import RunFolder
from ostinato.training.session import load_trained, train
from tests.training.helpers import last, tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    folder = tmp_path_factory.mktemp("loop") / "run"
    events: list[Event] = []
    train(tiny(), folder, observe=events.append)
    return folder, events


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_what_is_told(run: tuple[Path, list[Event]]):
    folder, events = run
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Noted, Started, Evaluated]
    assert kinds.count(Stepped) == 24
    assert [e.step for e in events if isinstance(e, Evaluated)] == [0, 6, 12, 18, 24]
    started = next(e for e in events if isinstance(e, Started))
    assert set(started.baselines) == {"unigram", "bigram"}
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step, finished.folder) == ("finished", 24, folder)
    best = min(e.scores["bits_per_character"] for e in events if isinstance(e, Evaluated))
    assert finished.best_score == best


def test_what_is_written_down(run: tuple[Path, list[Event]]):
    folder, _ = run
    recipe = validate(parse_recipe((folder / "recipe.yaml").read_text(), ""), "")
    assert recipe == tiny()
    facts = RunFolder(folder).facts()
    assert facts["plan"]["max_steps"] == 24
    assert facts["versions"]["torch"] == torch.__version__
    scored = [r for r in records(folder) if r["kind"] == "evaluation"]
    assert [r["step"] for r in scored] == [0, 6, 12, 18, 24]
    assert all(len(r["sample"]) in (9, 10) for r in scored)
    trained = [r for r in records(folder) if r["kind"] == "train"]
    assert [r["step"] for r in trained] == list(range(2, 25, 2))
    assert trained[-1]["loss"] < trained[0]["loss"]


def test_the_events_are_readable_by_tensorboard(run: tuple[Path, list[Event]]):
    (file,) = (run[0] / "tensorboard").iterdir()
    tags = {
        value.tag for event in EventFileLoader(str(file)).Load() for value in event.summary.value
    }
    assert {"train/loss", "train/gradient_norm", "evaluation/bits_per_character"} <= tags


def test_best_and_last(run: tuple[Path, list[Event]]):
    finished = run[1][-1]
    assert isinstance(finished, Finished)
    store = CheckpointStore(run[0] / "checkpoints")
    assert store.load("best").progress["step"] == finished.best_step
    assert store.load("last").progress["step"] == 24
    assert not load_trained(run[0]).model.training


def test_a_text_can_be_learned_by_heart(tmp_path: Path):
    recipe = tiny(
        data={"text": "abcdefgh" * 20},
        model={"dropout": 0.0, "recurrent_dropout": 0.0},
        training={"max_steps": 150},
        sample={"prompt": "abc", "length": 8, "temperature": 0},
    )
    events: list[Event] = []
    finished = train(recipe, tmp_path / "run", observe=events.append)
    assert finished.best_score < 0.2
    assert next(e.sample for e in reversed(events) if isinstance(e, Evaluated)) == "abcdefghabc"


def test_it_stops_when_nothing_gets_better(tmp_path: Path):
    recipe = tiny(
        training={"learning_rate": 1e-12, "max_steps": 1000}, evaluation={"every": 5, "patience": 2}
    )
    finished = train(recipe, tmp_path / "run")
    assert finished.reason == "no more progress"
    assert finished.step < 1000


def test_it_stops_when_it_diverges_and_keeps_the_last_good_weights(tmp_path: Path):
    recipe = tiny(
        model={"cell": "elman_relu"},
        training={"learning_rate": 1e9, "clip_grad_norm": None, "max_steps": 200},
    )
    with pytest.raises(
        DivergedError, match=r"diverged at step \d+: loss .*, gradient norm"
    ) as caught:
        train(recipe, tmp_path / "run")
    message = str(caught.value)
    assert "mend: training.clip_grad_norm=1, a lower training.learning_rate (now 1e+09)" in message
    assert str(tmp_path / "run") in message
    assert all(t.isfinite().all() for t in last(tmp_path / "run").model.values())


def test_the_smallest_limit_ends_the_run(tmp_path: Path):
    limits = {"max_steps": 1000, "max_epochs": 0.5, "max_minutes": 10}
    finished = train(tiny(training=limits, sample={"length": 0}), tmp_path / "run")
    windows = 400 // (2 * 12) + 1
    assert finished.step == windows // 2


def test_time_is_turned_into_steps_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calibration, "seconds_per_step", lambda *_: 0.5)
    recipe = tiny(training={"max_steps": None, "max_minutes": 1, "warmup_steps": 3})
    stop = StopRequest()

    def observe(event: Event) -> None:
        if isinstance(event, Started):
            stop.signal = 2

    train(recipe, tmp_path / "run", observe=observe, stop=stop)
    plan = RunFolder(tmp_path / "run").plan()
    # 60 seconds of half a second each, less what is kept in reserve and what is gone already.
    assert 100 < plan.max_steps <= 0.96 * 60 / 0.5
    assert plan.evaluate_every == 6
    assert plan.warmup_steps == 3


@pytest.mark.parametrize(
    ("limits", "is_told"),
    [
        ({"max_steps": None, "max_minutes": 0.1}, True),
        ({"max_steps": 1, "max_minutes": 0.1}, False),
        ({"max_steps": None, "max_minutes": 10}, False),
    ],
)
def test_a_limit_that_leaves_few_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], is_told: bool
):
    monkeypatch.setattr(calibration, "seconds_per_step", lambda *_: 2.9)
    stop = StopRequest()
    notes: list[str] = []

    def observe(event: Event) -> None:
        if isinstance(event, Noted):
            notes.append(event.text)
        if isinstance(event, Started):
            stop.signal = 2

    train(tiny(training=limits), tmp_path / "run", observe=observe, stop=stop)
    assert any("leaves room for only 1 step: a higher" in note for note in notes) is is_told


def test_a_model_that_overflows_replaces_nothing(tmp_path: Path):
    train(tiny(training={"max_steps": 2}), tmp_path / "run")
    recipe = tiny(model={"cell": "h = exp(W @ h + U @ x) * 1e30", "recurrent_dropout": 0.0})
    with pytest.raises(DivergedError, match=r"score at step 0 is [^$]*\nmend: a cell whose state"):
        train(recipe, tmp_path / "run", force=True)
    assert last(tmp_path / "run").progress["step"] == 2


@pytest.mark.parametrize("damage", [b"seed: [", b"seed: many", b"\xff"])
def test_a_damaged_recipe_of_a_run(tmp_path: Path, damage: bytes):
    train(tiny(training={"max_steps": 2}), tmp_path / "run")
    (tmp_path / "run" / "recipe.yaml").write_bytes(damage)
    with pytest.raises(RunError, match=r"run/recipe.yaml is damaged: [^$]*\nmend: put back"):
        load_trained(tmp_path / "run")


@pytest.mark.parametrize(("seconds", "number"), [(0.001, 10), (1.5, 4), (100.0, 2)])
def test_slow_evaluations_are_few(seconds: float, number: int):
    assert calibration._affordable_evaluations(60, seconds) == number


def test_measuring_leaves_the_model_as_it_was(tmp_path: Path):
    limits = {"max_steps": 6, "max_minutes": 10}
    train(tiny(training=limits), tmp_path / "measured")
    train(tiny(training={"max_steps": 6}), tmp_path / "plain")
    ours, theirs = last(tmp_path / "measured"), last(tmp_path / "plain")
    assert all(torch.equal(ours.model[name], theirs.model[name]) for name in ours.model)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model": {"cell": "lstn"}}, UnknownNameError),
        ({"model": {"cell": "h = tahn(W @ [h, x])"}}, EquationError),
        ({"model": {"engine": "steam"}}, OptionError),
        ({"model": {"tied": True}}, OptionError),
        ({"model": {"cell": "sru"}}, EquationError),
        ({"data": {"text": "short"}}, DataError),
        ({"sample": {"prompt": "ÿ"}}, DataError),
    ],
)
def test_mistakes_leave_no_folder(tmp_path: Path, changes: dict[str, Any], error: type[Exception]):
    with pytest.raises(error):
        train(tiny(**changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_overwritten_unasked(run: tuple[Path, list[Event]]):
    before = {p: p.stat().st_mtime_ns for p in run[0].rglob("*")}
    with pytest.raises(RunError, match=r"exists\nmend: go on with .*--force"):
        train(tiny(), run[0])
    assert {p: p.stat().st_mtime_ns for p in run[0].rglob("*")} == before


def test_force_replaces_runs_and_nothing_else(tmp_path: Path):
    for _ in range(2):
        assert train(tiny(training={"max_steps": 2}), tmp_path / "run", force=True).step == 2
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("years of work")
    with pytest.raises(RunError, match="holds something else than a run"):
        train(tiny(), other, force=True)
    assert (other / "chapter.tex").read_text() == "years of work"


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*\nmend: choose another folder"):
        train(tiny(), tmp_path / "file" / "run")
    with pytest.raises(StorageError, match="cannot write"):
        train(tiny(), tmp_path / "file")


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Root may write everywhere.
    monkeypatch.setattr(Path, "mkdir", forbid)
    with pytest.raises(StorageError, match=r"not allowed to write .*\nmend: choose a folder"):
        train(tiny(), tmp_path / "run")


def test_a_full_disk_while_logging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written = 0

    def full(*_: object) -> None:
        nonlocal written
        written += 1
        if written > 5:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ostinato.training.tensorboard.EventFile.scalars", full)
    with pytest.raises(StorageError, match="no space left to write"):
        train(tiny(training={"checkpoint_seconds": 0}), tmp_path / "run")
    assert last(tmp_path / "run").progress["step"] > 0


def test_no_signals_are_touched_outside_the_main_thread():
    from concurrent.futures import ThreadPoolExecutor

    def watch() -> bool:
        with stop_on_signals() as stop:
            return bool(stop)

    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(watch).result()


@pytest.mark.parametrize("damage", ["", "[1", "{}", '{"plan": {"x": 1}}'])
def test_a_damaged_run(tmp_path: Path, damage: str):
    train(tiny(training={"max_steps": 2}), tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(damage)
    with pytest.raises(RunError, match="damaged"):
        RunFolder.open(tmp_path / "run").plan()
    with pytest.raises(RunError, match="damaged"):
        load_trained(tmp_path / "run")


def test_not_a_run(tmp_path: Path, run: tuple[Path, list[Event]]):
    with pytest.raises(RunError, match=r"no such run.*\nmend: give a folder"):
        RunFolder.open(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"no such run: .*did you mean .*run"):
        RunFolder.open(run[0].with_name("rum"))
    with pytest.raises(RunError, match=r"is not a run: .*\nmend: .*such as"):
        RunFolder.open(run[0].parent)
