"""How weights start: by role in the equations, or by a named scheme on a whole layer.

Each scheme finds what it acts on from the equations: ``orthogonal`` and ``identity`` the matrices
that multiply a state, ``forget_bias`` and ``chrono`` the biases of the gates in ``s = f * s + …``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.equations.gates import GateBias, find_gates, recurrent_blocks
from ostinato.equations.graph import Graph, Parameter
from ostinato.nn.layer import SequenceLayer


def start(
    parameters: Sequence[Parameter],
    tensors: Mapping[str, Tensor],
    graph: Graph,
    sizes: Mapping[str, int],
    special: Mapping[str, str | float],
) -> None:
    """Start the weights of one cell, in place.

    Blocks that multiply a state start orthogonal (Saxe, McClelland, Ganguli 2014,
    arXiv:1312.6120), other matrices uniform with Glorot's bound (Glorot, Bengio 2010), biases at 0,
    gains at 1, other vectors uniform in ±1/sqrt(n); ``special`` overrides by name.
    """
    recurrent = set(recurrent_blocks(graph))
    initial = {f"{s.name}_init": s.initial for s in graph.states}
    with torch.no_grad():
        for parameter in parameters:
            tensor = tensors[parameter.name]
            if parameter.name in special:
                _start_special(tensor, special[parameter.name])
            elif parameter.kind == "matrix":
                for piece, block in enumerate(_blocks(parameter, tensor, sizes)):
                    if (parameter.name, piece) in recurrent:
                        _orthogonal(block)
                    else:
                        nn.init.xavier_uniform_(block)
            elif parameter.role == "gain":
                tensor.fill_(1)
            elif parameter.role == "other":
                bound = 1 / math.sqrt(max(1, tensor.numel()))
                tensor.uniform_(-bound, bound)
            else:
                value = initial.get(parameter.name, 0.0)
                tensor.fill_(value if isinstance(value, float) else 0.0)


def _start_special(tensor: Tensor, how: str | float) -> None:
    if not isinstance(how, str):
        tensor.fill_(how)
    elif how == "identity":
        nn.init.eye_(tensor)
    elif how == "orthogonal":
        _orthogonal(tensor)
    elif how == "zeros":
        tensor.zero_()
    else:
        raise UnknownNameError("initialiser", how, ["identity", "orthogonal", "zeros"])


def _blocks(parameter: Parameter, tensor: Tensor, sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
    return torch.split(tensor, [sizes[piece] for piece in parameter.pieces], dim=1)


def _orthogonal(block: Tensor) -> None:
    """Orthogonal in float32 at least: half precision has no decomposition."""
    wide = torch.empty(
        block.shape, device=block.device, dtype=torch.promote_types(block.dtype, torch.float32)
    )
    block.copy_(nn.init.orthogonal_(wide))


def orthogonal(layer: SequenceLayer, gain: float = 1.0) -> None:
    """Start every matrix that multiplies a state orthogonal (Saxe et al. 2014, arXiv:1312.6120).

    Args:
        layer: a recurrent layer of the house.
        gain: the singular values.

    Raises:
        OptionError: the cell multiplies no state.
    """

    def fill(block: Tensor) -> None:
        _orthogonal(block)
        block.mul_(gain)

    _on_recurrent(layer, "orthogonal", fill)


def identity(layer: SequenceLayer, gain: float = 1.0) -> None:
    """Start every matrix that multiplies a state at the identity (Le et al., arXiv:1504.00941).

    Args:
        layer: a recurrent layer of the house.
        gain: the number on the diagonal.

    Raises:
        OptionError: the cell multiplies no state.
    """

    def fill(block: Tensor) -> None:
        rows = torch.arange(min(block.shape), device=block.device)
        block.zero_()
        block[rows, rows] = gain

    _on_recurrent(layer, "identity", fill)


def forget_bias(layer: SequenceLayer, value: float = 1.0) -> None:
    """Start the biases of the forget gates so that they add ``value`` (Jozefowicz et al. 2015).

    Args:
        layer: a recurrent layer of the house.
        value: the bias of an open gate; where the equations write ``1 - z`` its negative is set.

    Raises:
        OptionError: the equations hold no gate of the form ``f * s`` with a bias.
    """
    for gates, layer_index, direction in _gates(layer, "forget_bias"):
        for bias in gates[0]:
            like = layer.cell_parameters(layer_index, direction)[bias.parameter]
            filled = torch.full_like(like, value * bias.sign)
            layer.set_cell_parameter(bias.parameter, filled, layer_index, direction)


def chrono(layer: SequenceLayer, max_steps: int) -> None:
    """Spread the gates' memory over 1 … ``max_steps`` (Tallec, Ollivier 2018, arXiv:1804.11188).

    Forget biases start at log(U(1, max_steps - 1)), input biases at the negative of it.

    Args:
        layer: a recurrent layer of the house.
        max_steps: the longest dependence expected, in steps; at least 3.

    Raises:
        OptionError: the equations hold no gate of the form ``f * s`` with a bias, or ``max_steps``
            is too small.
    """
    if max_steps < 3:
        raise OptionError(f"max_steps must be 3 or more, got {max_steps}\nmend: a longer range")
    for (forget, entrance), layer_index, direction in _gates(layer, "chrono"):
        like = layer.cell_parameters(layer_index, direction)[forget[0].parameter]
        log_range = torch.empty_like(like).uniform_(1, max_steps - 1).log_()
        for bias in forget:
            layer.set_cell_parameter(bias.parameter, log_range * bias.sign, layer_index, direction)
        for bias in entrance:
            layer.set_cell_parameter(bias.parameter, -log_range * bias.sign, layer_index, direction)


SCHEMES: Final[dict[str, Callable[..., None]]] = {
    "orthogonal": orthogonal,
    "identity": identity,
    "forget_bias": forget_bias,
    "chrono": chrono,
}
"""The schemes by name."""


def apply(layer: SequenceLayer, scheme: str, **arguments: Any) -> None:
    """Apply a scheme by its name: ``apply(layer, "chrono", max_steps=200)``.

    Raises:
        UnknownNameError: no scheme has this name; the message lists them.
    """
    if scheme not in SCHEMES:
        raise UnknownNameError("initialisation scheme", scheme, SCHEMES)
    SCHEMES[scheme](layer, **arguments)


@torch.no_grad()
def _on_recurrent(layer: SequenceLayer, scheme: str, fill: Callable[[Tensor], None]) -> None:
    graph = layer.stack.graph
    blocks = recurrent_blocks(graph)
    if not blocks:
        raise OptionError(
            f"{scheme}: this cell multiplies no state by a matrix\nmend: leave the scheme out"
        )
    for index, direction in layer.places():
        weights = layer.cell_parameters(index, direction)
        for name, piece in blocks:
            parameter = graph.parameter(name)
            matrix = weights[name].detach().clone()
            fill(_blocks(parameter, matrix, layer.stack.sizes[index])[piece])
            layer.set_cell_parameter(name, matrix, index, direction)


def _gates(
    layer: SequenceLayer, scheme: str
) -> Iterator[tuple[tuple[tuple[GateBias, ...], tuple[GateBias, ...]], int, int]]:
    found = find_gates(layer.stack.step_graph)
    if not found:
        raise OptionError(
            f"{scheme}: the equations hold no gate with a bias, `f * s` with f = sigmoid(…)\n"
            "mend: leave the scheme out, or set the bias by its name"
        )
    for index, direction in layer.places():
        for gates in found:
            yield (gates.forget, gates.input), index, direction
