"""Files of a set that nobody has described, by their names: parts, and lines side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ostinato.data.opening import bare_name, opened, read_bytes
from ostinato.data.readers.folders import suffix_of

Files = dict[str, Path | dict[str, Path]]
"""Part to path, or to one path for each column."""

PART_WORDS: Final = {
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test", "testing", "eval"),
}
WHOLE: Final = frozenset(
    {".csv", ".tsv", ".jsonl", ".json", ".ndjson", ".ts", ".conllu", ".conll", ".npz", ".mat"}
)
"""Each is a whole set of its own; of other files, a folder is the set."""

_NOT_DATA = re.compile(r"(?i)\..*|(readme|origin|licen[cs]e|notice|changelog).*|.*\.(md|rst|pdf)")
# Languages by their two letters (ISO 639-1), and the other names of the two sides of a text.
_SIDES = frozenset(
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id "
    "is it ja ka kk km kn ko ky lo lt lv mk mn mr ms mt my ne nl no pa pl pt ro ru si sk sl sq sr "
    "sv sw ta te th tl tr uk ur uz vi zh in out src tgt trg source target".split()
)


def entries_of(folder: Path) -> list[Path]:
    """Return what lies in a folder and may hold data, by name."""
    return [entry for entry in sorted(folder.iterdir()) if not _NOT_DATA.fullmatch(entry.name)]


def is_binary(path: Path) -> bool:
    """Whether a file holds no text.

    Raises:
        DataError: it cannot be read.
    """
    if suffix_of(path) == ".npz":
        return True
    with opened(path) as file:
        head = file.read(1 << 16)
    marks = (b"\xff\xfe", b"\xfe\xff")
    return b"\0" in head and not head.startswith(marks)


def side_by_side(folder: Path) -> Files | None:
    """Return files such as ``train.in`` and ``train.out`` of which each line has its partner.

    Files that are named after languages or sides, such as ``train.de`` and ``train.en``, are
    returned even if their lines cannot all have partners: who reads them says which lack one.
    """
    entries = [entry for entry in entries_of(folder) if entry.is_file()]
    parts = Files()
    for part, words in {"train": ("train",), **PART_WORDS}.items():
        files = next((found for word in words if (found := _of_part(entries, word))), None)
        if files is not None:
            parts[part] = files
    if not parts and len(stems := _by_stem(entries)) == 1:
        files = next(iter(stems.values()))
        if len(files) == len(entries) > 1:
            parts["train"] = files
    return parts if _belong_together(parts) else None


def beside_file(path: Path) -> Files | None:
    """Return a file named after a language or side, and what stands beside each of its lines.

    The file itself comes first. Files of other lengths are no partners of it.
    """
    side = _side_of(path)
    if side is None or not path.is_file():
        return None
    whole = side_by_side(path.parent)
    if whole is None or path not in _all_of(whole["train"]):
        files = _by_stem(entries_of(path.parent)).get(_stem_of(path), {})
        whole = Files(train=files) if len(files) > 1 else None
    if whole is None or not _belong_together(whole):
        return None
    train = whole["train"]
    if not isinstance(train, dict) or len({_num_lines(each) for each in train.values()}) > 1:
        return None
    return {
        part: {side: files[side], **files} if isinstance(files, dict) else files
        for part, files in whole.items()
    }


def _of_part(entries: Iterable[Path], word: str) -> dict[str, Path] | None:
    """Return the files of a part by what distinguishes them: ``train.de``, ``test_2016.de``."""
    plain = {
        bare_name(entry).removeprefix(f"{word}."): entry
        for entry in entries
        if entry.name.startswith(f"{word}.")
    }
    if len(plain) > 1:
        return plain
    named = re.compile(rf"(?i){word}(?![a-z])")
    stems = {stem: files for stem, files in _by_stem(entries).items() if named.match(stem)}
    most = max(stems.values(), key=len, default=plain)
    return most if len(most) > 1 else None


def _by_stem(entries: Iterable[Path]) -> dict[str, dict[str, Path]]:
    """Return files that are named after a side: stem to side to file."""
    found: dict[str, dict[str, Path]] = {}
    for entry in entries:
        side = _side_of(entry)
        if side is not None and entry.is_file():
            found.setdefault(_stem_of(entry), {})[side] = entry
    return found


def _side_of(path: Path) -> str | None:
    side = suffix_of(path).removeprefix(".")
    return side if side in _SIDES else None


def _stem_of(path: Path) -> str:
    return Path(bare_name(path)).stem


def _belong_together(parts: Files) -> bool:
    """Whether all parts have the same columns, and lines that may stand side by side."""
    train = parts.get("train")
    if not isinstance(train, dict):
        return False
    others = [files for files in parts.values() if isinstance(files, dict)]
    if any(files.keys() != train.keys() for files in others):
        return False
    if any(suffix_of(path) in WHOLE or is_binary(path) for path in train.values()):
        return False
    are_sides = train.keys() <= _SIDES
    return are_sides or len({_num_lines(path) for path in train.values()}) == 1


def _num_lines(path: Path) -> int:
    return read_bytes(path).rstrip(b"\n").count(b"\n")


def _all_of(files: Path | dict[str, Path]) -> list[Path]:
    return list(files.values()) if isinstance(files, dict) else [files]
