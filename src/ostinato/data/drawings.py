"""Drawings as points of a pen: the layout of sketch-rnn (Ha, Eck 2017, arXiv:1704.03477).

A drawing is ``[N, 3]``: dx, dy from the point before, and whether the pen is lifted after the
point. The pen stands on the paper at 0, 0 when a drawing begins, so that the first row is a line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from ostinato.data.batches import Example
from ostinato.data.errors import DataError
from ostinato.data.pipeline import check_columns
from ostinato.data.rows import Malformed, Row
from ostinato.data.wording import counted

Strokes = npt.NDArray[np.float32]

END: Final = 2
"""The pen's state, beside 0 (down) and 1 (lifted), at the end of a drawing, and before the first
point of the next."""

_EDGE: Final = np.array([[0, 0, END]], np.float32)
_ROUNDING: Final = 1 / math.sqrt(12)
"""Standard deviation of the error of numbers that are rounded to whole ones."""
_LEAST_SHARE: Final = 1e-3


@dataclass(frozen=True)
class DrawingPipeline:
    """Everything between a row and its points, learned from the training part alone.

    Attributes:
        column: that holds the strokes.
        max_length: points of a drawing; the rest is cut off, and with it its end.
        scale: root of the mean square of all dx and dy: one number, so that shapes stay.
        least_deviation: of a Gaussian over a point: the error with which points are read. Whole
            numbers are off by up to a half; of others, a thousandth of the scale.
        is_whole: whether all numbers of training are whole.
    """

    column: str
    max_length: int
    scale: float
    least_deviation: float
    is_whole: bool

    @classmethod
    def learn(cls, rows: Sequence[Row], column: str, max_length: int) -> DrawingPipeline:
        """Measure the training rows; those that are no drawings are told when encoded.

        Raises:
            DataError: the column is nowhere, or no row holds a drawing.
        """
        check_columns(rows, column, None)
        found: list[Strokes] = []
        reason = ""
        for row in rows:
            try:
                found.append(strokes_of(row.values.get(column)))
            except DataError as error:
                reason = reason or f"{row.place}: {_without_mend(error)}"
        if not found:
            raise DataError(
                f"no usable drawing to learn from: {reason}\nmend: check data.input ({column})"
            )
        steps = np.concatenate(found)[:, :2].astype(np.float64)
        scale = float(np.sqrt((steps**2).mean())) or 1.0
        is_whole = bool((steps == np.rint(steps)).all())
        least = _ROUNDING if is_whole else _LEAST_SHARE * scale
        return cls(column, max_length, scale, least, is_whole)

    def example(self, row: Row) -> Example:
        """Encode one row: what is read at each step, and the point after it, ``[N + 1, 3]`` each.

        Raises:
            DataError: the row holds no drawing.
        """
        if row.values.get(self.column) is None:
            columns = ", ".join(row.values) or "none"
            raise DataError(
                f"the column `{self.column}` is missing; the columns are {columns}\n"
                "mend: give it, or say what it is called: data.input=COLUMN"
            )
        strokes = strokes_of(row.values[self.column])
        whole = np.concatenate([_EDGE, strokes, _EDGE])
        last = len(whole) - 1 if len(strokes) <= self.max_length else self.max_length
        return Example(row.place, whole[:last], whole[1 : last + 1])

    def examples(self, rows: Iterable[Row], malformed: Malformed) -> list[Example]:
        """Encode rows; what is no drawing is reported as malformed."""
        examples: list[Example] = []
        for row in rows:
            try:
                examples.append(self.example(row))
            except DataError as error:
                malformed.report(row.place, _without_mend(error))
        return examples

    def cut_note(self, part: str, examples: Sequence[Example]) -> str:
        """Return a sentence about drawings of a part that are cut; empty where none is."""
        num = sum(not is_ended(example) for example in examples)
        return f"{part}: {counted(num, 'drawing')} cut at strokes.max_length" if num else ""

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DrawingPipeline:
        """Read what ``to_json`` returned."""
        return cls(**data)


def strokes_of(value: object) -> Strokes:
    """Return a drawing: float32 ``[N, 3]``.

    Raises:
        DataError: it is none: another shape, no points, numbers that are not finite, or a pen that
            is neither down (0) nor lifted (1).
    """
    mend = "mend: give rows of dx, dy and 0 or 1, whether the pen is lifted after the point"
    try:
        # What float32 cannot hold is infinite there, and refused as such.
        with np.errstate(over="ignore"):
            strokes = np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"expected numbers [N, 3], got {type(value).__name__}\n{mend}") from error
    if not strokes.size:
        raise DataError(f"it holds no points\n{mend}")
    if strokes.ndim != 2 or strokes.shape[1] != 3:
        raise DataError(f"expected numbers [N, 3], got {list(strokes.shape)}\n{mend}")
    is_place = np.isfinite(strokes[:, :2]).all(1)
    is_pen = (strokes[:, 2] == 0) | (strokes[:, 2] == 1)
    if not is_place.all():
        place = int(is_place.argmin())
        dx, dy, _ = strokes[place].tolist()
        raise DataError(f"point {place + 1} is {dx:g}, {dy:g}, expected finite numbers\n{mend}")
    if not is_pen.all():
        place = int(is_pen.argmin())
        pen = float(strokes[place, 2])
        raise DataError(f"the pen after point {place + 1} is {pen:g}, expected 0 or 1\n{mend}")
    return strokes


def num_points(examples: Iterable[Example]) -> int:
    """Return how many points drawings have; their ends are none."""
    return sum(len(example) - is_ended(example) for example in examples)


def is_ended(example: Example) -> bool:
    """Whether a drawing is whole, and not cut."""
    assert example.target is not None
    return bool(example.target[-1, 2] == END)


def points_of(example: Example) -> Strokes:
    """Return the points of a drawing, ``[N, 3]``."""
    assert example.target is not None
    return example.target[: len(example) - is_ended(example)]


def stretched(example: Example, share: float, random: np.random.Generator) -> Example:
    """Return a drawing made wider and higher, each by a random share of ``1 - s .. 1 + s``."""
    assert example.target is not None
    factors = np.ones(3, np.float32)
    factors[:2] = random.uniform(1 - share, 1 + share, 2)
    return replace(example, steps=example.steps * factors, target=example.target * factors)


def lines_of(strokes: npt.NDArray[np.floating[Any]]) -> list[npt.NDArray[np.float64]]:
    """Return the lines of a drawing ``[N, 3]``: the places of their points, ``[T, 2]`` each."""
    steps = np.concatenate([np.zeros((1, 3)), strokes.astype(np.float64)])
    places = steps[:, :2].cumsum(0)
    ends = np.flatnonzero(steps[:, 2] > 0) + 1
    return [line for line in np.split(places, cast("Any", ends)) if len(line) > 1]


def _without_mend(error: DataError) -> str:
    return str(error).partition("\nmend: ")[0]
