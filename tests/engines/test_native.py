"""The native engine against the eager one, where the contract suite does not look."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ostinato import nn as onn
from ostinato.core.errors import OptionError
from ostinato.engines.native import _native
from ostinato.engines.native.executor import executor
from ostinato.engines.native.lower import Request
from ostinato.equations import Cell
from ostinato.nn import explain
from tests.contract.cases import CELLS, COMBINATIONS, Option, make_input, make_layer, map_input
from tests.tolerances import ADJOINT, TOLERANCES, assert_close

LENGTHS = [7, 3, 0, 5]
SAVED = [
    {},
    {"memory": "lean"},
    {"memory": "states"},
    {"checkpoint_every": 3},
    {"checkpoint_every": 7, "memory": "states"},
    {"checkpoint_every": 100, "memory": "lean"},
]


def _twins(name: str, arguments: dict[str, Any], **more: Any) -> tuple[Any, Any]:
    ours = make_layer(name, arguments, engine="native", **more)
    truth = make_layer(
        name,
        {k: v for k, v in arguments.items() if k not in ("memory", "checkpoint_every")},
        engine="eager",
        **more,
    )
    truth.load_state_dict(ours.state_dict())
    return ours, truth


def _everything(layer: Any, x: Any, **given: Any) -> list[tuple[str, Tensor | None]]:
    """Return output, states and every gradient of a loss that looks at all of them."""
    streams = x if isinstance(x, dict) else {"x": x}
    streams = {k: s.clone().requires_grad_() for k, s in streams.items()}
    torch.manual_seed(3)
    output, states = layer(streams if isinstance(x, dict) else streams["x"], **given)
    torch.manual_seed(4)
    loss = (output * torch.randn_like(output)).sum()
    for state in states.values():
        loss = loss + (state * torch.randn_like(state)).sum()
    leaves = {**streams, **dict(layer.named_parameters())}
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return [("output", output), *states.items(), *zip(leaves, gradients, strict=True)]


def _compare(ours: Any, truth: Any, x: Any, tolerance: float = ADJOINT, **given: Any) -> None:
    for (name, got), (_, expected) in zip(
        _everything(ours, x, **given), _everything(truth, x, **given), strict=True
    ):
        if expected is None or got is None:
            present = got if expected is None else expected
            assert present is None or not present.any(), name
        else:
            assert_close(got, expected, name, tolerance)


@pytest.mark.parametrize("fused_rows", [1, 100])
@pytest.mark.parametrize(("name", "option"), COMBINATIONS)
def test_layers_agree_with_the_eager_engine(
    name: str, option: Option, fused_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostinato.engines.native.executor.FUSED_ROWS", fused_rows)
    monkeypatch.setattr("ostinato.engines.native.executor.SUNK_NUMBERS", fused_rows**3)
    ours, truth = _twins(name, option.arguments)
    x = make_input(ours, 7, 4)
    resets = torch.rand(7, 4) < 0.3
    _compare(ours, truth, x)
    _compare(ours, truth, x, lengths=LENGTHS)
    _compare(ours, truth, x, lengths=LENGTHS, resets=resets)


@pytest.mark.parametrize("saved", SAVED, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_memory_changes_no_result(name: str, saved: dict[str, Any]) -> None:
    options = {"zoneout": 0.2} if name in ("lstm", "gru") else {}
    ours, truth = _twins(name, {**options, **saved})
    x = make_input(ours, 7, 4)
    _compare(ours, truth, x, resets=torch.rand(7, 4) < 0.3)
    _compare(ours, truth, x, lengths=LENGTHS)


@pytest.mark.parametrize("saved", SAVED[:4], ids=str)
@pytest.mark.parametrize("name", ["lstm", "slstm", "two_loops", "delay"])
def test_every_state_and_both_directions(name: str, saved: dict[str, Any]) -> None:
    directions = [False] if name == "delay" else [False, True]
    for bidirectional in directions:
        arguments = {"return_all_states": True, "bidirectional": bidirectional, **saved}
        ours, truth = _twins(name, arguments)
        x = make_input(ours, 7, 4)
        _compare(ours, truth, x)
        _compare(ours, truth, x, lengths=LENGTHS)


@pytest.fixture
def _many_threads() -> Iterator[None]:
    """Wake threads for small work, too."""
    _native.set_thread_work(1)
    yield
    _native.set_thread_work(16384)


@pytest.mark.usefixtures("_many_threads")
@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize(
    "text",
    [
        "a = tanh(W @ h + U @ x + b)\nh = a * sigmoid(W @ a + U @ x + b)",
        "h = tanh(W @ h + U @ x + b)\ny = sigmoid(W @ h + b)",
        "h = tanh(W @ h + U @ x + b)\ny = h + b",
    ],
)
def test_weights_that_are_used_twice(text: str, threads: int) -> None:
    cell = Cell(text)
    ours = onn.Recurrent(cell, 96, 130, engine="native", dtype=torch.float64)
    truth = onn.Recurrent(cell, 96, 130, engine="eager", dtype=torch.float64)
    truth.load_state_dict(ours.state_dict())
    x = torch.randn(40, 24, 96, dtype=torch.float64)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        _compare(ours, truth, x)
        first = _everything(ours, x)
        for _ in range(5):
            for (name, a), (_, b) in zip(first, _everything(ours, x), strict=True):
                assert a is not None, name
                assert b is not None, name
                assert torch.equal(a, b), name
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("_many_threads")
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("shape", [(4, 1, 33, 65), (3, 35, 17, 18), (130, 2, 6, 5)])
def test_sizes_around_vectors_and_tiles(name: str, shape: tuple[int, int, int, int]) -> None:
    num_steps, num_rows, inputs, hidden = shape
    cell = CELLS[name]
    given: dict[str, Any] = {"dtype": torch.float64}
    if "output_size" in cell.dimensions.classes:
        given["output_size"] = hidden + 3
    if name == "two_inputs":
        given["sizes"] = {"v": 19}
    if cell.dimensions.tied:
        inputs = hidden
    torch.manual_seed(0)
    ours = onn.Recurrent(cell, inputs, hidden, engine="native", **given)
    truth = onn.Recurrent(cell, inputs, hidden, engine="eager", **given)
    truth.load_state_dict(ours.state_dict())
    x = make_input(ours, num_steps, num_rows)
    lengths = torch.randint(0, num_steps + 1, (num_rows,))
    for threads in (1, 3):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            _compare(ours, truth, x, lengths=lengths)
        finally:
            torch.set_num_threads(before)


@pytest.mark.parametrize("name", CELLS)
def test_float32(name: str) -> None:
    ours, truth = _twins(name, {})
    x = make_input(ours, 7, 4)
    with torch.no_grad():
        expected, _ = truth(x)
        got, _ = ours.float()(map_input(x, lambda s: s.float()))
    assert_close(got, expected.float(), name, TOLERANCES[torch.float32])


@pytest.mark.parametrize("name", ["lstm", "gru", "two_loops"])
@pytest.mark.parametrize("kind", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ostinato.engines.native import _native
    from ostinato.engines.native.executor import Executor

    original = Executor.engine
    try:
        _native.unary_float(6, kind, torch.zeros(1).numpy(), torch.zeros(1).numpy())
    except _native.PlanError as error:
        assert "this machine has" in str(error)  # noqa: PT017
        pytest.skip(f"this machine has no {kind}")
    monkeypatch.setattr(Executor, "engine", lambda self, precision: original(self, precision, kind))
    ours, truth = _twins(name, {})
    _compare(ours, truth, make_input(ours, 7, 4), lengths=LENGTHS)


def test_bfloat16_weights_keep_a_float32_state() -> None:
    layer = onn.LSTM(24, 40, bias=False).bfloat16()
    wide = onn.LSTM(24, 40, bias=False)
    wide.load_state_dict(layer.state_dict())
    x = torch.randn(50, 3, 24).bfloat16()
    output, (h, c) = layer(x)
    expected, _ = wide(x.float())
    assert output.dtype == h.dtype == c.dtype == torch.bfloat16
    assert torch.equal(output, expected.bfloat16())
    output.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.bfloat16 for p in layer.parameters())


def test_many_checkpoints_are_one_node() -> None:
    layer = onn.LSTM(3, 4, checkpoint_every=10)
    x = torch.randn(1000, 1, 3, requires_grad=True)
    output, _ = layer(x)
    output.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_bad_options() -> None:
    for given in ({"memory": "all"}, {"checkpoint_every": -1}, {"checkpoint_every": 2.5}):
        with pytest.raises(OptionError, match="mend:"):
            onn.LSTM(3, 4, **given)


def test_executors_are_shared() -> None:
    program = CELLS["lstm"].analysis.program
    sizes = {"input_size": 3, "hidden_size": 4}
    assert executor(program, sizes) is executor(program, dict(sizes))
    assert executor(program, sizes) is not executor(program, sizes, Request(states=("c",)))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("has_gradients", [False, True])
@pytest.mark.parametrize("kind", [onn.LSTM, onn.GRU])
def test_a_trace_holds_the_operator(kind: Any, has_gradients: bool) -> None:
    layer = kind(3, 5)
    x = torch.randn(4, 2, 3)
    with torch.set_grad_enabled(has_gradients):
        layer(x)  # the next call would go the short way
        traced: Any = torch.jit.trace(layer, x)  # pyright: ignore[reportUnknownMemberType]
        assert "ostinato::scan" in str(traced.graph)
        other = torch.randn(4, 2, 3)
        assert torch.equal(traced(other)[0], layer(other)[0])


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # a compiler's own look
@pytest.mark.parametrize("kind", [onn.LSTM, onn.GRU])
def test_dynamic_shapes(kind: Any) -> None:
    layer = kind(3, 5)
    compiled: Any = torch.compile(layer, dynamic=True, backend="eager")
    for rows in (2, 3, 4):
        x = torch.randn(4, rows, 3, requires_grad=True)
        output = compiled(x)[0]
        assert torch.equal(output, layer(x)[0])
        output.sum().backward()
        assert x.grad is not None
    sizes = {0: torch.export.Dim("T"), 1: torch.export.Dim("B")}
    exported = torch.export.export(layer, (torch.randn(4, 2, 3),), dynamic_shapes=(sizes,))
    x = torch.randn(6, 5, 3)
    assert torch.equal(exported.module()(x)[0], layer(x)[0])


def test_explain_counts_bfloat16_as_it_is_computed() -> None:
    layer, x = onn.LSTM(4, 8), torch.randn(3, 2, 4)
    wide = str(explain(layer, x))
    assert str(explain(layer.bfloat16(), x.bfloat16())) == wide


def test_the_compiler_is_imported_by_those_who_use_it() -> None:
    script = "import sys, torch, ostinato.nn; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
