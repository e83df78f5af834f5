"""Arrays of numpy's files, and of the idx files of MNIST."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.opening import check_exists, read_bytes

Array = npt.NDArray[np.generic]

_IDX_TYPES = {
    0x08: ">u1",
    0x09: ">i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}


def load_arrays(path: Path) -> Mapping[str, Array]:
    """Read every array of an ``.npz`` file.

    Raises:
        DataError: the file is missing, damaged, or holds Python objects.
    """
    check_exists(path)
    try:
        # Given a path, numpy leaves a damaged archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if isinstance(arrays, np.ndarray):
                raise DataError(f"{path} is one array\nmend: give an .npz file, with named arrays")
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} is no .npz file of plain arrays: {error}\n"
            "mend: write it with numpy.savez(path, name=array, …)"
        ) from error


def load_idx(path: Path) -> Array:
    """Read an idx file, compressed or not.

    Raises:
        DataError: the file is missing, cut short, or of another kind.
    """
    content = read_bytes(path)
    kind = _IDX_TYPES.get(content[2]) if content[:2] == b"\0\0" and len(content) > 4 else None
    num_dimensions = content[3] if kind else 0
    start = 4 + 4 * num_dimensions
    if kind is None or not num_dimensions or len(content) < start:
        raise DataError(f"{path} is no idx file\nmend: give files such as those of MNIST")
    shape = tuple(int(size) for size in np.frombuffer(content, ">i4", num_dimensions, 4))
    expected = start + int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
    if expected != len(content):
        raise DataError(
            f"{path} has {len(content):,} bytes, but its header {list(shape)} expects "
            f"{expected:,}\nmend: get it again; it was cut short"
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def pieces_of(path: Path, part: str | None, kind: str) -> Iterator[Array]:
    """Cut ``PART_KIND``, sequences behind each other, by the lengths in ``PART_len``.

    Args:
        path: an ``.npz`` file.
        part: of it; None where there is only one.
        kind: what the arrays are called behind the part: ``roll``, ``strokes``.

    Raises:
        DataError: the file cannot be read or has no such part, or the lengths do not fit.
    """
    arrays = load_arrays(path)
    parts = {name.removesuffix(f"_{kind}"): name for name in arrays if name.endswith(f"_{kind}")}
    chosen = chosen_part(path, part, parts)
    joined = arrays[parts[chosen]]
    lengths = cast("npt.NDArray[np.int64] | None", arrays.get(f"{chosen}_len"))
    if lengths is None or not _cuts(lengths, joined):
        raise DataError(
            f"{path}: {chosen}_len does not cut {chosen}_{kind}\n"
            f"mend: give the number of steps of each piece in {chosen}_len"
        )
    yield from np.split(joined, cast("Any", np.cumsum(lengths)[:-1]))


def _cuts(lengths: npt.NDArray[np.int64], joined: Array) -> bool:
    """Whether lengths are whole numbers that add up to those of what they cut."""
    is_list = lengths.ndim == 1 and lengths.dtype.kind in "iu" and joined.ndim > 0
    return is_list and bool((lengths >= 0).all()) and int(lengths.sum()) == len(joined)


def chosen_part(path: Path, part: str | None, parts: Mapping[str, object]) -> str:
    """Return ``part``, or the only one there is.

    Args:
        path: of the file, for the error.
        part: one of ``parts``; None for the only one.
        parts: by their names.

    Raises:
        DataError: there is no such part, or None of several.
    """
    if part is None and len(parts) == 1:
        return next(iter(parts))
    if part is not None and part in parts:
        return part
    known = ", ".join(f"{path.name}#{name}" for name in parts) or "none"
    found = "several parts" if part is None else f"no part {part!r}"
    raise DataError(f"{path} has {found}; known: {known}\nmend: name one of them behind #")
