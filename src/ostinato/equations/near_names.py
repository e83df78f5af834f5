"""Names that were probably meant as another: typos, and other ways to write the value at t-1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_WORD: Final = "prev|previous|last|old|before|past"
# Without `_`, only what no word ends with: `hold` and `threshold` are names of their own.
_EARLIER: Final = re.compile(
    rf"(?P<name>\w+?)(?:_(?:{_WORD}|t|t_1|t1|t_minus_1)|_?(?:prev|tm1|tminus1))"
    rf"|(?:{_WORD})_(?P<behind>\w+)"
)
_NEWER: Final = ("", "_t", "_new", "_next")
"""What those who write ``h_prev`` put behind the name of the value at t."""

_SHORTEST_TYPO: Final = 4
"""Letters of a word whose neighbours are typos; ``b_r`` beside ``b_z`` are two names."""


def earlier_value(name: str, values: Collection[str]) -> str | None:
    """Return the value that ``h_prev``, ``last_h``, ``h_tm1`` or ``h_t`` means."""
    match = _EARLIER.fullmatch(name)
    if not match:
        return None
    base = match["name"] or match["behind"]
    return next((base + end for end in _NEWER if base + end in values), None)


def misspelled(name: str, values: Collection[str]) -> str | None:
    """Return the value that ``name`` differs from by case, a doubled letter or a typo."""
    return next((value for value in values if _is_near(name, value)), None)


def _is_near(name: str, value: str) -> bool:
    return name.casefold() == value.casefold() or _doubles(name, value) or _is_typo(name, value)


def _doubles(name: str, value: str) -> bool:
    return any(name == value[: i + 1] + value[i:] for i, c in enumerate(value) if c.isalpha())


def _is_typo(name: str, value: str) -> bool:
    """One letter of one word is wrong, too many, missing or swapped with the next.

    The first letter is right: ``beta`` and ``zeta`` are two names.
    """
    words, meant = name.split("_"), value.split("_")
    pairs = [pair for pair in zip(words, meant, strict=False) if pair[0] != pair[1]]
    if len(words) != len(meant) or len(pairs) != 1:
        return False
    word, right = pairs[0]
    if len(right) < _SHORTEST_TYPO or not (word + right).isalpha() or word[:1] != right[0]:
        return False
    while word and right and word[0] == right[0]:
        word, right = word[1:], right[1:]
    while word and right and word[-1] == right[-1]:
        word, right = word[:-1], right[:-1]
    return max(len(word), len(right)) == 1 or (len(word) == 2 and word == right[::-1])
