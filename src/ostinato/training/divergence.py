"""When training is lost, in which layer, and what to try."""

from __future__ import annotations

import math
import statistics

from torch import Tensor, nn

from ostinato.equations import Cell
from ostinato.training.errors import DivergedError
from ostinato.training.recipe_parts import TrainingRecipe

# Losses and norms of so many steps are compared by their medians, so that no single batch decides.
WATCHED_STEPS = 10
_LOSS_FACTOR, _LOSS_MARGIN = 10.0, 10.0
_NORM_FACTOR = 1e6
_MOST_SHOWN = 5


def is_lost(loss: float, norm: float) -> bool:
    """Whether a step cannot be taken: the loss or the gradient is not finite."""
    return not (math.isfinite(loss) and math.isfinite(norm))


def has_exploded(first: list[list[float]], newest: list[list[float]]) -> bool:
    """Whether numbers are still finite, but nothing is learned any more.

    That is where the median loss of the newest ten steps is above ten times that of the first ten,
    plus ten nats, or the median norm of the gradient above a million times that of the first ten,
    or above a million where that is below one.

    Args:
        first: loss and gradient norm of each of the first steps.
        newest: the same of the newest steps.
    """
    if len(newest) < WATCHED_STEPS or len(first) < WATCHED_STEPS:
        return False
    losses, norms = (
        [statistics.median(row[i] for row in rows) for rows in (first, newest)] for i in (0, 1)
    )
    is_loss_high = losses[1] > _LOSS_FACTOR * max(0.0, losses[0]) + _LOSS_MARGIN
    return is_loss_high or norms[1] > _NORM_FACTOR * max(1.0, norms[0])


def diverged(
    model: nn.Module, recipe: TrainingRecipe, *, step: int, loss: float, norm: float, kept: str
) -> DivergedError:
    """Describe a loss or gradient that exploded, where it is largest, and what to try.

    Args:
        model: with its gradients as they came, not clipped.
        recipe: what was tried.
        step: the step, from 1.
        loss: of the step.
        norm: of all gradients.
        kept: a sentence about what is left.
    """
    clip = "" if recipe.clip_grad_norm else "training.clip_grad_norm=1, "
    table = "".join(
        f"\n  {gradient:>10.3g} {weight:>10.3g}  {name}"
        for name, gradient, weight in _largest(model)
    )
    other = "model.layer_norm=true" if _is_gated(model) else "a gated cell such as model.cell=gru"
    return DivergedError(
        f"training diverged at step {step}: loss {loss:.4g}, gradient norm {norm:.4g}; the largest "
        f"norms, of a gradient and of its weight:{table}\n"
        f"mend: {clip}a lower training.learning_rate (now {recipe.learning_rate:g}), or {other}; "
        f"{kept}"
    )


def _is_gated(model: nn.Module) -> bool:
    """Whether the recurrent layers have gates: products with a number between 0 and 1."""
    cells = [getattr(module, "cell", None) for module in model.modules()]
    found = [cell for cell in cells if isinstance(cell, Cell)]
    texts = [cell.to_text() for cell in found]
    return bool(texts) and all("sigmoid(" in text and " * " in text for text in texts)


def _largest(model: nn.Module) -> list[tuple[str, float, float]]:
    """Return name, norm of gradient and norm of each weight; what is not finite comes first."""
    norms = [
        (name, _norm(weight.grad), _norm(weight.detach()))
        for name, weight in model.named_parameters()
        if weight.grad is not None
    ]
    norms.sort(key=lambda each: (math.isfinite(each[1]), -each[1], -each[2]))
    return norms[:_MOST_SHOWN]


def _norm(tensor: Tensor) -> float:
    return float(nn.utils.get_total_norm([tensor]))
