"""Writing into run folders."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from ostinato.core import files


def writing(path: Path) -> AbstractContextManager[None]:
    """Turn a failure to write ``path`` into an error with its mend.

    Raises:
        StorageError: the disk is full, the folder is not writable, …
    """
    return files.writing(path, how=" with --run DIR", again=" and go on with --resume")


def replace_file(path: Path, content: bytes) -> None:
    """Write ``path`` so that a reader finds the old content or the new, never a part.

    Raises:
        StorageError: it could not be written.
    """
    with writing(path):
        files.replace_file(path, content)
