"""A set of texts as a tree of their units: what may come next after a beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Trie:
    """Texts, each a sequence of units.

    Args:
        texts: units of each text, without an end.
        end: the unit that may follow a whole text.
    """

    def __init__(self, texts: Iterable[Sequence[int]], end: int) -> None:
        raise NotImplementedError
