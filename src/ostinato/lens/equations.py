"""A cell's equations at one step, with the numbers of one unit in the place of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.engines.operations import OPERATIONS
from ostinato.equations.mathml import equation_mathml, filled_mathml
from ostinato.equations.notation import Timed, with_times
from ostinato.equations.syntax import (
    Binary,
    Call,
    Concatenation,
    Expression,
    Name,
    Negative,
    Number,
)
from ostinato.lens.tracing import PlaceTrace, Trace

_ARITHMETIC: Final = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}
_DIGITS: Final = 3


@dataclass(frozen=True)
class FilledEquation:
    """One line of a cell.

    Attributes:
        name: what it assigns; a name that is assigned several times has numbers.
        symbols: the line as mathematics, MathML.
        filled: the same with the numbers of one unit; a product of a matrix is one number.
        value: what the unit becomes.
    """

    name: str
    symbols: str
    filled: str
    value: float


def filled_equations(
    trace: Trace, step: int, unit: int, layer: int = 0, direction: int = 0
) -> list[FilledEquation]:
    """Return the equations of a step with the numbers of one unit.

    The unit is the same place of every vector; where a vector is shorter (a projection), its last.

    Args:
        trace: of a sequence.
        step: counted from 0.
        unit: counted from 0.
        layer: see ``Place``.
        direction: see ``Place``.

    Raises:
        OptionError: there is no such step, unit or place.
    """
    place = trace.place(layer, direction)
    num_steps = len(trace.piece)
    size = max(value.shape[1] for value in place.values.values())
    for name, given, bound in (("step", step, num_steps), ("unit", unit, size)):
        if not 0 <= given < bound:
            raise OptionError(
                f"there is no {name} {given}: they are counted from 0 to {bound - 1}\n"
                "mend: one of these"
            )
    numbers = _Numbers(place, step, direction, unit)
    found: list[FilledEquation] = []
    for equation in with_times(place.layer.cell.syntax).equations:
        value = numbers.assign(equation.target, equation.value)
        found.append(
            FilledEquation(
                equation.target,
                equation_mathml(equation),
                filled_mathml(equation, numbers.text),
                value,
            )
        )
    return found


class _Numbers:
    """Evaluates expressions at one step."""

    def __init__(self, place: PlaceTrace, step: int, direction: int, unit: int) -> None:
        self.unit = unit
        layer = place.layer
        source = layer.stack.graph.inputs[0].name
        self.now: dict[str, Tensor] = {source: torch.from_numpy(place.inputs[step])}
        self.before = {name: torch.from_numpy(v[step]) for name, v in place.before.items()}
        self.weights: Mapping[str, Tensor] = {
            name: weight.detach().float().cpu()
            for name, weight in layer.cell_parameters(place.number, direction).items()
        }
        # What options make of a value counts, not what the line alone would give.
        self.traced = {name: torch.from_numpy(v[step]) for name, v in place.values.items()}

    def assign(self, target: str, value: Expression) -> float:
        """Keep what a line gives, and return that of the unit."""
        found = self.traced.get(target)
        self.now[target] = self.value(value) if found is None else found
        return self._of_unit(self.now[target])

    def text(self, node: Expression) -> str | None:
        """Return the number that is shown in the place of a node; None to show its parts."""
        match node:
            case Name() | Binary(operator="@"):
                return shown_number(self._of_unit(self.value(node)))
            case _:
                return None

    def value(self, node: Expression) -> Tensor:
        """Return the vector, or number, that an expression is."""
        match node:
            case Number(value=value):
                return torch.tensor(float(value))
            case Timed(name=name, before=before):
                return self.before[name] if before else self.now[name]
            case Name(name=name):
                return self.weights[name]
            case Negative(operand=operand):
                return -self.value(operand)
            case Binary(operator="@", left=left, right=right):
                return self.value(left) @ self.value(right)
            case Binary(operator=operator, left=left, right=right):
                return OPERATIONS[_ARITHMETIC[operator]](self.value(left), self.value(right))
            case Call(function="clip", arguments=(value, low, high)):
                return torch.clamp(self.value(value), self.value(low), self.value(high))
            case Call(function=function, arguments=arguments):
                return OPERATIONS[function](*map(self.value, arguments))
            case Concatenation(pieces=pieces):
                return torch.cat([self.value(piece) for piece in pieces])

    def _of_unit(self, value: Tensor) -> float:
        flat = value.reshape(-1)
        return float(flat[min(self.unit, len(flat) - 1)])


def shown_number(value: float) -> str:
    """Return a number in few digits, with a true minus sign."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "∞" if value > 0 else "−∞"
    if value and not 1e-3 <= abs(value) < 1e5:
        text = f"{value:.2e}"
    else:
        text = f"{value:.{_DIGITS}f}"
    return text.replace("-", "−")
