"""Every named value of a cell's equations, at every step of a sequence, in every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.engines import eager
from ostinato.equations.graph import Graph
from ostinato.equations.program import Program
from ostinato.equations.rewrites import Options, before_name, open_loop, transform
from ostinato.equations.schedule import compile_graph
from ostinato.lens.subject import Piece, Subject
from ostinato.nn.layer import SequenceLayer
from ostinato.nn.probes import Place

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PlaceTrace:
    """What one layer and direction did.

    Attributes:
        layer: the module that holds it, and its number there.
        inputs: the input ``[T, I]``.
        before: state name to its value before each step, ``[T, n]``.
        values: assigned name to its value at each step, ``[T, n]``, in the order of the equations.
    """

    layer: SequenceLayer
    number: int
    inputs: Array
    before: Mapping[str, Array]
    values: Mapping[str, Array]


@dataclass(frozen=True)
class Trace:
    """What a network did with one sequence of T steps.

    Attributes:
        subject: the network.
        piece: the sequence.
        places: by layer and direction, in order.
        probabilities: what was said at each step ``[T, V]``, or at the end ``[1, O]``; of a
            regression, the numbers.
        losses: of a language model, nats of the unit after each step ``[T]``, NaN at the end.
    """

    subject: Subject
    piece: Piece
    places: Mapping[Place, PlaceTrace]
    probabilities: Array
    losses: Array | None

    @property
    def names(self) -> tuple[str, ...]:
        """Assigned names, in the order of the equations."""
        return tuple(next(iter(self.places.values())).values)

    def place(self, layer: int = 0, direction: int = 0) -> PlaceTrace:
        """Return what one layer and direction did.

        Raises:
            OptionError: the network has no such place.
        """
        found = self.places.get(Place(layer, direction))
        if found is None:
            known = ", ".join(f"{p.layer}.{p.direction}" for p in self.places)
            raise OptionError(
                f"the network has no layer {layer} with direction {direction}; it has the places "
                f"(layer.direction) {known}\nmend: one of these, each counted from 0"
            )
        return found


@torch.no_grad()
def trace(subject: Subject, piece: Piece) -> Trace:
    """Run a network over a sequence, and return every value that its equations name.

    The states come from one run of the layer's own engine; with all of them known, the steps no
    longer wait for each other, and every other value is computed for all steps at once.

    Args:
        subject: the network.
        piece: the sequence.
    """
    with subject.inputs_of_layers() as read:
        scores = subject.scores(piece)
    places: dict[Place, PlaceTrace] = {}
    first = 0
    for number, layer in enumerate(subject.layers):
        places |= _traced(layer, first, read[number], piece.resets)
        first += layer.stack.num_layers
    losses = None
    if piece.targets is not None:
        losses = F.cross_entropy(scores[:, 0], piece.targets, reduction="none", ignore_index=-100)
        losses = _array(losses.masked_fill(piece.targets < 0, torch.nan))
    said = subject.probabilities(scores, piece)
    return Trace(subject, piece, places, _array(said), losses)


def _traced(
    layer: SequenceLayer, first: int, x: Tensor, resets: Tensor | None
) -> dict[Place, PlaceTrace]:
    """Trace one module, whose first layer is number ``first`` of the network."""
    stack = layer.stack
    try:
        layer.stack = replace(stack, return_all_states=True)
        _, states = layer(x, resets=resets) if resets is not None else layer(x)
    finally:
        layer.stack = stack
    found: dict[Place, PlaceTrace] = {}
    for number in range(stack.num_layers):
        outputs: list[Tensor] = []
        for direction in range(stack.num_directions):
            index = number * stack.num_directions + direction
            weights = layer.cell_parameters(number, direction)
            own = {name: value[index] for name, value in states.items()}
            before = {
                name: _before(layer, name, value, weights, resets, reverse=bool(direction))
                for name, value in own.items()
            }
            # States to the last bit as the engine gave them.
            values = _named_values(layer, number, weights, x, before) | own
            outputs.append(values[stack.graph.outputs[0][0]])
            found[Place(first + number, direction)] = PlaceTrace(
                layer,
                number,
                _array(x[:, 0]),
                {name: _array(value[:, 0]) for name, value in before.items()},
                {name: _array(value[:, 0]) for name, value in values.items()},
            )
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
    return found


def _before(
    layer: SequenceLayer,
    name: str,
    states: Tensor,
    weights: Mapping[str, Tensor],
    resets: Tensor | None,
    *,
    reverse: bool,
) -> Tensor:
    """Return a state before each step ``[T, B, n]``."""
    start = next(s.initial for s in layer.stack.step_graph.states if s.name == name)
    initial = (
        weights[start].expand_as(states[0])
        if isinstance(start, str)
        else torch.full_like(states[0], start)
    )
    shifted = eager.shifted(states, initial, reverse=reverse)
    return shifted if resets is None else torch.where(resets[..., None], initial, shifted)


def _named_values(
    layer: SequenceLayer,
    number: int,
    weights: Mapping[str, Tensor],
    x: Tensor,
    before: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    stack = layer.stack
    inputs = {before_name(name): value for name, value in before.items()}
    source = stack.graph.inputs[0].name
    call = eager.Call(
        inputs={source: x, **inputs}, parameters=weights, initial={}, sizes=stack.sizes[number]
    )
    return eager.run(_opened(stack.graph, stack.options), call).outputs


@lru_cache(maxsize=64)
def _opened(graph: Graph, options: Options) -> Program:
    return compile_graph(open_loop(transform(graph, replace(options, training=False))))


def _array(tensor: Tensor) -> Array:
    return tensor.detach().to(torch.float32).cpu().numpy()
