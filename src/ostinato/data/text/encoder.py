"""From texts to numbers and back to what they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from ostinato.data.errors import DataError
from ostinato.data.text.counts import EncodingCounts
from ostinato.data.text.joining import make_joiner
from ostinato.data.text.options import (
    EMPTY_ID,
    NUM_SPECIAL,
    SPECIAL_SYMBOLS,
    SUBWORD_UNITS,
    UNKNOWN_ID,
    TextOptions,
    normalized,
)
from ostinato.data.text.splitting import split_units
from ostinato.data.text.subwords import Subwords
from ostinato.data.units import Decoder
from ostinato.data.vocabulary import Ids


class _Units(Protocol):
    """Cuts texts into units and numbers them."""

    @property
    def symbols(self) -> Sequence[str]:
        """Every unit once, in the order of the numbers, which begin after the special ones."""
        ...

    def encode(self, text: str) -> list[int]:
        """Return the number of each unit of ``text``."""
        ...

    def units(self, text: str) -> list[str]:
        """Return the units of ``text``."""
        ...


class _Listed:
    """Units that are numbered one by one, by frequency, then by code points.

    Raises:
        ValueError: ``symbols`` of a file are no distinct texts.
    """

    def __init__(self, symbols: Iterable[str], options: TextOptions) -> None:
        self.symbols = tuple(symbols)
        self._options = options
        self._numbers = {symbol: NUM_SPECIAL + i for i, symbol in enumerate(self.symbols)}
        if len(self._numbers) < len(self.symbols) or any(type(s) is not str for s in self._numbers):
            raise ValueError("units are no distinct texts")

    def encode(self, text: str) -> list[int]:
        return self.numbers(self.units(text))

    def units(self, text: str) -> list[str]:
        return split_units(text, self._options)

    def numbers(self, units: Iterable[str]) -> list[int]:
        """Return the number of each unit."""
        return [self._numbers.get(unit, UNKNOWN_ID) for unit in units]


class TextEncoder:
    """Numbers of the units of texts, learned from the training part.

    Numbers 0, 1 and 2 are padding, an unknown unit and the only step of a text without any unit;
    the same texts give the same numbers, in whatever order they come.

    Attributes:
        options: how a text becomes steps.
        symbols: what each number stands for, the special ones first.
    """

    def __init__(self, units: _Units, options: TextOptions) -> None:
        self._units = units
        self.options = options
        self.symbols = (*SPECIAL_SYMBOLS, *units.symbols)

    @classmethod
    def train(cls, texts: Iterable[str], options: TextOptions) -> TextEncoder:
        """Collect, or learn, the units of ``texts``, which are the training part alone.

        Raises:
            DataError: no text has a unit, or one holds a lone surrogate.
            MissingExtraError: the unit needs a package that is not installed.
        """
        if options.unit in SUBWORD_UNITS:
            return cls(Subwords.train(texts, options), options)
        if options.unit == "bytes":
            return cls(_Listed((f"{byte:02X}" for byte in range(256)), options), options)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split_units(text, options))
        return cls(_Listed(_most_frequent(counts, options), options), options)

    @classmethod
    def of_nothing(cls, options: TextOptions) -> TextEncoder:
        """Return the encoder of texts without any unit."""
        return cls(_Listed((), options), options)

    @classmethod
    def of_tokens(cls, sequences: Iterable[Sequence[str]], options: TextOptions) -> TextEncoder:
        """Collect words that are already cut, as of a tagged text; each is one unit as it is.

        Raises:
            DataError: there is no token, one holds a lone surrogate, or the unit is not words.
        """
        _check_one_token_is_one_unit(options)
        counts: Counter[str] = Counter()
        for tokens in sequences:
            counts.update(normalized(token, options) for token in tokens)
        return cls(_Listed(_most_frequent(counts, options), options), options)

    @property
    def num_symbols(self) -> int:
        """How many numbers there are, the special ones included."""
        return len(self.symbols)

    def encode(self, text: str, counts: EncodingCounts | None = None) -> Ids:
        """Return the numbers of the units of ``text``: int64 ``[T]``, 1 ≤ T ≤ ``max_length``.

        Args:
            text: any text; one without a unit becomes one step of its own kind.
            counts: where to count what is unknown, empty or cut.

        Raises:
            DataError: the text holds a lone surrogate.
        """
        ids = self._units.encode(text)
        kept = ids[: self.options.max_length]
        if counts is not None:
            self._count(kept, len(ids), counts)
        return np.array(kept or [EMPTY_ID], np.int64)

    def encode_tokens(self, tokens: Sequence[str], counts: EncodingCounts | None = None) -> Ids:
        """Return one number for each token: int64 ``[T]``, never cut.

        Raises:
            DataError: a token holds a lone surrogate, or the unit is not words.
        """
        _check_one_token_is_one_unit(self.options)
        assert isinstance(self._units, _Listed)
        ids = self._units.numbers(normalized(token, self.options) for token in tokens)
        if counts is not None:
            self._count(ids, len(ids), counts)
        return np.array(ids, np.int64)

    def units(self, text: str) -> list[str]:
        """Return what each step of ``encode`` stands for; unknown units as they are written."""
        kept = self._units.units(text)[: self.options.max_length]
        return kept or [SPECIAL_SYMBOLS[EMPTY_ID]]

    def whole_units(self, text: str) -> list[str]:
        """Return the units of ``text``, however many; none of an empty one."""
        return self._units.units(text)

    def joiner(self) -> Decoder:
        """Return what joins the units of one text as they come.

        Raises:
            DataError: of these units no text can be joined.
        """
        return make_joiner(self.options)

    def text(self, units: Iterable[str]) -> str:
        """Return the text of units; see ``make_joiner``."""
        joiner = self.joiner()
        return "".join(map(joiner.push, units)) + joiner.flush()

    def _count(self, kept: list[int], num_units: int, counts: EncodingCounts) -> None:
        counts.num_texts += 1
        counts.num_units += len(kept)
        counts.num_unknown += kept.count(UNKNOWN_ID)
        counts.num_empty += not kept
        if num_units > len(kept):
            counts.num_truncated += 1
            counts.num_cut_units += num_units - len(kept)
            counts.max_length = len(kept)

    def to_json(self) -> dict[str, object]:
        """Return what ``from_json`` reads."""
        data: dict[str, object] = {"options": asdict(self.options)}
        if isinstance(self._units, Subwords):
            return data | {"tokenizer": self._units.to_json()}
        return data | {"symbols": list(self._units.symbols)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TextEncoder:
        """Read what ``to_json`` wrote.

        Raises:
            DataError: it is something else.
            MissingExtraError: the unit needs a package that is not installed.
        """
        try:
            options = TextOptions(**data["options"])
            if options.unit in SUBWORD_UNITS:
                return cls(Subwords.from_json(data["tokenizer"], options), options)
            return cls(_Listed(data["symbols"], options), options)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"this is not a saved text encoder ({error})\n"
                "mend: save the model again, or train anew"
            ) from error


def _check_one_token_is_one_unit(options: TextOptions) -> None:
    if options.unit != "words":
        raise DataError(
            f"unit={options.unit} makes several steps of a token, but each token has one target\n"
            "mend: set unit=words; the letters of a word can be read beside it"
        )


def _most_frequent(counts: Mapping[str, int], options: TextOptions) -> list[str]:
    """Return the units that the vocabulary has room for."""
    known = [unit for unit, count in counts.items() if count >= options.min_count]
    if not known:
        found = f"no unit that occurs {options.min_count:,} times" if counts else "any unit"
        raise DataError(
            f"the texts of the training part hold {found} (unit={options.unit})\n"
            "mend: give texts that are not empty, or set min_count=1"
        )
    known.sort(key=lambda unit: (-counts[unit], unit))
    return known[: options.vocabulary_size - NUM_SPECIAL]
