"""Drawings of sketch-rnn."""

from __future__ import annotations

import io
import os
import pickle
import re
import zipfile
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
        (np.array([[1e39, 1, 0]]), "expected finite numbers"),
        (np.array([[-np.inf, 1, 0]]), "expected finite numbers"),
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


@pytest.mark.parametrize("lengths", [[3, 2], [5, -1], [3], [3.0, 1.0], [[3, 1]], 4, ["3", "1"]])
def test_lengths_that_do_not_cut(tmp_path: Path, lengths: object):
    joined = np.concatenate([CROSS, LINE])
    np.savez(tmp_path / "a.npz", train_strokes=joined, train_len=lengths)
    with pytest.raises(DataError, match="train_len does not cut train_strokes"):
        values_of(tmp_path / "a.npz")


def pickled(path: Path, **parts: list[object]) -> Path:
    """Write arrays of arrays, as sketch-rnn has them."""
    arrays: dict[str, np.ndarray] = {}
    for part, pieces in parts.items():
        arrays[part] = np.empty(len(pieces), object)
        arrays[part][:] = pieces
    np.savez_compressed(path, **arrays)
    return path


def test_files_of_sketch_rnn(tmp_path: Path):
    path = pickled(tmp_path / "a.npz", train=[CROSS, LINE], valid=[LINE], test=[CROSS])
    assert guess_format(path) == "strokes"
    found = values_of(Path(f"{path}#train"))
    assert [row["strokes"].tolist() for row in found] == [CROSS.tolist(), LINE.tolist()]
    assert len(values_of(Path(f"{path}#test"))) == 1
    with pytest.raises(DataError, match=r"several parts; known: a\.npz#train, a\.npz#valid, a"):
        values_of(path)
    rows, reports = rows_and_reports(pickled(tmp_path / "b.npz", train=[CROSS, "x", None, [1]]))
    assert len(rows) == 1
    assert reports == [
        "b.npz, drawing 2: expected [T, 3] (dx, dy, pen lifted), got []",
        "b.npz, drawing 3: expected [T, 3] (dx, dy, pen lifted), got []",
        "b.npz, drawing 4: expected [T, 3] (dx, dy, pen lifted), got [1]",
    ]


def test_strings_of_python_2(tmp_path: Path):
    """Its pickles hold the bytes of an array as text: ``_codecs.encode(text, 'latin1')``."""
    pieces = np.empty(1, object)
    pieces[0] = CROSS
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w") as archive,
        archive.open("train.npy", "w") as file,
    ):
        header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
        np.lib.format.write_array_header_1_0(file, header)
        content = pickle.dumps(pieces, protocol=2)
        assert b"latin1" in content
        file.write(content.replace(b"numpy._core", b"numpy.core"))
    assert values_of(tmp_path / "a.npz")[0]["strokes"].tolist() == CROSS.tolist()


class _Rogue:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.path),)


def test_a_file_runs_nothing(tmp_path: Path):
    path = pickled(tmp_path / "a.npz", train=[CROSS, _Rogue(tmp_path / "made")])
    with pytest.raises(
        DataError, match=r"holds no arrays that can be read: it asks for \w+\.mkdir"
    ):
        values_of(path)
    assert not (tmp_path / "made").exists()


def test_a_pickle_cut_short(tmp_path: Path):
    content = io.BytesIO()
    array = np.empty(1, object)
    array[0] = CROSS
    np.save(content, array)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("train.npy", content.getvalue()[:-20])
    with pytest.raises(DataError, match=r"holds no arrays that can be read"):
        values_of(tmp_path / "a.npz")
    whole = pickled(tmp_path / "b.npz", train=[CROSS]).read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"is no \.npz file"):
        values_of(tmp_path / "b.npz", format="strokes")
