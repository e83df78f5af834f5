"""Random numbers from counters: the same in every array library.

Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405).
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

_Integers = TypeVar("_Integers", bound=Any)

_MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_ROUNDS: Final = 10
_WORD: Final = 0xFFFFFFFF


def philox(
    counter: tuple[_Integers, _Integers, _Integers, _Integers], key: tuple[_Integers, _Integers]
) -> tuple[_Integers, _Integers, _Integers, _Integers]:
    """Return four 32-bit words for each counter.

    Args:
        counter: four int64 arrays or tensors of 32-bit words that broadcast against each other.
        key: two int64 arrays or tensors of 32-bit words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        high0, low0 = _multiply(c0, _MULTIPLIERS[0])
        high1, low1 = _multiply(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + _WEYL[0]) & _WORD, (k1 + _WEYL[1]) & _WORD
    return c0, c1, c2, c3


def _multiply(a: _Integers, multiplier: int) -> tuple[_Integers, _Integers]:
    """Return the high and low words of a 64-bit product; wrapping does not touch either."""
    product = a * multiplier
    return (product >> 32) & _WORD, product & _WORD
