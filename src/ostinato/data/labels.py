"""The labels of a task and their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ostinato.data.errors import DataError

UNSEEN = -1


@dataclass(frozen=True)
class LabelSet:
    """The labels that occur in training, in order; the place is the number.

    Attributes:
        names: every label once: numbers by value, other text by code points.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, labels: Iterable[str]) -> LabelSet:
        """Collect the labels.

        Raises:
            DataError: fewer than two are different: there is nothing to tell apart.
        """
        found = set(labels)
        if len(found) < 2:
            shown = f"only {next(iter(found))!r}" if found else "none"
            raise DataError(
                f"a model tells labels apart, but the training part holds {shown}\n"
                "mend: check data.target, or give examples of at least two labels"
            )
        return cls(tuple(sorted(found, key=_natural)))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def number(self, label: str) -> int:
        """Return the number of ``label``; ``UNSEEN`` for one that training does not have."""
        return self._numbers.get(label, UNSEEN)


def _natural(label: str) -> tuple[int, float, str]:
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    # `nan` is a label like any other, but no number that could be put in order.
    return (1, 0.0, label) if math.isnan(number) else (0, number, label)
