"""The optimizer and its schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from ostinato.training.recipe_parts import TrainingRecipe

_BETAS = (0.9, 0.99)


def make_optimizer(model: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov and Hutter, 2019) or SGD, which decay matrices, not vectors."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=_BETAS)


def learning_rate(
    step: int,
    *,
    peak: float,
    floor: float,
    warmup_steps: int,
    max_steps: int,
    schedule: Literal["cosine", "linear", "constant"] = "cosine",
) -> float:
    """Return the rate of step ``step`` (from 0): a linear rise, then the schedule.

    Args:
        step: steps done.
        peak: the highest rate.
        floor: share of the peak at the end; a constant rate has no other end.
        warmup_steps: length of the rise.
        max_steps: end of the schedule.
        schedule: half a cosine, a line, or nothing, down to the floor.
    """
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    if schedule == "constant":
        return peak
    done = min(1.0, (step - warmup_steps) / max(1, max_steps - warmup_steps))
    left = 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return peak * (floor + (1 - floor) * left)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use ``rate`` in the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def gradient_norm(model: nn.Module) -> Tensor:
    """Return the norm of all gradients together."""
    return nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])


def clip_gradients(model: nn.Module, max_norm: float | None) -> float:
    """Scale the gradients down to ``max_norm``; return their norm before."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), math.inf if max_norm is None else max_norm)
    return float(norm)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors."""
    states = cast("dict[int, dict[str, Tensor | None]]", optimizer.state_dict()["state"])
    return {
        f"optimizer.{index}.{name}": tensor
        for index, state in states.items()
        for name, tensor in state.items()
        if tensor is not None
    }


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what ``optimizer_tensors`` returned."""
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            index, _, name = rest.partition(".")
            states.setdefault(int(index), {})[name] = tensor
    content: dict[str, Any] = {**optimizer.state_dict(), "state": states}
    optimizer.load_state_dict(content)
