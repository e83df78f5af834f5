"""A run that is stopped, interrupted or killed goes on to bit-identical weights."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
import yaml

from ostinato.core import files
from ostinato.data import DataError
from ostinato.training import loop
from ostinato.training.errors import CheckpointError, RunError
from ostinato.training.events import Evaluated, Event, Noted, Started, Stepped
from ostinato.training.interrupt import StopRequest
from ostinato.training.session import resume, train
from tests.training.example_helpers import raw_tags, tiny_tags, write_tags
from tests.training.helpers import last, raw_recipe, start, tiny


def assert_same_end(folder: Path, expected: Path) -> None:
    """Weights, optimizer, random state and metrics are those of the other run."""
    ours, theirs = last(folder), last(expected)
    for mine, other in ((ours.model, theirs.model), (ours.training, theirs.training)):
        assert mine.keys() == other.keys()
        for name in mine:
            assert mine[name].numpy().tobytes() == other[name].numpy().tobytes(), name
    assert {**ours.progress, "seconds": 0} == {**theirs.progress, "seconds": 0}
    assert metrics(folder) == metrics(expected)


def metrics(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class StopAt:
    """Asks to stop after a step; 0: when the run is planned."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.request = StopRequest()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started | Stepped) and event.step == self.step:
            self.request.signal = signal.SIGINT


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert train(tiny(), folder).reason == "finished"
    return folder


def test_the_same_seed_gives_the_same_weights(uninterrupted: Path, tmp_path: Path):
    torch.manual_seed(123)
    before = torch.get_rng_state()
    train(tiny(), tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), before)
    assert_same_end(tmp_path / "run", uninterrupted)


def test_another_seed_gives_other_weights(uninterrupted: Path, tmp_path: Path):
    train(tiny(seed=1), tmp_path / "run")
    ours, theirs = last(tmp_path / "run").model, last(uninterrupted).model
    assert not torch.equal(ours["head.weight"], theirs["head.weight"])


@pytest.mark.parametrize("step", [1, 5, 6, 17, 23])
def test_stop_and_go_on(uninterrupted: Path, tmp_path: Path, step: int):
    watch = StopAt(step)
    stopped = train(tiny(), tmp_path / "run", observe=watch, stop=watch.request)
    assert (stopped.reason, stopped.step) == ("interrupted", step)
    events: list[Event] = []
    assert resume(tmp_path / "run", observe=events.append).step == 24
    started = next(event for event in events if isinstance(event, Started))
    assert (started.step, started.max_steps) == (step, 24)
    assert_same_end(tmp_path / "run", uninterrupted)


def test_stop_before_the_first_step_and_again_at_once(uninterrupted: Path, tmp_path: Path):
    watch = StopAt(0)
    assert train(tiny(), tmp_path / "run", observe=watch, stop=watch.request).step == 0
    again = resume(tmp_path / "run", stop=watch.request)
    assert (again.reason, again.step) == ("interrupted", 0)
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", uninterrupted)


def test_a_machine_that_became_slow(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = tiny(training={"max_minutes": 10})
    with monkeypatch.context() as patched:
        patched.setattr(loop, "_PATIENCE_WITH_MACHINE", 1e-9)
        stopped = train(recipe, tmp_path / "run")
        assert (stopped.reason, stopped.step) == ("out of time", 1)
        again = resume(tmp_path / "run")
        assert (again.reason, again.step) == ("out of time", 2)
    assert resume(tmp_path / "run").reason == "finished"
    assert_same_end(tmp_path / "run", uninterrupted)


class Killed(BaseException):
    """Stands for SIGKILL: no handler of errors sees it."""


@pytest.mark.parametrize("moment", [*range(8, 16), 30, 61])
def test_killed_at_any_moment_of_writing(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
):
    num_syncs = 0
    real = os.fsync

    def count(handle: int) -> None:
        nonlocal num_syncs
        num_syncs += 1
        if num_syncs == moment:
            raise Killed
        real(handle)

    recipe = tiny(training={"checkpoint_seconds": 0})
    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", count)
        with pytest.raises(Killed):
            train(recipe, tmp_path / "run")
    if not (tmp_path / "run" / "checkpoints" / "index.json").exists():
        train(recipe, tmp_path / "run", force=True)
    else:
        resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", uninterrupted)


def write_recipe(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(raw_recipe(**changes)))
    return path


LONG = {"training": {"max_steps": 90, "checkpoint_seconds": 0}, "evaluation": {"every": 30}}


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=60)
    finally:
        process.kill()


def test_a_process_that_is_really_killed(tmp_path: Path):
    recipe = write_recipe(tmp_path, **LONG)
    train(tiny(**LONG), tmp_path / "whole")
    moments = random.Random(0)
    arguments = ["train", str(recipe), "--run", "killed"]
    num_kills = 0
    for _ in range(2):
        process = start(*arguments, folder=tmp_path)
        index = tmp_path / "killed" / "checkpoints" / "index.json"
        began = index.stat().st_mtime_ns if index.exists() else 0
        wait_for(index, process)
        while process.poll() is None and index.stat().st_mtime_ns == began:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        num_kills += process.returncode == -signal.SIGKILL
        arguments = ["train", "--resume", "killed"]
    assert num_kills >= 1
    if not last(tmp_path / "killed").progress["finished"]:
        resume(tmp_path / "killed")
    assert_same_end(tmp_path / "killed", tmp_path / "whole")


def test_control_c_keeps_everything(tmp_path: Path):
    recipe = write_recipe(tmp_path, training={"max_steps": 100_000}, evaluation={"every": 50_000})
    process = start("train", str(recipe), "--run", "my run", folder=tmp_path)
    wait_for(tmp_path / "my run" / "checkpoints" / "index.json", process)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, errors = finish(process)
    assert process.returncode == 130
    assert "everything is kept; go on with: ostinato train --resume 'my run'" in output
    assert errors == ""
    stopped = last(tmp_path / "my run").progress
    assert f"interrupted at step {stopped['step']:,}" in output
    watch = StopAt(stopped["step"] + 3)
    assert resume(tmp_path / "my run", observe=watch, stop=watch.request).step == watch.step


def test_patience_is_counted_across_sittings(tmp_path: Path):
    changes = {
        "training": {"learning_rate": 1e-12, "max_steps": 100},
        "evaluation": {"every": 5, "patience": 2},
        "model": {"dropout": 0.0, "recurrent_dropout": 0.0},
    }
    whole = train(tiny(**changes), tmp_path / "whole")
    assert whole.reason == "no more progress"
    watch = StopAt(whole.step - 2)
    train(tiny(**changes), tmp_path / "run", observe=watch, stop=watch.request)
    assert resume(tmp_path / "run").step == whole.step
    assert_same_end(tmp_path / "run", tmp_path / "whole")


def test_a_finished_run_cannot_go_on(uninterrupted: Path):
    with pytest.raises(RunError, match=r"is over: finished at step 24 of 24\nmend: use it with"):
        resume(uninterrupted)


def test_a_changed_text_is_noticed(tmp_path: Path):
    text = tmp_path / "text.txt"
    text.write_text("some text of some length\n" * 20)
    watch = StopAt(3)
    recipe = tiny(data={"text": None, "path": str(text)})
    train(recipe, tmp_path / "run", observe=watch, stop=watch.request)
    text.write_text("some text of some length!\n" * 20)
    with pytest.raises(RunError, match="the data changed since the run"):
        resume(tmp_path / "run")


@pytest.mark.parametrize("changed", ["short", "other letters, " * 40])
def test_a_text_that_cannot_be_used_any_more_has_changed(tmp_path: Path, changed: str):
    text = tmp_path / "text.txt"
    text.write_text("some text of Zome length\n" * 20)
    watch = StopAt(3)
    recipe = tiny(data={"text": None, "path": str(text)}, sample={"prompt": "Z"})
    train(recipe, tmp_path / "run", observe=watch, stop=watch.request)
    text.write_text(changed)
    with pytest.raises(RunError, match="the data changed since the run"):
        resume(tmp_path / "run")
    text.unlink()
    with pytest.raises(DataError, match="no such file"):
        resume(tmp_path / "run")


def test_from_the_best_checkpoint_where_the_newest_is_damaged(uninterrupted: Path, tmp_path: Path):
    watch = StopAt(8)
    train(tiny(), tmp_path / "run", observe=watch, stop=watch.request)
    checkpoints = tmp_path / "run" / "checkpoints"
    (checkpoints / "step-00000008" / "model.safetensors").write_bytes(b"")
    events: list[Event] = []
    assert resume(tmp_path / "run", observe=events.append).step == 24
    (note,) = [event.text for event in events if isinstance(event, Noted)]
    assert note.startswith("the checkpoint is damaged: ")
    assert note.endswith("; going on from the best checkpoint, of step 6")
    assert_same_end(tmp_path / "run", uninterrupted)


def test_no_checkpoint_is_whole(tmp_path: Path):
    watch = StopAt(8)
    train(tiny(), tmp_path / "run", observe=watch, stop=watch.request)
    for file in (tmp_path / "run" / "checkpoints").rglob("training.safetensors"):
        file.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"step-00000008.*\nmend: put back a copy"):
        resume(tmp_path / "run")


def test_one_process_at_a_time(tmp_path: Path):
    def intrude(event: Event) -> None:
        if isinstance(event, Evaluated) and event.step == 6:
            with pytest.raises(RunError, match="another process is training"):
                resume(tmp_path / "run")
            with pytest.raises(RunError, match="another process is training"):
                train(tiny(), tmp_path / "run", force=True)

    train(tiny(), tmp_path / "run", observe=intrude)
    assert last(tmp_path / "run").progress["finished"] == "finished"


SETTINGS = {
    "mean of the weights": {"ema_decay": 0.9},
    "several batches a step": {"accumulate": 3},
    "several best": {"keep_best": 3},
    "sgd": {"optimizer": "sgd", "momentum": 0.5, "schedule": "linear"},
    "sgd without momentum": {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant"},
    "overlapping windows": {"tbptt_stride": 5},
    "all": {"ema_decay": 0.9, "accumulate": 2, "keep_best": 2, "tbptt_stride": 4},
}


@pytest.mark.parametrize("training", SETTINGS.values(), ids=SETTINGS)
def test_every_setting_goes_on_bit_by_bit(tmp_path: Path, training: dict[str, object]):
    recipe = tiny(training=training)
    train(recipe, tmp_path / "whole")
    for step in (7, 12):
        watch = StopAt(step)
        folder = tmp_path / f"stopped at {step}"
        train(recipe, folder, observe=watch, stop=watch.request)
        resume(folder)
        assert_same_end(folder, tmp_path / "whole")
        kept = [
            {e.name for e in (f / "checkpoints").iterdir()} for f in (folder, tmp_path / "whole")
        ]
        assert {n.removesuffix("-again") for n in kept[0]} == {
            n.removesuffix("-again") for n in kept[1]
        }


def test_documents_go_on_bit_by_bit(tmp_path: Path):
    text = "\n".join(f"line {number} of {number % 7}" for number in range(40))
    recipe = tiny(data={"text": text, "documents": "lines"}, training={"tbptt_steps": 20})
    train(recipe, tmp_path / "whole")
    watch = StopAt(17)
    train(recipe, tmp_path / "run", observe=watch, stop=watch.request)
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", tmp_path / "whole")


HARD = {
    "training": {
        **LONG["training"],
        "ema_decay": 0.9,
        "accumulate": 2,
        "keep_best": 2,
        "optimizer": "sgd",
    },
    "evaluation": {"every": 10},
}


def test_a_process_with_every_setting_that_is_really_killed(tmp_path: Path):
    recipe = write_recipe(tmp_path, **HARD)
    train(tiny(**HARD), tmp_path / "whole")
    process = start("train", str(recipe), "--run", "killed", folder=tmp_path)
    index = tmp_path / "killed" / "checkpoints" / "index.json"
    wait_for(index, process)
    time.sleep(random.Random(1).uniform(0, 0.4))
    process.kill()
    finish(process)
    if not last(tmp_path / "killed").progress["finished"]:
        resume(tmp_path / "killed")
    assert_same_end(tmp_path / "killed", tmp_path / "whole")


def test_examples_that_are_really_killed_again_and_again(tmp_path: Path):
    data = write_tags(tmp_path, 120)
    changes = {
        "training": {"max_epochs": 6, "checkpoint_seconds": 0, "ema_decay": 0.9, "accumulate": 2},
        "evaluation": {"patience": None},
    }
    recipe = tmp_path / "tags.yaml"
    recipe.write_text(yaml.safe_dump(raw_tags(data, **changes)))
    train(tiny_tags(data, **changes), tmp_path / "whole")
    moments = random.Random(3)
    arguments = ["train", str(recipe), "--run", "killed"]
    num_kills = 0
    for _ in range(3):
        process = start(*arguments, folder=tmp_path)
        index = tmp_path / "killed" / "checkpoints" / "index.json"
        began = index.stat().st_mtime_ns if index.exists() else 0
        wait_for(index, process)
        while process.poll() is None and index.stat().st_mtime_ns == began:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        process.communicate()
        num_kills += process.returncode == -signal.SIGKILL
        arguments = ["train", "--resume", "killed"]
    assert num_kills >= 1
    if not last(tmp_path / "killed").progress["finished"]:
        resume(tmp_path / "killed")
    assert_same_end(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are of Linux")
@pytest.mark.parametrize("largest", [0, 1000, 5000])
def test_a_disk_that_takes_no_more(tmp_path: Path, largest: int):
    recipe = write_recipe(tmp_path, **LONG)
    train(tiny(**LONG), tmp_path / "whole")
    process = start("train", str(recipe), "--run", "run", folder=tmp_path)
    wait_for(tmp_path / "run" / "checkpoints" / "index.json", process)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest, largest))
    output, errors = finish(process)
    assert process.returncode == 2, (output, errors)
    assert errors.startswith("error: no space left to write run")
    assert "mend: " in errors.splitlines()[-1]
    stopped = last(tmp_path / "run").progress
    assert not stopped["finished"]
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", tmp_path / "whole")
