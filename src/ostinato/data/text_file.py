"""Read a text file, or say exactly why it cannot be read."""

from __future__ import annotations

import codecs
from pathlib import Path

from ostinato.data.errors import DataError
from ostinato.data.opening import read_bytes

_NEEDS_NUL = ("utf_16", "utf_32")
_LIKELY_ENCODINGS = ("utf-8", "cp949", "cp1252", "latin-1")


def read_text(path: Path, encoding: str | None = None) -> str:
    """Read a whole text file; line ends become line feeds and a byte-order mark is dropped.

    A compressed file is read as it was before.

    Args:
        path: the file.
        encoding: of the file, as ``data.encoding`` says; None where it has to be UTF-8.

    Raises:
        DataError: the file is missing, a folder, a device, unreadable, empty, binary, or not in
            ``encoding``.
    """
    can_choose = encoding is not None
    encoding = "utf-8" if encoding is None else encoding
    codec = codec_of(encoding)
    content = read_bytes(path)
    refuse_binary(path, content, codec, can_choose=can_choose)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise _badly_encoded(path, content, encoding, error, can_choose=can_choose) from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise DataError(f"{path} holds nothing but white space\nmend: give a file with text in it")
    return text


def codec_of(encoding: str) -> str:
    """Return Python's name of an encoding.

    Raises:
        DataError: there is no such encoding of text.
    """
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


def needs_nul(codec: str) -> bool:
    """Whether text in this encoding holds NUL bytes."""
    return codec.startswith(_NEEDS_NUL)


def likely_encoding(content: bytes) -> str:
    """Guess in which encoding text was written that is not in the expected one."""
    return next((name for name in _LIKELY_ENCODINGS if _fits(content, name)), "latin-1")


def is_file(path: Path) -> bool:
    """Whether there is such a file; False for what cannot be a path, such as a page of text."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def looks_like_path(text: str) -> bool:
    """Whether ``text`` has a slash or a suffix, as neither a name nor an equation has."""
    return "=" not in text and ("/" in text or text.startswith(".") or Path(text).suffix != "")


def refuse_binary(path: Path, content: bytes, codec: str, *, can_choose: bool) -> None:
    """Refuse content that is no text, or text of another encoding, by its NUL bytes.

    Args:
        path: named in the error.
        content: the file's, or its beginning.
        codec: as ``codec_of`` names it.
        can_choose: whether the user can give another encoding.

    Raises:
        DataError: says what the content seems to be.
    """
    if needs_nul(codec):
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
    likely = likely_encoding(content)
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
