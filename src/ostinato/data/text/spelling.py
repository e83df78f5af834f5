"""Letters of words, for networks that read a word's spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ostinato.data.errors import DataError
from ostinato.data.text.options import EMPTY_ID, NUM_SPECIAL, UNKNOWN_ID, refuse_surrogates
from ostinato.data.units import to_units
from ostinato.data.vocabulary import Ids, normalize

_FIRST, _LAST = 24, 8


class SpellingEncoder:
    """Numbers of the letters of a word; 0 is padding, 1 unknown, 2 the only one of no letter.

    Words are composed (NFC) first, then Hangul syllables become their letters (jamo). Case is kept:
    it tells names from other words.

    Args:
        letters: in the order of their numbers.
    """

    max_letters = _FIRST + _LAST

    def __init__(self, letters: Sequence[str]) -> None:
        self.letters = tuple(letters)
        self._ids = {letter: NUM_SPECIAL + i for i, letter in enumerate(self.letters)}

    @classmethod
    def train(cls, words: Iterable[str]) -> SpellingEncoder:
        """Collect the letters of ``words``, the most frequent first.

        Raises:
            DataError: no word has a letter, or one holds a lone surrogate.
        """
        counts: Counter[str] = Counter()
        for word in words:
            counts.update(_letters(word))
        if not counts:
            raise DataError("no word has a letter\nmend: give words that are not empty")
        return cls(sorted(counts, key=lambda letter: (-counts[letter], letter)))

    @property
    def num_characters(self) -> int:
        """How many numbers there are, the special ones included."""
        return NUM_SPECIAL + len(self.letters)

    def encode(self, word: str) -> Ids:
        """Return the numbers of the letters of ``word``: int64 ``[C]``, 1 ≤ C ≤ ``max_letters``.

        Of a longer word, the first 24 and the last 8 letters are read.

        Raises:
            DataError: the word holds a lone surrogate.
        """
        letters = _letters(word)
        if len(letters) > self.max_letters:
            letters = letters[:_FIRST] + letters[-_LAST:]
        ids = [self._ids.get(letter, UNKNOWN_ID) for letter in letters]
        return np.array(ids or [EMPTY_ID], np.int64)

    def to_json(self) -> dict[str, str]:
        """Return what ``from_json`` reads."""
        return {"letters": "".join(self.letters)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SpellingEncoder:
        """Read what ``to_json`` wrote.

        Raises:
            DataError: it is something else.
        """
        letters = data.get("letters")
        if not isinstance(letters, str) or len(set(letters)) != len(letters):
            raise DataError(
                "these are not the letters of a spelling\nmend: save the model again, or train anew"
            )
        return cls(letters)


def _letters(word: str) -> str:
    refuse_surrogates(word)
    return to_units(normalize(word, "NFC"), "jamo")
