"""A set of texts as a tree of their units: what may come next after a beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, cast

import torch
from torch import Tensor

_NOWHERE: Final = -1


class Trie:
    """Texts, each a sequence of units; a place of the tree is the number of a beginning.

    Args:
        texts: units of each text, none of them negative, without an end.
        end: the unit that may follow a whole text.

    Attributes:
        root: the place before the first unit.
    """

    root: Final = 0

    def __init__(self, texts: Iterable[Sequence[int]], end: int) -> None:
        children: list[dict[int, int]] = [{}]
        for text in texts:
            place = self.root
            for unit in (*text, end):
                if unit not in children[place]:
                    children[place][unit] = len(children)
                    children.append({})
                place = children[place][unit]
        self._children = children

    def place(self, beginning: Iterable[int]) -> int:
        """Return the place behind a beginning, -1 where no text begins so."""
        place = self.root
        for unit in beginning:
            place = self._children[place].get(unit, _NOWHERE)
            if place == _NOWHERE:
                break
        return place

    def after(self, places: Tensor, units: Tensor) -> Tensor:
        """Return the places behind one more unit each.

        Args:
            places: int64 ``[B]``.
            units: int64 ``[B]``.

        Returns:
            int64 ``[B]``, -1 where no text goes on so.
        """
        found = [
            _NOWHERE if place == _NOWHERE else self._children[place].get(unit, _NOWHERE)
            for place, unit in zip(_integers(places), _integers(units), strict=True)
        ]
        return torch.tensor(found, device=places.device)

    def is_allowed(self, places: Tensor, num_symbols: int) -> Tensor:
        """Return which units may come next, bool ``[B, V]``.

        Args:
            places: int64 ``[B]``.
            num_symbols: ``V``; units from there on are not looked at.
        """
        rows: list[int] = []
        units: list[int] = []
        for row, place in enumerate(_integers(places)):
            own = [] if place == _NOWHERE else list(self._children[place])
            units.extend(unit for unit in own if unit < num_symbols)
            rows.extend([row] * (len(units) - len(rows)))
        allowed = torch.zeros(len(places), num_symbols, dtype=torch.bool, device=places.device)
        allowed[rows, units] = True
        return allowed


def _integers(tensor: Tensor) -> list[int]:
    return cast("list[int]", tensor.tolist())
