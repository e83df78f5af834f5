"""onnxruntime: a model of one LSTM, GRU or RNN node; inference."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ostinato.cli.bench.contest import Contestant, Problem

_OPSET, _IR_VERSION = 14, 8
_TRIALS: Final = 5


@dataclass(frozen=True)
class _Node:
    """An operator of ONNX, https://onnx.ai/onnx/operators.

    Attributes:
        operator: its name.
        gates: where its blocks of rows stand among torch's.
        attributes: what makes it torch's variant.
    """

    operator: str
    gates: tuple[int, ...]
    attributes: dict[str, int]


_NODES: Final = {
    "lstm": _Node("LSTM", (0, 3, 1, 2), {}),  # i, o, f, c
    "gru": _Node("GRU", (1, 0, 2), {"linear_before_reset": 1}),  # z, r, h
    "elman": _Node("RNN", (0,), {}),
}


def enter(problem: Problem) -> Contestant:
    """Make the model and its session; the faster of two ways to call it is what is timed."""
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(_model(problem), options, providers=["CPUExecutionProvider"])
    inputs = _inputs(problem)
    names: list[str] = [output.name for output in session.get_outputs()]
    binding = session.io_binding()
    for name, value in inputs.items():
        binding.bind_cpu_input(name, value)
    values: list[Any] = []
    for output in session.get_outputs():
        value = ort.OrtValue.ortvalue_from_numpy(np.empty(output.shape, np.float32))
        values.append(value)
        binding.bind_ortvalue_output(output.name, value)

    def bound() -> list[Any]:
        session.run_with_iobinding(binding)
        return values

    def plain() -> list[Any]:
        return session.run(names, inputs)

    def read(values: list[Any]) -> dict[str, Tensor]:
        arrays: list[Any] = [v.numpy() if isinstance(v, ort.OrtValue) else v for v in values]
        named = dict(zip(names, (torch.from_numpy(a) for a in arrays), strict=True))
        return {"output": named.pop("Y").squeeze(1), **named}

    ways = {"I/O binding": bound, "arrays in, arrays out": plain}
    how = min(ways, key=lambda way: _fastest(ways[way]))
    return Contestant(ways[how], read, how)


def _fastest(run: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(_TRIALS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def _inputs(problem: Problem) -> dict[str, Any]:
    inputs = {"X": problem.x.numpy()}
    if problem.lengths is not None:
        inputs["lengths"] = problem.lengths.to(torch.int32).numpy()
    if problem.row.is_stream:
        for name, state in problem.named(problem.state).items():
            inputs[f"{name}_0"] = state.numpy()
    return inputs


def _model(problem: Problem) -> bytes:
    onnx: Any = import_module("onnx")
    node = _NODES[problem.cell]
    batch_size, size = problem.row.batch_size, problem.row.size
    inputs, states = _inputs(problem), problem.states
    # The operators' optional arguments have places; an empty name leaves one free.
    optional = ["lengths", *(f"{name}_0" for name in states)]
    arguments = ["X", "W", "R", "B", *(name if name in inputs else "" for name in optional)]
    while not arguments[-1]:
        arguments.pop()
    types = {"float32": onnx.TensorProto.FLOAT, "int32": onnx.TensorProto.INT32}
    describe = onnx.helper.make_tensor_value_info
    single = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node(
                node.operator, arguments, ["Y", *states], hidden_size=size, **node.attributes
            )
        ],
        problem.cell,
        [describe(name, types[str(x.dtype)], x.shape) for name, x in inputs.items()],
        [
            describe("Y", single, [problem.row.num_steps, 1, batch_size, size]),
            *(describe(name, single, [1, batch_size, size]) for name in states),
        ],
        [onnx.numpy_helper.from_array(x, name) for name, x in _weights(problem, node).items()],
    )
    opset = onnx.helper.make_opsetid("", _OPSET)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
    return model.SerializeToString()


def _weights(problem: Problem, node: _Node) -> dict[str, Any]:
    """Bring torch's weights into ONNX's order of gates; one direction stands in front."""

    def ordered(name: str) -> Tensor:
        blocks = problem.layer.get_parameter(name).detach().chunk(len(node.gates))
        return torch.cat([blocks[gate] for gate in node.gates])

    biases = torch.cat([ordered("bias_ih_l0"), ordered("bias_hh_l0")])
    weights = {"W": ordered("weight_ih_l0"), "R": ordered("weight_hh_l0"), "B": biases}
    return {name: weight[None].numpy() for name, weight in weights.items()}
