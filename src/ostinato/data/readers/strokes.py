"""Drawings as strokes of a pen: the arrays of sketch-rnn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ostinato.data.readers.folders import split_part
from ostinato.data.readers.numpy_files import Array, chosen_part, pieces_of
from ostinato.data.readers.pickled import is_pickled, pickled_arrays
from ostinato.data.rows import Malformed, Row

NUM_COLUMNS = 3
_LARGEST = float(np.finfo(np.float32).max)


def stroke_rows(path: Path, malformed: Malformed) -> Iterator[Row]:
    """Yield ``strokes``, float32 ``[T, 3]``, of every drawing: dx, dy, pen lifted after the point.

    The layout is that of Ha, Eck 2017, arXiv:1704.03477 (stroke-3).

    Args:
        path: ``drawings.npz#train`` with ``train_strokes`` and ``train_len``, or with ``train``, an
            array of arrays as sketch-rnn has them; the part may be left out where there is only
            one.
        malformed: is told of drawings that are no strokes.

    Raises:
        DataError: the file cannot be read or has no such part.
    """
    path, part = split_part(path)
    for number, strokes in enumerate(_drawings(path, part), 1):
        place = f"{path.name}, {f'{part} ' if part else ''}drawing {number:,}"
        problem = _problem(strokes)
        if problem:
            malformed.report(place, problem)
        else:
            yield Row(place, {"strokes": strokes.astype(np.float32)})


def are_drawings(path: Path) -> bool:
    """Whether an ``.npz`` file is one of sketch-rnn's own: arrays of arrays."""
    return is_pickled(path, "train")


def _drawings(path: Path, part: str | None) -> Iterator[Array]:
    if not are_drawings(path):
        yield from pieces_of(path, part, "strokes")
        return
    arrays = pickled_arrays(path)
    for drawing in arrays[chosen_part(path, part, arrays)].ravel():
        yield np.asarray(drawing)


def _problem(strokes: np.ndarray) -> str:
    if strokes.ndim != 2 or strokes.shape[1] != NUM_COLUMNS:
        return f"expected [T, {NUM_COLUMNS}] (dx, dy, pen lifted), got {list(strokes.shape)}"
    if not len(strokes):
        return "it holds no points"
    if strokes.dtype.kind not in "iuf" or not (np.abs(strokes) <= _LARGEST).all():
        return "expected finite numbers, of float32"
    if not np.isin(strokes[:, 2], (0, 1)).all():
        return f"expected 0 or 1 for a lifted pen, got {strokes[:, 2].max():g}"
    return ""
