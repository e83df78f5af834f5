"""A problem that several layers solve, and one of them as a job to time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from ostinato import cells
from ostinato.cli.bench.rows import Mode, Row
from ostinato.nn import GRU, LSTM, RNN, Recurrent
from ostinato.nn.layer import SequenceLayer

_LIKE_TORCH: Final[dict[str, type[LSTM | GRU | RNN]]] = {"lstm": LSTM, "gru": GRU, "elman": RNN}
_SEED: Final = 1


@dataclass(frozen=True)
class Problem:
    """The same numbers for everyone.

    Attributes:
        cell: its name.
        row: the shapes.
        mode: inference, or forward and backward.
        layer: ours, whose weights all others take over.
        x: ``[T, B, I]``.
        lengths: steps of each row ``[B]``, or None where all have T.
        state: what a step before has left, for a stream; else None.
    """

    cell: str
    row: Row
    mode: Mode
    layer: SequenceLayer
    x: Tensor
    lengths: Tensor | None
    state: Any

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the cell's states."""
        return cells.get(self.cell).states

    def named(self, states: Any) -> dict[str, Tensor]:
        """Name what a layer returns: torch's one state or a pair, ours of any cell a mapping."""
        if isinstance(states, Mapping):
            return dict(cast("Mapping[str, Tensor]", states))
        tensors = (states,) if isinstance(states, Tensor) else cast("tuple[Tensor, ...]", states)
        return dict(zip(self.states, tensors, strict=True))

    @property
    def gflop(self) -> float:
        """The arithmetic of the matrix products alone, in 1e9 operations.

        The backward pass has two products, for the operand and for the matrix, to each one of the
        forward pass.
        """
        graph, sizes = self.layer.stack.graph, self.layer.stack.sizes[0]
        one_step = sum(
            2 * sizes[value.dim] * sizes[graph.values[operand].dim]
            for value in graph.values
            if value.op == "product"
            for operand in value.args
        )
        row = self.row
        num_steps = row.batch_size * row.num_steps
        if self.lengths is not None:
            num_steps = int(self.lengths.sum())
        return 1e-9 * one_step * num_steps * (1 if self.mode == "inference" else 3)

    def __str__(self) -> str:
        return f"{self.cell}, {self.row}, {self.mode}"


def make_problem(cell: str, row: Row, mode: Mode, engine: str, dtype: torch.dtype) -> Problem:
    """Draw weights and input; they are the same in every run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        layer = make_layer(cell, row.size, engine, dtype)
        x = torch.randn(row.num_steps, row.batch_size, row.size, dtype=dtype)
        lengths = None
        if row.shortest is not None:
            lengths = torch.randint(row.shortest, row.num_steps + 1, (row.batch_size,))
    state: Any = None
    if row.is_stream:
        with torch.no_grad():
            state = cast("Any", layer).step(x[0])[1]
    return Problem(cell, row, mode, layer, x, lengths, state)


def make_layer(cell: str, size: int, engine: str, dtype: torch.dtype) -> SequenceLayer:
    """Return our layer of a named cell, with I = H."""
    if cell in _LIKE_TORCH:
        return _LIKE_TORCH[cell](size, size, dtype=dtype, engine=engine)
    has_output_size = "output_size" in cells.get(cell).dimensions.classes
    output_size = size if has_output_size else None
    return Recurrent(cell, size, size, output_size=output_size, dtype=dtype, engine=engine)


@dataclass(frozen=True)
class Contestant:
    """A job to time, and the numbers that it computes.

    Attributes:
        run: what is timed.
        read: brings what ``run`` returns into the form in which all are compared: ``output``,
            states ``h``, … and, of training, ``gradient of x``, ``gradient of weight_hh_l0``, ….
        how: the way in which it runs, where there are several.
    """

    run: Callable[[], Any]
    read: Callable[[Any], dict[str, Tensor]]
    how: str = ""


def ours(problem: Problem) -> Contestant:
    """Our layer on a problem."""
    return own_layer(problem, problem.layer)


def own_layer(problem: Problem, layer: SequenceLayer) -> Contestant:
    """Any layer of ours on a problem; its engine is its own."""
    call = cast("Any", layer)

    def forward(x: Tensor) -> tuple[Tensor, Any]:
        if problem.row.is_stream:
            output, state = call.step(x[0], problem.state)
            return output[None], state
        if problem.lengths is not None:
            return call(x, lengths=problem.lengths)
        return call(x)

    return module(problem, layer, forward)


def module(
    problem: Problem, layer: nn.Module, forward: Callable[[Tensor], tuple[Tensor, Any]]
) -> Contestant:
    """A torch module on a problem; ``forward`` returns the output and the states."""
    layer.train(problem.mode == "training")
    if problem.mode == "inference":

        def infer() -> Any:
            with torch.inference_mode():
                return forward(problem.x)

        return Contestant(infer, lambda result: {"output": result[0], **problem.named(result[1])})

    x = problem.x.clone().requires_grad_()
    wanted = {"x": x, **dict(layer.named_parameters())}

    def train() -> Any:
        output, states = forward(x)
        return output, states, torch.autograd.grad(output.sum(), list(wanted.values()))

    def read(result: Any) -> dict[str, Tensor]:
        output, states, gradients = result
        numbers = {"output": output, **problem.named(states)}
        return numbers | {gradient(n): g for n, g in zip(wanted, gradients, strict=True)}

    return Contestant(train, read)


def gradient(name: str) -> str:
    """Return what the gradient of a tensor is called among the numbers that are compared."""
    return f"gradient of {name}"
