"""Texts cut into the units that are counted and numbered one by one."""

from __future__ import annotations

from collections.abc import Callable

from ostinato.data.text.morphemes import split_morphemes
from ostinato.data.text.options import TextOptions, normalized
from ostinato.data.text.words import split_words
from ostinato.data.units import to_units
from ostinato.data.vocabulary import normalize


def split_units(text: str, options: TextOptions) -> list[str]:
    """Normalize ``text`` and cut it into units.

    Raises:
        DataError: the text holds a lone surrogate.
        MissingExtraError: the unit needs a package that is not installed.
    """
    return _SPLITTERS[options.unit](normalized(text, options))


def _bytes(text: str) -> list[str]:
    return [f"{ord(unit):02X}" for unit in to_units(text, "bytes")]


def _syllables(text: str) -> list[str]:
    return list(normalize(" ".join(text.split()), "NFC"))


def _jamo(text: str) -> list[str]:
    return list(to_units(text, "jamo"))


_SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "words": split_words,
    "characters": list,
    "bytes": _bytes,
    "syllables": _syllables,
    "jamo": _jamo,
    "morphemes": split_morphemes,
}
