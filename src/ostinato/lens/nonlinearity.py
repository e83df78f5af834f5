"""Why a network needs a nonlinearity: with ``f(x) = c·x`` a stack is one linear map."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.core.checks import check_count
from ostinato.core.errors import OptionError
from ostinato.lens.figures import theme
from ostinato.lens.subject import Subject
from ostinato.lens.wording import number
from ostinato.nn import Recurrent

if TYPE_CHECKING:
    from collections.abc import Callable

    from plotly.graph_objects import Figure

Numbers = npt.NDArray[np.float64]

MOST_COLUMNS: Final = 1024
"""Numbers of an input up to which the best linear map is looked for."""

_FEWEST_INPUTS = 256
_FITTED_FOR_EACH = 4
"""Inputs that the best linear map is fitted to, for each of its unknowns; as many/4 test it."""
_DRAWN = 400
"""Points of a figure."""


@dataclass(frozen=True)
class Comparison:
    """A network beside one affine map ``y = A x + b``, on the same random inputs.

    Attributes:
        function: the network's: ``c·x`` or ``tanh``.
        network: what it gives, ``[N, O]``.
        single: what the map gives, ``[N, O]``.
    """

    function: str
    network: Numbers
    single: Numbers

    @property
    def difference(self) -> float:
        """``‖network - map‖ / ‖network - mean‖``: 0 where they agree, 1 where a mean does as well.

        Both over all inputs and outputs.
        """
        spread = float(np.linalg.norm(self.network - self.network.mean(0)))
        apart = float(np.linalg.norm(self.network - self.single))
        return apart / spread if spread else math.nan


@dataclass(frozen=True)
class CollapsedStack:
    """What becomes of one stack.

    Attributes:
        kind: ``dense``, or ``recurrent``, which reads a sequence and answers at its end.
        sizes: of the input and of every layer's output, in order; a recurrent input is T·I numbers.
        num_parameters: of the stack.
        num_parameters_single: of the one map ``A x + b``.
        rank: of A.
        linear: the stack with ``f(x) = c·x`` beside the map that its weights multiply out to.
        tanh: the same weights with tanh, beside the map that fits it best on other inputs; beside
            the multiplied weights where an input is too long for a fit.
        superposition: how much the stack with tanh breaks ``f((u+v)/2) = (f(u)+f(v))/2``, which
            every affine map keeps, as a share of the outputs' spread.
    """

    kind: str
    sizes: tuple[int, ...]
    num_parameters: int
    num_parameters_single: int
    rank: int
    linear: Comparison
    tanh: Comparison
    superposition: float


@dataclass(frozen=True)
class Collapse:
    """A dense and a recurrent stack without a nonlinearity, each beside one linear map.

    Attributes:
        slope: the c of ``f(x) = c·x``.
        num_steps: T, that the recurrent stack reads.
        stacks: the dense one and the recurrent one.
    """

    slope: float
    num_steps: int
    stacks: tuple[CollapsedStack, ...]

    @property
    def summary(self) -> str:
        """What was found, in sentences."""
        parts: list[str] = []
        for stack in self.stacks:
            parts.append(
                f"{stack.kind}, sizes {' → '.join(map(str, stack.sizes))}: with "
                f"f(x) = {self.slope:g}·x its {stack.num_parameters:,} weights do what one matrix "
                f"of rank {stack.rank} does, to a relative difference of "
                f"{number(stack.linear.difference, 2)}; with tanh no matrix does: the best one is "
                f"off by {number(stack.tanh.difference, 2)} of the outputs' spread"
            )
        return ".\n".join(parts) + "."

    def figure(self) -> Figure:
        """Draw what each stack gives over what the one map gives: a line where they agree."""
        titles = [
            f"{stack.kind}, f(x) = {name}<br>relative difference {number(each.difference, 2)}"
            for stack in self.stacks
            for name, each in ((f"{self.slope:g}·x", stack.linear), ("tanh(x)", stack.tanh))
        ]
        figure = theme.grid_figure(
            len(self.stacks),
            2,
            subplot_titles=titles,
            horizontal_spacing=0.12,
            vertical_spacing=0.2,
        )
        for row, stack in enumerate(self.stacks, 1):
            for column, each in enumerate((stack.linear, stack.tanh), 1):
                _scatter(figure, each, row, column)
        theme.dress(
            figure,
            "Without a nonlinearity, many layers are one",
            subtitle="each point is one output of the stack, over that of one linear map",
            description=self.summary,
            reading="Points on the dashed line say that one matrix does all that the stack does; "
            "points beside it are what the nonlinearity adds.",
            x="the single linear map",
            y="the stack",
            height=380 * len(self.stacks),
        )
        figure.update_layout(margin={"t": 130})
        return figure


def collapse(
    run: Any = None,
    *,
    input_size: int = 16,
    hidden_size: int = 32,
    num_layers: int = 3,
    output_size: int = 8,
    num_steps: int = 20,
    slope: float = 0.5,
    seed: int = 0,
) -> Collapse:
    """Show on random inputs that layers with ``f(x) = c·x`` are one linear map, and tanh's are not.

    Dense: ``y = V f(W_L f(… f(W_1 x + b_1))) + v``, one map ``A = c^L V W_L … W_1``. Recurrent:
    ``h_t = f(W h_{t-1} + U x_t + b)`` in every layer, ``y = V h_T + v``; unrolled, the joint state
    of all layers is ``s_t = M s_{t-1} + N x_t + e``, so ``y = Σ_k V M^k N x_{T-k} + d``.

    >>> found = collapse(input_size=3, hidden_size=4, num_layers=2, output_size=2, num_steps=5)
    >>> all(stack.linear.difference < 1e-12 for stack in found.stacks)
    True
    >>> all(stack.tanh.difference > 1e-2 for stack in found.stacks)
    True

    Args:
        run: a run or its folder, whose sizes are taken; None for those that are given.
        input_size: I.
        hidden_size: H, of every layer.
        num_layers: L.
        output_size: O.
        num_steps: T, of the recurrent stack.
        slope: c.
        seed: of weights and inputs.

    Raises:
        OptionError: a size is no count, or the slope is 0 or not finite.
    """
    if not (math.isfinite(slope) and slope):
        raise OptionError(f"slope must be a finite number but 0, got {slope}\nmend: slope=0.5")
    if run is not None:
        input_size, hidden_size, num_layers, output_size = _sizes_of(Subject.open(run))
    for name, size in (
        ("input_size", input_size),
        ("hidden_size", hidden_size),
        ("num_layers", num_layers),
        ("output_size", output_size),
        ("num_steps", num_steps),
    ):
        check_count(name, size)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        dense = _dense(input_size, hidden_size, num_layers, output_size, slope)
        recurrent = _recurrent(input_size, hidden_size, num_layers, output_size, num_steps, slope)
    return Collapse(slope, num_steps, (dense, recurrent))


def _sizes_of(subject: Subject) -> tuple[int, int, int, int]:
    """Return input, hidden size, layers and outputs of a network."""
    stacks = [layer.stack for layer in subject.layers]
    first = stacks[0]
    input_size = first.sizes[0][first.graph.inputs[0].dim]
    outputs = len(subject.labels) or 1
    return input_size, first.output_size, sum(stack.num_layers for stack in stacks), outputs


def _dense(
    input_size: int, hidden_size: int, num_layers: int, output_size: int, slope: float
) -> CollapsedStack:
    sizes = (input_size, *[hidden_size] * num_layers)
    weights = [_normal(rows, columns) for columns, rows in itertools.pairwise(sizes)]
    biases = [0.3 * torch.randn(rows, dtype=torch.float64) for rows in sizes[1:]]
    readout = _normal(output_size, hidden_size)
    offset = 0.3 * torch.randn(output_size, dtype=torch.float64)

    def network(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        for weight, bias in zip(weights, biases, strict=True):
            x = function(x @ weight.T + bias)
        return x @ readout.T + offset

    matrix = torch.eye(input_size, dtype=torch.float64)
    shift = torch.zeros(input_size, dtype=torch.float64)
    for weight, bias in zip(weights, biases, strict=True):
        matrix, shift = slope * weight @ matrix, slope * (weight @ shift + bias)
    matrix, shift = readout @ matrix, readout @ shift + offset
    parameters = [*weights, *biases, readout, offset]
    return _compared(
        "dense",
        (*sizes, output_size),
        sum(p.numel() for p in parameters),
        matrix,
        shift,
        lambda x: network(lambda a: slope * a, x),
        lambda x: network(torch.tanh, x),
    )


def _recurrent(
    input_size: int,
    hidden_size: int,
    num_layers: int,
    output_size: int,
    num_steps: int,
    slope: float,
) -> CollapsedStack:
    def layers(function: str) -> Recurrent:
        return Recurrent(
            f"h = {function}",
            input_size,
            hidden_size,
            num_layers=num_layers,
            dtype=torch.float64,
        )

    linear = layers(f"{slope!r} * (W @ h + U @ x + b)")
    curved = layers("tanh(W @ h + U @ x + b)")
    for layer in range(num_layers):
        drawn = {
            name: 0.3 * torch.randn_like(tensor) if name == "b" else _normal(*tensor.shape)
            for name, tensor in linear.cell_parameters(layer).items()
        }
        # Orthogonal over c, so that the past neither fades nor explodes with the slope.
        drawn["W"] = torch.nn.init.orthogonal_(drawn["W"]) * min(1.0, 1 / abs(slope))
        for name, tensor in drawn.items():
            linear.set_cell_parameter(name, tensor, layer)
            curved.set_cell_parameter(name, tensor, layer)
    readout = _normal(output_size, hidden_size)
    offset = 0.3 * torch.randn(output_size, dtype=torch.float64)

    def network(layer: Recurrent, x: Tensor) -> Tensor:
        steps = x.view(len(x), num_steps, input_size).transpose(0, 1)
        output, _ = layer(steps.contiguous())
        assert isinstance(output, Tensor)
        return output[-1] @ readout.T + offset

    matrix, shift = _unrolled(linear, slope, num_steps, readout, offset)
    weights = sum(p.numel() for p in linear.parameters())
    return _compared(
        "recurrent",
        (num_steps * input_size, *[hidden_size] * num_layers, output_size),
        weights + readout.numel() + offset.numel(),
        matrix,
        shift,
        lambda x: network(linear, x),
        lambda x: network(curved, x),
    )


def _unrolled(
    linear: Recurrent, slope: float, num_steps: int, readout: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the map of a whole sequence ``[O, T*I]`` and its shift ``[O]``."""
    hidden, layers = linear.hidden_size, linear.num_layers
    width = hidden * layers
    step = torch.zeros(width, width, dtype=torch.float64)
    entrance = torch.zeros(width, linear.input_size, dtype=torch.float64)
    constant = torch.zeros(width, dtype=torch.float64)
    for layer in range(layers):
        weights = linear.cell_parameters(layer)
        rows = slice(layer * hidden, (layer + 1) * hidden)
        below = slice((layer - 1) * hidden, layer * hidden)
        # A layer reads the new value of the one below, which is itself linear in the old states.
        step[rows] = slope * weights["U"] @ step[below] if layer else 0
        step[rows, rows] += slope * weights["W"]
        entrance[rows] = (
            slope
            * weights["U"]
            @ (entrance[below] if layer else torch.eye(linear.input_size, dtype=torch.float64))
        )
        constant[rows] = slope * weights["b"]
        if layer:
            constant[rows] += slope * weights["U"] @ constant[below]
    reader = torch.zeros(len(readout), width, dtype=torch.float64)
    reader[:, -hidden:] = readout
    blocks: list[Tensor] = []
    shift = offset.clone()
    for _ in range(num_steps):
        blocks.append(reader @ entrance)
        shift += reader @ constant
        reader = reader @ step
    return torch.cat(blocks[::-1], 1), shift


def _compared(
    kind: str,
    sizes: tuple[int, ...],
    num_parameters: int,
    matrix: Tensor,
    shift: Tensor,
    linear: Callable[[Tensor], Tensor],
    curved: Callable[[Tensor], Tensor],
) -> CollapsedStack:
    columns = matrix.shape[1]
    can_fit = columns < MOST_COLUMNS
    num_fitted = _FITTED_FOR_EACH * (columns + 1) if can_fit else 0
    num_tested = max(_FEWEST_INPUTS, num_fitted // _FITTED_FOR_EACH)
    fitted = torch.randn(num_fitted, columns, dtype=torch.float64)
    tested = torch.randn(num_tested, columns, dtype=torch.float64)
    other = torch.randn(num_tested, columns, dtype=torch.float64)
    curve = curved(tested)
    best = _best_map(fitted, curved(fitted), tested) if can_fit else tested @ matrix.T + shift
    middle = curved((tested + other) / 2) - (curve + curved(other)) / 2
    spread = curve - curve.mean(0)
    linear_algebra: Any = torch.linalg
    return CollapsedStack(
        kind,
        sizes,
        num_parameters,
        matrix.numel() + shift.numel(),
        int(linear_algebra.matrix_rank(matrix)),
        Comparison("c·x", linear(tested).numpy(), (tested @ matrix.T + shift).numpy()),
        Comparison("tanh", curve.numpy(), best.numpy()),
        float(middle.square().sum() / spread.square().sum()) ** 0.5,
    )


def _best_map(x: Tensor, y: Tensor, tested: Tensor) -> Tensor:
    """Return what the affine map with the least squared error on ``x`` gives for other inputs."""
    linear_algebra: Any = torch.linalg
    solution: Tensor = linear_algebra.lstsq(_with_one(x), y).solution
    return _with_one(tested) @ solution


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def _normal(rows: int, columns: int) -> Tensor:
    """Return a random matrix that keeps the size of what it multiplies."""
    return torch.randn(rows, columns, dtype=torch.float64) / math.sqrt(columns)


def _scatter(figure: Figure, each: Comparison, row: int, column: int) -> None:
    network, single = each.network.ravel()[:_DRAWN], each.single.ravel()[:_DRAWN]
    ends = [float(min(single.min(), network.min())), float(max(single.max(), network.max()))]
    figure.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        line={"color": theme.MUTED, "width": 1, "dash": "dash"},
        showlegend=False,
        hoverinfo="skip",
        row=row,
        col=column,
    )
    figure.add_scatter(
        x=single,
        y=network,
        mode="markers",
        marker={
            "size": 4,
            "color": theme.LINE_COLOURS[column - 1],
            "symbol": theme.MARKERS[column - 1],
            "opacity": 0.7,
        },
        showlegend=False,
        row=row,
        col=column,
    )
