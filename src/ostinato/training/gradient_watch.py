"""The gradient through time while a network learns: measured at every evaluation, and logged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from ostinato.data import Ids
from ostinato.equations.gates import find_gates
from ostinato.nn.layer import SequenceLayer
from ostinato.nn.probes import Norms, Place, state_gradient_norms
from ostinato.training.evaluating import evaluating
from ostinato.training.gradient_decay import Decay, decay_of, mend_of
from ostinato.training.task import EndLoss, Task

_BACK = 1


@dataclass(frozen=True)
class GradientWatch:
    """How the gradient decays in every layer and direction that it passes.

    Attributes:
        decays: by place.
        is_gated: whether the cell has gates that hold a state.
    """

    decays: dict[Place, Decay]
    is_gated: bool

    @property
    def worst(self) -> Decay:
        """That of the place where the gradient changes most."""
        return max(self.decays.values(), key=lambda decay: decay.change)

    def values(self) -> dict[str, float | str]:
        """Return what is logged: rate and reach of each place, and the verdict."""
        found: dict[str, float | str] = {}
        for place, decay in self.decays.items():
            name = f"layer_{place.layer}{'_back' if place.direction else ''}"
            # JSON knows neither NaN nor infinity: what is not known is not logged.
            numbers = {"rate": decay.rate, "half_life": decay.half_life, "reach": decay.reach}
            found |= {f"{k}_{name}": v for k, v in numbers.items() if math.isfinite(v)}
        return found | {"verdict": self.worst.verdict}

    def sentence(self) -> str:
        """Say what is wrong, and the mend; empty where nothing is."""
        worst = self.worst
        if worst.verdict not in ("vanishing", "exploding"):
            return ""
        return (
            f"the gradient through time is {worst.verdict}: {worst.rate:.3f} times as large a step "
            f"further back\nmend: {mend_of(worst, is_gated=self.is_gated)}"
        )


def watch_gradients(task: Task[Any], model: nn.Module) -> GradientWatch | None:
    """Trace the loss of the last step of some held-out sequences back through time.

    Args:
        task: gives the sequences, the same each time.
        model: of the task; its weights' gradients are left alone.

    Returns:
        None where the model has no recurrent layer, or nothing that it carries on.
    """
    layers = [module for module in model.modules() if isinstance(module, SequenceLayer)]
    if not layers:
        return None
    ends: EndLoss | None = None

    def loss() -> Tensor:
        nonlocal ends
        ends = task.end_loss(model)
        return ends.loss

    with evaluating(model):
        norms = state_gradient_norms(model, loss)
    assert ends is not None
    if not norms:
        return None
    joint = {place: np.sqrt(sum(n**2 for n in own.values())) for place, own in norms.items()}
    decays = {
        place: decay_of(_by_distance(total, np.zeros(total.shape[1], np.int64), step=1))
        if place.direction == _BACK
        else decay_of(_by_distance(total, _ends(ends, total), step=-1))
        for place, total in joint.items()
        if ends.is_whole or place.direction != _BACK
    }
    return GradientWatch(decays, any(find_gates(layer.cell.graph) for layer in layers))


def _ends(loss: EndLoss, norms: Norms) -> Ids:
    """Return the last step of each row of a layer's norms ``[T, B]``."""
    num_steps, num_rows = norms.shape
    return np.repeat(np.int64(num_steps - 1), num_rows) if loss.ends is None else loss.ends


def _by_distance(norms: Norms, starts: Ids, *, step: int) -> Norms:
    """Return the mean over rows ``[K]`` of norms ``[T, B]``, k steps from where each row starts."""
    num_steps, num_rows = norms.shape
    found: list[float] = []
    for k in range(num_steps):
        places = starts + k * step
        inside = (places >= 0) & (places < num_steps)
        if not inside.all():
            # Rows that are over would make the mean one of other rows.
            break
        found.append(float(norms[places, np.arange(num_rows)].mean()))
    return np.array(found)
