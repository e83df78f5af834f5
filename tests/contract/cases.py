"""Every cell and every option that the contract is held for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from ostinato import cells
from ostinato.equations import Cell
from ostinato.nn import Recurrent

CUSTOM: Final[dict[str, Cell]] = {
    "shared_weights": Cell(
        "a = tanh(W @ h + U @ x + b)\nh = a * sigmoid(W @ a + U @ x + b)", name="shared_weights"
    ),
    "bare_sum": Cell("g = tanh(V @ x + c)\nh = W @ h + U @ g + b", name="bare_sum"),
    "elman_with_output": Cell("h = tanh(W @ h + U @ x)\ny = V @ h + c", name="elman_with_output"),
    "two_inputs": Cell("h = tanh(W @ h + U @ x + A @ v + b)", inputs=["x", "v"], name="two_inputs"),
    "every_function": Cell(
        """
        alpha: scalar
        a = W @ [h, x] + b
        p = softplus(a) + sqrt(abs(a) + 1) + log(1 + exp(-abs(h))) + silu(k * h)
        q = gelu(a) * minimum(a, 0.5) + maximum(h, -0.25) * clip(a, -1, 1) + relu(a) ** 2
        n = rms_norm(p + q) * g + layer_norm(q)
        h = alpha * tanh(n / (1 + p * p)) + (1 - alpha) * sigmoid(R @ (n - h))
        """,
        name="every_function",
    ),
    "two_loops": Cell(
        """
        z = sigmoid(A @ x + b)
        u = z * u + (1 - z) * (B @ x)
        h = tanh(W @ h + U @ u + c)
        d_last = d
        d = minimum(0.9 * d + h * u, 2)
        y = V @ (h + d_last)
        """,
        name="two_loops",
    ),
    "delay": Cell(
        "h = tanh(W @ x + U @ last + b)\nlast = x * s", states=["last"], output="h", name="delay"
    ),
    "learned_start": Cell("h = tanh(W @ h + U @ x)\nh[0] = h_init", name="learned_start"),
}
"""Cells that no paper has, for what the named ones leave untouched."""

CELLS: Final[dict[str, Cell]] = {**{name: cells.get(name) for name in cells.names()}, **CUSTOM}

WITHOUT_RECURRENT_PRODUCT: Final = {"indrnn", "mingru", "minlstm", "sru", "delay"}
NOT_STACKED_IN_TWO_DIRECTIONS: Final = {"sru", "delay", "two_inputs"}
"""Their hidden size equals the input size, or they read a second input."""


@dataclass(frozen=True)
class Option:
    """Arguments of a layer, and which cells refuse them."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    refused_by: frozenset[str] = frozenset()


OPTIONS: Final[tuple[Option, ...]] = (
    Option("plain"),
    Option(
        "bidirectional_stack",
        {"bidirectional": True, "num_layers": 2},
        frozenset(NOT_STACKED_IN_TWO_DIRECTIONS),
    ),
    Option("layer_norm", {"layer_norm": True}),
    Option("recurrent_dropout", {"recurrent_dropout": 0.3}, frozenset(WITHOUT_RECURRENT_PRODUCT)),
    Option("zoneout", {"zoneout": 0.2}, frozenset({"slstm"})),
    Option("learn_initial_state", {"learn_initial_state": True}),
)

COMBINATIONS: Final = tuple(
    (name, option) for name in CELLS for option in OPTIONS if name not in option.refused_by
)
REFUSALS: Final = tuple(
    (name, option) for name in CELLS for option in OPTIONS if name in option.refused_by
)

TIED: Final = {name for name, cell in CELLS.items() if cell.dimensions.tied}
"""Cells whose equations make the hidden size equal to the input size."""

INPUT_SIZE, HIDDEN_SIZE, OUTPUT_SIZE = 3, 5, 4


def make_layer(name: str, arguments: dict[str, Any] | None = None, **more: Any) -> Recurrent:
    """Make a layer of a cell in float64 with odd sizes and weights of a fixed seed."""
    cell = CELLS[name]
    given: dict[str, Any] = {"dtype": torch.float64, **(arguments or {}), **more}
    if "output_size" in cell.dimensions.classes:
        given.setdefault("output_size", OUTPUT_SIZE)
    if name == "two_inputs":
        given.setdefault("sizes", {"v": 2})
    hidden = INPUT_SIZE if name in TIED else HIDDEN_SIZE
    torch.manual_seed(0)
    return Recurrent(cell, INPUT_SIZE, hidden, **given)


def make_input(
    layer: Recurrent, num_steps: int = 6, num_rows: int = 3
) -> Tensor | dict[str, Tensor]:
    """Make an input: a tensor, or a mapping where the cell has several inputs."""
    torch.manual_seed(1)
    streams = {
        i.name: torch.randn(num_steps, num_rows, layer.stack.sizes[0][i.dim], dtype=torch.float64)
        for i in layer.cell.graph.inputs
    }
    return streams if len(streams) > 1 else next(iter(streams.values()))


def map_input(x: Tensor | dict[str, Tensor], change: Any) -> Any:
    """Apply a change to every stream of an input."""
    return {k: change(v) for k, v in x.items()} if isinstance(x, dict) else change(x)
