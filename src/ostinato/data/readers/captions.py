"""Images and what they show, in words: JSON, tables, and the layout of COCO."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ostinato.core.errors import OptionError
from ostinato.data.errors import DataError
from ostinato.data.opening import check_exists
from ostinato.data.readers.folders import files_in, suffix_of
from ostinato.data.readers.images import (
    SUFFIXES,
    Bytes,
    Size,
    picture_size,
    read_picture,
)
from ostinato.data.readers.jsonl import json_rows
from ostinato.data.readers.options import ReadOptions
from ostinato.data.readers.tables import table_rows
from ostinato.data.rows import ALSO, Malformed, Row
from ostinato.data.text_file import read_text
from ostinato.data.wording import counted

CAPTION_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".csv", ".tsv"})
CAPTION_FILES = ["captions", "images"]
"""What a file of captions, and the folder of its images, are called where both are given."""
IMAGE = "image"
CAPTION = "caption"
_LINES = (".jsonl", ".ndjson")
_TABLES = {".csv": "csv", ".tsv": "tsv"}
_IMAGE_NAMES = ("image", "file_name", "filename", "image_name", "image_path", "img", "path", "file")
_CAPTION_NAMES = (
    *("caption", "captions", "sentence", "sentences", "text", "texts", "description", "comment"),
)
# What the number of a caption stands behind in the files of Flickr8k: ``dog.jpg#2``.
_NUMBER = re.compile(r"#\d+$")
_CALLED_CAPTIONS = re.compile(r"caption|annotation", re.IGNORECASE)
_LARGEST = 256
_USUAL: Size = (96, 96)
_NUM_LOOKED_AT = 20


@dataclass(frozen=True)
class _Entry:
    """What a file says of one image; with a problem, its captions are of no use."""

    place: str
    image: str = ""
    captions: tuple[str, ...] = ()
    problem: str = ""


def caption_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield ``image``, ``caption`` and the other captions of the image, for each caption.

    ``image`` is uint8 ``[H, W]`` or ``[H, W, 3]``, of ``options.image_size``. Without it, images
    are 96 × 96 unless all have one size of at most 256.

    Args:
        path: a file of captions beside its images, or a folder with one such file. Images lie where
            the names in the file say, seen from its folder or from ``images`` in it. The file is
            JSON (a list of objects, or image to caption or captions, or COCO), JSON lines, CSV or
            TSV.
        options: how the file is read.
        malformed: is told of entries that cannot be read, images that are missing, broken, or
            without a caption, and captions without an image.

    Raises:
        DataError: the file cannot be read or says nothing of images, or none of them is there.
    """
    check_exists(path)
    if not path.is_dir():
        yield from _rows(path, (path.parent, path.parent / "images"), options, malformed)
        return
    file = _only_file(path)
    folders = (file.parent, file.parent / "images", path)
    named: set[Path] = set()
    yield from _rows(file, folders, options, malformed, named)
    for image in files_in(path, SUFFIXES):
        if image not in named:
            malformed.report(str(image.relative_to(path.parent)), "an image without a caption")


def captioned_rows(
    files: Mapping[str, Path], options: ReadOptions, malformed: Malformed
) -> Iterator[Row]:
    """Yield rows as ``caption_rows``, of a file of captions and a folder of images.

    Args:
        files: ``captions`` and ``images``.
        options: how the file is read.
        malformed: is told what ``caption_rows`` tells.

    Raises:
        DataError: as by ``caption_rows``.
        OptionError: it is not these two.
    """
    if sorted(files) != CAPTION_FILES:
        raise OptionError(
            f"captions come as {', '.join(files)}, expected a file of captions and a folder of "
            "images\nmend: data.train={captions: FILE, images: FOLDER}"
        )
    for path in files.values():
        check_exists(path)
    return _rows(files["captions"], (files["images"],), options, malformed)


def find_captions(
    folder: Path, encoding: str = "utf-8", *, may_be_words: bool = False
) -> list[Path]:
    """Return the files at the top of a folder that say something of images below it.

    Args:
        folder: of files and images.
        encoding: of the files.
        may_be_words: see ``are_captions``.

    Raises:
        DataError: there is none, and one that is called so cannot be read.
    """
    folders = (folder, folder / "images")
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    found = [
        path for path in files if are_captions(path, folders, encoding, may_be_words=may_be_words)
    ]
    if not found:
        check_captions(files, encoding)
    return found


def check_captions(paths: Sequence[Path], encoding: str = "utf-8") -> None:
    """Say what is wrong with files that are called captions, or annotations.

    Args:
        paths: of files of any kind.
        encoding: of the files.

    Raises:
        DataError: one of them cannot be read.
    """
    for path in paths:
        if suffix_of(path) in CAPTION_SUFFIXES and _CALLED_CAPTIONS.search(path.name):
            _entries(path, ReadOptions(encoding=encoding))


def are_captions(
    path: Path,
    folders: Sequence[Path] | None = None,
    encoding: str = "utf-8",
    *,
    may_be_words: bool = False,
) -> bool:
    """Whether a file names images that are there, and says more than a word of some of them.

    Args:
        path: the file.
        folders: where the images may lie; None for the file's own.
        encoding: of the file.
        may_be_words: a word will do for all of them, where nobody could mean labels.
    """
    folders = (path.parent, path.parent / "images") if folders is None else folders
    if suffix_of(path) not in CAPTION_SUFFIXES:
        return False
    try:
        entries = _entries(path, ReadOptions(encoding=encoding))
    except DataError:
        # It is something else, or broken: ``check_captions`` says so.
        return False
    good = [entry for entry in entries if not entry.problem][:_NUM_LOOKED_AT]
    # Single words are labels.
    is_said = any(" " in caption for entry in good for caption in entry.captions)
    if not is_said and not may_be_words:
        return False
    found = (_find(entry.image, folders) for entry in good)
    return any(path is not None and suffix_of(path) in SUFFIXES for path in found)


def _only_file(folder: Path) -> Path:
    found = find_captions(folder, may_be_words=True)
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(path.name for path in found)
        raise DataError(
            f"{folder} holds {counted(len(found), 'file')} of captions: {shown}\n"
            f"mend: give one of them, such as {found[0]}"
        )
    raise DataError(
        f"{folder} holds no file of captions that names images in it\n"
        "mend: give a captions.json such as "
        '{"dog.png": "a dog runs"}, or a captions.csv with the columns image and caption'
    )


def _rows(
    file: Path,
    folders: Sequence[Path],
    options: ReadOptions,
    malformed: Malformed,
    named: set[Path] | None = None,
) -> Iterator[Row]:
    named = set() if named is None else named
    entries = _entries(file, options)
    places = {entry.image: _find(entry.image, folders) for entry in entries if not entry.problem}
    found = {path for path in places.values() if path is not None}
    # What is told of by its entry is not told of again.
    known = {_find(entry.image, folders) for entry in entries if entry.problem and entry.image}
    named |= found | {path for path in known if path is not None}
    if places and not found:
        raise _all_missing(file, folders, next(iter(places)), len(places))
    texts: dict[Path, list[str]] = {path: [] for path in found}
    for entry in entries:
        path = places.get(entry.image)
        if path is not None:
            texts[path] += entry.captions
    images = _Images(options.image_size or _usual_size(found))
    for entry in entries:
        path = places.get(entry.image)
        problem = entry.problem or ("" if path else f"no image {entry.image!r} in {folders[0]}")
        image = None if path is None or problem else images.read(path)
        if isinstance(image, str):
            problem = image
        if problem:
            # Each caption is an example that is lost.
            for _ in entry.captions or ("",):
                malformed.report(entry.place, problem)
            continue
        assert path is not None
        for caption in entry.captions:
            others = [each for each in dict.fromkeys(texts[path]) if each != caption]
            yield Row(entry.place, {IMAGE: image, CAPTION: caption, ALSO: others})


class _Images:
    """Images of one size; each file is read once."""

    def __init__(self, size: Size | None) -> None:
        self._size = size
        self._read: dict[Path, Bytes | str] = {}

    def read(self, path: Path) -> Bytes | str:
        """Return an image, or why it cannot be read."""
        if path not in self._read:
            try:
                self._read[path] = read_picture(path, self._size)
            except DataError as error:
                self._read[path] = str(error).partition("\nmend: ")[0]
        return self._read[path]


def _usual_size(paths: set[Path]) -> Size | None:
    """Return the size of images whose own will not do; None where it will."""
    sizes = {size for path in paths if (size := picture_size(path)) is not None}
    will_do = len(sizes) <= 1 and all(max(size) <= _LARGEST for size in sizes)
    return None if will_do else _USUAL


def _find(name: str, folders: Sequence[Path]) -> Path | None:
    for each in (name, _NUMBER.sub("", name)):
        for folder in folders:
            if each and "\0" not in each and (folder / each).is_file():
                return folder / each
    return None


def _all_missing(file: Path, folders: Sequence[Path], first: str, num: int) -> DataError:
    where = " or ".join(str(folder) for folder in folders[:2])
    return DataError(
        f"{file.name} names {counted(num, 'image')}, such as {first!r}, but none of them is in "
        f"{where}\n"
        "mend: say where they are: data.train={captions: FILE, images: FOLDER}"
    )


def _entries(path: Path, options: ReadOptions) -> list[_Entry]:
    """Read a file of captions.

    Raises:
        DataError: it cannot be read, or names no images and captions.
    """
    suffix = suffix_of(path)
    if suffix in _TABLES:
        bad = _Told()
        rows = list(table_rows(path, _table_options(path, options, _TABLES[suffix]), bad))
        return [*_of_rows(path, rows), *bad.entries]
    if suffix not in _LINES:
        whole = _parsed(path, options.encoding)
        if whole is not None:
            return _of_json(path, whole)
    bad = _Told()
    rows = list(json_rows(path, options, bad))
    return [*_of_rows(path, rows), *bad.entries]


def _table_options(path: Path, options: ReadOptions, kind: str) -> ReadOptions:
    """Take a first line that names an image for what it is, not for a header."""
    options = replace(options, format=kind)
    if options.header is not None or options.columns is not None:
        return options
    first = next(table_rows(path, replace(options, header=False), Malformed()), None)
    fields = () if first is None else first.values.values()
    names_image = any(suffix_of(Path(_NUMBER.sub("", field))) in SUFFIXES for field in fields)
    return replace(options, header=False) if names_image else options


class _Told(Malformed):
    """Takes note of every row that cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[_Entry] = []

    def report(self, place: str, reason: str) -> None:
        self.entries.append(_Entry(place, problem=reason))


def _parsed(path: Path, encoding: str) -> object:
    """Return the content of a JSON file; None where each line is a value of its own."""
    text = read_text(path, encoding)
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        first = text.lstrip().partition("\n")[0].rstrip()
        if first.startswith("{") and first.endswith("}"):
            return None
        raise DataError(
            f"{path} is no JSON that can be read: {error}\n"
            "mend: write it again; it may have been cut short"
        ) from error


def _of_json(path: Path, whole: object) -> list[_Entry]:
    if isinstance(whole, dict):
        mapping = cast("dict[str, Any]", whole)
        if isinstance(mapping.get("annotations"), list) and isinstance(mapping.get("images"), list):
            return _of_coco(path, mapping["images"], mapping["annotations"])
        return [
            _entry(f"{path.name}, {name!r}", name, captions) for name, captions in mapping.items()
        ]
    if not isinstance(whole, list):
        raise _nothing_said(path, f"it is {type(whole).__name__}")
    items = cast("list[object]", whole)
    places = [f"{path.name}, item {number:,}" for number in range(1, len(items) + 1)]
    listed = list(zip(places, items, strict=True))
    rows = [Row(place, cast("dict[str, Any]", item)) for place, item in listed if _is_object(item)]
    others = [
        _Entry(place, problem=f"expected an object {{…}}, got {type(item).__name__}")
        for place, item in listed
        if not _is_object(item)
    ]
    return [*_of_rows(path, rows), *others]


def _is_object(item: object) -> bool:
    return isinstance(item, dict)


def _of_rows(path: Path, rows: Sequence[Row]) -> list[_Entry]:
    """Read rows of which one column names an image and another says what it shows."""
    columns = list(dict.fromkeys(name for row in rows for name in row.values))
    lower = {name.strip().lower(): name for name in reversed(columns)}
    image = next((lower[name] for name in _IMAGE_NAMES if name in lower), None)
    caption = next((lower[name] for name in _CAPTION_NAMES if name in lower), None)
    if len(columns) == 2 and (image is None or caption is None):
        # Columns without such names: the image stands first.
        image, caption = columns
    if rows and (image is None or caption is None):
        raise _nothing_said(path, f"the columns are {', '.join(columns) or 'none'}")
    return [
        _entry(row.place, row.values.get(image or ""), row.values.get(caption or ""))
        for row in rows
    ]


def _of_coco(path: Path, images: Sequence[object], annotations: Sequence[object]) -> list[_Entry]:
    """Read images by their numbers, and annotations that say what they show."""
    names: dict[object, str] = {}
    places: dict[object, str] = {}
    entries: list[_Entry] = []
    for number, item in enumerate(images, 1):
        place = f"{path.name}, image {number:,}"
        values = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        key, name = values.get("id"), values.get("file_name")
        if not isinstance(key, int | str) or not isinstance(name, str):
            entries.append(_Entry(place, problem="expected an object with id and file_name"))
        elif key in names:
            entries.append(_Entry(place, problem=f"the id {key!r} is that of {names[key]!r}"))
        else:
            names[key], places[key] = name, place
    said: set[object] = set()
    for number, item in enumerate(annotations, 1):
        place = f"{path.name}, annotation {number:,}"
        values = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        key = values.get("image_id")
        if not isinstance(key, int | str) or key not in names:
            entries.append(_Entry(place, problem=f"a caption without an image: image_id {key!r}"))
            continue
        said.add(key)
        entries.append(_entry(place, names[key], values.get("caption")))
    entries += [
        _Entry(places[key], name, problem=f"an image without a caption: {name!r}")
        for key, name in names.items()
        if key not in said
    ]
    return entries


def _entry(place: str, image: object, captions: object) -> _Entry:
    """Return what is said of one image, whatever stands there."""
    listed = _listed(captions)
    texts = tuple(each.strip() for each in listed if isinstance(each, str) and each.strip())
    if not isinstance(image, str) or not image.strip():
        return _Entry(place, captions=texts, problem="a caption without an image")
    name = image.strip()
    if not texts:
        return _Entry(place, name, problem=f"an image without a caption: {name!r}")
    if len(texts) < len(listed):
        bad = len(listed) - len(texts)
        problem = f"{bad} of {len(listed)} captions of {name!r} hold no text"
        return _Entry(place, name, problem=problem)
    return _Entry(place, name, texts)


def _listed(captions: object) -> list[object]:
    if isinstance(captions, list):
        return cast("list[object]", captions)
    return [captions]


def _nothing_said(path: Path, found: str) -> DataError:
    return DataError(
        f"{path} names no images and captions: {found}\nmend: call them image and caption"
    )
