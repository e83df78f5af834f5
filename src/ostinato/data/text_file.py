"""Read a text file, or say exactly why it cannot be read."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from ostinato.core.errors import nearest
from ostinato.data.errors import DataError

_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip --keep"),
    b"PK\x03\x04": ("zip", "unzip"),
    b"BZh": ("bzip2", "bunzip2 --keep"),
    b"\xfd7zXZ\x00": ("xz", "unxz --keep"),
}
# Zip archives to the eye of a reader, but unpacking them gives no plain text.
_DOCUMENTS = (".docx", ".epub", ".hwpx", ".odt", ".pptx", ".xlsx")
_NEEDS_NUL = ("utf_16", "utf_32")
_LIKELY_ENCODINGS = ("utf-8", "cp949", "cp1252", "latin-1")
# What a shell puts in the place of a file: standard input, and `<(command)`.
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


def read_text(path: Path, encoding: str | None = None) -> str:
    """Read a whole text file; line ends become line feeds and a byte-order mark is dropped.

    Args:
        path: the file.
        encoding: of the file, as ``data.encoding`` says; None where it has to be UTF-8.

    Raises:
        DataError: the file is missing, a folder, a device, unreadable, empty, binary, or not in
            ``encoding``.
    """
    can_choose = encoding is not None
    encoding = "utf-8" if encoding is None else encoding
    codec = _codec(encoding)
    content = _read_bytes(path)
    if not content:
        raise DataError(f"{path} is empty\nmend: give a file with text in it")
    _refuse_binary(path, content, codec, can_choose=can_choose)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise _badly_encoded(path, content, encoding, error, can_choose=can_choose) from error
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


def looks_like_path(text: str) -> bool:
    """Whether ``text`` has a slash or a suffix, as neither a name nor an equation has."""
    return "=" not in text and ("/" in text or text.startswith(".") or Path(text).suffix != "")


def _read_bytes(path: Path) -> bytes:
    try:
        if _may_end(path):
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
    raise DataError(
        f"{path} is a device or a pipe, not a file\n"
        "mend: give a text file, or /dev/stdin for what a command writes"
    )


def _may_end(path: Path) -> bool:
    """Whether reading is sure to end, or someone asked for a stream, which Ctrl-C ends."""
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or str(path).startswith(_STREAMS)


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (the folder {path.parent} does not exist either)"
    names = [entry.name for entry in path.parent.iterdir()]
    near = nearest(path.name, names)
    return "" if near is None else f"; did you mean {path.parent / near}?"


def _refuse_binary(path: Path, content: bytes, codec: str, *, can_choose: bool) -> None:
    if content.startswith(b"%PDF") or (
        content.startswith(b"PK\x03\x04") and path.suffix.lower() in _DOCUMENTS
    ):
        raise DataError(
            f"{path} is a document, not plain text\n"
            "mend: save it as plain text in the program that shows it"
        )
    for magic, (kind, command) in _COMPRESSED.items():
        if content.startswith(magic):
            raise DataError(f"{path} is compressed ({kind})\nmend: unpack it: {command} {path}")
    if codec.startswith(_NEEDS_NUL):
        # Half of all plain text would decode, to characters that nobody wrote.
        if b"\0" not in content and _fits(content, "utf-8"):
            raise DataError(
                f"{path} is UTF-8 text: it holds no NUL byte, as {codec.replace('_', '-')} does\n"
                "mend: leave out data.encoding, or data.encoding=utf-8"
            )
        return
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is UTF-16 text\nmend: {_choose('utf-16', can_choose)}")
    offset = content.find(b"\0")
    if offset < 0:
        return
    if guess := _utf_16_without_mark(content):
        raise DataError(
            f"{path} looks like UTF-16 text without a byte-order mark\n"
            f"mend: {_choose(guess, can_choose)}"
        )
    hint = "; data.unit=bytes, too, reads text" if can_choose else ""
    raise DataError(
        f"{path} looks binary: a NUL byte at offset {offset:,}\nmend: give a plain text file{hint}"
    )


def _utf_16_without_mark(content: bytes) -> str | None:
    """Return the encoding where most of the even, or of the odd, bytes alone are NUL."""
    even, odd = content[::2].count(0), content[1::2].count(0)
    guess = "utf-16-le" if odd > even else "utf-16-be"
    is_likely = min(even, odd) == 0 and max(even, odd) * 4 > len(content)
    return guess if is_likely and _fits(content, guess) else None


def _choose(encoding: str, can_choose: bool) -> str:
    return f"add data.encoding={encoding}" if can_choose else "save it as UTF-8"


def _badly_encoded(
    path: Path, content: bytes, encoding: str, error: UnicodeDecodeError, *, can_choose: bool
) -> DataError:
    offset = error.start
    line = content.count(b"\n", 0, offset) + 1
    found = f"byte 0x{content[offset]:02x}" if offset < len(content) else "the end of the file"
    likely = next((name for name in _LIKELY_ENCODINGS if _fits(content, name)), "latin-1")
    mend = (
        f"give its encoding, perhaps data.encoding={likely}" if can_choose else "save it as UTF-8"
    )
    return DataError(
        f"{path} is not {encoding}: {found} at offset {offset:,} (line {line:,})\nmend: {mend}"
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
