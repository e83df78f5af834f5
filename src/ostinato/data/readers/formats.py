"""Which format a file has: by its name and, where that is unclear, by its content."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from ostinato.core.errors import UnknownNameError
from ostinato.data.errors import DataError
from ostinato.data.opening import check_exists
from ostinato.data.readers import audio, captions, hub, images, strokes
from ostinato.data.readers.folders import split_part, suffix_of, suffixes_in
from ostinato.data.readers.lines import read_good_lines

MIDI_SUFFIXES = frozenset({".mid", ".midi"})
TEXT_SUFFIXES = frozenset({".txt", ".text"})
_BY_SUFFIX: dict[str, str] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".conllu": "conllu",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".ts": "ts",
    ".mat": "rolls",
    **dict.fromkeys(hub.SUFFIXES, "parquet"),
    **dict.fromkeys(MIDI_SUFFIXES, "midi"),
    **dict.fromkeys(audio.SUFFIXES, "audio"),
    **dict.fromkeys(images.SUFFIXES, "images"),
}
FORMATS = (*dict.fromkeys(_BY_SUFFIX.values()), "captions", "strokes", "tsv", "text", "hub")
TABLES = ("csv", "tsv")
_SAMPLE = 100
_IDX_NAME = re.compile(r"idx\d-ubyte")
_CONLLU_LINE = re.compile(r"\d+(?:[-.]\d+)?(?:\t[^\t]*){9}")


def guess_format(path: Path, encoding: str = "utf-8") -> str:
    """Return the format of a file or folder.

    Args:
        path: a file, or a folder, where most of its files decide.
        encoding: of a text file that has to be looked into.

    Raises:
        DataError: there is nothing at the path, or it is of no known format.
    """
    path = split_part(path)[0]
    _check_exists(path)
    if path.is_dir():
        return _of_folder(path)
    if _IDX_NAME.search(path.name):
        return "images"
    suffix = suffix_of(path)
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix == ".npz":
        return _of_arrays(path)
    if not path.is_file():
        raise DataError(
            f"{path} is a stream, which can be read only once, not looked into first\n"
            "mend: say what it holds: data.format=csv"
        )
    return _of_text(read_good_lines(path, encoding, _SAMPLE))


def format_by_name(path: Path) -> str | None:
    """Return the format that a file's name alone says; None where it says none."""
    suffix = suffix_of(split_part(path)[0])
    return "tsv" if suffix == ".tsv" else _BY_SUFFIX.get(suffix)


def check_format(name: str) -> str:
    """Return ``name`` if it is a format.

    Raises:
        UnknownNameError: it is not; lists all.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, ("auto", *FORMATS))
    return name


def _check_exists(path: Path) -> None:
    try:
        check_exists(path)
    except DataError as error:
        if path.is_absolute() or len(path.parts) != 2 or path.suffix:
            raise
        raise DataError(f"{error}; a set of the Hugging Face hub: data.format=hub") from error


def _of_folder(folder: Path) -> str:
    suffixes = Counter(suffixes_in(folder))
    kinds = Counter[str]()
    for suffix, count in suffixes.items():
        kind = "text" if suffix in TEXT_SUFFIXES else _BY_SUFFIX.get(suffix)
        if kind in ("audio", "images", "midi", "parquet", "text"):
            kinds[kind] += count
    if kinds["images"] and captions.find_captions(folder):
        return "captions"
    if suffixes[".arrow"] or not (kinds or (folder / "README.md").is_file()):
        kinds["hub"] += suffixes[".arrow"]
    if not kinds.total():
        raise DataError(
            f"{folder} holds no sounds, images, MIDI, Parquet or text files\n"
            "mend: give a file, or say what the folder is: data.format=hub"
        )
    return kinds.most_common(1)[0][0]


def _of_arrays(path: Path) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no .npz file: {error}\nmend: get or make it again") from error
    if any(name.endswith("_strokes.npy") for name in names) or strokes.are_drawings(path):
        return "strokes"
    return "audio" if "audio.npy" in names else "rolls"


def _of_text(lines: list[str]) -> str:
    filled = [line for line in lines if line.strip(" ")]
    first = next((line for line in filled if not line.startswith("#")), "")
    if first.startswith("{") and first.rstrip().endswith("}"):
        return "jsonl"
    if first.lower().startswith(("@problemname", "@timestamps", "@data")):
        return "ts"
    if _CONLLU_LINE.fullmatch(first):
        return "conllu"
    tabs = Counter(line.count("\t") for line in filled if not line.startswith(("# ", "## ")))
    num_tabs, num_lines = tabs.most_common(1)[0] if tabs else (0, 0)
    is_table = num_tabs > 0 and num_lines * 2 > len(filled)
    if not is_table:
        return "text"
    # Empty lines between groups of lines are ends of sentences.
    num_groups = sum(not a.strip(" ") and b.strip(" ") != "" for a, b in pairwise(lines))
    return "conll" if num_groups else "tsv"
