"""Gradients of a loss with respect to every state at every step, of any model with our layers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ostinato.equations.rewrites import probe_name, probe_states
from ostinato.nn.layer import SequenceLayer
from ostinato.nn.stack import Stack

Norms = npt.NDArray[np.float64]


class Place(NamedTuple):
    """One layer and direction of a model.

    Attributes:
        layer: counted from 0 through all recurrent layers of the model, from its input on.
        direction: 0, or 1 for the run from the end to the start.
    """

    layer: int
    direction: int


class Probes:
    """What was added to the states of a model while ``probing`` it: zeros, with gradients.

    Where a layer is called several times, the last call counts.
    """

    def __init__(self) -> None:
        self._found: dict[Place, dict[str, Tensor]] = {}

    @property
    def places(self) -> tuple[Place, ...]:
        """The layers and directions that were run, in order."""
        return tuple(sorted(self._found))

    def __getitem__(self, place: Place) -> Mapping[str, Tensor]:
        """Return state name to the leaf ``[T, B, n]`` that was added to it."""
        return self._found[place]

    def items(self) -> Iterator[tuple[Place, str, Tensor]]:
        """Go through all leaves."""
        for place in self.places:
            for name, leaf in self._found[place].items():
                yield place, name, leaf

    def add(self, place: Place, leaves: dict[str, Tensor]) -> None:
        """Keep the leaves of a call."""
        self._found[place] = leaves


@contextmanager
def probing(model: nn.Module) -> Generator[Probes]:
    """Let every recurrent layer of a model add a zero to each new state, at every step.

    ``∂L/∂s_t`` is then the gradient of the leaf that was added to state ``s`` at step t, through
    everything that reads it, all later steps included. It runs on the same engines as training.

    >>> import torch
    >>> import ostinato as ost
    >>> layer = ost.Recurrent("gru", 3, 4)
    >>> with probing(layer) as probes:
    ...     output, _ = layer(torch.randn(5, 1, 3))
    ...     output[-1].sum().backward()
    >>> probes[Place(0, 0)]["h"].grad.shape
    torch.Size([5, 1, 4])

    Args:
        model: with layers of this house. It has to be run in the same thread.
    """
    layers = [module for module in model.modules() if isinstance(module, SequenceLayer)]
    before = [layer.stack for layer in layers]
    probes = Probes()
    first = 0
    try:
        for layer in layers:
            layer.stack = _ProbedStack.over(layer.stack, first, probes)
            first += layer.stack.num_layers
        yield probes
    finally:
        for layer, stack in zip(layers, before, strict=True):
            layer.stack = stack


def state_gradient_norms(
    model: nn.Module, loss: Callable[[], Tensor]
) -> dict[Place, dict[str, Norms]]:
    """Return ‖∂L/∂s_t‖ of every state ``s``, step t and row: ``[T, B]``.

    Args:
        model: with recurrent layers of this house.
        loss: runs it, and returns a scalar.

    Returns:
        Norms by place and state; nothing of a model that carries nothing on.
    """
    with torch.enable_grad(), probing(model) as probes:
        value = loss()
        leaves = list(probes.items())
        if not leaves:
            return {}
        found = torch.autograd.grad(value, [leaf for *_, leaf in leaves], allow_unused=True)
    gradients = cast("Sequence[Tensor | None]", found)
    norms: dict[Place, dict[str, Norms]] = {}
    for (place, name, leaf), gradient in zip(leaves, gradients, strict=True):
        known = torch.zeros_like(leaf) if gradient is None else gradient
        rows = known.double().square().sum(-1).sqrt()
        norms.setdefault(place, {})[name] = rows.cpu().numpy()
    return norms


@dataclass(frozen=True)
class _ProbedStack(Stack):
    first: int = 0
    probes: Probes = field(default_factory=Probes)

    @classmethod
    def over(cls, stack: Stack, first: int, probes: Probes) -> _ProbedStack:
        """Return a stack with probes; its first layer is the model's layer ``first``."""
        return cls(
            stack.graph,
            stack.options,
            stack.sizes,
            stack.num_directions,
            stack.engine,
            stack.return_all_states,
            stack.memory,
            stack.checkpoint_every,
            first,
            probes,
        )

    def __post_init__(self) -> None:
        # Callers look at the inputs of the cell: the probes are this stack's own affair.
        plain = self.graph
        object.__setattr__(self, "graph", probe_states(plain))
        super().__post_init__()
        object.__setattr__(self, "graph", plain)

    def added_streams(self, layer: int, direction: int, like: Tensor) -> Mapping[str, Tensor]:
        leaves = {
            state.name: like.new_zeros(
                (*like.shape[:2], self.sizes[layer][state.dim]), requires_grad=True
            )
            for state in self.graph.states
        }
        self.probes.add(Place(self.first + layer, direction), leaves)
        return {probe_name(name): leaf for name, leaf in leaves.items()}

    def may_know(self, x: Tensor, *, training: bool) -> bool:  # noqa: ARG002
        """Calls are not run again: each has leaves of its own."""
        return False
