"""Drawings of sketch-rnn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.readers import guess_format
from tests.data.readers.helpers import rows_and_reports, values_of

CROSS = np.array([[10, 0, 1], [-5, -5, 0], [0, 10, 1]], np.int16)
LINE = np.array([[3, 4, 1]], np.int16)


def drawings(path: Path, **pieces: list[np.ndarray]) -> Path:
    arrays: dict[str, np.ndarray] = {}
    for part, found in pieces.items():
        arrays[f"{part}_strokes"] = np.concatenate(found)
        arrays[f"{part}_len"] = np.array([len(piece) for piece in found])
    np.savez(path, **arrays)
    return path


def test_parts_of_a_file(tmp_path: Path):
    path = drawings(tmp_path / "a.npz", train=[CROSS, LINE], valid=[LINE])
    assert guess_format(path) == guess_format(Path(f"{path}#valid")) == "strokes"
    first, second = values_of(Path(f"{path}#train"))
    assert first["strokes"].dtype == np.float32
    assert first["strokes"].tolist() == CROSS.tolist()
    assert second["strokes"].tolist() == LINE.tolist()
    assert len(values_of(Path(f"{path}#valid"))) == 1
    with pytest.raises(DataError, match=r"several parts; known: a\.npz#train, a\.npz#valid"):
        values_of(path)
    with pytest.raises(DataError, match="no part 'test'"):
        values_of(Path(f"{path}#test"))
    with pytest.raises(DataError, match="no such file"):
        values_of(tmp_path / "none.npz#train", format="strokes")


def test_a_file_of_one_part_needs_no_name(tmp_path: Path):
    assert len(values_of(drawings(tmp_path / "a.npz", train=[CROSS, LINE]))) == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 2)), r"a\.npz, drawing 1: expected \[T, 3\] .*, got \[2, 2\]"),
        (np.array([[1, 1, 2]]), "expected 0 or 1 for a lifted pen, got 2"),
        (np.array([[np.nan, 1, 0]]), "expected finite numbers"),
        (np.array([["1", "2", "0"]]), "expected finite numbers"),
    ],
)
def test_drawings_that_are_none(tmp_path: Path, bad: np.ndarray, message: str):
    rows, reports = rows_and_reports(drawings(tmp_path / "a.npz", train=[bad]))
    assert not rows
    assert len(reports) == 1
    assert re.search(message, reports[0])


def test_a_drawing_without_points_is_named(tmp_path: Path):
    path = drawings(tmp_path / "a.npz", train=[CROSS, CROSS[:0], LINE])
    rows, reports = rows_and_reports(path)
    assert [len(row.values["strokes"]) for row in rows] == [3, 1]
    assert reports == ["a.npz, drawing 2: it holds no points"]


@pytest.mark.parametrize("lengths", [[3, 2], [5, -1], [3]])
def test_lengths_that_do_not_cut(tmp_path: Path, lengths: list[int]):
    joined = np.concatenate([CROSS, LINE])
    np.savez(tmp_path / "a.npz", train_strokes=joined, train_len=lengths)
    with pytest.raises(DataError, match="train_len does not cut train_strokes"):
        values_of(tmp_path / "a.npz")


def test_pickled_drawings_are_refused(tmp_path: Path):
    pickled = np.empty(1, object)
    pickled[0] = CROSS
    np.savez(tmp_path / "a.npz", train=pickled)
    with pytest.raises(DataError, match=r"no \.npz file of plain arrays"):
        values_of(tmp_path / "a.npz", format="strokes")
