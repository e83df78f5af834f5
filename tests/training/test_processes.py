"""Several processes are one: the same curve, and nothing that a kill could lose."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ostinato.training.errors import RunError
from ostinato.training.launch import launch
from ostinato.training.recipe_parts import Recipe
from ostinato.training.session import resume, train
from tests.training.example_helpers import (
    tiny_examples,
    tiny_tags,
    write_examples,
    write_tags,
)
from tests.training.helpers import last, process_environment, raw_recipe, start, tiny
from tests.training.test_resume import StopAt, assert_same_end, finish, metrics, wait_for

CHANGES: dict[str, Any] = {
    "model": {"dropout": 0.0, "recurrent_dropout": 0.0},
    "training": {"batch_size": 3, "max_steps": 18, "log_every": 1},
    "evaluation": {"every": 6},
    "sample": {"length": 0},
}
DROPPING = {
    **CHANGES,
    "model": {},
    "training": {
        "batch_size": 3,
        "max_steps": 30,
        "checkpoint_seconds": 0,
        "accumulate": 2,
        "ema_decay": 0.9,
        "tbptt_stride": 5,
    },
    "evaluation": {"every": 10, "patience": None},
}


def write(folder: Path, changes: dict[str, Any]) -> str:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(raw_recipe(**changes)))
    return "tiny.yaml"


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = start("train", *arguments, folder=folder)
    output, errors = finish(process)
    return subprocess.CompletedProcess([], process.returncode, output, errors)


CURVES: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated": {"accumulate": 2, "optimizer": "sgd"},
    "overlapping": {"tbptt_stride": 5},
    "with gaps": {"tbptt_stride": 20},
    "a stream that ends early": {"batch_size": 2, "tbptt_steps": 4},
}


def curve(name: str) -> Recipe:
    changes = {**CHANGES, "training": {**CHANGES["training"], **CURVES[name]}}
    if name == "a stream that ends early":
        changes["data"] = {"text": ("abcab" * DRY)[: DRY + 1], "held_out": 0}
    return tiny(**changes)


# So many steps that, of two streams, the first has one window more than the second.
DRY = 41
EXAMPLES = ("whole examples", "streamed examples", "examples that end early", "a CRF", "bfloat16")


def curve_of_examples(folder: Path, name: str) -> Recipe:
    """Return a recipe of examples, whose table lies in ``folder``."""
    changes: dict[str, Any] = {
        "training": {"max_epochs": None, "max_steps": 18, "log_every": 1},
        "evaluation": {"every": 6},
    }
    if name == "streamed examples":
        return tiny_tags(folder / "tags.jsonl", **changes)
    if name == "examples that end early":
        training = {**changes["training"], "batch_size": 2, "tbptt_steps": 4, "tbptt_stride": 4}
        recipe = tiny_tags(folder / "dry.jsonl", **{**changes, "training": training})
        own = {"dev": folder / "dry.jsonl", "test": folder / "dry.jsonl"}
        return recipe.model_copy(update={"data": recipe.data.model_copy(update=own)})
    if name == "a CRF":
        whole = {"tbptt_steps": None, "tbptt_stride": None, "batch_size": 5}
        changes = {**changes, "training": {**changes["training"], **whole}, "model": {"crf": True}}
        return tiny_tags(folder / "tags.jsonl", **changes)
    if name == "bfloat16":
        changes["training"]["precision"] = "bfloat16"
    return tiny_examples(folder / "order.csv", **changes)


def train_all(folder: Path) -> int:
    """Be one of two processes: train every run one after another."""
    for name in CURVES:
        train(curve(name), folder / name)
    for name in EXAMPLES:
        train(curve_of_examples(folder, name), folder / name)
    streamed = curve_of_examples(folder, "streamed examples")
    watch = StopAt(11)
    train(streamed, folder / "stopped examples", observe=watch, stop=watch.request)
    resume(folder / "stopped examples")
    recipe = tiny(**DROPPING)
    train(recipe, folder / "whole")
    watch = StopAt(13)
    train(recipe, folder / "stopped", observe=watch, stop=watch.request)
    resume(folder / "stopped")
    return 0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    write_examples(folder, 80)
    write_tags(folder)
    rows = [{"words": list("abcd"), "tags": list("XYXY")}] * ((DRY - 1) // 4)
    lines = map(json.dumps, [*rows, {"words": ["a"], "tags": ["X"]}])
    (folder / "dry.jsonl").write_text("\n".join(lines) + "\n")
    assert launch(train_all, [folder], 2) == 0
    return folder


@pytest.mark.parametrize("name", CURVES)
def test_the_curve_is_that_of_one_process(pair: Path, tmp_path: Path, name: str):
    train(curve(name), tmp_path / "one")
    ours, theirs = metrics(pair / name), metrics(tmp_path / "one")
    assert len(ours) == len(theirs) == 18 + 4
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.pop("kind") == other.pop("kind")
        assert mine == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_curve_of_examples_is_that_of_one_process(pair: Path, tmp_path: Path, name: str):
    train(curve_of_examples(pair, name), tmp_path / "one")
    ours, theirs = metrics(pair / name), metrics(tmp_path / "one")
    assert len(ours) == len(theirs) == 18 + 4
    # The sums of half a batch are rounded elsewhere; bfloat16 has 8 digits in base 2.
    near = 0.05 if name == "bfloat16" else 1e-4
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.pop("kind") == other.pop("kind")
        if name == "bfloat16":
            # An example whose two labels are about equally likely may fall to either side.
            mine, other = ({"loss": each["loss"]} for each in (mine, other))
        assert mine == pytest.approx(other, rel=near, abs=near)


def test_streams_of_two_go_on_bit_by_bit(pair: Path):
    assert_same_end(pair / "stopped examples", pair / "streamed examples")


def test_a_run_of_two_goes_on_bit_by_bit(pair: Path):
    assert_same_end(pair / "stopped", pair / "whole")
    tensors = last(pair / "whole").training
    states = {tensors[f"random.{index}.cpu"].numpy().tobytes() for index in range(2)}
    assert len(states) == 2
    assert tensors["carried.h"].shape[1] == 3


def test_another_number_of_processes(pair: Path, tmp_path: Path):
    shutil.copytree(pair / "whole", tmp_path / "run")
    progress = next((tmp_path / "run" / "checkpoints").glob("step-00000030*")) / "progress.json"
    progress.write_text(progress.read_text().replace('"finished": "finished"', '"finished": ""'))
    with pytest.raises(RunError, match=r"began with processes=2, got 1: [^$]*--processes 2"):
        resume(tmp_path / "run")


def test_a_run_of_two_that_is_really_killed(pair: Path, tmp_path: Path):
    recipe = write(tmp_path, DROPPING)
    process = start("train", recipe, "--run", "run", "--processes", "2", folder=tmp_path)
    wait_for(tmp_path / "run" / "checkpoints" / "index.json", process)
    time.sleep(random.Random(2).uniform(0, 0.3))
    process.kill()
    finish(process)
    wait_until_left(tmp_path / "run")
    if not last(tmp_path / "run").progress["finished"]:
        assert ran(tmp_path, "--resume", "run").returncode == 0
    assert_same_end(tmp_path / "run", pair / "whole")


def wait_until_left(run: Path) -> None:
    """Processes whose parent was killed keep everything and end."""
    import fcntl

    with (run / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_a_signal_ends_all(tmp_path: Path):
    number = signal.SIGTERM
    changes = {**CHANGES, "training": {"batch_size": 2, "max_steps": 10**6}}
    changes["evaluation"] = {"every": 10**6}
    recipe = write(tmp_path, changes)
    process = start("train", recipe, "--run", "run", "--processes", "2", folder=tmp_path)
    wait_for(tmp_path / "run" / "checkpoints" / "index.json", process)
    time.sleep(0.3)
    process.send_signal(number)
    output, errors = finish(process)
    assert (process.returncode, errors) == (128 + number, "")
    (step,) = re.findall(r"interrupted at step ([\d,]+) of", output)
    assert last(tmp_path / "run").progress["step"] == int(step.replace(",", ""))
    assert "everything is kept; go on with: ostinato train --resume run" in output


def test_an_error_is_told_once(tmp_path: Path):
    recipe = write(tmp_path, {**CHANGES, "training": {"batch_size": 1}})
    done = ran(tmp_path, recipe, "--run", "run", "--processes", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: 2 processes cannot share 1 stream of text\nmend: ")
    assert done.stderr.count("\n") == 2
    assert not (tmp_path / "run").exists()


def test_the_launcher_of_torch(pair: Path, tmp_path: Path):
    recipe = write(tmp_path, CHANGES)
    command = "-m torch.distributed.run --nproc_per_node 2 --rdzv-backend c10d"
    command += " --rdzv-endpoint localhost:0 -m ostinato.cli train"
    done = subprocess.run(
        [sys.executable, *command.split(), recipe],
        cwd=tmp_path,
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished at step 18") == 1
    assert_same_end(tmp_path / "runs" / "tiny", pair / "plain")


def fail_second(error: str) -> int:
    if os.environ["RANK"] == "0":
        time.sleep(60)
    if error == "foreseen":
        raise RunError("what the user did wrong\nmend: something else")
    if error == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise KeyError(error)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("foreseen", RunError, "^what the user did wrong\nmend: something else$"),
        ("unforeseen", RuntimeError, "^process 1: KeyError: 'unforeseen'"),
        ("killed", RunError, "^process 1 was killed by SIGKILL, [^$]*\nmend: "),
    ],
)
def test_the_error_of_one_ends_all(
    monkeypatch: pytest.MonkeyPatch, kind: str, error: type[Exception], message: str
):
    monkeypatch.setattr("ostinato.training.launch._GRACE_SECONDS", 0.1)
    began = time.monotonic()
    with pytest.raises(error, match=message):
        launch(fail_second, [kind], 2)
    assert time.monotonic() - began < 50
