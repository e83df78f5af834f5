"""Files within folders, in an order that every machine agrees on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from ostinato.data.errors import DataError
from ostinato.data.opening import bare_name, check_exists

_LOOKED_AT = 1000
_NUMBER = re.compile(r"(\d+)")


def split_part(path: Path) -> tuple[Path, str | None]:
    """Cut ``pieces.npz#train`` into file and part, unless there is a file of that whole name."""
    name, mark, part = path.name.rpartition("#")
    if not mark or not name or path.exists():
        return path, None
    return path.with_name(name), part


def in_order(path: Path) -> tuple[tuple[object, ...], ...]:
    """Return a key that sorts ``frame2`` before ``frame10``."""
    return tuple(
        tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces)
        for pieces in (_NUMBER.split(part) for part in path.parts)
    )


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case, behind which a suffix of compression is not seen."""
    return Path(bare_name(path)).suffix.lower()


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files of these kinds below a folder; hidden ones are left out.

    Raises:
        DataError: there are none.
    """
    found = sorted((path for path in _walk(folder) if suffix_of(path) in suffixes), key=in_order)
    if not found:
        raise DataError(
            f"{folder} holds no files of the kind {', '.join(sorted(suffixes))}\n"
            "mend: check the folder, or give data.format"
        )
    return found


def suffixes_in(folder: Path) -> Iterator[str]:
    """Yield the suffixes of the first files below a folder."""
    return (suffix_of(path) for path in islice(_walk(folder), _LOOKED_AT))


def expanded(paths: Sequence[Path], suffixes: Collection[str]) -> list[Path]:
    """Replace folders by the files of these kinds in them.

    Raises:
        DataError: a path does not exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in paths:
        check_exists(path)
        found += files_in(path, suffixes) if path.is_dir() else [path]
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not is_hidden and path.is_file():
            yield path
