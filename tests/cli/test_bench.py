"""``ostinato bench``: what is compared is the same, what is reported is what was measured."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from ostinato import cells
from ostinato.cli.bench import command, rivals, rows
from ostinato.cli.bench.command import make_plan
from ostinato.cli.bench.contest import make_problem, ours
from ostinato.cli.bench.measure import (
    SIDES,
    DisagreementError,
    Effort,
    Measurement,
    Timing,
    check_agreement,
    interleaved,
)
from ostinato.cli.bench.report import rounded
from ostinato.cli.bench.rivals import RIVALS
from ostinato.cli.bench.rows import GRIDS, MODES, Row, rows_of
from ostinato.core.errors import OptionError
from tests.cli.helpers import ask, refuse

TINY = Effort(
    num_rounds=3, seconds=0, turn_seconds=0, settle_seconds=0.01, warm_up_seconds=0, peak_size=8
)
PLAIN, RAGGED = Row(2, 3, 4), Row(3, 4, 7, shortest=2)
STREAM = Row(2, 3, 1, is_stream=True)
ROWS = (PLAIN, RAGGED, STREAM)


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "EFFORT", TINY)
    monkeypatch.setitem(GRIDS, "small", ROWS)


def problem(cell: str, row: Row, mode: rows.Mode, dtype: torch.dtype = torch.float32):
    return make_problem(cell, row, mode, "auto", dtype)


def test_tables(capsys: pytest.CaptureFixture[str]):
    code, output, errors = ask(capsys, "bench", "--against", "torch,eager", "--cells", "lstm,cifg")
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert re.search(r", 1 thread, .*, python 3\.", lines[0])
    assert lines[0].endswith(f", torch {version('torch')}")
    assert lines[1].startswith("matrix product of 8 x 8 in float32: ")
    assert lines[2] == (
        "$ ostinato bench --against torch,eager --cells lstm,cifg --grid small --threads 1 "
        "--dtype float32 --engine auto"
    )
    assert sum(line.startswith("lstm: LSTM with forget gate") for line in lines) == 1
    assert sum(line.split()[:1] == ["inference"] for line in lines) == 2 * 3
    assert sum(line.split()[:1] == ["training"] for line in lines) == 2 * 2
    assert sum(line.startswith("geometric mean") for line in lines) == 4
    headers = [line.split("of peak")[1].split() for line in lines if "of peak" in line]
    assert headers == [["torch", "/", "ours", "eager", "/", "ours"]] * 2
    assert "–: torch has no cifg" in lines
    assert sum("–" in line.split() for line in lines) == 5 + 2


def test_json(capsys: pytest.CaptureFixture[str]):
    options = ["--cells", "gru,ugrnn", "--json", "times.json", "--dtype", "float64"]
    assert ask(capsys, "bench", *options).code == 0
    said: dict[str, Any] = json.loads(Path("times.json").read_text())
    assert said["is_complete"] is True
    assert said["machine"]["threads"] == 1
    measured = said["measurements"]
    assert [(m["cell"], m["mode"]) for m in measured] == [
        (cell, mode) for cell in ("gru", "ugrnn") for row in ROWS for mode in row.modes
    ]
    for m in measured:
        rival = {"gru": "torch", "ugrnn": "eager"}[m["cell"]]
        assert list(m["rivals"]) == [rival]
        theirs, mine = m["rivals"][rival], m["ours"]
        assert theirs["ratio"] == theirs["median_ms"] / mine["median_ms"]
        for timing in (mine, theirs):
            low, high = timing["quartiles_ms"]
            assert 0 < low <= timing["median_ms"] <= high
            assert timing["num_turns"] == TINY.num_rounds
        assert m["gflop_per_second"] == pytest.approx(1e3 * m["gflop"] / mine["median_ms"])
        assert m["fraction_of_peak"] * said["peak"]["gflop_per_second"] == pytest.approx(
            m["gflop_per_second"]
        )
    for cell, rival in (("gru", "torch"), ("ugrnn", "eager")):
        for mode in MODES:
            ratios = [
                m["rivals"][rival]["ratio"]
                for m in measured
                if (m["cell"], m["mode"]) == (cell, mode)
            ]
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            assert said["geometric_means"][cell][mode] == {rival: pytest.approx(mean)}


def test_figure(capsys: pytest.CaptureFixture[str]):
    options = ["--against", "torch,eager", "--cells", "elman", "--json", "a.json"]
    assert ask(capsys, "bench", *options, "--figure", "a.svg").code == 0
    space = "{http://www.w3.org/2000/svg}"
    root = ET.parse("a.svg").getroot()
    assert root.tag == f"{space}svg"
    assert {"title", "desc"} <= {child.tag.removeprefix(space) for child in root}
    (one,) = (p for p in root.iter(f"{space}path") if p.get("class") == "one")
    x_of_one = float(one.attrib["d"][1:].split()[0])
    bars = [rect for rect in root.iter(f"{space}rect") if rect.get("class") == "bar"]
    assert len({bar.get("fill") for bar in bars}) == 2
    measured: list[dict[str, Any]] = json.loads(Path("a.json").read_text())["measurements"]
    ratios = [rival["ratio"] for m in measured for rival in m["rivals"].values()]
    assert len(bars) == len(ratios)
    ends: list[float] = []
    for bar, ratio in zip(bars, ratios, strict=True):
        left, width = float(bar.attrib["x"]), float(bar.attrib["width"])
        # Each bar begins at 1 and goes to the side of its ratio.
        assert (left if ratio >= 1 else left + width) == pytest.approx(x_of_one, abs=0.2)
        ends.append((width if ratio >= 1 else -width) / math.log(ratio))
    # On a logarithmic axis the lengths are proportional to the logarithms.
    long = [end for end, ratio in zip(ends, ratios, strict=True) if abs(math.log(ratio)) > 0.1]
    assert all(end == pytest.approx(long[0], rel=0.05) for end in long)


@pytest.mark.parametrize("row", ROWS, ids=["plain", "ragged", "stream"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_computes_what_ours_does(name: str, cell: str, row: Row):
    if rivals.missing_package(name) is not None:
        pytest.skip(f"{name} is not installed")
    met = 0
    for mode in row.modes:
        for dtype in (torch.float32, torch.float64):
            given = problem(cell, row, mode, dtype)
            if RIVALS[name].refusal(given) is None:
                check_agreement(given, ours(given), name, RIVALS[name].enter(given))
                met += 1
    assert met == (1 if name == "onnxruntime" else 2 * len(row.modes))


@pytest.mark.parametrize("row", ROWS, ids=["plain", "ragged", "stream"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "cifg"])
def test_the_runtime_computes_what_the_layer_does(cell: str, row: Row):
    given = problem(cell, row, "inference")
    mine = SIDES["runtime"](given)
    for _ in range(2):
        check_agreement(given, mine, "eager", RIVALS["eager"].enter(given))


def test_the_runtime_meets_inference_alone(capsys: pytest.CaptureFixture[str]):
    options = ["--cells", "gru", "--ours", "runtime", "--json", "times.json"]
    output = ask(capsys, "bench", *options, "--figure", "a.svg").output
    assert "--ours runtime" in output
    said: dict[str, Any] = json.loads(Path("times.json").read_text())
    assert [m["mode"] for m in said["measurements"]] == ["inference"] * len(ROWS)


def test_both_ways_to_call_onnxruntime(monkeypatch: pytest.MonkeyPatch):
    from ostinato.cli.bench import onnx_rival

    given = problem("lstm", RAGGED, "inference")
    ways: list[str] = []
    for sign in (1, -1):
        order = iter((sign, 0))
        monkeypatch.setattr(onnx_rival, "_fastest", lambda _run, order=order: next(order))
        rival = onnx_rival.enter(given)
        check_agreement(given, ours(given), "onnxruntime", rival)
        ways.append(rival.how)
    assert ways == ["arrays in, arrays out", "I/O binding"]


@pytest.mark.parametrize("name", cells.names())
def test_every_cell_can_be_measured(name: str):
    given = problem(name, PLAIN, "training")
    check_agreement(given, ours(given), "eager", RIVALS["eager"].enter(given))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["torch", "eager"])
def test_wrong_weights_are_refused(name: str, mode: rows.Mode):
    given = problem("lstm", PLAIN, mode)
    rival = RIVALS[name].enter(given)
    check_agreement(given, ours(given), name, rival)
    with torch.no_grad():
        given.layer.get_parameter("weight_hh_l0")[0, 0] += 0.1
    with pytest.raises(DisagreementError, match=f"{name} computes other numbers than ours"):
        check_agreement(given, ours(given), name, rival)


@pytest.mark.parametrize("value", [math.nan, 1e-3])
@pytest.mark.parametrize("what", ["output", "h", "gradient of x", "gradient of weight_ih_l0"])
def test_one_wrong_number_is_refused(what: str, value: float):
    given = problem("gru", RAGGED, "training")
    mine = ours(given)

    def read(result: Any) -> dict[str, torch.Tensor]:
        numbers = {name: tensor.detach().clone() for name, tensor in mine.read(result).items()}
        numbers[what].view(-1)[0] += value * numbers[what].abs().max()
        return numbers

    with pytest.raises(DisagreementError, match=f"got {what} off by"):
        check_agreement(given, mine, "liar", replace(mine, read=read))


def test_a_rival_that_lies_ends_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def other_weights(given: Any) -> Any:
        torch.manual_seed(5)
        return RIVALS["torch"].enter(replace(given, layer=torch.nn.GRU(3, 3)))

    monkeypatch.setitem(GRIDS, "small", (PLAIN,))
    monkeypatch.setitem(RIVALS, "liar", replace(RIVALS["torch"], enter=other_weights))
    options = ["--against", "liar", "--cells", "gru", "--json", "times.json"]
    said = refuse(capsys, "bench", *options)
    assert "gru, B 2, I = H 3, T 4, inference: liar computes other numbers than ours" in said
    assert not Path("times.json").exists()


def test_turns_alternate():
    order: list[str] = []
    jobs = [lambda: order.append("ours"), lambda: order.append("theirs")]
    timings = interleaved(jobs, replace(TINY, num_rounds=4))
    assert (
        order[-16:] == ["ours", "ours", "theirs", "theirs"] * 4
    )  # the first call of a turn warms up
    assert [timing.num_turns for timing in timings] == [4, 4]


def test_arithmetic_of_the_products():
    lstm = problem("lstm", PLAIN, "inference")
    assert lstm.gflop == pytest.approx(1e-9 * 2 * 4 * (3 * 3 + 3 * 3) * 2 * 4)
    assert problem("lstm", PLAIN, "training").gflop == pytest.approx(3 * lstm.gflop)
    ragged = problem("cifg", RAGGED, "inference")
    assert ragged.lengths is not None
    assert ragged.gflop == pytest.approx(1e-9 * 2 * 3 * 4 * (4 + 4) * int(ragged.lengths.sum()))
    assert problem("mingru", PLAIN, "inference").gflop == pytest.approx(1e-9 * 2 * 2 * 9 * 2 * 4)


def test_the_grids():
    assert [str(row) for row in rows_of("gru", "full")] == [
        "B 1, I = H 128, T 128",
        "B 1, I = H 512, T 64",
        "B 32, I = H 128, T 64",
        "B 32, I = H 256, T 64",
        "B 64, I = H 512, T 32",
        "B 32, I = H 1024, T 16",
        "B 32, I = H 256, T 10–200",
        "B 1, I = H 128, T 1 step",
    ]
    assert [str(row) for row in rows_of("mingru", "full")][8:] == ["B 4, I = H 128, T 4096"]


def test_the_threads_are_put_back(capsys: pytest.CaptureFixture[str]):
    before = torch.get_num_threads()
    output = ask(capsys, "bench", "--cells", "elman", "--threads", "2").output
    assert "2 threads" in output.splitlines()[0]
    assert "--threads 2" in output
    assert torch.get_num_threads() == before


def test_interrupted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    measure = command.measure
    done: list[Measurement] = []

    def interrupting(*arguments: Any) -> Measurement:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(measure(*arguments))
        return done[-1]

    monkeypatch.setattr(command, "measure", interrupting)
    answer = ask(capsys, "bench", "--cells", "lstm,gru", "--json", "times.json")
    assert answer.code == 130
    assert "interrupted: some rows are missing" in answer.output
    said: dict[str, Any] = json.loads(Path("times.json").read_text())
    assert said["is_complete"] is False
    assert len(said["measurements"]) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (12.345, "12.3"), (0.01234, "0.0123"), (1.0, "1.00")]
)
def test_rounded(value: float, text: str):
    assert rounded(value) == text


def test_a_ratio_is_theirs_by_ours():
    times = [Timing(ms, (ms, ms), 1, 1) for ms in (2.0, 6.0)]
    made = Measurement("gru", PLAIN, "training", 4.0, times[0], {"torch": times[1]}, {}, {})
    assert made.ratios == {"torch": 3.0}
    assert made.gflop_per_second == 2000.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cells", "lstn"], "unknown cell 'lstn'; did you mean 'lstm'?"),
        (["--cells", "lstm,,gru"], "--cells: got 'lstm,,gru', expected names with commas"),
        (["--against", "torhc"], "unknown rival 'torhc'; did you mean 'torch'?"),
        (["--against", ""], "--against: got '', expected names"),
        (["--engine", "steam"], "unknown engine 'steam'"),
        (["--ours", "runtime", "--engine", "eager"], "--ours runtime: got --engine eager"),
        (["--grid", "huge"], "--grid"),
        (["--dtype", "float16"], "--dtype"),
        (["--threads", "0"], "--threads"),
        (["--threads", "two"], "--threads"),
        (["--json", "missing/times.json"], "cannot write missing/times.json: No such file"),
        (["--json", "."], "cannot write .: Is a directory\nmend: give --json a file"),
        (["--figure", "."], "cannot write .: Is a directory\nmend: give --figure a file"),
        (["--figure", "a", "--json", "a"], "--json and --figure both name a\nmend: "),
    ],
)
def test_mistakes_are_found_before_measuring(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
):
    def never(*_: object) -> None:
        raise AssertionError("something was measured")

    monkeypatch.setattr(command, "measure", never)
    assert message in refuse(capsys, "bench", *options)
    assert list(Path().iterdir()) == []


def test_looking_whether_a_file_can_be_written_leaves_it_as_it_is(
    capsys: pytest.CaptureFixture[str],
):
    Path("times.json").write_text("precious")
    refuse(capsys, "bench", "--json", "times.json", "--figure", "missing/a.svg")
    assert Path("times.json").read_text() == "precious"


def pretend_missing(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec

    def find_others(name: str, *rest: Any) -> Any:
        return None if name == package else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find_others)


@pytest.mark.parametrize(
    ("rival", "package", "mend"),
    [
        ("jax", "jax", "mend: pip install jax"),
        ("onnxruntime", "onnxruntime", "mend: pip install 'ostinato[export]'"),
        ("onnxruntime", "onnx", "mend: pip install 'ostinato[export]'"),
    ],
)
def test_a_rival_that_is_not_installed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    rival: str,
    package: str,
    mend: str,
):
    pretend_missing(monkeypatch, package)
    said = refuse(capsys, "bench", "--against", f"torch,{rival}")
    assert said == f"error: --against {rival}: the package {package} is not installed\n{mend}\n"


def test_all_leaves_out_what_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pretend_missing(monkeypatch, "jax")
    answer = ask(capsys, "bench", "--against", "all", "--cells", "elman")
    assert answer.code == 0
    assert "left out: jax; jax is not installed: pip install jax" in answer.output
    assert "–: onnxruntime does not train" in answer.output
    assert re.search(r"onnxruntime ran by the faster of its ways: .* of 3", answer.output)
    assert re.search(r"onnx [0-9.]+, onnxruntime [0-9.]+\n", answer.output)


def test_the_default_rival():
    plan = make_plan(None, "gru,mingru", "small", None, "float32", "auto")
    assert plan.rivals == {"gru": ("torch",), "mingru": ("eager",)}
    with pytest.raises(OptionError):
        make_plan("nobody", None, "small", None, "float32", "auto")


def test_steps_of_a_recipe(capsys: pytest.CaptureFixture[str]):
    Path("tiny.yaml").write_text(
        "task: language-model\n"
        "model: {cell: gru, hidden_size: 8, embedding_size: 4, num_layers: 2}\n"
        "data: {max_characters: 2000}\n"
        "training: {batch_size: 2, tbptt_steps: 5, max_steps: 1}\n"
    )
    lines = ask(capsys, "bench", "--recipe", "tiny.yaml").output.splitlines()
    assert lines[1].startswith("training steps of `tiny.yaml`: gru, ")
    assert ", 10 characters a step" in lines[1]
    speeds = [float(line.split()[-2].replace(",", "")) for line in lines[2:4]]
    assert [line.split()[-1] for line in lines[2:4]] == ["characters/s"] * 2
    assert float(lines[4].split()[-1]) == pytest.approx(speeds[0] / speeds[1], rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "text", "--against", "eager"], "it takes --threads alone"),
        (["--recipe", "txt"], "txt"),
        (["--recipe", "cell.yaml"], "torch has no layer for its cell and options (cifg)"),
    ],
)
def test_recipes_that_cannot_be_compared(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
):
    training = "training: {batch_size: 2, tbptt_steps: 5, max_steps: 1}\n"
    Path("cell.yaml").write_text(f"task: language-model\nmodel: {{cell: cifg}}\n{training}")
    assert message in refuse(capsys, "bench", *options)
