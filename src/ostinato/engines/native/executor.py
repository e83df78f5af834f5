"""A lowered program with its engines: which buffers a run reads, and which it fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

from ostinato.core.caches import remember
from ostinato.engines.native import _native  # pyright: ignore[reportMissingModuleSource]
from ostinato.engines.native.lower import Request, lower
from ostinato.equations.program import Program

Precision: TypeAlias = Literal["float32", "float64"]

_ENGINES: Final = {"float32": _native.EngineFloat, "float64": _native.EngineDouble}
_MOST_KEPT: Final = 512

FUSED_CACHES: Final = 12
"""Products with the input run inside the loop while the weights fill so many second caches."""

FUSED_ROWS: Final = 16
"""From so many rows on, products with the input may run inside the loop."""

CACHE_BYTES: Final = _native.cache_bytes()
"""The second cache of a core."""


SUNK_NUMBERS: Final = 512
"""From so many numbers a step on, values before a loop are cheaper computed in it."""

_EVERYTHING: Final = Request()


def fitting(program: Program, sizes: Mapping[str, int], num_rows: int) -> tuple[bool, bool]:
    """Whether products with the input run inside the loop, and cheap values (see ``Request``).

    Products do where a step has many rows, and the weights do not leave the caches from step to
    step.

    Args:
        program: of one direction.
        sizes: dimension class to size.
        num_rows: B.
    """
    sinks = num_rows * max(sizes.values(), default=0) >= SUNK_NUMBERS
    if num_rows < FUSED_ROWS:
        return False, sinks
    numbers = sum(
        sizes.get(p.rows, 1) * sum(sizes[piece] for piece in p.pieces)
        for p in program.graph.parameters
    )
    return 4 * numbers <= FUSED_CACHES * CACHE_BYTES, sinks


@dataclass(frozen=True)
class BufferSpec:
    """One buffer of a run.

    Attributes:
        name: ``input:x``, ``parameter:W``, ``initial:h``, ``final:h``, ``gradient:W`` or
            ``stream:k``.
        kind: of the array: ``stream`` ``[T, B, n]``, ``rows`` ``[B, n]``, ``vector`` ``[n]`` or
            ``matrix`` ``[n, columns]``.
        size: n.
        columns: of a matrix.
    """

    name: str
    kind: str
    size: int
    columns: int

    def shape(self, num_steps: int, num_rows: int) -> tuple[int, ...]:
        """Return the shape in a run of T steps and B rows."""
        match self.kind:
            case "stream":
                return num_steps, num_rows, self.size
            case "rows":
                return num_rows, self.size
            case "matrix":
                return self.size, self.columns
            case _:
                return (self.size,)

    @cached_property
    def is_given(self) -> bool:
        """Whether the caller brings it; the others he takes away."""
        return self.name.startswith(("input:", "parameter:", "initial:"))

    @cached_property
    def is_sum(self) -> bool:
        """Whether it holds the gradient of a parameter."""
        return self.name.startswith("gradient:")


class Executor:
    """A program for given sizes and wishes, as plan and engines.

    Attributes:
        buffers: in the order in which the engine takes them.
        streams: ``output:y``, ``state:h``, ``keep:12`` to the name of the buffer that holds it.
    """

    def __init__(
        self, program: Program, sizes: Mapping[str, int], request: Request = _EVERYTHING
    ) -> None:
        lowered = lower(program, sizes, request)
        self.program = program
        self.streams = lowered.streams
        specs = {
            a.buffer: BufferSpec(a.buffer, a.kind, a.size, a.columns)
            for a in lowered.plan.arrays
            if a.buffer is not None
        }
        self.buffers = tuple(specs[name] for name in lowered.plan.buffers)
        self._words, self._numbers = lowered.plan.encode()
        self._engines: dict[tuple[str, str], _native.Engine] = {}

    def engine(self, precision: Precision, instruction_set: str = "") -> _native.Engine:
        """Return the engine for one precision; ``instruction_set`` forces a lesser one."""
        key = precision, instruction_set
        if key not in self._engines:
            self._engines[key] = _ENGINES[precision](self._words, self._numbers, instruction_set)
        return self._engines[key]

    @cached_property
    def made(self) -> tuple[BufferSpec, ...]:
        """The buffers that a run fills."""
        return tuple(spec for spec in self.buffers if not spec.is_given)


_executors: dict[tuple[object, ...], Executor] = {}


def executor(
    program: Program, sizes: Mapping[str, int], request: Request = _EVERYTHING
) -> Executor:
    """Return the executor of a program; the same arguments give the same one again.

    Args:
        program: of one direction; recognised by its name.
        sizes: dimension class to size.
        request: what is wanted.
    """
    key = program.name, tuple(sizes.items()), request
    found = _executors.get(key)
    if found is None:
        found = remember(_executors, key, Executor(program, sizes, request), _MOST_KEPT)
    return found
