"""jax: a jitted ``lax.scan``, written as one writes it by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ostinato.cli.bench.contest import Contestant, Problem, gradient


def enter(problem: Problem) -> Contestant:
    """Compile the scan, or its value and gradients, for a problem."""
    # XLA's only setting of its threads, read when its first computation starts.
    os.environ["NPROC"] = str(torch.get_num_threads())
    jax: Any = import_module("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", problem.x.dtype == torch.float64)
    weights = {
        n: jax.numpy.asarray(p.detach().numpy()) for n, p in problem.layer.named_parameters()
    }
    x = jax.numpy.asarray(problem.x.numpy())
    valid = _valid(problem)
    state = tuple(jax.numpy.asarray(s.numpy()[0]) for s in _start(problem))

    def forward(weights: Any, x: Any) -> Any:
        return _scan(jax, STEPS[problem.cell], weights, x, state, valid)

    def total(weights: Any, x: Any) -> Any:
        output, final = forward(weights, x)
        return output.sum(), (output, final)

    trains = problem.mode == "training"
    job = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True) if trains else forward)

    def read(result: Any) -> dict[str, Tensor]:
        gradients: dict[str, Any] = {}
        if trains:
            (_, result), (of_weights, of_x) = result
            gradients = {gradient(name): g for name, g in {"x": of_x, **of_weights}.items()}
        output, final = result
        states = {n: s[None] for n, s in zip(problem.states, final, strict=True)}
        arrays = {"output": output, **states, **gradients}
        # A copy: what jax returns cannot be written, which torch warns of.
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}

    return Contestant(lambda: jax.block_until_ready(job(weights, x)), read)


def _start(problem: Problem) -> tuple[Tensor, ...]:
    """Return the states before the first step, each ``[1, B, H]``."""
    if problem.row.is_stream:
        return tuple(problem.named(problem.state).values())
    zeros = problem.x.new_zeros(1, problem.row.batch_size, problem.row.size)
    return (zeros,) * len(problem.states)


def _valid(problem: Problem) -> Any:
    """Return ``[T, B, 1]``, true up to the length of each row, or None where all have T."""
    if problem.lengths is None:
        return None
    steps = np.arange(problem.row.num_steps)[:, None, None]
    return steps < problem.lengths.numpy()[:, None]


def _scan(
    jax: Any,
    step: Callable[[Any, Any, Any, tuple[Any, ...]], tuple[Any, ...]],
    weights: Any,
    x: Any,
    state: tuple[Any, ...],
    valid: Any,
) -> Any:
    """Return the output ``[T, B, H]`` and the last states ``[B, H]``."""
    # The input's product leaves the loop; XLA does not do that by itself.
    inputs = x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]

    def body(state: tuple[Any, ...], at_t: Any) -> Any:
        if valid is None:
            new = step(jax, weights, at_t, state)
            return new, new[0]
        a, is_valid = at_t
        new = step(jax, weights, a, state)
        held = tuple(jax.numpy.where(is_valid, n, o) for n, o in zip(new, state, strict=True))
        return held, jax.numpy.where(is_valid, new[0], 0)

    final, output = jax.lax.scan(body, state, inputs if valid is None else (inputs, valid))
    return output, final


def _recurrent(weights: Any, h: Any) -> Any:
    return h @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]


def _lstm(jax: Any, weights: Any, a: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    h, c = state
    i, f, g, o = jax.numpy.split(a + _recurrent(weights, h), 4, -1)
    sigmoid, tanh = jax.nn.sigmoid, jax.numpy.tanh
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _gru(jax: Any, weights: Any, a: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    (h,) = state
    a_r, a_z, a_n = jax.numpy.split(a, 3, -1)
    h_r, h_z, h_n = jax.numpy.split(_recurrent(weights, h), 3, -1)
    r, z = jax.nn.sigmoid(a_r + h_r), jax.nn.sigmoid(a_z + h_z)
    n = jax.numpy.tanh(a_n + r * h_n)
    return ((1 - z) * n + z * h,)


def _elman(jax: Any, weights: Any, a: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    return (jax.numpy.tanh(a + _recurrent(weights, state[0])),)


STEPS: Final[dict[str, Any]] = {"lstm": _lstm, "gru": _gru, "elman": _elman}
