"""One layer and direction on its way through a sequence, and gradients that are pulled back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ostinato.core.errors import OptionError, ShapeError
from ostinato.engines import Call, choose
from ostinato.lens.subject import Piece, Subject
from ostinato.nn.layer import SequenceLayer


@dataclass(frozen=True)
class Trajectory:
    """The states of one layer and direction over a sequence, in the order in which it reads.

    Resets are left out: a trajectory goes through the sequence as through one document.

    Attributes:
        layer: the recurrent layer that holds the place.
        index: which of its stacked layers.
        direction: 0, or 1 for the run from the end to the start.
        inputs: float64 ``[T, I]`` in the order of reading.
        states: state name to float64 ``[T + 1, n]``: before the first step, then after each.
        weights: of the place, in float64: a product of many Jacobians loses more than float32 has.
    """

    layer: SequenceLayer
    index: int
    direction: int
    inputs: Tensor
    states: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]

    @property
    def num_steps(self) -> int:
        """T."""
        return self.inputs.shape[0]

    @property
    def sizes(self) -> dict[str, int]:
        """State name to its number of units."""
        return {name: tensor.shape[1] for name, tensor in self.states.items()}

    @property
    def num_units(self) -> int:
        """N, of all states together."""
        return sum(self.sizes.values())

    def pull_back(self, gradients: Tensor, start: int, stop: int) -> Tensor:
        """Return ``gradients @ ∂s_stop/∂s_start``, all states end to end.

        Args:
            gradients: ``[M, N]``, of something with respect to the states after step ``stop``.
            start: states before this step (counted from 0 in the order of reading).
            stop: states before this step, which are those after step ``stop - 1``.
        """
        if start == stop:
            return gradients
        num_rows = gradients.shape[0]
        with torch.enable_grad():
            first = {
                name: tensor[start].expand(num_rows, -1).clone().requires_grad_()
                for name, tensor in self.states.items()
            }
            steps = self.inputs[start:stop, None].expand(-1, num_rows, -1)
            _, final, _ = _run(self.layer, self.index, self.weights, steps, first)
            pieces: tuple[Tensor, ...] = torch.split(gradients, list(self.sizes.values()), 1)
            found = torch.autograd.grad(
                [final[name] for name in first],
                list(first.values()),
                [piece.contiguous() for piece in pieces],
                allow_unused=True,
                materialize_grads=True,
            )
        return torch.cat(found, 1)


def trajectory_of(source: Any, value: Any, layer: int = 0, direction: int = 0) -> Trajectory:
    """Run a trained network, or a layer by itself, and return the way of one place.

    Args:
        source: a run, its folder, a ``Subject``, or a recurrent layer.
        value: what it reads: a text, tokens or an array ``[T, I]``; of a layer a tensor ``[T, I]``.
        layer: counted from the input on, through all stacked layers.
        direction: 0, or 1 for the run from the end to the start.

    Raises:
        OptionError: there is no such layer or direction.
        ShapeError: a tensor for a layer is not ``[T, I]``.
    """
    if isinstance(source, SequenceLayer):
        x = torch.as_tensor(value)
        if x.dim() != 2:
            raise ShapeError(
                f"got an input of shape {list(x.shape)}, expected one sequence, [T, I]\n"
                "mend: pass one row of the batch: x[:, 0]"
            )
        layers, inputs = (source,), {0: x[:, None]}
    else:
        subject = Subject.open(source)
        layers = subject.layers
        with torch.no_grad(), subject.inputs_of_layers() as inputs:
            subject.scores(value if isinstance(value, Piece) else subject.piece(value))
    number, index = place_of(layers, layer, direction)
    steps = inputs[number][:, :1].detach().double()
    with torch.no_grad():
        return _through(layers[number], index, direction, steps)


def place_of(layers: tuple[SequenceLayer, ...], layer: int, direction: int) -> tuple[int, int]:
    """Return which recurrent layer holds a place, and which of its stacked layers it is.

    Raises:
        OptionError: there is no such place.
    """
    places = [(n, k) for n, held in enumerate(layers) for k in range(held.stack.num_layers)]
    if not 0 <= layer < len(places):
        raise OptionError(
            f"got layer={layer}, the network has {len(places)}, counted from 0\n"
            f"mend: layer={len(places) - 1} is the last one"
        )
    number, index = places[layer]
    if not 0 <= direction < layers[number].stack.num_directions:
        raise OptionError(
            f"got direction={direction}, the layer has {layers[number].stack.num_directions}\n"
            "mend: direction=0; 1 is the run from the end to the start of bidirectional layers"
        )
    return number, index


def _through(layer: SequenceLayer, index: int, direction: int, steps: Tensor) -> Trajectory:
    """Run the layers below a place, then the place itself."""
    for below in range(index):
        parts: list[Tensor] = []
        for way in range(layer.stack.num_directions):
            read = steps.flip(0) if way else steps
            weights = _weights(layer, below, way)
            output, _, _ = _run(layer, below, weights, read, _initial(layer, below, weights))
            parts.append(output.flip(0) if way else output)
        steps = torch.cat(parts, -1)
    read = steps.flip(0) if direction else steps
    weights = _weights(layer, index, direction)
    initial = _initial(layer, index, weights)
    _, _, states = _run(layer, index, weights, read, initial, keep=True)
    return Trajectory(
        layer,
        index,
        direction,
        read[:, 0],
        {name: torch.cat([initial[name], states[name][:, 0]]) for name in initial},
        weights,
    )


def _weights(layer: SequenceLayer, index: int, direction: int) -> dict[str, Tensor]:
    own = layer.cell_parameters(index, direction)
    return {name: tensor.detach().double() for name, tensor in own.items()}


def _initial(layer: SequenceLayer, index: int, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the states before the first step, float64 ``[1, n]``."""
    found: dict[str, Tensor] = {}
    for state in layer.stack.step_graph.states:
        size = layer.stack.sizes[index][state.dim]
        if isinstance(state.initial, str):
            found[state.name] = weights[state.initial].expand(1, size)
        else:
            found[state.name] = torch.full((1, size), state.initial, dtype=torch.float64)
    return found


def _run(
    layer: SequenceLayer,
    index: int,
    weights: Mapping[str, Tensor],
    steps: Tensor,
    initial: Mapping[str, Tensor],
    *,
    keep: bool = False,
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Run a place over ``[T, B, I]`` in the order of reading: output, last states, all states."""
    stack = layer.stack
    program = stack.program(training=False, resets=False, lengths=False)
    call = Call(
        inputs={stack.graph.inputs[0].name: steps},
        parameters=weights,
        initial=initial,
        sizes=stack.sizes[index],
        states=tuple(initial) if keep else (),
    )
    engine = choose(stack.engine, replace(stack.request(program, steps), checkpoint_every=0))
    result = engine.run(program, call)
    (output,) = result.outputs.values()
    return output, result.final, result.states
