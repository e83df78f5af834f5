"""Examples side by side: padded, of similar length, in an order that the seed decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.data.text.target import NOT_COPIED

Array = npt.NDArray[Any]
Ids = npt.NDArray[np.int64]

NO_TARGET = -100
# So many batches are sorted by length together: little padding, and much is left to chance.
_POOL = 50


@dataclass(frozen=True)
class Example:
    """One sequence as numbers.

    Attributes:
        place: where it comes from, in words.
        steps: int64 ``[T]`` of units, float32 ``[T, I]``, or a picture, uint8 ``[1, C, H, W]``.
        target: int64 scalar (label), float32 ``[O]``, int64 ``[T]`` (tags, or the units of a text,
            however many) or float32 ``[T, O]``; None where it is not known.
        spellings: letters of each word, int64 ``[C]``; None where words are not read so.
        content: what the steps were made from, for baselines and for showing: text or words.
        labels: the label, or labels, as text; those that training does not have, too. Of a text
            that is written, the right answers, of which the first is learned.
        before: the label of the moment before, where the data have it: what persistence predicts.
        copies: int64 ``[T]``, the number that each step has among what is written; None where
            nothing is copied.
        copied: the units of the steps that have a number beside this source alone.
    """

    place: str
    steps: Array
    target: Array | None = None
    spellings: tuple[Ids, ...] | None = None
    content: str | tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    before: str | None = None
    copies: Ids | None = None
    copied: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Batch:
    """Examples side by side, time first.

    Attributes:
        inputs: ``ids`` int64 ``[T, B]``, ``frames`` float32 ``[T, B, I]`` or ``images`` uint8
            ``[B, C, H, W]``; where words are read by letters also ``spellings`` ``[C, U]`` and
            ``spelling_lengths`` ``[U]`` of the distinct words, and ``spelling_of`` ``[T, B]``;
            where they can be copied, ``copies`` ``[T, B]``.
        lengths: int64 ``[B]``.
        targets: of the task's shape; None where they are not known.
        rows: int64 ``[B]``, the index of each example.
        forced: bool, of the shape of targets that are texts: whether the unit before, which is
            read, is the right one and not what the model wrote; None for all.
    """

    inputs: dict[str, Array]
    lengths: Ids
    targets: Array | None
    rows: Ids
    forced: Array | None = None

    @property
    def num_items(self) -> int:
        """Steps, without padding."""
        return int(self.lengths.sum())

    @property
    def is_empty(self) -> bool:
        """Whether there are no sequences."""
        return not len(self.lengths)

    @property
    def num_sequences(self) -> int:
        """Sequences side by side."""
        return len(self.lengths)

    @property
    def num_targets(self) -> int:
        """Targets: sequences, tags, or steps of music."""
        if self.targets is None:
            return 0
        if not self._is_aligned:
            return len(self.lengths)
        return self.num_items if self.targets.ndim == 3 else int((self.targets != NO_TARGET).sum())

    @property
    def _is_aligned(self) -> bool:
        """Whether targets are time first: tags or texts ``[T, B]``, or rolls ``[T, B, O]``."""
        targets = self.targets
        return targets is not None and (
            targets.ndim == 3 or (targets.ndim == 2 and targets.dtype == np.int64)
        )

    def share(self, index: int, num: int) -> Batch:
        """Return the examples of process ``index`` of ``num``; padding stays as it is."""
        each = slice(index, None, num)
        inputs = {name: _rows(name, value, each) for name, value in self.inputs.items()}
        targets = self.targets
        if targets is not None:
            targets = targets[:, each] if self._is_aligned else targets[each]
        forced = None if self.forced is None else self.forced[:, each]
        return Batch(inputs, self.lengths[each], targets, self.rows[each], forced)


_NOT_BY_ROW = ("spellings", "spelling_lengths")
_ROWS_FIRST = ("images",)


def _rows(name: str, value: Array, rows: slice) -> Array:
    if name in _NOT_BY_ROW:
        return value
    return value[rows] if name in _ROWS_FIRST else value[:, rows]


def make_batch(examples: Sequence[Example], rows: Sequence[int] | Ids) -> Batch:
    """Put examples side by side.

    Args:
        examples: all of them.
        rows: which.
    """
    chosen = [examples[int(row)] for row in rows]
    lengths = np.array([len(example) for example in chosen], np.int64)
    name = _NAMES[chosen[0].steps.ndim]
    steps = [example.steps for example in chosen]
    whole = np.concatenate(steps) if name in _ROWS_FIRST else _padded(steps, 0)
    inputs: dict[str, Array] = {name: whole}
    if chosen[0].spellings is not None:
        inputs |= _spelled(chosen, len(inputs[name]))
    copies = [example.copies for example in chosen if example.copies is not None]
    if copies:
        inputs["copies"] = _padded(copies, NOT_COPIED)
    return Batch(inputs, lengths, _targets(chosen), np.asarray(rows, np.int64))


# By the number of dimensions of an example's steps.
_NAMES = {1: "ids", 2: "frames", 4: "images"}


def _padded(sequences: Sequence[Array], padding: float) -> Array:
    longest = max(map(len, sequences))
    shape = (longest, len(sequences), *sequences[0].shape[1:])
    block = np.full(shape, padding, sequences[0].dtype)
    for row, sequence in enumerate(sequences):
        block[: len(sequence), row] = sequence
    return block


def _spelled(examples: Sequence[Example], longest: int) -> dict[str, Array]:
    """Number the distinct words of a batch, so that each is read once."""
    numbers: dict[bytes, int] = {}
    distinct: list[Ids] = []
    places = np.zeros((longest, len(examples)), np.int64)
    for row, example in enumerate(examples):
        for step, letters in enumerate(example.spellings or ()):
            number = numbers.setdefault(letters.tobytes(), len(distinct))
            if number == len(distinct):
                distinct.append(letters)
            places[step, row] = number
    return {
        "spellings": _padded(distinct, 0),
        "spelling_lengths": np.array([len(letters) for letters in distinct], np.int64),
        "spelling_of": places,
    }


def _targets(examples: Sequence[Example]) -> Array | None:
    targets = [example.target for example in examples if example.target is not None]
    if len(targets) < len(examples):
        return None
    first = targets[0]
    if first.ndim == 0 or (first.ndim == 1 and first.dtype != np.int64):
        return np.stack(targets)
    return _padded(targets, NO_TARGET if first.dtype == np.int64 else 0)


def in_order_of_length(examples: Sequence[Example], batch_size: int) -> Iterator[Batch]:
    """Yield batches of examples of similar length, which tell the rows that they are."""
    order = np.argsort([len(example) for example in examples], kind="stable")
    for start in range(0, len(order), batch_size):
        yield make_batch(examples, order[start : start + batch_size])


class Batches:
    """The batches of every epoch; each is a function of the seed, the epoch and its place.

    With ``batch_tokens``, examples are sorted by length, equal ones shuffled, and cut so that no
    batch has more steps than that, padding included. Otherwise shuffled examples are sorted by
    length within pools of 50 batches. Then the batches are shuffled.

    Args:
        lengths: steps of each example.
        batch_size: examples side by side, at most.
        batch_tokens: steps of a batch at most, padding included; one example is never refused.
        seed: of the order.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, batch_tokens: int | None, seed: int
    ) -> None:
        self._lengths = np.asarray(lengths, np.int64)
        self._batch_size = batch_size
        self._batch_tokens = batch_tokens
        self._seed = seed
        self._epoch = -1
        self._order: list[Ids] = []
        self._cuts = self._find_cuts()

    def __len__(self) -> int:
        """Return the number of batches of one epoch."""
        return len(self._cuts) - 1

    def rows(self, epoch: int, index: int) -> Ids:
        """Return which examples batch ``index`` of ``epoch`` holds."""
        if epoch != self._epoch:
            self._order, self._epoch = self._shuffled(epoch), epoch
        return self._order[index]

    def _find_cuts(self) -> Ids:
        num = len(self._lengths)
        if self._batch_tokens is None:
            return np.append(np.arange(0, num, self._batch_size), num)
        cuts, start = [0], 0
        for place, length in enumerate(np.sort(self._lengths)):
            is_full = place - start >= self._batch_size
            if place > start and (is_full or (place + 1 - start) * length > self._batch_tokens):
                cuts.append(place)
                start = place
        return np.array([*cuts, num], np.int64)

    def _shuffled(self, epoch: int) -> list[Ids]:
        random = np.random.default_rng([self._seed, epoch])
        order = random.permutation(len(self._lengths))
        if self._batch_tokens is not None:
            order = order[np.argsort(self._lengths[order], kind="stable")]
        else:
            size = self._batch_size * _POOL
            pools = [order[start : start + size] for start in range(0, len(order), size)]
            order = np.concatenate(
                [pool[np.argsort(self._lengths[pool], kind="stable")] for pool in pools]
            )
        batches = np.split(order, self._cuts[1:-1])
        # The last batch may be smaller than the others, and holds the longest of its pool.
        return [batches[int(place)] for place in random.permutation(len(batches))]
