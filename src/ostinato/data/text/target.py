"""Texts that are written: their numbers, where they begin and end, and what may be copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ostinato.data.text.counts import EncodingCounts
from ostinato.data.text.encoder import TextEncoder
from ostinato.data.text.options import (
    EMPTY_ID,
    NUM_SPECIAL,
    PADDING_ID,
    SPECIAL_SYMBOLS,
    UNKNOWN_ID,
)
from ostinato.data.units import Decoder
from ostinato.data.vocabulary import Ids

NOT_COPIED = -1


@dataclass(frozen=True)
class TargetEncoder:
    """The numbers of an encoder's units, then ``start``, which nothing writes, and ``end``.

    Behind these come the units of one source that the vocabulary lacks, numbered as they appear:
    they can be copied, and mean something else beside another source.

    Attributes:
        encoder: of the units.
    """

    encoder: TextEncoder

    @property
    def start(self) -> int:
        """Stands before the first unit."""
        return self.encoder.num_symbols

    @property
    def end(self) -> int:
        """Follows the last unit."""
        return self.encoder.num_symbols + 1

    @property
    def never_written(self) -> tuple[int, ...]:
        """The numbers that no text is made of."""
        return PADDING_ID, UNKNOWN_ID, EMPTY_ID, self.start

    @property
    def num_symbols(self) -> int:
        """How many numbers there are for every source, start and end included: ``V``."""
        return self.encoder.num_symbols + 2

    @cached_property
    def _numbers(self) -> dict[str, int]:
        symbols = self.encoder.symbols
        return {symbols[number]: number for number in range(NUM_SPECIAL, len(symbols))}

    def encode(
        self, text: str, counts: EncodingCounts | None = None, copied: Sequence[str] = ()
    ) -> Ids:
        """Return the numbers of the units of ``text`` and of its end: int64 ``[T]``, T ≥ 1.

        A text that is cut at ``max_length`` has no end: what follows there is not known.

        Args:
            text: to be learned.
            counts: where to count what is unknown or cut.
            copied: units of the source that the vocabulary lacks.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        own = EncodingCounts()
        numbers = self.encoder.encode(text, own)
        if own.num_empty:
            numbers = numbers[:0]
        if copied and own.num_unknown:
            places = {unit: self.num_symbols + place for place, unit in enumerate(copied)}
            units = self.encoder.units(text)
            numbers = numbers.copy()
            for step in np.flatnonzero(numbers == UNKNOWN_ID):
                numbers[step] = places.get(units[step], UNKNOWN_ID)
            own.num_unknown = int((numbers == UNKNOWN_ID).sum())
        if counts is not None:
            counts.add(own)
        return numbers if own.num_truncated else np.append(numbers, self.end)

    def beginning(self, text: str) -> tuple[list[int], list[str]]:
        """Return numbers and units of a text that is only begun: it is not cut, and has no end.

        Its units must be counted one by one, such as characters: pieces of words may go on.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        units = self.encoder.whole_units(text)
        return [self._numbers.get(unit, UNKNOWN_ID) for unit in units], units

    def copies(self, source: Iterable[str]) -> tuple[Ids, tuple[str, ...]]:
        """Return the number of each unit of a source ``[T]``, and the units behind ``V``."""
        behind: dict[str, int] = {}
        numbers: list[int] = []
        for unit in source:
            if unit in SPECIAL_SYMBOLS:
                numbers.append(NOT_COPIED)
            elif unit in self._numbers:
                numbers.append(self._numbers[unit])
            else:
                numbers.append(self.num_symbols + behind.setdefault(unit, len(behind)))
        return np.array(numbers, np.int64), tuple(behind)

    def unit(self, number: int, copied: Sequence[str] = ()) -> str:
        """Return what a number stands for; nothing for start and end."""
        if number >= self.num_symbols:
            return copied[number - self.num_symbols]
        return "" if number in (self.start, self.end) else self.encoder.symbols[number]

    def joiner(self) -> Decoder:
        """Return what joins the units of one text."""
        return self.encoder.joiner()

    def text(self, numbers: Iterable[int], copied: Sequence[str] = ()) -> str:
        """Return the text of numbers; start and end are no part of it."""
        units = (self.unit(int(number), copied) for number in numbers)
        return self.encoder.text(unit for unit in units if unit)
