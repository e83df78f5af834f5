"""Units and their numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.units import Decoder, Unit, from_units, make_decoder, to_units

Normalization = Literal["NFC", "NFKC", "none"]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Vocabulary:
    """The units a model knows, in the order of their code points; the place is the number.

    Attributes:
        unit: what one number stands for.
        symbols: every unit once, sorted.
        normalization: the Unicode form that text is brought to first.
    """

    unit: Unit
    symbols: str
    normalization: Normalization = "NFC"

    @classmethod
    def of(cls, text: str, unit: Unit, normalization: Normalization = "NFC") -> Vocabulary:
        """Collect the units of ``text``; for bytes all 256, so that any text can be written."""
        if unit == "bytes":
            return cls(unit, "".join(map(chr, range(256))), normalization)
        units = to_units(normalize(text, normalization), unit)
        return cls(unit, "".join(sorted(set(units))), normalization)

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint32]:
        return _code_points(self.symbols)

    def encode(self, text: str) -> Ids:
        """Return the number of every unit of ``text``: int64 ``[number of units]``.

        Raises:
            DataError: a character is not in the vocabulary.
        """
        units = to_units(normalize(text, self.normalization), self.unit)
        codes = _code_points(units)
        places = np.minimum(np.searchsorted(self._codes, codes), len(self) - 1)
        unknown = np.flatnonzero(self._codes[places] != codes)
        if unknown.size:
            raise _unknown(units[int(unknown[0])], self.symbols)
        return places.astype(np.int64)

    def decode(self, ids: Ids) -> str:
        """Return the text of ``ids``."""
        return from_units("".join(self.symbols[int(i)] for i in ids), self.unit)

    def decoder(self) -> Decoder:
        """Return an incremental decoder for the units."""
        return make_decoder(self.unit)

    def to_json(self) -> dict[str, str]:
        """Return what ``from_json`` reads."""
        return {"unit": self.unit, "symbols": self.symbols, "normalization": self.normalization}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Read what ``to_json`` wrote."""
        return cls(
            cast("Unit", data["unit"]),
            data["symbols"],
            cast("Normalization", data["normalization"]),
        )


def normalize(text: str, form: Normalization) -> str:
    """Bring ``text`` to a Unicode normal form."""
    return text if form == "none" else unicodedata.normalize(form, text)


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _unknown(symbol: str, symbols: str) -> DataError:
    name = unicodedata.name(symbol, "a character without a name")
    shown = "".join(character for character in symbols if character.isprintable())
    if len(shown) > 60:
        shown = f"{shown[:60]}… ({len(symbols):,} in all)"
    return DataError(
        f"{symbol!r} ({name}) never occurs in the text that the model learned from\n"
        f"mend: use characters that it knows: {shown}"
    )
