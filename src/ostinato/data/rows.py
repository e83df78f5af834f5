"""Rows of a file before anything is made of them, and what is said of those that are malformed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.wording import counted

# The column of the target before, where a set has it: a name that no file has by chance.
LAST_TARGET = "the target before"
# The column of what would be right, too, where a set has it: a list of texts.
ALSO: Final = "other right answers"
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One example as its file holds it.

    Attributes:
        place: file and line, or file and number, in words: ``reviews.csv, line 17``.
        values: column name to what stands there: text, a list of tokens or labels, or an array.
    """

    place: str
    values: Mapping[str, Any]


class Malformed:
    """Malformed rows: counted, named, and fatal above a share.

    Args:
        share: of all rows that may be malformed and left out; 0 for none.
    """

    def __init__(self, share: float = 0.0) -> None:
        self.share = share
        self.num_rows = 0
        self.num_malformed = 0
        self.num_empty = 0
        self.shown: list[str] = []

    def report(self, place: str, reason: str) -> None:
        """Take note of a row that cannot be used; it is left out."""
        self.num_malformed += 1
        if len(self.shown) < _MOST_SHOWN:
            self.shown.append(f"{place}: {reason}")

    def report_empty(self) -> None:
        """Take note of a line that holds nothing: it is no row, and nothing is wrong with it."""
        self.num_empty += 1

    def counting(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield ``rows``, counting them."""
        for row in rows:
            self.num_rows += 1
            yield row

    def check(self, *, can_tolerate: bool = True) -> None:
        """Refuse data with more malformed rows than are tolerated.

        Args:
            can_tolerate: whether the user can have malformed rows left out.

        Raises:
            DataError: names the first places and counts all.
        """
        total = self.num_rows + self.num_malformed
        if not self.num_malformed or self.num_malformed <= self.share * total:
            return
        more = self.num_malformed - len(self.shown)
        lines = [f"  {line}" for line in self.shown] + ([f"  and {more:,} more"] if more else [])
        share = _share_above(self.num_malformed / total)
        also = f", or leave them out, counted: data.malformed={share}" if can_tolerate else ""
        raise DataError(
            f"{counted(self.num_malformed, 'malformed row')} of {total:,}:\n"
            + "\n".join(lines)
            + f"\nmend: repair them{also}"
        )

    def note(self) -> str:
        """Return a sentence about what was left out; empty where nothing was."""
        parts: list[str] = []
        if self.num_empty:
            parts.append(f"{counted(self.num_empty, 'empty line')} left out")
        if self.num_malformed:
            shown = "; ".join(self.shown[:3])
            parts.append(f"{counted(self.num_malformed, 'malformed row')} left out: {shown}")
        return "; ".join(parts)


def _share_above(share: float) -> str:
    for digits in range(2, 7):
        rounded = round(share + 10**-digits, digits)
        if rounded < 1 and rounded <= 2 * share + 10**-digits:
            return f"{rounded:g}"
    return "0.99"


def once_each(rows: Iterable[Row], input: str, target: str) -> list[Row]:
    """Return one row for each different input: its first answer, and all the others beside it.

    Rows without an input or a text to learn stay as they are: whoever uses them says so.

    Args:
        rows: of one part, with ``ALSO``.
        input: the column that is read: a text or an array.
        target: the column that is learned.
    """
    groups: dict[object, list[Row]] = {}
    for number, row in enumerate(rows):
        value, answer = row.values.get(input), row.values.get(target)
        is_usable = value is not None and isinstance(answer, str)
        groups.setdefault(_key(value) if is_usable else number, []).append(row)
    return [_joined(group, target) for group in groups.values()]


def _key(value: Any) -> object:
    if isinstance(value, np.ndarray):
        array = cast("npt.NDArray[np.generic]", value)
        return array.shape, array.dtype.str, array.tobytes()
    return value.strip() if isinstance(value, str) else repr(value)


def _joined(group: Sequence[Row], target: str) -> Row:
    first = group[0]
    if len(group) == 1:
        return first
    answers = (each for row in group for each in (row.values[target], *row.values[ALSO]))
    others = [each for each in dict.fromkeys(answers) if each != first.values[target]]
    return Row(first.place, {**first.values, ALSO: others})
