"""One window of streams through a model: truncated backpropagation, whatever the streams hold."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Tensor

from ostinato.data.streams import PADDING, Window
from ostinato.training.task import State, StepLoss


class RunPiece(Protocol):
    """Runs some steps of a window."""

    def __call__(
        self, steps: slice, state: State | None, *, is_learned: bool
    ) -> tuple[Tensor, State]:
        """Return the loss, summed over the targets, and the state after the last step.

        Args:
            steps: of the window.
            state: before them; None where the streams begin.
            is_learned: whether the loss is looked at; otherwise anything may stand for it.
        """
        ...


def loss_of_window(window: Window, carried: State | None, run: RunPiece) -> StepLoss:
    """Run one window.

    The state that is carried is that of the step where the next window begins.

    Args:
        window: which steps are blind, which have targets, and where the next window begins.
        carried: the state before the window.
        run: runs a piece of it.
    """
    state = None if window.is_first else carried
    next_carried: State = {}
    losses: list[Tensor] = []
    for steps in window.pieces():
        is_blind = steps.stop <= window.num_blind
        is_last = steps.stop == len(window.inputs)
        is_learned = is_last or bool((window.targets[steps] != PADDING).any())
        with torch.no_grad() if is_blind else nullcontext():
            loss, state = run(steps, state, is_learned=is_learned)
        if steps.stop == window.advance:
            next_carried = {name: value.detach() for name, value in state.items()}
        if is_learned:
            losses.append(loss)
    return StepLoss(sum(losses[1:], losses[0]), next_carried)
