"""Whether a file can be written, found before the work whose result it holds."""

from __future__ import annotations

from pathlib import Path

from ostinato.core.errors import StorageError
from ostinato.core.files import writing


def check_output(path: Path, how: str = "") -> None:
    """Refuse a place where ``replace_file`` could not write; nothing is left behind.

    Args:
        path: what is to be written.
        how: how the user chooses another, as in ``writing``.

    Raises:
        StorageError: it is a folder or a device, its folder is missing, or it may not be written.
    """
    with writing(path, how=how):
        if path.is_dir():
            raise StorageError(
                f"cannot write {path}: it is a folder, expected a file\nmend: give it a name{how}"
            )
        if path.exists() and not path.is_file():
            raise StorageError(
                f"cannot write {path}: it is no file\nmend: choose another name{how}"
            )
        if not path.absolute().parent.is_dir():
            raise StorageError(
                f"cannot write {path}: there is no folder {path.parent}\n"
                f"mend: make it first, or choose another{how}"
            )
        # Permissions do not tell all: a file system may be read-only, a name too long.
        probe = path.with_name(f"{path.name}.new")
        if not probe.exists():
            probe.touch()
            probe.unlink()
