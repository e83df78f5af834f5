"""``Program``: a graph put in order for an engine: sections, phases, groups of products."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

from ostinato.equations.graph import Graph, Reduction
from ostinato.equations.structure import CellKind, LoopKind


@dataclass(frozen=True, slots=True)
class ProductGroup:
    """Products that read the same operands: one product with their matrices stacked by rows."""

    products: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """What can run without waiting for other units: products, then norms, then one program.

    Attributes:
        products: groups of products, each one matrix product.
        norms: values that need all units of a row.
        elementwise: values computed unit by unit, in order.
    """

    products: tuple[ProductGroup, ...]
    norms: tuple[int, ...]
    elementwise: tuple[int, ...]

    @property
    def values(self) -> tuple[int, ...]:
        """Everything that the phase computes."""
        return (*(v for g in self.products for v in g.products), *self.norms, *self.elementwise)


@dataclass(frozen=True, slots=True)
class Parallel:
    """Values computed for all steps at once; with ``once``, values that have no time at all."""

    phases: tuple[Phase, ...]
    once: bool = False


@dataclass(frozen=True, slots=True)
class Loop:
    """One strongly connected set of states, computed step by step.

    Attributes:
        states: the states that the loop carries.
        kind: ``linear`` (a parallel scan is possible), ``element-wise`` (units are independent) or
            ``dense`` (products in the loop).
        phases: of one step.
        reads: values computed before the loop that each step reads.
        stored: values of the loop that something outside it reads at every step.
        shifted: states whose value at the step before is read outside the loop.
    """

    states: tuple[str, ...]
    kind: LoopKind
    phases: tuple[Phase, ...]
    reads: tuple[int, ...]
    stored: tuple[int, ...]
    shifted: tuple[str, ...]


Section: TypeAlias = Parallel | Loop


@dataclass(frozen=True)
class Program:
    """A step graph in execution order, for every engine.

    Attributes:
        graph: the values.
        sections: run one after another: once, before the first loop, loop, after it, …
        reductions: sums over time and rows after the last section (the weight gradients of an
            adjoint), those with one operand together.
        reverse: the loops run from the last step to the first.
        kind: the class of the hardest loop.
        name: by which this process finds the program again: no two programs of any two processes
            share one.
    """

    graph: Graph
    sections: tuple[Section, ...]
    reductions: tuple[tuple[Reduction, ...], ...]
    reverse: bool
    kind: CellKind
    name: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{_PROCESS}.{next(_numbers)}")
        _programs[self.name] = self

    def __reduce__(self) -> tuple[object, ...]:
        return Program, (self.graph, self.sections, self.reductions, self.reverse, self.kind)

    @property
    def loops(self) -> tuple[Loop, ...]:
        """The sections that go step by step."""
        return tuple(s for s in self.sections if isinstance(s, Loop))

    @property
    def num_barriers(self) -> int:
        """How often one step waits for a product: the phases of the loops that hold one."""
        return sum(bool(p.products) for loop in self.loops for p in loop.phases)

    def __str__(self) -> str:
        from ostinato.equations.listing import listing

        return listing(self)


_PROCESS: Final = token_hex(8)
_numbers = count()
_programs: WeakValueDictionary[str, Program] = WeakValueDictionary()


def program_called(name: str) -> Program | None:
    """Return the program of this process with a ``name``, or None."""
    return _programs.get(name)


@dataclass(frozen=True)
class Adjoint:
    """The backward pass of a program.

    The adjoint's states are the gradients of the forward states (``d:h``). Its inputs are the
    forward inputs and

    - ``grad:h``: the gradient of an output stream,
    - ``grad_state:h``: the gradient of a state at every step,
    - ``last:h``: a state at t-1, ``next:h``: at t,
    - ``saved:12``: a value kept by the forward pass.

    Its outputs are the gradients of the inputs, by name; its reductions those of the parameters;
    the last value of ``d:h`` is the gradient of the initial state.

    Attributes:
        program: runs against the direction of the forward program.
        saved: values of the forward graph that the forward pass keeps.
    """

    program: Program
    saved: tuple[int, ...]
