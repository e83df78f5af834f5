"""Every named value of a cell over a text: saturated gates, idle units, and maps of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from ostinato.core.errors import OptionError
from ostinato.equations.graph import Graph
from ostinato.lens.subject import Piece, Subject
from ostinato.lens.tracing import Trace, trace
from ostinato.nn.probes import Place, probing

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Array = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]
Kind = Literal["gate", "squashed", "free"]

CLOSED: Final = 0.1
OPEN: Final = 0.9
"""Beyond these a sigmoid is saturated: its slope is below 0.09, of at most 0.25."""
FLAT: Final = 0.99
"""Beyond it a tanh is saturated: its slope is below 0.02, of at most 1."""

STILL: Final = 0.01
"""A unit is still if it moves less than this share of what the units of its state amount to."""
WITHOUT_INFLUENCE: Final = 0.01
"""A unit has no influence if the loss feels its moves less than this share of the mean unit's."""


FEWEST_STEPS: Final = 30
"""In fewer, a unit that has not moved yet and one that never does look the same."""


def kinds(graph: Graph) -> dict[str, Kind]:
    """Return what bounds every named value, from the equations alone.

    A ``gate`` lies in (0, 1): a sigmoid, or 1 minus one. ``squashed`` is a tanh, in (-1, 1).
    Anything else is ``free``.

    >>> from ostinato.equations import Cell
    >>> kinds(Cell("z = sigmoid(W @ h + U @ x); h = (1 - z) * h + z * tanh(V @ x)").graph)
    {'z': 'gate', 'h': 'free'}
    """
    return {name: _kind(graph, value) for name, value in graph.names}


def _kind(graph: Graph, index: int) -> Kind:
    value = graph.values[index]
    match value.op:
        case "sigmoid":
            return "gate"
        case "tanh":
            return "squashed"
        case "sub" if graph.values[value.args[0]].attribute == 1.0:
            return "gate" if _kind(graph, value.args[1]) == "gate" else "free"
        case _:
            return "free"


@dataclass(frozen=True)
class ValueMap:
    """One named value of one layer and direction over a text.

    Attributes:
        name: in the equations.
        kind: what bounds it; see ``kinds``.
        values: ``[T, n]``.
    """

    name: str
    kind: Kind
    values: Array

    @property
    def closed(self) -> float:
        """The share of a gate's values below ``CLOSED``; NaN for other values."""
        return float((self.values < CLOSED).mean()) if self.kind == "gate" else math.nan

    @property
    def open(self) -> float:
        """The share of a gate's values above ``OPEN``; NaN for other values."""
        return float((self.values > OPEN).mean()) if self.kind == "gate" else math.nan

    @property
    def flat(self) -> float:
        """The share of a tanh's values beyond ±``FLAT``; NaN for other values."""
        return float((np.abs(self.values) > FLAT).mean()) if self.kind == "squashed" else math.nan

    @property
    def saturated(self) -> float:
        """The share of values where the function is flat; NaN where nothing bounds it."""
        return self.closed + self.open if self.kind == "gate" else self.flat

    @property
    def stuck(self) -> tuple[int, ...]:
        """Units of a gate that are closed, or open, at every step: it does not decide anything."""
        if self.kind != "gate":
            return ()
        found = (self.values < CLOSED).all(0) | (self.values > OPEN).all(0)
        return tuple(map(int, np.flatnonzero(found)))


@dataclass(frozen=True)
class IdleUnits:
    """Units of one state that do not take part.

    Attributes:
        num_units: of the state.
        still: units whose value hardly changes over the text.
        without_influence: units that move, and the output does not feel it.
    """

    num_units: int
    still: tuple[int, ...]
    without_influence: tuple[int, ...]

    @property
    def num_idle(self) -> int:
        """How many are still or without influence."""
        return len(self.still) + len(self.without_influence)


@dataclass(frozen=True)
class GateMaps:
    """All named values of a network over one text.

    Attributes:
        name: of the network.
        units: what each step reads.
        maps: place to the maps of its values, in the order of the equations.
        idle: place to state name to its idle units.
    """

    name: str
    units: tuple[str, ...]
    maps: Mapping[Place, tuple[ValueMap, ...]]
    idle: Mapping[Place, Mapping[str, IdleUnits]]

    def map(self, name: str, layer: int = 0, direction: int = 0) -> ValueMap:
        """Return the map of one value.

        Raises:
            OptionError: the network has no such place, or its cell no such value.
        """
        found = self.maps.get(Place(layer, direction), ())
        for value in found:
            if value.name == name:
                return value
        known = ", ".join(each.name for each in next(iter(self.maps.values())))
        places = ", ".join(f"{p.layer}.{p.direction}" for p in self.maps)
        raise OptionError(
            f"there is no value {name!r} in layer {layer}, direction {direction}: the equations "
            f"name {known}, the places (layer.direction) are {places}\nmend: one of these"
        )

    @property
    def is_short(self) -> bool:
        """Whether the text has too few steps to call a unit idle or stuck, a gate saturated."""
        return len(self.units) < FEWEST_STEPS

    @property
    def num_idle(self) -> int:
        """Units that do not take part, of all states and layers."""
        return sum(each.num_idle for states in self.idle.values() for each in states.values())

    @property
    def num_units(self) -> int:
        """Units of all states and layers."""
        return sum(each.num_units for states in self.idle.values() for each in states.values())

    def figure(self, name: str | None = None, layer: int = 0, direction: int = 0) -> Figure:
        """Draw one value as a map: a row for each unit, a column for each step.

        Args:
            name: of the value; None for the first gate, or the output where there is none.
            layer: counted from 0.
            direction: counted from 0.
        """
        from ostinato.lens.figures.gate_maps import map_figure

        maps = self.maps.get(Place(layer, direction), ())
        if name is None:
            gates = [each.name for each in maps if each.kind == "gate"]
            name = gates[0] if gates else (maps[-1].name if maps else "")
        return map_figure(self.map(name, layer, direction), self.units, self.name, layer, direction)

    def saturation_figure(self) -> Figure:
        """Draw the shares of closed, working and open values of every gate, as bars."""
        from ostinato.lens.figures.gate_maps import saturation_figure

        return saturation_figure(self)


def gates(subject: Subject, piece: Piece) -> GateMaps:
    """Return every named value of every layer over a sequence, and which units are idle.

    Args:
        subject: the network.
        piece: the sequence.
    """
    return gates_of(trace(subject, piece))


def gates_of(traced: Trace) -> GateMaps:
    """Return the same from a trace that is there already."""
    subject, piece = traced.subject, traced.piece
    maps: dict[Place, tuple[ValueMap, ...]] = {}
    for place, own in traced.places.items():
        known = kinds(own.layer.stack.graph)
        maps[place] = tuple(
            ValueMap(name, known.get(name, "free"), values) for name, values in own.values.items()
        )
    felt = influences(subject, piece)
    idle: dict[Place, dict[str, IdleUnits]] = {}
    for place, own in traced.places.items():
        states = {s.name for s in own.layer.stack.graph.states}
        idle[place] = {
            name: _idle(values, felt[place][name])
            for name, values in own.values.items()
            if name in states
        }
    return GateMaps(subject.name, piece.units, maps, idle)


def influences(subject: Subject, piece: Piece) -> dict[Place, dict[str, Numbers]]:
    """Return how much the output feels the moves of every unit of every state, ``[n]``.

    ``Σ_t |∂L/∂s_t · (s_t - mean s)|``: what the loss would change by, to first order, were the
    unit held at its mean (Molchanov et al. 2017, arXiv:1611.06440). L is the mean loss of a
    language model over the text; of other networks, the score of what they decide.
    """
    with torch.enable_grad(), probing(subject.body) as probes:
        scores = subject.scores(piece)
        if piece.targets is None:
            steps = range(len(piece)) if subject.shape == "aligned" else [len(piece) - 1]
            loss = torch.stack([subject.decision(scores, piece, t) for t in steps]).mean()
        else:
            loss = torch.nn.functional.cross_entropy(
                scores[:, 0], piece.targets, ignore_index=-100, reduction="sum"
            ) / max(1, len(piece) - 1)
        leaves = list(probes.items())
        found = torch.autograd.grad(
            loss, [leaf for *_, leaf in leaves], allow_unused=True, materialize_grads=True
        )
    gradients = {
        (place, name): gradient for (place, name, _), gradient in zip(leaves, found, strict=True)
    }
    moves = trace(subject, piece)
    felt: dict[Place, dict[str, Numbers]] = {}
    for (place, name), gradient in gradients.items():
        values = moves.places[place].values[name].astype(np.float64)
        with np.errstate(invalid="ignore"):
            weighed = np.abs(gradient[:, 0].double().numpy() * (values - values.mean(0)))
        felt.setdefault(place, {})[name] = np.nan_to_num(weighed).sum(0)
    return felt


def _idle(values: Array, felt: Numbers) -> IdleUnits:
    finite = np.where(np.isfinite(values), values, 0.0).astype(np.float64)
    size = math.sqrt(float(np.mean(np.square(finite))))
    is_still = finite.std(0) <= STILL * size
    moving = felt[~is_still]
    bound = WITHOUT_INFLUENCE * float(moving.mean()) if moving.size else 0.0
    is_unfelt = ~is_still & (felt <= bound)
    return IdleUnits(
        values.shape[1],
        tuple(map(int, np.flatnonzero(is_still))),
        tuple(map(int, np.flatnonzero(is_unfelt))),
    )
