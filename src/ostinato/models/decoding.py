"""How a network's writing is chosen: greedily, by drawing, or by beam search; in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeVar

from torch import Tensor

from ostinato.models.trie import Trie

Method = Literal["greedy", "sample", "beam"]


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
    """

    start: int
    end: int

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a unit in every row, int64 ``[B]``.

        Returns:
            The log-probability of every unit as the next ``[B, V]``, and the new state.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingOptions:
    """How the units are chosen, named as the section ``decoding`` of a recipe.

    Attributes:
        method: ``greedy``, the likeliest unit at every step; ``sample``, drawn; ``beam``, the best
            of several hypotheses that are followed side by side.
        max_length: most steps, the end included.
        min_length: fewest units before the end.
        beam_size: hypotheses of a beam.
        length_penalty: ``score = log P / n^length_penalty``, n the steps with the end: 0 prefers
            short texts, 1 compares the mean of the steps.
        num_best: how many texts are returned for each row; of ``sample``, how many are drawn.
        temperature: of ``sample``: the log-probabilities are divided by it.
        top_k: of ``sample``: draw among this many likeliest units.
        top_p: of ``sample``: draw from the smallest set of units that holds this share.
        seed: of ``sample``.

    Raises:
        OptionError: a value is out of range, or of another method.
    """

    method: Method = "beam"
    max_length: int = 100
    min_length: int = 0
    beam_size: int = 5
    length_penalty: float = 1.0
    num_best: int = 1
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text that was written.

    Attributes:
        tokens: its units, without the end.
        log_probability: as the network says it (whatever temperature or set they were drawn with),
            of all units and the end.
        score: the log-probability, divided by a power of the length.
        is_ended: whether it came to its end within ``max_length``.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float
    is_ended: bool


def decode(
    writer: Writer[State],
    state: State,
    num_rows: int,
    options: DecodingOptions,
    *,
    numbers: Sequence[int] | None = None,
    begun: Sequence[Sequence[int]] | None = None,
    allowed: Trie | None = None,
    forbidden: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """Write a text, or several, for each row; those that have ended leave the batch.

    What is written for a row does not depend on the rows beside it.

    Args:
        writer: a network in evaluation mode.
        state: what it starts from, with ``num_rows`` rows.
        num_rows: ``B``.
        options: how the units are chosen.
        numbers: number of each row's example: what is drawn for it follows from the seed and this
            number; None for 0, 1, ….
        begun: units with which each row's text begins: ``state`` has read all but the last of
            them, and the start before them; they are no part of the hypotheses.
        allowed: nothing else is written; it holds whole texts, ``begun`` included. A row gets
            fewer texts than asked for, or none, where there are not more.
        forbidden: units that are never written, such as padding.

    Returns:
        For each row ``num_best`` hypotheses, the best first: those that ended before those that
        did not, then by score; of a beam they are distinct.

    Raises:
        WritingError: the log-probabilities are no numbers.
    """
    raise NotImplementedError
