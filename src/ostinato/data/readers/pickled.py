"""Arrays of arrays as numpy pickles them, without running anything else that a file asks for."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np

from ostinato.data.errors import DataError
from ostinato.data.opening import check_exists
from ostinato.data.readers.numpy_files import Array

_SUFFIX = ".npy"
_CODEC = "latin1"


def pickled_arrays(path: Path) -> Mapping[str, Array]:
    """Read the arrays of Python objects in an ``.npz`` file, such as those of sketch-rnn.

    Of the objects, arrays and plain values are made; what asks for anything else is refused, so
    that a file cannot run code.

    Args:
        path: the file; other arrays in it are left out.

    Raises:
        DataError: the file is missing or damaged, or asks for more than arrays.
    """
    check_exists(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: name.removesuffix(_SUFFIX) for name in archive.namelist()}
            found = {new: _read(archive, old) for old, new in members.items()}
    # A damaged pickle fails with whatever its instructions stumble over.
    except Exception as error:
        raise DataError(
            f"{path} holds no arrays that can be read: {error}\n"
            "mend: get it again, or write plain arrays: numpy.savez(path, train_strokes=…, "
            "train_len=…)"
        ) from error
    return {name: array for name, array in found.items() if array is not None}


def is_pickled(path: Path, name: str) -> bool:
    """Whether an array of an ``.npz`` file holds Python objects; False where there is none."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}{_SUFFIX}") as file:
            return _dtype(file).hasobject
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        # Whatever is wrong with the file is said when it is read.
        return False


def _read(archive: zipfile.ZipFile, name: str) -> Array | None:
    with archive.open(name) as file:
        if not _dtype(file).hasobject:
            return None
        found = _Arrays(file, encoding=_CODEC).load()
    if not isinstance(found, np.ndarray):
        raise pickle.UnpicklingError(f"{name} is {type(found).__name__}, no array")
    return cast("Array", found)


def _dtype(file: IO[bytes]) -> np.dtype[Any]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version > (1, 0):
        read = np.lib.format.read_array_header_2_0
    return read(file)[2]


def _bytes(text: str, codec: str) -> bytes:
    """Encode as Python 2's strings are pickled, and in no other way."""
    if codec != _CODEC:
        raise pickle.UnpicklingError(f"it asks for the codec {codec!r}")
    return text.encode(_CODEC)


# How numpy makes an array anew, whatever module it keeps that in.
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_KNOWN: Final[Mapping[tuple[str, str], object]] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _bytes,
}


class _Arrays(pickle.Unpickler):
    """Knows arrays alone."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return what makes arrays; refuse all else."""
        if (module_name, global_name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")
        return _KNOWN[module_name, global_name]
