"""The truth: a ``Program`` run with torch operations, section by section and step by step.

Every operation is a plain torch one, so any device and dtype, double backward, ``torch.func``,
``torch.compile`` and ``torch.export`` work. Programs and adjoints run alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.engines.operations import OPERATIONS
from ostinato.engines.random import bernoulli_mask
from ostinato.equations.graph import BROADCAST, Factor, Random, Reduction
from ostinato.equations.program import Loop, Phase, Program
from ostinato.equations.saves import SaveVariant


@dataclass(frozen=True)
class Result:
    """What a program computed.

    Attributes:
        outputs: output name to stream ``[T, B, n]``.
        final: state name to its value after the last step ``[B, n]``.
        states: the states asked for, at every step ``[T, B, n]``.
        kept: the values asked for, at every step (or once, where they have no time).
        reductions: parameter name to gradient, in the parameter's shape (of an adjoint).
    """

    outputs: dict[str, Tensor]
    final: dict[str, Tensor]
    states: dict[str, Tensor]
    kept: dict[int, Tensor]
    reductions: dict[str, Tensor]


@dataclass(frozen=True)
class Call:
    """The arguments of one run.

    Attributes:
        inputs: stream name to ``[T, B, n]``; ``[T, B, 1]`` for one number a row.
        parameters: parameter name to tensor, in the shape that the cell gives it.
        initial: state name to its value before the first step ``[B, n]``.
        sizes: dimension class to size.
        seed: one int64, for programs with random masks.
        first_step: the number of the first step, for a sequence run in pieces.
        keep: values to return at every step.
        states: states to return at every step.
        memory: what an engine with a backward pass of its own saves in the forward pass.
        checkpoint_every: such an engine saves the states only every so many steps and recomputes
            what lies between; 0 saves every step.
    """

    inputs: Mapping[str, Tensor]
    parameters: Mapping[str, Tensor]
    initial: Mapping[str, Tensor]
    sizes: Mapping[str, int]
    seed: Tensor | None = None
    first_step: int = 0
    keep: Collection[int] = ()
    states: Collection[str] = field(default=())
    memory: SaveVariant = "fast"
    checkpoint_every: int = 0


def run(program: Program, call: Call) -> Result:
    """Run a program on streams of ``T`` steps and ``B`` rows."""
    return _Run(program, call).run()


class _Run:
    """One execution: ``env`` holds each value, with time in front where it has time."""

    def __init__(self, program: Program, call: Call) -> None:
        self.program = program
        self.graph = program.graph
        self.call = call
        stream = next(iter(call.inputs.values()))
        self.num_steps, self.num_rows = stream.shape[:2]
        like = next((s for s in call.inputs.values() if s.is_floating_point()), stream)
        self.dtype, self.device = like.dtype, like.device
        self.env: dict[int, Tensor] = {}
        self.final: dict[str, Tensor] = {}
        self.states: dict[str, Tensor] = {}
        self.parameters = {p.name: p for p in program.graph.parameters}
        self.weights: dict[tuple[int, ...], Tensor] = {}

    def run(self) -> Result:
        self._leaves()
        for section in self.program.sections:
            if isinstance(section, Loop):
                self._loop(section)
            else:
                self._phases(section.phases, self.env)
        return Result(
            {name: self._stream(v) for name, v in self.graph.outputs},
            self.final,
            self.states,
            {v: self.env[v] for v in self.call.keep},
            self._reductions(),
        )

    def _size(self, dim: str) -> int:
        return 1 if dim == BROADCAST else self.call.sizes[dim]

    def _leaves(self) -> None:
        for index, value in enumerate(self.graph.values):
            match value.op, value.attribute:
                case "constant", float(number):
                    self.env[index] = torch.full((), number, dtype=self.dtype, device=self.device)
                case "parameter", str(name):
                    self.env[index] = self.call.parameters[name]
                case "input", str(name):
                    self.env[index] = self.call.inputs[name]
                case "random", Random() as random:
                    self.env[index] = self._mask(random, value.dim)
                case _:
                    pass

    def _mask(self, random: Random, dim: str) -> Tensor:
        assert self.call.seed is not None, "a program with random masks needs a seed"
        return bernoulli_mask(
            self.call.seed,
            random.stream,
            random.probability,
            steps=self.num_steps if random.per_step else None,
            rows=self.num_rows,
            units=self._size(dim),
            first_step=self.call.first_step,
            dtype=self.dtype,
        )

    # One step, or all steps at once: the same code, since time is only a leading dimension

    def _phases(self, phases: Iterable[Phase], env: dict[int, Tensor]) -> None:
        values = self.graph.values
        for phase in phases:
            for group in phase.products:
                operands = [env[a] for a in values[group.products[0]].args]
                operand = operands[0] if len(operands) == 1 else torch.cat(operands, -1)
                stacked = F.linear(operand, self._weight(group.products))
                rows = [self._size(values[v].dim) for v in group.products]
                parts: tuple[Tensor, ...] = torch.split(stacked, rows, -1)
                env.update(zip(group.products, parts, strict=True))
            for v in (*phase.norms, *phase.elementwise):
                env[v] = OPERATIONS[values[v].op](*[env[a] for a in values[v].args])

    def _weight(self, products: tuple[int, ...]) -> Tensor:
        """Return the matrices of a group: products stacked by rows, operands by columns."""
        if products not in self.weights:
            rows = [torch.cat(self._blocks(v), 1) for v in products]
            self.weights[products] = rows[0] if len(rows) == 1 else torch.cat(rows, 0)
        return self.weights[products]

    def _blocks(self, product: int) -> list[Tensor]:
        factors = self.graph.values[product].attribute
        assert isinstance(factors, tuple)
        return [self._block(factor) for factor in factors]

    def _block(self, factor: Factor) -> Tensor:
        matrix = self.call.parameters[factor.parameter]
        pieces = self.parameters[factor.parameter].pieces
        if len(pieces) > 1:
            start = sum(self._size(p) for p in pieces[: factor.piece])
            matrix = matrix[:, start : start + self._size(pieces[factor.piece])]
        return matrix.mT if factor.transposed else matrix

    # The loop

    def _loop(self, loop: Loop) -> None:
        states = [self.graph.state(name) for name in loop.states]
        carried = {
            s.name: self.call.initial[s.name].expand(self.num_rows, self._size(s.dim))
            for s in states
        }
        first = dict(carried)
        reads = {v: self.env[v].unbind(0) for v in loop.reads}
        stored: dict[int, list[Tensor]] = {v: [] for v in self._stored(loop)}
        tracks: dict[str, list[Tensor]] = {name: [] for name in self._tracked(loop)}
        env = dict(self.env)
        order = range(self.num_steps)
        for t in reversed(order) if self.program.reverse else order:
            env.update((s.read, carried[s.name]) for s in states)
            env.update((v, steps[t]) for v, steps in reads.items())
            self._phases(loop.phases, env)
            carried = {s.name: env[s.next].expand_as(first[s.name]) for s in states}
            for v, steps in stored.items():
                steps.append(env[v])
            for name, steps in tracks.items():
                steps.append(carried[name])
        self.final.update(carried)
        for v, steps in stored.items():
            self.env[v] = self._joined(steps, self.graph.values[v].dim)
        for name, steps in tracks.items():
            stream = self._joined(steps, self.graph.state(name).dim)
            if name in self.call.states:
                self.states[name] = stream
            if name in loop.shifted:
                read = self.graph.state(name).read
                self.env[read] = shifted(stream, first[name], reverse=self.program.reverse)

    def _stored(self, loop: Loop) -> list[int]:
        """Return the values of a loop that are wanted at every step."""
        inside = {v for phase in loop.phases for v in phase.values}
        return sorted({*loop.stored, *(v for v in self.call.keep if v in inside)})

    def _tracked(self, loop: Loop) -> list[str]:
        return [s for s in loop.states if s in loop.shifted or s in self.call.states]

    def _joined(self, steps: list[Tensor], dim: str) -> Tensor:
        """Stack the steps of a loop in the order of time."""
        if not steps:
            shape = (0, self.num_rows, self._size(dim))
            return torch.empty(shape, dtype=self.dtype, device=self.device)
        return torch.stack(steps[::-1] if self.program.reverse else steps)

    # After the last section

    def _stream(self, index: int) -> Tensor:
        size = self._size(self.graph.values[index].dim)
        return self.env[index].expand(self.num_steps, self.num_rows, size)

    def _reductions(self) -> dict[str, Tensor]:
        sums: dict[tuple[str, int], Tensor] = {}
        for reduction in (r for group in self.program.reductions for r in group):
            key = reduction.parameter, reduction.piece
            part = self._reduce(reduction)
            sums[key] = sums[key] + part if key in sums else part
        return {
            name: torch.cat([sums[name, k] for k in range(max(1, len(p.pieces)))], 1)
            if p.kind == "matrix"
            else sums[name, 0]
            for name, p in self.parameters.items()
            if (name, 0) in sums
        }

    def _reduce(self, reduction: Reduction) -> Tensor:
        delta = self._stream(reduction.delta)
        if reduction.operand is not None:
            operand = self._stream(reduction.operand)
            return torch.einsum("tbr,tbc->rc", delta, operand)
        kind = self.parameters[reduction.parameter].kind
        return delta.sum() if kind == "scalar" else delta.sum((0, 1))


def shifted(stream: Tensor, initial: Tensor, *, reverse: bool = False) -> Tensor:
    """Return a state at t-1 (with ``reverse``, at t+1) from the state at t.

    Args:
        stream: ``[T, B, n]``.
        initial: the state before the first step ``[B, n]``.
        reverse: time runs from the last step to the first.
    """
    if reverse:
        return torch.cat([stream, initial[None]])[1:]
    return torch.cat([initial[None], stream])[:-1]
