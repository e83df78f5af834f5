"""Arrays of numpy's files, and of the idx files of MNIST."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

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
        with np.load(path, allow_pickle=False) as arrays:
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
