"""The native module as a guest of a process: its threads, forks, the GIL, and wrong calls."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato import cells
from ostinato.engines.native import _native
from ostinato.engines.native.lower import lower
from ostinato.engines.native.plan import Plan

INPUT, HIDDEN = 5, 70
SIZES = {"input_size": INPUT, "hidden_size": HIDDEN}


@dataclass
class Prepared:
    """A plan, its engine, and a call's buffers."""

    plan: Plan
    words: np.ndarray[Any, Any]
    numbers: np.ndarray[Any, Any]
    engine: Any
    num_steps: int
    num_rows: int

    def buffers(self, seed: int = 0) -> list[np.ndarray[Any, Any]]:
        random = np.random.default_rng(seed)
        by_name = {a.buffer: a for a in self.plan.arrays if a.buffer is not None}
        made: list[np.ndarray[Any, Any]] = []
        for name in self.plan.buffers:
            array = by_name[name]
            shape = {
                "stream": (self.num_steps, self.num_rows, array.size),
                "rows": (self.num_rows, array.size),
                "vector": (array.size,),
                "matrix": (array.size, array.columns),
            }[array.kind]
            made.append((random.standard_normal(shape) / 8).astype(np.float32))
        return made

    def run(self, buffers: list[Any], num_threads: int = 1, **options: Any) -> list[Any]:
        self.engine.run(self.num_steps, self.num_rows, buffers, num_threads=num_threads, **options)
        return buffers

    def index(self, prefix: str) -> int:
        return next(k for k, name in enumerate(self.plan.buffers) if name.startswith(prefix))


def _prepared(num_steps: int = 6, num_rows: int = 9) -> Prepared:
    plan = lower(cells.get("gru").analysis.program, SIZES).plan
    words, numbers = (np.array(part) for part in plan.encode())
    return Prepared(plan, words, numbers, _native.EngineFloat(words, numbers), num_steps, num_rows)


def _same(a: list[Any], b: list[Any]) -> bool:
    return all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


# Processes: a script on its own, with a call in a file; a hang is a time-out here.

PRELUDE = """
import importlib.util, os, signal, sys
import numpy as np

signal.alarm(50)  # of a child too: nothing stays behind
{imports}
spec = importlib.util.spec_from_file_location("_native", sys.argv[1])
native = importlib.util.module_from_spec(spec)
spec.loader.exec_module(native)
given = dict(np.load(sys.argv[2]))  # all of it: children share the file
engine = native.EngineFloat(given["words"], given["numbers"])
names = sorted(k for k in given if k.startswith("buffer"))

def run(num_threads=3):
    buffers = [given[k].copy() for k in names]
    engine.run({num_steps}, {num_rows}, buffers, num_threads=num_threads)
    return b"".join(x.tobytes() for x in buffers)

def in_child(work):
    signal.alarm(50)
    child = os.fork()
    if child == 0:
        signal.alarm(40)
        work()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, os.waitstatus_to_exitcode(status)

expected = run()
assert expected != b"".join(given[k].tobytes() for k in names), "the engine wrote nothing"
"""

NO_TORCH = "assert 'torch' not in sys.modules"
WITH_TORCH = """
import torch
torch.set_num_threads(3)
torch.randn(512, 512) @ torch.randn(512, 512)  # OpenMP has its threads
torch.randn(1 << 20).exp()
"""

SCRIPTS = {
    "own pool, child leaves at once": (
        NO_TORCH,
        """
in_child(lambda: os._exit(0 if run() == expected else 3))
assert run() == expected
""",
    ),
    "own pool, child ends as Python does": (
        NO_TORCH,
        """
def work():
    sys.exit(0 if run() == expected else 3)
in_child(work)
assert run() == expected
""",
    ),
    "own pool, child never runs it": (NO_TORCH, "in_child(sys.exit)\n"),
    "own pool, child of a child": (
        NO_TORCH,
        """
def work():
    assert run() == expected
    in_child(lambda: os._exit(0 if run() == expected else 3))
    sys.exit(0 if run() == expected else 4)
in_child(work)
""",
    ),
    "own pool, multiprocessing": (
        NO_TORCH,
        """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert all(found == expected for found in pool.map(run, [3, 3, 3]))
assert run() == expected
""",
    ),
    "own pool, forks while other threads are in the engine": (
        NO_TORCH,
        """
import threading
alone = run(1)
is_over = threading.Event()
def work():
    while not is_over.is_set():
        run(1)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(30):
    in_child(lambda: os._exit(0 if run(1) == alone else 3))
is_over.set()
for thread in threads:
    thread.join()
assert run() == expected
""",
    ),
    "torch, bare fork": (
        WITH_TORCH,
        """
in_child(lambda: os._exit(0 if run() == expected else 3))
assert run() == expected
""",
    ),
    "torch, worker of a DataLoader": (
        WITH_TORCH,
        """
class Runs(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return run(torch.get_num_threads()) == alone and run(3) == expected
alone = run(1)
loader = torch.utils.data.DataLoader(Runs(), num_workers=2, multiprocessing_context="fork")
found = [bool(x) for batch in loader for x in batch]
assert found == [True] * 4, found
assert run() == expected
""",
    ),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_forked_child_runs_the_engine(name: str, tmp_path: Path) -> None:
    prepared = _prepared()
    file = tmp_path / "call.npz"
    buffers = {f"buffer{k:03d}": x for k, x in enumerate(prepared.buffers())}
    np.savez(file, words=prepared.words, numbers=prepared.numbers, **buffers)
    imports, script = SCRIPTS[name]
    text = PRELUDE.format(imports=imports, num_steps=6, num_rows=9) + script
    done = subprocess.run(
        [sys.executable, "-c", text, _native.__file__, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"ended with {done.returncode}\n{done.stderr}"


# Threads of Python


def test_other_threads_run_meanwhile() -> None:
    prepared = _prepared(num_steps=20_000, num_rows=8)
    buffers = prepared.buffers()
    at: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            at.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    prepared.run(buffers)
    end = time.monotonic()
    stop.set()
    thread.join()
    margin = (end - start) / 10
    inside = [t for t in at if start + margin < t < end - margin]
    assert len(inside) >= 3, f"another thread ran {len(inside)} times in {end - start:.3f} s"


@pytest.mark.parametrize("num_threads", [1, 3])
def test_calls_at_once_give_what_each_gives_alone(num_threads: int) -> None:
    prepared = _prepared(num_steps=12, num_rows=33)
    expected = [prepared.run(prepared.buffers(k), num_threads) for k in range(3)]

    def call(k: int) -> bool:
        key = k % 3 if k % 2 else -1
        got = prepared.run(prepared.buffers(k % 3), num_threads, weights_key=key)
        return _same(got, expected[k % 3])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(60)))


def test_lengths_may_change_in_the_callers_hands() -> None:
    """The engine has its own copy: what another thread writes there in a run is not read."""
    prepared = _prepared(num_steps=3000, num_rows=8)
    lengths = np.full(8, 3000, np.int64)
    expected = prepared.run(prepared.buffers(), lengths=lengths.copy())
    started = threading.Event()

    def spoil() -> None:
        started.wait()
        time.sleep(0.005)
        lengths[:] = 1 << 40

    thread = threading.Thread(target=spoil)
    thread.start()
    buffers = prepared.buffers()
    started.set()
    prepared.run(buffers, lengths=lengths)
    thread.join()
    assert _same(buffers, expected)


# Wrong calls


def _replace(prefix: str, make: Callable[[Any], Any]) -> Callable[[Prepared, list[Any]], None]:
    def change(prepared: Prepared, buffers: list[Any]) -> None:
        k = prepared.index(prefix)
        buffers[k] = make(buffers[k])

    return change


def _read_only(x: Any) -> Any:
    x.flags.writeable = False
    return x


WRONG_BUFFERS = {
    "a step too many": (
        _replace("input:x", lambda x: np.concatenate([x, x[:1]])),
        rf"buffer \d+ has shape \[7, 9, {INPUT}\], expected \[6, 9, {INPUT}\]",
    ),
    "a row too few": (
        _replace("initial:h", lambda x: x[1:]),
        rf"buffer \d+ has shape \[8, {HIDDEN}\], expected \[9, {HIDDEN}\]",
    ),
    "a dimension too few": (
        _replace("parameter:W_ir", lambda x: x.reshape(-1)),
        rf"has shape \[{INPUT * HIDDEN}\], expected \[{HIDDEN}, {INPUT}\]",
    ),
    "another dtype": (
        _replace("parameter:b_r", lambda x: x.astype(np.float64)),
        r"buffer \d+ has another dtype, expected float32",
    ),
    "whole numbers": (
        _replace("input:x", lambda x: x.astype(np.int32)),
        r"buffer \d+ has another dtype, expected float32",
    ),
    "units apart": (
        _replace("parameter:W_hr", np.asfortranarray),
        "with adjacent units",
    ),
    "every other unit": (
        _replace("input:x", lambda x: np.repeat(x, 2, axis=2)[..., ::2]),
        "with adjacent units",
    ),
    "no array": (
        _replace("input:x", lambda x: x.tolist()),
        r"buffer \d+ is list, expected a writable array on the CPU",
    ),
    "nothing": (
        _replace("input:x", lambda _: None),
        r"buffer \d+ is NoneType, expected a writable array",
    ),
    "read-only": (
        _replace("final:h", _read_only),
        r"buffer \d+ is ndarray, expected a writable array",
    ),
    "one too few": (lambda _, buffers: buffers.pop(), r"got 13 buffers, expected 14"),
    "one too many": (
        lambda _, buffers: buffers.append(buffers[0]),
        r"got 15 buffers, expected 14",
    ),
}


@pytest.mark.parametrize("name", WRONG_BUFFERS)
def test_wrong_buffers(name: str) -> None:
    prepared = _prepared()
    buffers = prepared.buffers()
    change, message = WRONG_BUFFERS[name]
    change(prepared, buffers)
    with pytest.raises(_native.PlanError, match=message):
        prepared.run(buffers)


WRONG_NUMBERS = {
    "negative T": ({"num_steps": -1}, "got T = -1 and B = 9"),
    "negative B": ({"num_rows": -2}, "got T = 6 and B = -2"),
    "too many steps": ({"num_steps": 1 << 31}, "expected both and their product"),
    "too many of both": ({"num_steps": 1 << 16, "num_rows": 1 << 16}, "their product"),
    "a length too few": ({"lengths": np.full(8, 6)}, "got 8 lengths, expected B = 9"),
    "a length past T": ({"lengths": np.full(9, 7)}, "got the length 7, expected 0 to T = 6"),
    "a negative length": ({"lengths": np.full(9, -1)}, "got the length -1, expected 0"),
    "a negative first step": ({"first_step": -1}, "got the first step -1"),
    "a first step without end": ({"first_step": (1 << 63) - 1}, "got the first step"),
}


@pytest.mark.parametrize("name", WRONG_NUMBERS)
def test_wrong_numbers(name: str) -> None:
    prepared = _prepared()
    wrong, message = WRONG_NUMBERS[name]
    arguments: dict[str, Any] = {
        "num_steps": 6,
        "num_rows": 9,
        "buffers": prepared.buffers(),
        **wrong,
    }
    with pytest.raises(_native.PlanError, match=message):
        prepared.engine.run(**arguments)


def test_strides_that_fit_are_taken() -> None:
    """Batch first, rows repeated in place, columns of a larger matrix."""
    prepared = _prepared()
    expected = prepared.run(prepared.buffers())
    buffers = prepared.buffers()
    x, start, weight = (prepared.index(k) for k in ("input:x", "initial:h", "parameter:W_hr"))
    buffers[x] = np.ascontiguousarray(buffers[x].swapaxes(0, 1)).swapaxes(0, 1)
    wide = np.zeros((HIDDEN, HIDDEN + 3), np.float32)
    wide[:, 3:] = buffers[weight]
    buffers[weight] = wide[:, 3:]
    assert _same(prepared.run(buffers), expected)
    repeated = prepared.buffers()
    repeated[start] = np.repeat(repeated[start][:1], 9, axis=0)
    in_place = prepared.buffers()
    in_place[start] = np.lib.stride_tricks.as_strided(in_place[start], (9, HIDDEN), (0, 4))
    assert _same(prepared.run(in_place), prepared.run(repeated))


# Wrong plans


def test_malformed_plans() -> None:
    prepared = _prepared()
    words, numbers = prepared.words, prepared.numbers
    assert issubclass(_native.PlanError, ValueError)
    cases = {
        "the version is 2, expected 1 to 1": (np.append(2, words[1:]), numbers),
        "ends where": (words[:-1], numbers),
        "ends where the version should be": (words[:0], numbers),
        "ends where a number should be": (words, numbers[:0]),
        "1 words and 0 numbers are left over": (np.append(words, 0), numbers),
        "the kind of an array is 99, expected 0 to 6": (
            np.concatenate([words[:3], [99], words[4:]]),
            numbers,
        ),
    }
    for engine in (_native.EngineFloat, _native.EngineDouble):
        for message, (wrong_words, wrong_numbers) in cases.items():
            with pytest.raises(_native.PlanError, match=f"malformed plan: .*{message}"):
                engine(wrong_words, wrong_numbers)


def test_every_word_of_a_plan_can_be_wrong() -> None:
    """No exception but PlanError, and no crash, while plans are read."""
    prepared = _prepared()
    refused = 0
    for k in range(len(prepared.words)):
        for wrong in (-1, prepared.words[k] + 1, 1 << 40):
            words = prepared.words.copy()
            words[k] = wrong
            try:
                _native.EngineFloat(words, prepared.numbers)
            except _native.PlanError:
                refused += 1
    assert refused > len(prepared.words)


def test_an_unknown_instruction_set() -> None:
    prepared = _prepared()
    with pytest.raises(_native.PlanError, match="got the instruction set 'abacus', this machine"):
        _native.EngineFloat(prepared.words, prepared.numbers, "abacus")


def test_elementary_functions_check_their_arguments() -> None:
    three, two = np.zeros(3, np.float32), np.zeros(2, np.float32)
    with pytest.raises(_native.PlanError, match="got 3 numbers and a target of 2"):
        _native.unary_float(7, "", three, two)
    with pytest.raises(_native.PlanError, match="got operation 0, expected one of a single"):
        _native.unary_float(0, "", three, three.copy())
