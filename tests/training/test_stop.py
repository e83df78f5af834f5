"""Asked to stop at any moment, a run loses nothing: it never began, or it goes on as it was."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ostinato.training import language_model
from ostinato.training.checkpoint import CheckpointStore
from ostinato.training.events import Event, Finished, Started, Stepped
from ostinato.training.interrupt import Stopped, StopRequest, stop_on_signals
from ostinato.training.loop import Loop
from ostinato.training.session import resume, train
from tests.training.helpers import last, process_environment, raw_recipe, start, tiny
from tests.training.test_resume import Killed, assert_same_end

# Nine windows and ten characters an evaluation: moments to stop in the middle of it.
CHANGES = {
    "training": {"max_steps": 12, "max_minutes": 10},
    "evaluation": {"every": 6, "batch_size": 1, "window": 5},
}


class StopAtLook(StopRequest):
    """Is asked to stop just before it is looked at for the n-th time, counted from a step on."""

    def __init__(self, moment: float, after_step: int = 0) -> None:
        super().__init__()
        self.moment, self.after_step = moment, after_step
        self.num_looks = 0
        self.num_before_start = 0
        self._counts = after_step == 0

    def observe(self, event: Event) -> None:
        if isinstance(event, Stepped) and event.step == self.after_step:
            self._counts = True
        if isinstance(event, Started):
            self.num_before_start = self.num_looks

    def check(self) -> None:
        self.num_looks += self._counts
        if self.num_looks == self.moment:
            self.signal = signal.SIGINT
        super().check()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert train(tiny(**CHANGES), folder).reason == "finished"
    return folder


def content(folder: Path) -> dict[Path, bytes | None]:
    return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def train_until(stop: StopAtLook, folder: Path, *, force: bool = False) -> Finished:
    return train(tiny(**CHANGES), folder, force=force, observe=stop.observe, stop=stop)


def test_before_the_first_step_everything_is_left_as_it_was(tmp_path: Path):
    old = tmp_path / "old"
    never = StopAtLook(math.inf)
    train_until(never, old)
    assert never.num_before_start > 50
    (tmp_path / "empty").mkdir()
    before = content(tmp_path)
    for moment in range(1, never.num_before_start + 1, 4):
        folder = ("new/runs/run", "empty", "old")[moment % 3]
        with pytest.raises(Stopped):
            train_until(StopAtLook(moment), tmp_path / folder, force=folder == "old")
        assert content(tmp_path) == before, moment


def test_what_others_put_into_a_new_folder_stays(tmp_path: Path):
    folder = tmp_path / "runs" / "run"
    stop = StopAtLook(10)

    def intrude(_: Event) -> None:
        (folder.parent / "mine.txt").write_text("precious")

    with pytest.raises(Stopped):
        train(tiny(**CHANGES), folder, observe=intrude, stop=stop)
    assert set(content(tmp_path)) == {folder.parent, folder.parent / "mine.txt"}


def test_an_error_before_the_first_step_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Loop, "evaluate", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(tiny(), tmp_path / "runs" / "run")
    assert content(tmp_path) == {}


@pytest.mark.parametrize("step", [6, 12])
@pytest.mark.parametrize("moment", [1, 5, 10, 19])
def test_stop_within_an_evaluation(uninterrupted: Path, tmp_path: Path, step: int, moment: int):
    folder = tmp_path / "run"
    stopped = train_until(StopAtLook(moment, after_step=step), folder)
    assert (stopped.reason, stopped.step) == ("interrupted", step)
    assert last(folder).progress["is_evaluation_due"]
    # Two looks belong to the text.
    again = StopAtLook(2 + moment)
    assert resume(folder, observe=again.observe, stop=again).step == step
    assert last(folder).progress["is_evaluation_due"]
    assert resume(folder).reason == "finished"
    assert_same_end(folder, uninterrupted)
    best, expected = (
        CheckpointStore(f / "checkpoints").load("best") for f in (folder, uninterrupted)
    )
    assert {**best.progress, "seconds": 0} == {**expected.progress, "seconds": 0}
    for name, tensor in expected.model.items():
        assert best.model[name].numpy().tobytes() == tensor.numpy().tobytes()


def test_killed_while_an_evaluation_is_done_again(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def die(*_: object, **__: object) -> None:
        raise Killed

    train_until(StopAtLook(3, after_step=6), tmp_path / "run")
    with monkeypatch.context() as patched:
        patched.setattr(Loop, "save", die)
        with pytest.raises(Killed):
            resume(tmp_path / "run")
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", uninterrupted)


def test_stop_while_a_run_that_goes_on_reads_its_text(uninterrupted: Path, tmp_path: Path):
    train_until(StopAtLook(3, after_step=6), tmp_path / "run")
    before = last(tmp_path / "run").progress
    stop = StopAtLook(2)
    assert resume(tmp_path / "run", stop=stop).reason == "interrupted"
    assert last(tmp_path / "run").progress == before
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", uninterrupted)


def test_a_signal_ends_the_reading_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def read(_: object) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            time.sleep(0.1)
        raise AssertionError

    monkeypatch.setattr(language_model, "read_source", read)
    began = time.monotonic()
    with stop_on_signals() as stop, pytest.raises(Stopped) as caught:
        train(tiny(), tmp_path / "run", stop=stop)
    assert caught.value.signal == signal.SIGTERM
    assert time.monotonic() - began < 30
    assert content(tmp_path) == {}


NOTHING_LOST = "stopped before the first step: nothing was trained, nothing is lost"


def assert_nothing_began(process: subprocess.Popen[str], folder: Path, said: str | None) -> None:
    try:
        # The stages would take minutes.
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, "")
    assert output.splitlines()[-1:] == ([said] if said else [])
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(("module", "said"), [("typer", None), ("torch", NOTHING_LOST)])
def test_control_c_while_modules_are_loaded(tmp_path: Path, module: str, said: str | None):
    code = f"""
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

# A shell starts what runs in the background without it.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupt())
from ostinato.cli import main
main(["train", "hello", "training.max_steps=100000000"])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert_nothing_began(process, tmp_path, said)


MEDIUM = {"data": {"text": "some text " * 30_000, "held_out": 0.5}}
ONE_BY_ONE = {"batch_size": 1, "window": 1}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (MEDIUM | {"evaluation": ONE_BY_ONE}, "text: "),
        ({"sample": {"length": 10_000_000}}, "text: "),
        (MEDIUM | {"training": {"tbptt_steps": 2000, "max_minutes": 600}}, "measuring "),
    ],
    ids=["evaluation", "sample", "measurement"],
)
def test_control_c_before_the_first_step(tmp_path: Path, changes: dict[str, object], line: str):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(raw_recipe(**changes)))
    process = start("train", "tiny.yaml", folder=tmp_path)
    assert process.stdout
    while not process.stdout.readline().startswith(line):
        assert process.poll() is None
    time.sleep(0.3)
    assert (tmp_path / "runs" / "tiny").is_dir()
    process.send_signal(signal.SIGINT)
    assert_nothing_began(process, tmp_path, NOTHING_LOST)


def test_control_c_within_an_evaluation(tmp_path: Path):
    changes = {
        "training": {"max_steps": 10},
        "evaluation": {"every": 5},
        "sample": {"length": 1000},
    }
    train(tiny(**changes), tmp_path / "whole")
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(raw_recipe(**changes)))
    process = start("train", "tiny.yaml", "--run", "run", folder=tmp_path)
    assert process.stdout
    while not process.stdout.readline().startswith("step  1/10"):
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "everything is kept; go on with: ostinato train --resume run" in output
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", tmp_path / "whole")
