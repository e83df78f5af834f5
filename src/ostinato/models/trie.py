"""A set of texts as a tree of their units: what may come next after a beginning; free of torch."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

import numpy as np
import numpy.typing as npt

_NOWHERE: Final = -1


class Trie:
    """Texts, each a sequence of units; a place of the tree is the number of a beginning.

    The tree is three arrays with one number for each place, so that millions of places fit.

    Args:
        texts: units of each text, none of them negative, without an end.
        end: the unit that may follow a whole text.

    Attributes:
        root: the place before the first unit.
    """

    root: Final = 0

    def __init__(self, texts: Iterable[Sequence[int]], end: int) -> None:
        parents, units = array("q"), array("q")
        path = [self.root]
        before: tuple[int, ...] = ()
        # In this order, the places that a text shares with others are those it shares with the one
        # before.
        for text in sorted({(*text, end) for text in texts}):
            pairs = takewhile(lambda pair: pair[0] == pair[1], zip(before, text, strict=False))
            num_shared = sum(1 for _ in pairs)
            del path[num_shared + 1 :]
            for unit in text[num_shared:]:
                parents.append(path[-1])
                units.append(unit)
                path.append(len(parents))
            before = text
        self._base = max(units, default=0) + 1
        above = np.array(parents, np.int64)
        keys = above * self._base + np.array(units, np.int64)
        order = keys.argsort()
        self._keys = keys[order]
        self._places = order + 1
        counts = np.bincount(above, minlength=len(above) + 1)
        self._ends = counts.cumsum()
        self._starts = self._ends - counts

    def place(self, beginning: Iterable[int]) -> int:
        """Return the place behind a beginning, -1 where no text begins so."""
        place = np.array([self.root])
        for unit in beginning:
            place = self.after(place, np.array([unit]))
        return int(place[0])

    def after(
        self, places: npt.NDArray[np.int64], units: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return the places behind one more unit each.

        Args:
            places: ``[B]``.
            units: ``[B]``.

        Returns:
            ``[B]``, -1 where no text goes on so.
        """
        if not len(self._keys):
            return np.full_like(places, _NOWHERE)
        wanted = places * self._base + units
        index = np.searchsorted(self._keys, wanted).clip(max=len(self._keys) - 1)
        # Behind nowhere, and for units that no text has, the key would be that of another place.
        is_place = (places >= 0) & (units >= 0) & (units < self._base)
        is_known = is_place & (self._keys[index] == wanted)
        return np.where(is_known, self._places[index], _NOWHERE)

    def is_allowed(self, places: npt.NDArray[np.int64], num_symbols: int) -> npt.NDArray[np.bool_]:
        """Return which units may come next, ``[B, V]``.

        Args:
            places: ``[B]``.
            num_symbols: ``V``; units from there on are not looked at.
        """
        known = places.clip(min=0)
        starts = self._starts[known]
        counts = np.where(places < 0, 0, self._ends[known] - starts)
        rows = np.arange(len(places)).repeat(counts)
        before = (counts.cumsum() - counts)[rows]
        units = self._keys[starts[rows] + np.arange(len(rows)) - before] % self._base
        allowed = np.zeros((len(places), num_symbols), np.bool_)
        is_seen = units < num_symbols
        allowed[rows[is_seen], units[is_seen]] = True
        return allowed
