"""Networks that write one unit at a time, whatever is inside them."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor


class WriterState(Protocol):
    """What a writer carries from step to step, one row for each text."""

    def select(self, rows: Tensor) -> Self:
        """Return the state of these rows, in this order; a row may be left out or repeated.

        Args:
            rows: int64 ``[N]``.
        """
        ...


State = TypeVar("State", bound=WriterState)


class Writer(Protocol[State]):
    """A network that writes, one unit at a time.

    Attributes:
        start: the unit that is read before the first is written.
        end: the unit that ends a text.
        device: that units are on.
    """

    start: int
    end: int

    @property
    def device(self) -> torch.device:
        """Where units are."""
        ...

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a unit in every row, int64 ``[B]``.

        Returns:
            The log-probability of every unit as the next ``[B, V]``, and the new state.
        """
        ...
