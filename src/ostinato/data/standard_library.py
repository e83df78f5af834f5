"""The source text of Python's standard library: real text that every machine has."""

from __future__ import annotations

import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

from ostinato.data.errors import DataError

# Tests, demonstrations, generated tables and add-ons: long, repetitive, or not everywhere there.
_SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "dist-packages",
        "encodings",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "site-packages",
        "test",
        "tests",
        "turtledemo",
    }
)


def standard_library_text(max_characters: int, folder: Path | None = None) -> str:
    """Return the source files, in the order of their paths, joined and cut at ``max_characters``.

    The same Python version gives the same text.

    Args:
        max_characters: where the text is cut.
        folder: the library's folder; default that of the running Python.

    Raises:
        DataError: there are no source files, as in a Python that is packed into an archive.
    """
    folder = folder or Path(sysconfig.get_paths()["stdlib"])
    pieces: list[str] = []
    length = 0
    for path in _source_files(folder):
        # The `coding:` line of a source file decides how it is read.
        with tokenize.open(path) as file:
            pieces.append(file.read())
        length += len(pieces[-1])
        if length >= max_characters:
            break
    if not pieces:
        raise DataError(
            f"this Python keeps no source text of its standard library in {folder}\n"
            "mend: train on a file of your own: ostinato train text data=FILE"
        )
    return "".join(pieces)[:max_characters]


def _source_files(folder: Path) -> Iterator[Path]:
    paths = sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).parts)
    for path in paths:
        parts = path.relative_to(folder).parts[:-1]
        if not any(part in _SKIPPED_FOLDERS or part.startswith("config-") for part in parts):
            yield path
