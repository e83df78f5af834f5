"""The dataflow graph of one step: hash-consed values in static single assignment form.

A ``Graph`` says what one step computes; options rewrite it (``rewrites``), differentiation
extends it (``adjoint``), and ``schedule`` turns it into a ``Program``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

NORM_EPSILON: Final = 1e-5
"""Added to the variance in ``layer_norm`` and to the mean square in ``rms_norm``."""

BROADCAST: Final = "1"
"""The dimension of numbers, scalar parameters and per-row masks: it broadcasts over units."""

ParameterKind: TypeAlias = Literal["matrix", "vector", "scalar"]
Role: TypeAlias = Literal["recurrent", "input", "bias", "gain", "initial", "other"]
Attribute: TypeAlias = "str | float | Random | tuple[Factor, ...] | None"

LEAVES: Final = frozenset({"input", "state", "parameter", "constant", "random"})
ROW_OPS: Final = frozenset({"layer_norm", "rms_norm", "layer_norm_grad", "rms_norm_grad", "total"})
"""Operations that need all units of a row at once."""
CHEAP_OPS: Final = frozenset(
    {"add", "sub", "mul", "neg", "relu", "abs", "minimum", "maximum", "select", "exceeds"}
)
"""Element-wise operations that are recomputed rather than stored."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One matrix of a product: which parameter, which block of its columns, transposed or not."""

    parameter: str
    piece: int = 0
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Random:
    """A mask of zeros and ones from the counter-based generator.

    Attributes:
        stream: separates the masks of one layer from each other.
        probability: the chance of a one.
        per_step: drawn anew at every step, or once a sequence.
    """

    stream: int
    probability: float
    per_step: bool


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the step: an operation on earlier values.

    ``product`` computes the sum over k of ``attribute[k] @ args[k]``; ``select(m, a, b)`` is a
    where m is not 0, else b; ``exceeds(a, b)`` is 1 where a > b, one half where equal, 0 below;
    ``total`` sums over units. The other operations are named as in the language.
    """

    op: str
    args: tuple[int, ...]
    dim: str
    attribute: Attribute = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A weight: a matrix ``[rows, sum(pieces)]``, a vector ``[rows]`` or a scalar ``[]``."""

    name: str
    kind: ParameterKind
    rows: str
    pieces: tuple[str, ...] = ()
    role: Role = "other"


@dataclass(frozen=True, slots=True)
class Input:
    """A stream of vectors, one a step; of dimension ``BROADCAST`` it is one number a row."""

    name: str
    dim: str


@dataclass(frozen=True, slots=True)
class State:
    """A value carried from step to step.

    Attributes:
        read: the value that stands for the state at t-1.
        next: the value that becomes the state at t.
        initial: the state before the first step: a number, or the name of a vector parameter.
    """

    name: str
    read: int
    next: int
    initial: float | str
    dim: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """A gradient that is summed over time and rows, after the loop.

    With ``operand`` it is the outer product ``delta ⊗ operand`` for block ``piece`` of a matrix;
    without, the plain sum of ``delta``.
    """

    parameter: str
    delta: int
    operand: int | None = None
    piece: int = 0


@dataclass(frozen=True)
class Graph:
    """One step: values in topological order, and what is read from and written to the outside."""

    values: tuple[Value, ...]
    parameters: tuple[Parameter, ...]
    inputs: tuple[Input, ...]
    states: tuple[State, ...]
    outputs: tuple[tuple[str, int], ...]
    reductions: tuple[Reduction, ...] = ()
    names: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    """Assigned names and the values they stand for."""

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called ``name``."""
        return next(p for p in self.parameters if p.name == name)

    def state(self, name: str) -> State:
        """Return the state called ``name``."""
        return next(s for s in self.states if s.name == name)

    @property
    def roots(self) -> tuple[int, ...]:
        """The values that something outside the step needs."""
        wanted = [s.next for s in self.states] + [v for _, v in self.outputs]
        for reduction in self.reductions:
            wanted.append(reduction.delta)
            if reduction.operand is not None:
                wanted.append(reduction.operand)
        return tuple(wanted)


class Builder:
    """Collects values; equal values are stored once, and trivial arithmetic is folded."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self.values: list[Value] = []
        self._index: dict[Value, int] = {}
        for value in values:
            self._intern(value)

    def _intern(self, value: Value) -> int:
        found = self._index.get(value)
        if found is None:
            found = self._index[value] = len(self.values)
            self.values.append(value)
        return found

    def constant(self, number: float) -> int:
        """Add a number."""
        return self._intern(Value("constant", (), BROADCAST, float(number)))

    def leaf(self, op: str, dim: str, attribute: Attribute) -> int:
        """Add an input, state, parameter or random mask."""
        return self._intern(Value(op, (), dim, attribute))

    def product(self, factors: tuple[Factor, ...], args: tuple[int, ...], rows: str) -> int:
        """Add the sum of matrix-vector products ``factors[k] @ args[k]``, of dimension ``rows``."""
        return self._intern(Value("product", args, rows, factors))

    def apply(self, op: str, *args: int) -> int:
        """Add an element-wise or row operation; its dimension is that of its operands."""
        folded = self._fold(op, args)
        if folded is not None:
            return folded
        return self._intern(Value(op, args, self._dim(op, args)))

    def copy(self, value: Value, args: tuple[int, ...]) -> int:
        """Add ``value`` with other arguments."""
        if value.op in LEAVES or value.op == "product":
            return self._intern(Value(value.op, args, value.dim, value.attribute))
        return self.apply(value.op, *args)

    def factors(self, value: int) -> tuple[Factor, ...]:
        """Return the factors of a product."""
        attribute = self.values[value].attribute
        assert isinstance(attribute, tuple)
        return attribute

    def _dim(self, op: str, args: tuple[int, ...]) -> str:
        if op == "total":
            return BROADCAST
        dims = {self.values[a].dim for a in args} - {BROADCAST}
        assert len(dims) <= 1, f"{op} joins the dimensions {sorted(dims)}"
        return dims.pop() if dims else BROADCAST

    def number(self, value: int) -> float | None:
        """Return the number that ``value`` is, if it is one."""
        held = self.values[value]
        return (
            held.attribute if held.op == "constant" and isinstance(held.attribute, float) else None
        )

    def _fold(self, op: str, args: tuple[int, ...]) -> int | None:
        numbers = [self.number(a) for a in args]
        result = evaluate(op, numbers)
        if result is not None:
            return self.constant(result) if math.isfinite(result) else None
        match op, numbers:
            case "add", [0.0, None]:
                return args[1]
            case (("add" | "sub"), [None, 0.0]):
                return args[0]
            case "sub", [0.0, None]:
                return self.apply("neg", args[1])
            case "mul", [1.0, None]:
                return args[1]
            case (("mul" | "div" | "pow"), [None, 1.0]):
                return args[0]
            case "neg", [None] if self.values[args[0]].op == "neg":
                return self.values[args[0]].args[0]
            case "log", [None] if self.values[args[0]].op == "sigmoid":
                inner = self.values[args[0]].args[0]
                return self.apply("neg", self.apply("softplus", self.apply("neg", inner)))
            case _:
                return None


_FOLDABLE: Final[dict[str, Callable[..., float]]] = {
    "add": float.__add__,
    "sub": float.__sub__,
    "mul": float.__mul__,
    "div": float.__truediv__,
    "neg": float.__neg__,
    "abs": float.__abs__,
    "minimum": min,
    "maximum": max,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "pow": math.pow,
}


def evaluate(op: str, operands: Sequence[float | None]) -> float | None:
    """Return what an operation makes of numbers, infinity and NaN included; None if it must wait.

    It must wait where an operand is no number, and where only engines know the operation.
    """
    numbers = [n for n in operands if n is not None]
    if op not in _FOLDABLE or len(numbers) < len(operands):
        return None
    try:
        return _FOLDABLE[op](*numbers)
    except OverflowError:  # Of `exp` and `pow` only.
        negative = op == "pow" and numbers[0] < 0 and numbers[1] % 2 == 1
        return -math.inf if negative else math.inf
    except (ZeroDivisionError, ValueError):
        match (op, *numbers):
            case "div", above, below if above:
                return math.copysign(math.inf, above) * math.copysign(1, below)
            case "log", 0.0:
                return -math.inf
            case "pow", 0.0, _:
                return math.inf
            case _:
                return math.nan


def live(values: tuple[Value, ...], roots: Iterable[int]) -> set[int]:
    """Return the values that ``roots`` depend on, themselves included."""
    seen: set[int] = set()
    pending = list(roots)
    while pending:
        value = pending.pop()
        if value not in seen:
            seen.add(value)
            pending.extend(values[value].args)
    return seen


def compact(
    builder: Builder,
    *,
    parameters: tuple[Parameter, ...],
    inputs: tuple[Input, ...],
    states: tuple[State, ...],
    outputs: tuple[tuple[str, int], ...],
    reductions: tuple[Reduction, ...] = (),
    names: tuple[tuple[str, int], ...] = (),
) -> Graph:
    """Make a graph of what is used, with values renumbered in the order of their making."""
    draft = Graph(tuple(builder.values), parameters, inputs, states, outputs, reductions)
    keep = sorted(live(draft.values, [*draft.roots, *(s.read for s in states)]))
    new = {old: index for index, old in enumerate(keep)}
    values = tuple(
        Value(v.op, tuple(new[a] for a in v.args), v.dim, v.attribute)
        for v in (draft.values[old] for old in keep)
    )
    return Graph(
        values,
        parameters,
        inputs,
        tuple(replace(s, read=new[s.read], next=new[s.next]) for s in states),
        tuple((name, new[value]) for name, value in outputs),
        tuple(
            replace(
                r,
                delta=new[r.delta],
                operand=None if r.operand is None else new[r.operand],
            )
            for r in reductions
        ),
        tuple((name, new[value]) for name, value in names if value in new),
    )


def rebuild(
    graph: Graph,
    make: Callable[[Builder, list[int], int], int],
    *,
    parameters: tuple[Parameter, ...] = (),
    inputs: tuple[Input, ...] = (),
) -> Graph:
    """Rewrite a graph value by value.

    Args:
        graph: the graph to rewrite.
        make: given the builder, the new number of every earlier value and the number of the value
            at hand, adds what takes its place and returns its number.
        parameters: added to the graph's own.
        inputs: added to the graph's own.
    """
    builder = Builder()
    new: list[int] = []
    for index in range(len(graph.values)):
        new.append(make(builder, new, index))
    return compact(
        builder,
        parameters=graph.parameters + parameters,
        inputs=graph.inputs + inputs,
        states=tuple(
            replace(s, read=builder.leaf("state", s.dim, s.name), next=new[s.next])
            for s in graph.states
        ),
        outputs=tuple((name, new[value]) for name, value in graph.outputs),
        reductions=tuple(
            replace(
                r,
                delta=new[r.delta],
                operand=None if r.operand is None else new[r.operand],
            )
            for r in graph.reductions
        ),
        names=tuple((name, new[value]) for name, value in graph.names),
    )
