"""A set of texts as a tree of their units: what may come next after a beginning."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

import torch
from torch import Tensor

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
        keys = torch.tensor(parents, dtype=torch.int64) * self._base
        keys += torch.tensor(units, dtype=torch.int64)
        self._keys, order = keys.sort()
        self._places = order + 1
        counts = torch.tensor(parents, dtype=torch.int64).bincount(minlength=len(parents) + 1)
        self._ends = counts.cumsum(0)
        self._starts = self._ends - counts

    def place(self, beginning: Iterable[int]) -> int:
        """Return the place behind a beginning, -1 where no text begins so."""
        place = torch.tensor([self.root])
        for unit in beginning:
            place = self.after(place, torch.tensor([unit]))
        return int(place)

    def after(self, places: Tensor, units: Tensor) -> Tensor:
        """Return the places behind one more unit each.

        Args:
            places: int64 ``[B]``.
            units: int64 ``[B]``.

        Returns:
            int64 ``[B]``, -1 where no text goes on so.
        """
        if not len(self._keys):
            return torch.full_like(places, _NOWHERE)
        wanted = (places * self._base + units).cpu()
        index = torch.searchsorted(self._keys, wanted).clamp(max=len(self._keys) - 1)
        is_known = self._keys[index] == wanted
        found = self._places[index].masked_fill(~is_known, _NOWHERE).to(places.device)
        # Behind nowhere, and for units that no text has, the key would be that of another place.
        return found.masked_fill((places < 0) | (units < 0) | (units >= self._base), _NOWHERE)

    def is_allowed(self, places: Tensor, num_symbols: int) -> Tensor:
        """Return which units may come next, bool ``[B, V]``.

        Args:
            places: int64 ``[B]``.
            num_symbols: ``V``; units from there on are not looked at.
        """
        known = places.cpu().clamp(min=0)
        starts = self._starts[known]
        counts = (self._ends[known] - starts).masked_fill(places.cpu() < 0, 0)
        rows = torch.arange(len(places)).repeat_interleave(counts)
        before = (counts.cumsum(0) - counts)[rows]
        units = self._keys[starts[rows] + torch.arange(len(rows)) - before] % self._base
        allowed = torch.zeros(len(places), num_symbols, dtype=torch.bool)
        is_seen = units < num_symbols
        allowed[rows[is_seen], units[is_seen]] = True
        return allowed.to(places.device)
