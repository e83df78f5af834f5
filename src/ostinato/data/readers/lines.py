"""Lines of a text file, one by one; a line that is no text does not end the reading."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ostinato.data.errors import DataError
from ostinato.data.opening import opened
from ostinato.data.text_file import codec_of, likely_encoding, needs_nul, refuse_binary

_HEAD = 1 << 16
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Pictures and archives hold control characters everywhere; a text with a stray one hardly any.
_MOST_CONTROL = 0.05
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end.

    Attributes:
        number: from 1.
        text: empty where there is a problem.
        problem: why it cannot be used; empty for a good line.
    """

    number: int
    text: str
    problem: str = ""


def read_lines(path: Path, encoding: str) -> Iterator[Line]:
    """Yield the lines of a file, compressed or not; a byte-order mark is dropped.

    Args:
        path: the file.
        encoding: its encoding.

    Raises:
        DataError: the file cannot be opened, is binary, or is UTF-16 text; single bytes that do not
            decode, and NUL bytes, are problems of their line.
    """
    codec = codec_of(encoding)
    with opened(path) as content, io.BufferedReader(cast("Any", content), _HEAD) as file:
        _check_head(path, file.peek(_HEAD), codec)
        if needs_nul(codec):
            yield from _decoded_as_a_whole(path, file, encoding)
        else:
            yield from _numbered(_decoded(file, codec, encoding))


def read_good_lines(path: Path, encoding: str, most: int) -> list[str]:
    """Return the first lines without a problem."""
    lines: list[str] = []
    for line in read_lines(path, encoding):
        if len(lines) == most:
            break
        if not line.problem:
            lines.append(line.text)
    return lines


def place_of(path: Path, line: int) -> str:
    """Return file and line in words."""
    return f"{path.name}, line {line:,}"


def _check_head(path: Path, head: bytes, codec: str) -> None:
    head = head[: len(head) // 4 * 4] if len(head) >= _HEAD // 16 else head
    control = len(head) - len(head.translate(None, _CONTROL))
    is_binary = b"\0" in head and control > _MOST_CONTROL * len(head)
    if needs_nul(codec) or head.startswith(_MARKS) or is_binary:
        refuse_binary(path, head, codec, can_choose=True)


def _decoded(file: Iterable[bytes], codec: str, encoding: str) -> Iterator[tuple[str, str]]:
    """Yield text and problem of every line."""
    for content in file:
        content = content.removesuffix(b"\n").removesuffix(b"\r")
        if b"\0" in content:
            yield "", "a NUL byte"
            continue
        try:
            yield content.decode(codec), ""
        except UnicodeDecodeError as error:
            found = f"byte 0x{content[error.start]:02x} at column {error.start + 1}"
            likely = likely_encoding(content)
            yield "", f"{found} is not {encoding}; perhaps data.encoding={likely}"


def _numbered(lines: Iterator[tuple[str, str]]) -> Iterator[Line]:
    number = 0
    for text, problem in lines:
        if not number:
            text = text.removeprefix("\ufeff")
        # The line end of old Macintosh files, or one more within a file of another system.
        for part in text.split("\r"):
            number += 1
            yield Line(number, part, problem)


def _decoded_as_a_whole(path: Path, file: IO[bytes], encoding: str) -> Iterator[Line]:
    number = 0
    try:
        with io.TextIOWrapper(file, encoding) as lines:
            for number, text in enumerate(lines, 1):
                yield Line(number, text.removesuffix("\n").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not {encoding} after line {number:,}: {error.reason}\n"
            "mend: give its encoding: data.encoding=NAME"
        ) from error
