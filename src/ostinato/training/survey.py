"""What a stranger's file holds: format, encoding, layout, columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.data import DataError, read_text
from ostinato.data.opening import check_exists, opened
from ostinato.data.readers import ReadOptions, guess_format, read_rows
from ostinato.data.readers.captions import CAPTION_SUFFIXES, are_captions, check_captions
from ostinato.data.readers.folders import suffix_of, suffixes_in
from ostinato.data.readers.formats import TABLES
from ostinato.data.readers.images import SUFFIXES as PICTURES
from ostinato.data.rows import Malformed
from ostinato.data.text_file import likely_encoding
from ostinato.data.wording import counted
from ostinato.training.columns import Column, value_of
from ostinato.training.side_by_side import (
    PART_WORDS,
    WHOLE,
    Files,
    beside_file,
    entries_of,
    is_binary,
    side_by_side,
)

TEXT_FORMATS = ("csv", "tsv", "jsonl", "text", "conllu", "conll", "ts")
_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE = 200
_MOST_BYTES = 1 << 24
_MOST_MALFORMED = 0.05
_LONGEST_NAME = 60
_TRAIN = re.compile(r"(?i)(?<![a-z])(?:training|train)(?![a-z])")
# So many lines with a label first: fewer could be a text whose lines begin alike.
_MIN_LABELLED = 20


@dataclass(frozen=True)
class Survey:
    """Everything that is seen of the data.

    Attributes:
        files: part to path; ``train`` is there.
        options: how they are read.
        columns: name to values, of the training part.
        num_rows: of the training part.
        malformed: what could not be read.
        text: of plain text, or empty.
        labels_first: whether the label is the first word of each line.
        has_duplicate_names: whether the header names columns twice, which are renamed.
    """

    files: Files
    options: ReadOptions
    columns: Mapping[str, Column]
    num_rows: int
    malformed: Malformed
    text: str = ""
    labels_first: bool = False
    has_duplicate_names: bool = False

    @property
    def name(self) -> str:
        """The file, for people to read."""
        train = self.files["train"]
        return (train if isinstance(train, Path) else next(iter(train.values()))).name


def survey(path: Path, task: str | None = None) -> Survey:
    """Look at a file or folder.

    Args:
        path: of the data.
        task: that was asked for; None where it is to be found. Queries stand in lines, whatever
            they begin with.

    Raises:
        DataError: there is nothing, or too little that can be read; or a folder of which one file
            has to be chosen.
    """
    seen = _seen(path, may_be_labels=task != "suggestion")
    num_bad = seen.malformed.num_malformed
    if num_bad > _MOST_MALFORMED * (seen.num_rows + num_bad):
        # So many are no accident: what is left may miss a whole label.
        seen.malformed.num_rows = seen.num_rows
        seen.malformed.check(can_tolerate=False)
    return seen


def _seen(path: Path, *, may_be_labels: bool) -> Survey:
    check_exists(path)
    if captioned := _captioned(path):
        return captioned
    beside = side_by_side(path) if path.is_dir() else beside_file(path)
    if beside:
        return _read(beside, ReadOptions(format="text", encoding=_encoding_of_all(beside)))
    if path.is_dir():
        path = _within(path)
    files = _parts(path)
    encoding = "utf-8"
    if path.is_file() and not is_binary(path):
        encoding = _encoding(path)
    kind = guess_format(path, encoding)
    if kind in ("rolls", "strokes"):
        files = _parts_within(path, kind)
    options = ReadOptions(format=kind, encoding=encoding)
    if kind == "images" and path.is_file():
        return _read({"train": _with_labels(path)}, options)
    if kind == "text" and path.is_file():
        return _plain(files, options, may_be_labels=may_be_labels)
    if kind in TABLES:
        return _table(files, options)
    return _read(files, options)


def _captioned(path: Path) -> Survey | None:
    """Look at images with a file that says what they show, or a file for each part; else None.

    Raises:
        DataError: there are several such files, and none is said to be for training.
    """
    entries = [path] if path.is_file() else entries_of(path)
    tables = [each for each in entries if each.is_file() and suffix_of(each) in CAPTION_SUFFIXES]
    encodings = {table: _encoding(table) for table in tables}
    found = [table for table in tables if are_captions(table, encoding=encodings[table])]
    if not found:
        if path.is_dir() and any(each in PICTURES for each in suffixes_in(path)):
            for table in tables:
                check_captions([table], encodings[table])
        return None
    training = [table for table in found if _TRAIN.search(table.name)]
    if len(found) > 1 and len(training) != 1:
        shown = ", ".join(table.name for table in found)
        raise DataError(
            f"{path} holds {counted(len(found), 'file')} of captions: {shown}\n"
            f"mend: give one of them, such as {found[0]}"
        )
    chosen = (training or found)[0]
    files = _parts(chosen)
    if len(found) == 1 and path.is_dir():
        # Of the whole folder, images without a caption are told, too.
        files = Files(train=path)
    return _read(files, ReadOptions(format="captions", encoding=encodings[chosen]))


def _within(folder: Path) -> Path:
    """Return the training file of a folder, its only file, or the folder itself."""
    entries = entries_of(folder)
    if not entries:
        raise DataError(f"{folder} holds no data\nmend: give a file, or a folder with files")
    training = [entry for entry in entries if _TRAIN.search(entry.name)]
    if len(training) == 1:
        return _within(training[0]) if training[0].is_dir() else training[0]
    if len(entries) == 1 and entries[0].is_file():
        return entries[0]
    if not training and not any(suffix_of(entry) in WHOLE for entry in entries):
        # Its format is known, or it says what is missing.
        _check_known(folder, entries)
        return folder
    chosen = training or entries
    shown = ", ".join(entry.name for entry in chosen[:6]) + (" …" if len(chosen) > 6 else "")
    raise DataError(
        f"{folder} holds {counted(len(chosen), 'file')} that could be meant: {shown}\n"
        f"mend: give one of them, such as {chosen[0]}"
    )


def _check_known(folder: Path, entries: list[Path]) -> None:
    try:
        guess_format(folder)
    except DataError as error:
        reason = str(error).partition("\nmend: ")[0]
        raise DataError(f"{reason}\nmend: give one file, such as {entries[0]}") from error


def _dicts(parts: Files) -> Iterator[dict[str, Path]]:
    return (files for files in parts.values() if isinstance(files, dict))


def _encoding_of_all(parts: Files) -> str:
    """Return the encoding of files side by side; UTF-8 where all are."""
    found = {_encoding(path) for files in _dicts(parts) for path in files.values()}
    return next(iter(found - {"utf-8"}), "utf-8")


def _parts(path: Path) -> Files:
    """Return the files beside a training file that are named as its other parts."""
    parts: Files = {"train": path}
    found = _TRAIN.search(path.name)
    if not found:
        return parts
    for part, words in PART_WORDS.items():
        for word in words:
            word = word.upper() if found[0].isupper() else word
            other = path.with_name(path.name[: found.start()] + word + path.name[found.end() :])
            if other.exists() and part not in parts:
                parts[part] = other
    return parts


def _parts_within(path: Path, kind: str) -> Files:
    """Return ``file#part`` for the parts within a file of piano rolls, or of strokes."""
    try:
        next(read_rows(path, ReadOptions(format=kind), Malformed()), None)
    except DataError as error:
        names = re.findall(rf"{re.escape(path.name)}#(\w+)", str(error))
        if not names:
            raise
        parts: Files = {}
        for part, words in {"train": ("train",), **PART_WORDS}.items():
            for name in names:
                if name in words:
                    parts[part] = path.with_name(f"{path.name}#{name}")
        return parts if "train" in parts else {"train": path.with_name(f"{path.name}#{names[0]}")}
    return {"train": path}


def _with_labels(path: Path) -> dict[str, Path]:
    """Return an idx file of images, and the file of their labels beside it."""
    labels = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    if labels == path or not labels.exists():
        raise DataError(
            f"{path} holds images without labels, and {labels.name} does not lie beside it\n"
            "mend: give a folder with one sub-folder of images for each label, or both idx files"
        )
    return {"image": path, "label": labels}


def _encoding(path: Path) -> str:
    """Return the encoding that fits the most lines: some bytes may be wrong in any."""
    with opened(path) as file:
        content = file.read(_MOST_BYTES)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    bad: list[bytes] = []
    num_good = 0
    for line in content.split(b"\n")[: -1 if len(content) == _MOST_BYTES else None]:
        if line.isascii():
            continue
        try:
            line.decode()
            num_good += 1
        except UnicodeDecodeError:
            bad.append(line)
    return "utf-8" if num_good >= len(bad) else likely_encoding(b"\n".join(bad))


def _plain(files: Files, options: ReadOptions, *, may_be_labels: bool) -> Survey:
    """Look at a text file: a table under another name, labelled lines, or plain text."""
    path = files["train"]
    assert isinstance(path, Path)
    text = read_text(path, options.encoding)
    lines = [line for line in text.split("\n") if line.strip()]
    if _separator_in(lines[:_SAMPLE]):
        return _table(files, replace(options, format="csv"))
    if may_be_labels and _begin_with_labels(lines):
        options = replace(
            options, format="csv", separator=" ", header=False, columns=("label", "text")
        )
        return replace(_read(files, options), labels_first=True)
    return Survey(files, options, {}, len(lines), Malformed(), text)


def _separator_in(lines: list[str]) -> str | None:
    for separator in (";", "|", ","):
        counts = {line.count(separator) for line in lines}
        if len(lines) > 2 and len(counts) == 1 and counts != {0}:
            return separator
    return None


def _begin_with_labels(lines: list[str]) -> bool:
    """Whether the first word of each line is one of a few, and differs from line to line."""
    if len(lines) < _MIN_LABELLED or not all(" " in line.strip() for line in lines):
        return False
    first = {line.split(maxsplit=1)[0] for line in lines}
    rest = {line.split(maxsplit=1)[1] for line in lines}
    others = {word for line in rest for word in line.split()}
    # Words that begin sentences stand elsewhere, too.
    are_words = len(first & others) * 2 > len(first) and not all(word.isdecimal() for word in first)
    is_varied = len(rest) * 2 > len(lines)
    return is_varied and 2 <= len(first) <= max(2, len(lines) // 10) and not are_words


def _table(files: Files, options: ReadOptions) -> Survey:
    """Look at a table; what its reader would have to find out is found out now."""
    path = files["train"]
    assert isinstance(path, Path)
    bare = replace(options, header=False, max_examples=_SAMPLE)
    rows = [list(row.values.values()) for row in read_rows(path, bare, Malformed())]
    if not rows:
        raise DataError(f"{path} has no rows that can be read\nmend: check separator and quotes")
    options = replace(options, separator=_separator_of(path, bare, rows[0]))
    first, others = rows[0], rows[1:]
    names = [str(name).strip() for name in first]
    has_duplicates = _names_columns_twice(names, others)
    if has_duplicates:
        options = replace(options, header=True, columns=tuple(_unique(names)))
    else:
        automatic = next(read_rows(path, replace(options, max_examples=1), Malformed()), None)
        has_header = automatic is not None and list(automatic.values) == names
        options = replace(options, header=has_header)
    seen = _read(files, options)
    unquoted = _without_quotes(files, options, seen)
    return replace(unquoted or seen, has_duplicate_names=has_duplicates)


def _separator_of(path: Path, options: ReadOptions, first: list[object]) -> str | None:
    for separator in _SEPARATORS:
        given = replace(options, separator=separator, max_examples=1)
        row = next(read_rows(path, given, Malformed()), None)
        if row is not None and list(row.values.values()) == first and len(first) > 1:
            return separator
    return None


def _names_columns_twice(names: list[str], others: list[list[object]]) -> bool:
    """Whether line 1 is a header whose names are not all different, or not all there."""
    if len(set(names)) == len(names) or not others or not any(names):
        return False
    is_repeated = any(
        name and name == fields[place] for fields in others for place, name in enumerate(names)
    )
    return not is_repeated and all(
        len(name) <= _LONGEST_NAME and not re.fullmatch(r"[-+.\d]+", name) for name in names
    )


def _unique(names: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        new = name or f"column_{place}"
        number = 2
        while new in seen:
            new, number = f"{name or 'column'}_{number}", number + 1
        seen.add(new)
        yield new


def _without_quotes(files: Files, options: ReadOptions, quoted: Survey) -> Survey | None:
    """Return the table read with quotes as they stand, if more of it can be read then."""
    joins_lines = options.separator == "\t" and any(
        "\n" in text for column in quoted.columns.values() for text in column.texts
    )
    if not (quoted.malformed.num_malformed or joins_lines):
        return None
    plain = _read(files, replace(options, quoting=False))
    is_better = plain.malformed.num_malformed < quoted.malformed.num_malformed
    is_as_good = plain.malformed.num_malformed == quoted.malformed.num_malformed and joins_lines
    return plain if is_better or is_as_good else None


def _read(files: Files, options: ReadOptions) -> Survey:
    malformed = Malformed()
    columns: dict[str, Column] = {}
    num_rows = 0
    for row in read_rows(files["train"], options, malformed):
        for name in row.values:
            if name not in columns:
                columns[name] = Column(name, [None] * num_rows)
        for name, column in columns.items():
            column.values.append(value_of(row.values.get(name)))
        num_rows += 1
    if not num_rows:
        first = f": {malformed.shown[0]}" if malformed.shown else ""
        raise DataError(f"no row can be read{first}\nmend: check the file")
    return Survey(files, options, columns, num_rows, malformed)
