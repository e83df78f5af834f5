"""Writing that survives a kill at any instant, and says what is wrong when it cannot write."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ostinato.core.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def writing(path: Path, *, how: str = "", again: str = "") -> Generator[None]:
    """Turn a failure to write ``path`` into an error with its mend.

    Args:
        path: what is written.
        how: how the user chooses another folder.
        again: how he goes on once there is space.

    Raises:
        StorageError: the disk is full, the folder is not writable, …
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(_explain(path, error, how, again)) from error


def _explain(path: Path, error: OSError, how: str, again: str) -> str:
    if error.errno in _FULL:
        return (
            f"no space left to write {path}\n"
            f"mend: free some space there{again}, or choose another folder{how}"
        )
    if error.errno in _FORBIDDEN:
        return (
            f"not allowed to write {path}\n"
            f"mend: choose a folder that you may write{how}, or change its permissions"
        )
    reason = error.strerror or error
    return f"cannot write {path}: {reason}\nmend: choose another folder{how}"


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write ``path`` so that a reader finds the old content or the new, never a part.

    Raises:
        OSError: it could not be written; nothing is left behind.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        write_file(new, content)
        new.replace(path)
        sync_folder(path.parent)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
