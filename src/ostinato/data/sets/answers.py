"""Sets of questions with several right answers: dealt so that no question is in two parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ostinato.data.dealing import PartName, chance, part_at
from ostinato.data.rows import ALSO, Row

Key = Callable[[Row], str | bytes]


def by(column: str) -> Key:
    """Return what reads a column of a row."""
    return lambda row: row.values[column]


def dealt(
    rows: Iterable[Row], part: PartName, key: Key, *, dev: float, test: float
) -> Iterator[Row]:
    """Keep the rows of one part, by the hash of their key.

    Args:
        rows: of the whole set.
        part: which to keep.
        key: of a row; those of an equal key are in one part.
        dev: share of all keys.
        test: as ``dev``.
    """
    return (row for row in rows if part_at(chance(key(row)), dev=dev, test=test) == part)


def with_also(rows: Iterable[Row], key: Key, answer: str, *, once: bool) -> Iterator[Row]:
    """Give each row ``also``: the other answers to the same question, in their order.

    Args:
        rows: of one part.
        key: what the question is.
        answer: the column of answers.
        once: whether a question with several answers is one row, of its first answer; else each
            different answer is a row.
    """
    questions: dict[str | bytes, dict[str, Row]] = {}
    for row in rows:
        questions.setdefault(key(row), {}).setdefault(row.values[answer], row)
    for answers in questions.values():
        for row in list(answers.values())[: 1 if once else None]:
            others = [each for each in answers if each != row.values[answer]]
            yield replace(row, values={**row.values, ALSO: others})


def families_of(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return for each left side the name of its family: what shares a left or a right side.

    The name is the smallest left side of the family, so that it does not depend on the order.

    Args:
        pairs: left and right sides.
    """
    leader: dict[tuple[int, str], tuple[int, str]] = {}

    def find(node: tuple[int, str]) -> tuple[int, str]:
        while leader.setdefault(node, node) != node:
            node = leader[node]
        return node

    for left, right in pairs:
        first, second = sorted((find((0, left)), find((1, right))))
        # Left sides come before right sides, and smaller before larger: the leader is the name.
        leader[second] = first
    return {left: find((0, left))[1] for left, _ in pairs}
