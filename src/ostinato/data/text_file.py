"""Read a text file, or say exactly why it cannot be read."""

from __future__ import annotations

import codecs
from pathlib import Path

from ostinato.core.errors import nearest
from ostinato.data.errors import DataError

_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip --keep"),
    b"PK\x03\x04": ("zip", "unzip"),
    b"BZh": ("bzip2", "bunzip2 --keep"),
    b"\xfd7zXZ\x00": ("xz", "unxz --keep"),
}
_NEEDS_NUL = ("utf_16", "utf_32")
_LIKELY_ENCODINGS = ("cp949", "cp1252", "latin-1")


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """Read a whole text file; line ends become line feeds and a byte-order mark is dropped.

    Raises:
        DataError: the file is missing, a folder, unreadable, empty, binary, or not in ``encoding``.
    """
    codec = _codec(encoding)
    content = _read_bytes(path)
    if not content:
        raise DataError(f"{path} is empty\nmend: give a file with text in it")
    _refuse_binary(path, content, codec)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise _badly_encoded(path, content, encoding, error) from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise DataError(f"{path} holds nothing but white space\nmend: give a file with text in it")
    return text


def _codec(encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding)
        # Codecs such as `hex` or `zip` do not turn bytes into text.
        "a".encode(codec.name)
    except (LookupError, ValueError) as error:
        raise DataError(
            f"unknown encoding {encoding!r}\n"
            "mend: use a name that Python knows, such as utf-8, utf-16, cp949 or latin-1"
        ) from error
    return codec.name.replace("-", "_")


def is_file(path: Path) -> bool:
    """Whether there is such a file; False for what cannot be a path, such as a page of text."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError as error:
        inside = sorted(entry.name for entry in path.iterdir() if entry.is_file())[:1]
        hint = f"one of the files in it, such as {path / inside[0]}" if inside else "a text file"
        raise DataError(f"{path} is a folder, not a file\nmend: give {hint}") from error
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}{_near(path)}\nmend: check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"cannot read {str(path)!r}: {reason}\nmend: check its name and permissions"
        ) from error


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (the folder {path.parent} does not exist either)"
    names = [entry.name for entry in path.parent.iterdir()]
    near = nearest(path.name, names)
    return "" if near is None else f"; did you mean {path.parent / near}?"


def _refuse_binary(path: Path, content: bytes, codec: str) -> None:
    for magic, (kind, command) in _COMPRESSED.items():
        if content.startswith(magic):
            raise DataError(f"{path} is compressed ({kind})\nmend: unpack it: {command} {path}")
    if codec.startswith(_NEEDS_NUL):
        return
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is UTF-16 text\nmend: add data.encoding=utf-16")
    offset = content.find(b"\0")
    if offset >= 0:
        raise DataError(
            f"{path} looks binary: a NUL byte at offset {offset:,}\nmend: give a plain text file"
        )


def _badly_encoded(
    path: Path, content: bytes, encoding: str, error: UnicodeDecodeError
) -> DataError:
    offset = error.start
    line = content.count(b"\n", 0, offset) + 1
    found = f"byte 0x{content[offset]:02x}" if offset < len(content) else "the end of the file"
    likely = next((name for name in _LIKELY_ENCODINGS if _fits(content, name)), "latin-1")
    return DataError(
        f"{path} is not {encoding}: {found} at offset {offset:,} (line {line:,})\n"
        f"mend: give its encoding, perhaps data.encoding={likely}"
    )


def _fits(content: bytes, encoding: str) -> bool:
    """Whether the content decodes, and (for the Korean code page) to Hangul for the most part."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return False
    if encoding != "cp949":
        return True
    foreign = [character for character in text if ord(character) > 127]
    return sum("가" <= character <= "힣" for character in foreign) * 2 > len(foreign)
