"""Rows of one network that are stepped together and never change one another's numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.data.vocabulary import Ids
from ostinato.runtime.arrays import Array
from ostinato.runtime.language_model import LanguageModel
from ostinato.runtime.stream import Stream

State = Mapping[str, Array]

PIECES: Final = (64, 8)
"""Steps of a prompt that are read at once."""

_BLOCK: Final = 32
_SMALL: Final = (4, 8, 16)
_MOST_READ: Final = 512
_CHECKED_STEPS: Final = 4


class Rows:
    """The texts that are being written: one row each, packed to the front.

    The same numbers must come out of a row whoever stands beside it. Two things make them differ:
    a program that is chosen by the number of rows, so one is chosen for all (``program_rows``); and
    kernels that treat the last one or two rows of a block in another way, so rows are padded to
    numbers for which this machine, tried once, gives the same bits.

    Attributes:
        model: that is stepped.
        num_rows: texts.
        logits: of the next unit, ``[capacity, V]``; the first ``num_rows`` count.
    """

    def __init__(self, model: LanguageModel, max_rows: int) -> None:
        self.model = model
        self.num_rows = 0
        most = -(-max_rows // _BLOCK) * _BLOCK
        model.layer.program_rows = most
        self.logits = np.zeros((most, len(model.vocabulary)), model.layer.dtype)
        self._initial = row_of(model.layer.initial_state(1), 0)
        self._capacities = _same_bits(model, (*_SMALL, *range(_BLOCK, most + 1, _BLOCK)))
        self._readable = _same_bits_read(model)
        self._streams: dict[int, Stream] = {}
        self._capacity = self._capacities[0]

    @property
    def max_read(self) -> int:
        """Prompts that are read side by side."""
        return self._readable[-1]

    def add(self, state: State | None, logits: Array | None) -> None:
        """Put a text behind the others.

        Args:
            state: of its prompt ``[L, size]``; None for the initial one.
            logits: of the unit after it ``[V]``; None where it has units to read first.
        """
        self._fit(self.num_rows + 1)
        row = self.num_rows
        self._stream.set_state_of(row, self._initial if state is None else state)
        if logits is not None:
            self.logits[row] = logits
        self.num_rows += 1

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        """Keep these rows alone, in this order.

        Args:
            rows: rising.
        """
        state = self._stream.state
        for array in state.values():
            array[:, : len(rows)] = array[:, rows]
        self._stream.state = state
        self.logits[: len(rows)] = self.logits[rows]
        self.num_rows = len(rows)
        # A little room stays, so that one text that comes and goes moves nothing.
        if self._smallest(self.num_rows + self.num_rows // 8) < self._capacity:
            self._fit(self.num_rows)

    def step(self, units: npt.NDArray[np.int64]) -> None:
        """Let every row read a unit; ``logits`` are then those of the next one.

        Args:
            units: ``[num_rows]``.
        """
        padded = np.zeros(self._capacity, np.int64)
        padded[: self.num_rows] = units
        end = self.model.document_end
        if end is not None:
            for row in np.flatnonzero(units == end):
                self._stream.set_state_of(int(row), self._initial)
        self.logits[: self._capacity] = _step(self.model, self._stream, padded)

    def read(
        self, states: Sequence[State | None], pieces: Sequence[Ids]
    ) -> tuple[list[dict[str, Array]], Array]:
        """Read a piece of each of several prompts.

        Args:
            states: before the pieces, ``[L, size]`` by name; None at the start.
            pieces: all of one length, which is one of ``PIECES``.

        Returns:
            The states after the pieces, and the logits of the next unit ``[B, V]``.
        """
        num = len(pieces)
        rows = next(size for size in self._readable if size >= num)
        ids = np.zeros((len(pieces[0]), rows), np.int64)
        ids[:, :num] = np.stack(pieces, 1)
        before = self.model.layer.initial_state(rows)
        for row, state in enumerate(states):
            if state is not None:
                for name, value in state.items():
                    before[name][:, row] = value
        logits, after = _read(self.model, ids, before)
        return [row_of(after, row) for row in range(num)], logits[:num]

    @property
    def _stream(self) -> Stream:
        if self._capacity not in self._streams:
            self._streams[self._capacity] = self.model.layer.stream(self._capacity)
        return self._streams[self._capacity]

    def _smallest(self, num_rows: int) -> int:
        return next(size for size in self._capacities if size >= num_rows)

    def _fit(self, num_rows: int) -> None:
        """Move to the smallest number of rows that holds so many."""
        wanted = self._smallest(num_rows)
        if wanted == self._capacity:
            return
        old = self._stream.state
        self._capacity = wanted
        state = self.model.layer.initial_state(wanted)
        for name, array in state.items():
            array[:, : self.num_rows] = old[name][:, : self.num_rows]
        self._stream.state = state


def read_budget(num_steps: int, max_rows: int) -> int:
    """Return how many prompts are read at once, so that the others do not wait for long."""
    return max(1, min(max_rows, _MOST_READ // num_steps))


def row_of(state: State, row: int) -> dict[str, Array]:
    """Return a copy of one row ``[L, size]`` of a state ``[L, B, size]``."""
    return {name: array[:, row].copy() for name, array in state.items()}


def _step(model: LanguageModel, stream: Stream, ids: npt.NDArray[np.int64]) -> Array:
    return model.logits_of(stream.step(model.vectors_of(ids)))


def _read(
    model: LanguageModel, ids: npt.NDArray[np.int64], state: State
) -> tuple[Array, dict[str, Array]]:
    """Return the logits behind the last of the steps ``[T, B]``, and the states there."""
    resets = None if model.document_end is None else ids == model.document_end
    output, after = model.layer(model.vectors_of(ids), state, resets=resets)
    return model.logits_of(output[-1]), after


def _same_bits(model: LanguageModel, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of rows whose steps give the same bits as those of the largest."""
    ids = _random_ids(model, _CHECKED_STEPS, sizes[-1])

    def tried(size: int) -> list[Array]:
        stream = model.layer.stream(size)
        found = [_step(model, stream, row[:size]).copy() for row in ids]
        return [*found, *stream.state.values()]

    return _agreeing(sizes, tried)


def _same_bits_read(model: LanguageModel) -> tuple[int, ...]:
    """Return the numbers of prompts whose pieces give the same bits as those of the most."""

    def tried(size: int) -> list[Array]:
        found: list[Array] = []
        for num_steps in PIECES:
            ids = _random_ids(model, num_steps, _BLOCK)[:, :size]
            logits, after = _read(model, ids, model.layer.initial_state(size))
            found += [logits, *after.values()]
        return found

    return _agreeing((*_SMALL, _BLOCK), tried)


def _agreeing(sizes: Sequence[int], tried: Callable[[int], list[Array]]) -> tuple[int, ...]:
    """Return the sizes whose arrays ``[..., B, n]`` agree with the rows of the last one's."""
    whole = tried(sizes[-1])
    agree = [
        size
        for size in sizes[:-1]
        if all(
            np.array_equal(few, all_[..., :size, :], equal_nan=True)
            for few, all_ in zip(tried(size), whole, strict=True)
        )
    ]
    return (*agree, sizes[-1])


def _random_ids(model: LanguageModel, *shape: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, len(model.vocabulary), shape)


def pieces_of(ids: Ids) -> tuple[list[Ids], list[int]]:
    """Cut a prompt into the pieces that are read at once, and the few units that remain.

    The cut depends on the prompt alone, so that its numbers do, too.

    Args:
        ids: the prompt.
    """
    pieces: list[Ids] = []
    first = 0
    for size in PIECES:
        while len(ids) - first >= size:
            pieces.append(ids[first : first + size])
            first += size
    return pieces, [int(i) for i in ids[first:]]
