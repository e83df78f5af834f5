"""An independent execution of equations: the syntax tree walked in numpy, one step at a time.

It shares nothing with the program but the reader, so that it can be wrong only in other ways.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ostinato.equations import Cell
from ostinato.equations.syntax import (
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
)

Array = NDArray[np.float64]
_EPSILON = 1e-5


def _erf(a: Array) -> Array:
    from math import erf

    return np.vectorize(erf, otypes=[np.float64])(a)


_FUNCTIONS = {
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "softplus": lambda a: np.logaddexp(a, 0),
    "silu": lambda a: a / (1 + np.exp(-a)),
    "gelu": lambda a: 0.5 * a * (1 + _erf(a / np.sqrt(2))),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "clip": lambda a, low, high: np.minimum(np.maximum(a, low), high),
    "layer_norm": lambda a: (
        (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + _EPSILON)
    ),
    "rms_norm": lambda a: a / np.sqrt((a * a).mean(-1, keepdims=True) + _EPSILON),
}
_OPERATORS = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
}


def run_reference(
    cell: Cell,
    inputs: Mapping[str, Array],
    parameters: Mapping[str, Array],
    sizes: Mapping[str, int],
    state: Mapping[str, Array] | None = None,
) -> tuple[Array, dict[str, Array]]:
    """Run a cell over ``[T, B, I]`` streams; return the output ``[T, B, O]`` and last states."""
    num_rows = next(iter(inputs.values())).shape[1]
    now = dict(state) if state is not None else _initial(cell, parameters, sizes, num_rows)
    outputs: list[Array] = []
    for t in range(len(next(iter(inputs.values())))):
        names: dict[str, object] = {**parameters, **{n: x[t] for n, x in inputs.items()}, **now}
        for assignment in cell.syntax.assignments:
            names[assignment.target] = _evaluate(assignment.value, names)
        now = {name: np.broadcast_to(names[name], now[name].shape) for name in now}
        outputs.append(np.asarray(names[cell.output]))
    return np.stack(outputs), now


def _initial(
    cell: Cell, parameters: Mapping[str, Array], sizes: Mapping[str, int], num_rows: int
) -> dict[str, Array]:
    starts: dict[str, Array] = {}
    for state in cell.graph.states:
        value = parameters[state.initial] if isinstance(state.initial, str) else state.initial
        starts[state.name] = np.broadcast_to(value, (num_rows, sizes[state.dim]))
    return starts


def _evaluate(node: Expression, names: Mapping[str, object]) -> Array:
    match node:
        case Number(value=value):
            return np.asarray(value)
        case Name(name=name):
            return names[name]
        case Negative(operand=operand):
            return -_evaluate(operand, names)
        case Concatenation(pieces=pieces):
            parts = [np.asarray(_evaluate(p, names)) for p in pieces]
            rows = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
            return np.concatenate([np.broadcast_to(p, (*rows, p.shape[-1])) for p in parts], -1)
        case Binary(operator="@", left=Name(name=matrix), right=right):
            return _evaluate(right, names) @ names[matrix].T
        case Binary(operator=operator, left=left, right=right):
            return _OPERATORS[operator](_evaluate(left, names), _evaluate(right, names))
        case Call(function=function, arguments=arguments):
            return _FUNCTIONS[function](*(_evaluate(a, names) for a in arguments))
