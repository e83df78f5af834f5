"""The optimizer and its schedule."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from ostinato.training.errors import DivergedError
from ostinato.training.recipe import TrainingRecipe

_BETAS = (0.9, 0.99)


def make_optimizer(model: nn.Module, recipe: TrainingRecipe) -> torch.optim.Optimizer:
    """Return AdamW (Loshchilov and Hutter, 2019) that decays matrices, not vectors."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=recipe.learning_rate, betas=_BETAS
    )


def learning_rate(
    step: int, *, peak: float, floor: float, warmup_steps: int, max_steps: int
) -> float:
    """Return the rate of step ``step`` (from 0): a linear rise, then half a cosine.

    Args:
        step: steps done.
        peak: the highest rate.
        floor: share of the peak at the end.
        warmup_steps: length of the rise.
        max_steps: end of the schedule.
    """
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    done = (step - warmup_steps) / max(1, max_steps - warmup_steps)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use ``rate`` in the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(model: nn.Module, max_norm: float | None) -> float:
    """Scale the gradients down to ``max_norm``; return their norm before."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), math.inf if max_norm is None else max_norm)
    return float(norm)


def diverged(
    model: nn.Module, recipe: TrainingRecipe, *, step: int, loss: float, norm: float, kept: str
) -> DivergedError:
    """Describe a loss or gradient that is not finite, and what to try."""
    first = next(
        (
            name
            for name, parameter in model.named_parameters()
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all())
        ),
        None,
    )
    where = f", not finite in {first}" if first else ""
    clip = "" if recipe.clip_grad_norm else "training.clip_grad_norm=1, "
    return DivergedError(
        f"training diverged at step {step}: loss {loss:.4g}, gradient norm {norm:.4g}{where}\n"
        f"mend: {clip}a lower training.learning_rate (now {recipe.learning_rate:g}), or a gated "
        f"cell such as model.cell=gru; {kept}"
    )


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as named tensors."""
    states = cast("dict[int, dict[str, Tensor]]", optimizer.state_dict()["state"])
    return {
        f"optimizer.{index}.{name}": tensor
        for index, state in states.items()
        for name, tensor in state.items()
    }


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what ``optimizer_tensors`` returned."""
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            index, _, name = rest.partition(".")
            states.setdefault(int(index), {})[name] = tensor
    content: dict[str, Any] = {**optimizer.state_dict(), "state": states}
    optimizer.load_state_dict(content)
