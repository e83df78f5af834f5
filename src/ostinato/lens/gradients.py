"""The gradient on its way back through time: how large it is at every step, and how it decays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.equations.gates import find_gates
from ostinato.lens.subject import Piece, Subject
from ostinato.nn.probes import Norms, Place, state_gradient_norms
from ostinato.training.gradient_decay import Decay, Verdict, decay_of, mend_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class GradientFlow:
    """‖∂L/∂s_t‖ of every state, layer and direction.

    Attributes:
        name: of the network.
        step: whose loss is traced back.
        units: what each step reads, up to the last that the gradient reaches.
        norms: place to state name to the norm at every step ``[T]``, the mean over rows.
        joint: place to the norm over all states of the place ``[T]``.
        decays: place to how ``joint`` changes on its way back.
        is_gated: whether the cell has gates that hold a state.
    """

    name: str
    step: int
    units: Sequence[str]
    norms: Mapping[Place, Mapping[str, Norms]]
    joint: Mapping[Place, Norms]
    decays: Mapping[Place, Decay]
    is_gated: bool

    @property
    def worst(self) -> Decay:
        """The decay of the place that changes a gradient most."""
        return max(self.decays.values(), key=lambda decay: decay.change)

    @property
    def verdict(self) -> Verdict:
        """Of the worst place."""
        return self.worst.verdict

    @property
    def mend(self) -> str:
        """What helps; empty where nothing needs to."""
        return mend_of(self.worst, is_gated=self.is_gated)

    def figure(self) -> Figure:
        """Draw the norms over the steps, on a logarithmic axis."""
        from ostinato.lens.figures.gradients import gradient_figure

        return gradient_figure([self])


def gradient_through_time(subject: Subject, piece: Piece, step: int | None = None) -> GradientFlow:
    """Trace the loss of one step back through time.

    The gradient with respect to a state counts everything that reads it, in all later steps and in
    the layers above: it is what back-propagation through time carries (Werbos 1990).

    Args:
        subject: the network.
        piece: the sequence.
        step: whose loss, or decision, is traced; None for the last one. Of networks that say
            something at the end alone, it is the end.

    Raises:
        OptionError: there is no such step.
    """
    last = len(piece) - 1
    if subject.shape == "many to one" or step is None:
        step = last
    if not 0 <= step <= last:
        raise OptionError(
            f"there is no step {step}: the sequence has steps 0 to {last}\nmend: one of these"
        )

    def loss() -> Tensor:
        return subject.decision(subject.scores(piece), piece, step)

    norms = {
        place: {name: rows[:, 0] for name, rows in own.items()}
        for place, own in state_gradient_norms(subject.body, loss).items()
    }
    is_gated = bool(find_gates(subject.cell.graph))
    is_whole = subject.shape == "many to one"
    return flow_of(norms, subject.name, step, piece.units, is_gated=is_gated, is_whole=is_whole)


def flow_of(
    norms: Mapping[Place, Mapping[str, Norms]],
    name: str,
    step: int,
    units: Sequence[str],
    *,
    is_gated: bool,
    is_whole: bool = False,
) -> GradientFlow:
    """Put norms together, and find how they decay from ``step`` on.

    Args:
        norms: place to state name to the norm at every step ``[T]``.
        name: of the network.
        step: whose loss is traced back.
        units: what each step reads.
        is_gated: whether the cell has gates that hold a state.
        is_whole: the loss is of the whole sequence: the run from the end to the start has its last
            step at 0.
    """
    joint = {
        place: np.sqrt(np.sum(np.square(list(own.values())), 0)) for place, own in norms.items()
    }
    decays = {
        # The run from the end to the start passes a gradient on to later steps.
        place: decay_of(
            total[0 if is_whole else step :] if place.direction else total[: step + 1][::-1]
        )
        for place, total in joint.items()
    }
    return GradientFlow(name, step, tuple(units), norms, joint, decays, is_gated)
