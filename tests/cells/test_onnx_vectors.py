"""The test vectors that the onnx package carries for its RNN, GRU and LSTM operators."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper
from onnx.backend.test.case import node as onnx_cases
from torch import Tensor

from ostinato import cells
from ostinato.engines import ENGINES, Call
from ostinato.equations.rewrites import VALID, Options, transform
from ostinato.equations.schedule import compile_graph
from tests.tolerances import assert_close

GATES = {"RNN": ("h",), "GRU": ("z", "r", "n"), "LSTM": ("i", "o", "f", "g")}
"""The order of rows in onnx's stacked matrices, under our gates' names."""
PEEPHOLES = ("i", "o", "f")


def _vectors() -> list[Any]:
    for operator in GATES:
        importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    return [c for c in onnx_cases._NodeTestCases if c.model.graph.node[0].op_type in GATES]


def _name(operator: str, given: dict[str, Tensor]) -> str:
    if operator == "LSTM":
        return "lstm_peephole" if "P" in given else "lstm"
    return {"RNN": "elman", "GRU": "gru_2014"}[operator]


def _weights(operator: str, given: dict[str, Tensor], direction: int) -> dict[str, Tensor]:
    """Cut onnx's stacked matrices into the parameters of our cell."""
    gates = GATES[operator]
    inputs, recurrent = (
        dict(zip(gates, given[k][direction].chunk(len(gates)), strict=True)) for k in ("W", "R")
    )
    stacked = given.get("B", torch.zeros(direction + 1, 2 * len(given["W"][direction])))[direction]
    halves = [dict(zip(gates, b.chunk(len(gates)), strict=True)) for b in stacked.chunk(2)]
    weights = {f"b_{g}": halves[0][g] + halves[1][g] for g in gates}
    if operator == "RNN":
        return {"W_ih": inputs["h"], "W_hh": recurrent["h"], **weights}
    if operator == "GRU":
        blocks = {f"W_{g}": torch.cat([recurrent[g], inputs[g]], 1) for g in gates}
        return {**blocks, **weights}
    weights |= {f"W_i{g}": inputs[g] for g in gates} | {f"W_h{g}": recurrent[g] for g in gates}
    if "P" in given:
        parts = given["P"][direction].chunk(3)
        weights |= {f"p_{g}": part for g, part in zip(PEEPHOLES, parts, strict=True)}
    return weights


@pytest.mark.parametrize("vector", _vectors(), ids=lambda v: v.name)
def test_our_cell_computes_the_operator(vector: Any) -> None:
    node = vector.model.graph.node[0]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    arrays, expected = vector.data_sets[0]
    given = {
        k: torch.from_numpy(np.array(a))
        for k, a in zip([n for n in node.input if n], arrays, strict=True)
    }
    x = given["X"].transpose(0, 1) if attributes.get("layout") else given["X"]
    kind = attributes.get("direction", b"forward").decode()
    outputs, ends = [], []
    for direction in range(len(given["W"])):
        result = _run(
            node.op_type, given, x, direction, reverse=kind == "reverse" or direction == 1
        )
        outputs.append(result[0])
        ends.append(result[1])
    found = {
        "Y": torch.stack(outputs, 1),
        **{f"Y_{s}": torch.stack([end[s] for end in ends]) for s in ends[0]},
    }
    if attributes.get("layout"):
        found = {
            k: v.permute(2, 0, 1, 3) if k == "Y" else v.transpose(0, 1) for k, v in found.items()
        }
    wanted = [n for n in node.output if n]
    assert len(wanted) == len(expected) >= 1
    for name, array in zip(wanted, expected, strict=True):
        assert_close(found[name], torch.from_numpy(np.array(array)), name)


def _run(
    operator: str, given: dict[str, Tensor], x: Tensor, direction: int, *, reverse: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    cell = cells.get(_name(operator, given))
    lengths = given.get("sequence_lens")
    options = Options(lengths=lengths is not None)
    sizes = cell.sizes(x.shape[2], given["R"].shape[2])
    inputs = {"x": x}
    if lengths is not None:
        inputs[VALID] = (torch.arange(len(x))[:, None] < lengths)[..., None]
    zero = torch.zeros(x.shape[1], sizes["hidden_size"])
    initial = {
        s: given[f"initial_{s}"][direction] if f"initial_{s}" in given else zero
        for s in cell.states
    }
    call = Call(inputs, _weights(operator, given, direction), initial, sizes)
    program = compile_graph(transform(cell.graph, options), reverse=reverse)
    result = ENGINES["eager"].run(program, call)
    return result.outputs["h"], result.final
