"""Completions without a network: what was asked most often."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

_LAST: Final = "\U0010ffff"
_MOST_WORDS: Final = 8


class _Listed:
    """Texts in the order of their letters, each with how often it was asked."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._texts = sorted(counts)

    def after(self, beginning: str, num: int) -> list[str]:
        """Return the most frequent longer texts that begin so; of equal ones, by their letters."""
        first = bisect_left(self._texts, beginning)
        last = bisect_left(self._texts, beginning + _LAST, first)
        # What was begun is no suggestion.
        longer = (text for text in self._texts[first:last] if text != beginning)
        return nsmallest(num, longer, key=lambda text: (-self._counts[text], text))


class PopularQueries:
    """The most popular completion (Bar-Yossef and Kraus 2011): the most frequent that begin so.

    Args:
        queries: each as often as it was asked.
    """

    def __init__(self, queries: Iterable[str]) -> None:
        self._queries = _Listed(Counter(queries))

    def complete(self, beginning: str, num: int) -> list[str]:
        """Return at most ``num`` queries that begin so, the most frequent first."""
        return self._queries.after(beginning, num)


class PopularEnds:
    """Queries that nobody asked: what is begun goes on as the ends of others do.

    Mitra and Craswell (2015): the last word, whole or begun, is replaced by a frequent end of other
    queries, of one word or several, that begins with it. Here first as many words of what is begun
    as any end has in common, then fewer.

    Args:
        queries: each as often as it was asked.
    """

    def __init__(self, queries: Iterable[str]) -> None:
        ends: Counter[str] = Counter()
        for query in queries:
            words = query.split(" ")
            for start in range(max(0, len(words) - _MOST_WORDS), len(words)):
                ends[" ".join(words[start:])] += 1
        self._ends = _Listed(ends)

    def complete(self, beginning: str, num: int) -> list[str]:
        """Return at most ``num`` texts that begin so."""
        words = beginning.split(" ")
        found: dict[str, None] = {}
        for start in range(max(0, len(words) - _MOST_WORDS), len(words)):
            kept = " ".join(words[:start])
            for end in self._ends.after(" ".join(words[start:]), num):
                found[f"{kept} {end}" if start else end] = None
            if len(found) >= num:
                break
        return list(found)[:num]
