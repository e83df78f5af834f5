"""Networks that write one unit at a time, whatever is inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
from torch import Tensor

from ostinato.core.errors import OptionError, OstinatoError
from ostinato.models.language_model import LanguageModel


class WritingError(OstinatoError, ArithmeticError):
    """A network cannot write: what it says are no probabilities."""


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


@dataclass(frozen=True, slots=True)
class LanguageState:
    """What a language model carries, one row for each text.

    Attributes:
        state: of its layers, ``[L, B, size]`` by name; None before the first unit.
    """

    state: dict[str, Tensor] | None = None

    def select(self, rows: Tensor) -> LanguageState:
        """Return the state of these rows, int64 ``[N]``."""
        if self.state is None:
            return self
        return LanguageState({name: tensor[:, rows] for name, tensor in self.state.items()})


class LanguageWriter:
    """A language model as a writer.

    Args:
        model: in evaluation mode.
        start: the unit that is read before the first is written.
        end: the unit that ends a text; it may be the start, as the border between two lines.

    Raises:
        OptionError: the model has no unit of such a number.
    """

    def __init__(self, model: LanguageModel, start: int, end: int) -> None:
        for name, unit in (("start", start), ("end", end)):
            if not 0 <= unit < model.num_symbols:
                raise OptionError(
                    f"got {name}={unit}, expected the number of a unit, 0 to "
                    f"{model.num_symbols - 1}\nmend: {name}= one of the vocabulary"
                )
        self.model = model
        self.start = start
        self.end = end

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.model.head.weight.device

    def step(self, tokens: Tensor, state: LanguageState) -> tuple[Tensor, LanguageState]:
        """Read a unit in every row; see ``Writer``."""
        logits, after = self.model.step(tokens, state.state)
        return logits.float().log_softmax(-1), LanguageState(after)

    @torch.no_grad()
    def read(self, begun: Sequence[Sequence[int]]) -> LanguageState:
        """Return the state behind the start and beginnings of any lengths.

        The last unit of each (or the start, where there is none) is not among them: ``decode``,
        which is given the same ``begun``, reads it.
        """
        rows = [[self.start, *units][:-1] for units in begun]
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        ids = torch.zeros(max(map(len, rows), default=0), len(rows), dtype=torch.int64)
        for number, row in enumerate(rows):
            ids[: len(row), number] = torch.tensor(row, dtype=torch.int64)
        return LanguageState(self.model.read(ids.to(self.device), lengths))
