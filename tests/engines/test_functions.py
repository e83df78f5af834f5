"""The elementary functions of the native engine: errors, order, special values.

Errors are in ulps of the exact result: the spacing of the dtype's numbers where that result lies.
An error below 2.5 leaves at most 2 to the correctly rounded result.
The reference of float is numpy in double precision, whose own error is below 2^-26 of such an ulp;
the reference of double is mpmath with 160 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mpmath import mp
from tools import polynomials

from ostinato.engines.native import _native
from ostinato.engines.native.plan import OPERATIONS

FUNCTIONS_H = Path(__file__).parents[2] / "csrc" / "functions.h"
SETS = _native.instruction_sets()
DTYPES = [np.float32, np.float64]
LOG2, SQRT_HALF = math.log(2), math.sqrt(0.5)
INF, NAN = math.inf, math.nan


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(x) / (1 + np.exp(x)))


def _half_erfc(x: np.ndarray) -> np.ndarray:
    """The normal distribution below x."""
    return 0.5 * torch.special.erfc(torch.from_numpy(-x * SQRT_HALF)).numpy()


def _mp_cumulative(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


@dataclass(frozen=True)
class Function:
    """One function, exactly; `error` is what functions.h states, in ulps; `first < x < last`."""

    error: float
    in_double: Callable[[np.ndarray], np.ndarray]
    in_mp: Callable[[Any], Any]
    first: float = -INF
    last: float = INF


MONOTONE = {
    "exp": Function(2, np.exp, mp.exp),
    "sigmoid": Function(2.5, _sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
    "tanh": Function(2.5, np.tanh, mp.tanh),
    "log": Function(2, np.log, mp.log, first=0),
    "softplus": Function(
        2,
        lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
        lambda x: mp.log1p(mp.exp(x)),
    ),
}
# silu and gelu end where what they multiply by x becomes subnormal.
FUNCTIONS = MONOTONE | {
    "silu": Function(
        4, lambda x: x * _sigmoid(x), lambda x: x / (1 + mp.exp(-x)), first=-87, last=1e30
    ),
    "gelu": Function(
        8, lambda x: x * _half_erfc(x), lambda x: x * _mp_cumulative(x), first=-12, last=1e30
    ),
}


def compute(op: str, instruction_set: str, x: np.ndarray) -> np.ndarray:
    unary = _native.unary_float if x.dtype == np.float32 else _native.unary_double
    y = np.empty_like(x)
    unary(OPERATIONS.index(op), instruction_set, x, y)
    return y


def to_keys(x: np.ndarray) -> np.ndarray:
    """Integers in the order of the numbers, one for each; those of 0 and -0 are 0."""
    words = x.view(f"i{x.itemsize}").astype(np.int64)
    low = words & np.int64((1 << (8 * x.itemsize - 1)) - 1)
    return np.where(words < 0, -low, low)


def from_keys(keys: np.ndarray, dtype: type) -> np.ndarray:
    kind = f"i{np.dtype(dtype).itemsize}"
    magnitude = np.abs(keys).astype(kind).view(dtype)
    return np.copysign(magnitude, np.where(keys < 0, -1, 1).astype(dtype))


def around(places: np.ndarray, count: int, function: Function) -> np.ndarray:
    """[places, count]: the consecutive numbers around each place, inside the domain."""
    dtype = places.dtype.type
    first, last = (int(to_keys(np.array([dtype(e)]))[0]) for e in (function.first, function.last))
    centres = np.clip(to_keys(places), first + count, last - count)
    return from_keys(centres[:, None] + np.arange(-count // 2, count // 2), dtype)


def breakpoints(op: str, dtype: type) -> np.ndarray:
    """Where one formula, or one exponent of the reduction, gives way to another."""
    info = np.finfo(dtype)
    lowest, highest = info.minexp - info.nmant - 2, info.maxexp + 2
    edges = [0, 0.25, 0.5, LOG2, 1, 2, 9, 15, 20, 40]
    edges += [info.smallest_normal, info.smallest_subnormal, info.max]
    if op == "log":
        found = [math.ldexp(SQRT_HALF, n) for n in range(lowest + 2, highest - 1)]
    else:
        exponents = np.arange(lowest, highest) + 0.5
        found = [*exponents * LOG2, *exponents * LOG2 / 2, *(-x for x in edges)]
        # Where results begin to be subnormal, vanish, overflow and become 1.
        bits = info.nmant + 1
        found += [n * LOG2 for n in (lowest, info.minexp, info.maxexp, bits, -bits)]
    return np.array([*found, *edges], dtype)


@cache
def sample(op: str, dtype: type) -> np.ndarray:
    """Arguments over the whole line, and dense ones where results are neither 0, 1 nor x."""
    function = FUNCTIONS[op]
    generator = np.random.default_rng(0)
    ends = to_keys(np.array([function.first, function.last], dtype))
    if dtype is np.float32:
        parts = [
            from_keys(np.arange(ends[0] + 1, ends[1], 2999), dtype),
            around(breakpoints(op, dtype), 100, function).ravel(),
        ]
    else:
        parts = [
            from_keys(generator.integers(ends[0] + 1, ends[1], 800), dtype),
            breakpoints(op, dtype)[::3],
            *(generator.uniform(-scale, scale, 500) for scale in (1, 3, 30, 700)),
        ]
    x = np.concatenate(parts)
    return x[(x > function.first) & (x < function.last)]


def in_ulps(y: np.ndarray, ulp: np.ndarray) -> np.ndarray:
    """Exactly; an infinity counts as the power of two that is the first to overflow."""
    overflow = 2.0 ** (np.finfo(y.dtype).nmant + 1)
    return np.where(np.isinf(y), np.sign(y) * overflow, y.astype(np.float64) / ulp)


@cache
def reference(op: str, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The exact results, as a whole number of ulps and the rest of them; and the ulp."""
    function, x = FUNCTIONS[op], sample(op, dtype)
    info = np.finfo(dtype)
    if dtype is np.float32:
        with np.errstate(all="ignore"):
            exact = np.clip(function.in_double(x.astype(np.float64)), -(2.0**128), 2.0**128)
            nearest = exact.astype(dtype)
    else:
        with mp.workprec(160):
            values = [min(function.in_mp(mp.mpf(float(a))), mp.mpf(2) ** 1024) for a in x]
            nearest = np.array([float(v) for v in values])
    exponent = np.where(np.isinf(nearest), info.maxexp, np.frexp(nearest.astype(np.float64))[1])
    ulp = np.ldexp(1.0, np.maximum(exponent - 1, info.minexp) - info.nmant)
    whole = in_ulps(nearest, ulp)
    if dtype is np.float32:
        return whole, exact / ulp - whole, ulp
    with mp.workprec(160):
        rest = [float(v / mp.mpf(u) - w) for v, u, w in zip(values, ulp, whole, strict=True)]
    return whole, np.array(rest), ulp


def errors(y: np.ndarray, op: str) -> np.ndarray:
    """In ulps of the exact results."""
    whole, rest, ulp = reference(op, y.dtype.type)
    return np.abs((in_ulps(y, ulp) - whole) - rest)


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", FUNCTIONS)
def test_errors(op: str, dtype: type, instruction_set: str) -> None:
    x = sample(op, dtype)
    y = compute(op, instruction_set, x)
    error = errors(y, op)
    worst = int(np.argmax(error))
    assert error[worst] <= FUNCTIONS[op].error, (float(x[worst]).hex(), error[worst])
    if op in MONOTONE:
        whole, _, ulp = reference(op, dtype)
        assert np.abs(in_ulps(y, ulp) - whole).max() <= 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_derivative_of_gelu(dtype: type) -> None:
    """Absolute error: its exact value passes through 0."""
    x = np.linspace(-41, 41, 1001).astype(dtype)
    with mp.workprec(160):
        exact = [_mp_cumulative(a) + a * mp.npdf(a) for a in map(mp.mpf, map(float, x))]
        for instruction_set in SETS:
            got = map(mp.mpf, map(float, compute("gelu_grad", instruction_set, x)))
            worst = max(abs(g - e) for g, e in zip(got, exact, strict=True))
            assert worst <= 2 * np.finfo(dtype).eps, instruction_set


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", MONOTONE)
def test_monotone(op: str, dtype: type, instruction_set: str) -> None:
    generator = np.random.default_rng(1)
    places = np.concatenate(
        [breakpoints(op, dtype), *(generator.normal(0, s, 100) for s in (0.1, 1, 10, 100))]
    )
    if op == "log":
        places = np.abs(places)
    x = around(places.astype(dtype), 400, MONOTONE[op])
    y = compute(op, instruction_set, x.ravel()).reshape(x.shape)
    falls = np.argwhere(~(y[:, 1:] >= y[:, :-1]))
    assert not len(falls), (len(falls), float(x[tuple(falls[0])]).hex())


SPECIAL = {
    "exp": [(-INF, 0.0), (-1e4, 0.0), (-0.0, 1.0), (0.0, 1.0), (1e4, INF), (INF, INF)],
    "sigmoid": [(-INF, 0.0), (-1e4, 0.0), (-0.0, 0.5), (0.0, 0.5), (1e4, 1.0), (INF, 1.0)],
    "tanh": [(-INF, -1.0), (-1e4, -1.0), (-0.0, -0.0), (0.0, 0.0), (1e4, 1.0), (INF, 1.0)],
    "log": [(-INF, NAN), (-1e-40, NAN), (-0.0, -INF), (0.0, -INF), (1.0, 0.0), (INF, INF)],
    "softplus": [(-INF, 0.0), (-1e4, 0.0), (1e4, 1e4), (INF, INF)],
    "sqrt": [(-INF, NAN), (-1e-40, NAN), (-0.0, -0.0), (0.0, 0.0), (4.0, 2.0), (INF, INF)],
    "silu": [(-1e4, -0.0), (-0.0, -0.0), (0.0, 0.0), (1e4, 1e4), (INF, INF)],
    "gelu": [(-INF, -0.0), (-1e4, -0.0), (-0.0, -0.0), (0.0, 0.0), (1e4, 1e4), (INF, INF)],
    "gelu_grad": [(-INF, -0.0), (-1e4, -0.0), (1e4, 1.0), (INF, 1.0)],
}


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", SPECIAL)
def test_special_values(op: str, dtype: type, instruction_set: str) -> None:
    x, expected = np.array([*SPECIAL[op], (NAN, NAN)], dtype).T.copy()
    y = compute(op, instruction_set, x)
    np.testing.assert_array_equal(y, expected)
    signed = np.isfinite(expected)
    np.testing.assert_array_equal(np.signbit(y[signed]), np.signbit(expected[signed]))


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_square_root_is_correctly_rounded(dtype: type, instruction_set: str) -> None:
    last = int(to_keys(np.array([INF], dtype))[0])
    x = from_keys(np.random.default_rng(2).integers(0, last, 100_000), dtype)
    np.testing.assert_array_equal(compute("sqrt", instruction_set, x), np.sqrt(x))


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_symmetry(dtype: type, instruction_set: str) -> None:
    x = np.abs(sample("tanh", dtype))
    np.testing.assert_array_equal(
        compute("tanh", instruction_set, -x), -compute("tanh", instruction_set, x)
    )


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", SPECIAL)
def test_a_result_does_not_depend_on_its_place(op: str, dtype: type, instruction_set: str) -> None:
    """Whole vectors and the rest after them compute the same."""
    x = np.random.default_rng(3).uniform(0.1, 5, 70).astype(dtype)
    whole = compute(op, instruction_set, x)
    for first in range(35):
        part = compute(op, instruction_set, x[first : 2 * first + 1].copy())
        np.testing.assert_array_equal(part, whole[first : 2 * first + 1])


def test_instruction_sets() -> None:
    assert SETS[-1] == "baseline"
    assert len(set(SETS)) == len(SETS)
    one = np.ones(1, np.float32)
    with pytest.raises(_native.PlanError, match=r"got the instruction set 'mmx', .* baseline"):
        compute("exp", "mmx", one)


def test_the_polynomials_are_those_that_the_tool_prints() -> None:
    text = FUNCTIONS_H.read_text()
    printed = polynomials.blocks()
    assert len(printed) == text.count("relative error 2^")
    for block in printed:
        assert block in text
