"""Files that are not what they should be."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from ostinato.data import DataError, is_file, looks_like_path, read_text


def write(folder: Path, content: bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_line_ends_and_byte_order_mark(tmp_path: Path):
    path = write(tmp_path, b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path) == "one\ntwo\nthree\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp949", "euc-kr"])
def test_other_encodings(tmp_path: Path, encoding: str):
    assert read_text(write(tmp_path, "한글 text\n".encode(encoding)), encoding) == "한글 text\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty\nmend"),
        (b" \n\t\n", "nothing but white space"),
        (b"ab\0cd", "NUL byte at offset 2"),
        (b"\x89PNG\r\n\x1a\n\0\0", "NUL byte"),
        (gzip.compress(b"ab\0cd", mtime=0), "NUL byte at offset 2"),
        ("text".encode("utf-16"), "data.encoding=utf-16"),
        ("plain text\n".encode("utf-16-le"), "without a byte-order mark\nmend: .*=utf-16-le"),
        ("plain text\n".encode("utf-16-be"), "without a byte-order mark\nmend: .*=utf-16-be"),
        (b"%PDF-1.7", "is a document, not plain text\nmend: save it as plain text"),
        (b"good\nbad \xff", r"byte 0xff at offset 9 \(line 2\)"),
        ("한글입니다".encode("cp949"), "data.encoding=cp949"),
        ("déjà vu".encode("latin-1"), "data.encoding=cp1252"),
        ("한".encode()[:2], "0xed at offset 0"),
    ],
)
def test_content_that_is_not_utf8_text(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(DataError, match=message):
        read_text(write(tmp_path, content), "utf-8")


def test_utf8_text_that_is_read_as_something_else(tmp_path: Path):
    path = write(tmp_path, "naïve text\n".encode())
    with pytest.raises(DataError, match="is UTF-8 text: it holds no NUL byte"):
        read_text(path, "utf-16")
    with pytest.raises(DataError, match=r"perhaps data\.encoding=utf-8"):
        read_text(path, "ascii")


@pytest.mark.parametrize(
    "content", ["text".encode("utf-16"), "text".encode("utf-16-le"), b"caf\xe9", b"ab\0cd"]
)
def test_where_the_encoding_cannot_be_chosen(tmp_path: Path, content: bytes):
    with pytest.raises(DataError, match=r"mend: (save it as UTF-8|give a plain text file)$"):
        read_text(write(tmp_path, content))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_is_read_as_it_was(tmp_path: Path, compress: Callable[[bytes], bytes]):
    assert read_text(write(tmp_path, compress("한글\r\n".encode()))) == "한글\n"


def test_a_document(tmp_path: Path):
    with pytest.raises(DataError, match="is a document, not plain text"):
        read_text(write(tmp_path, b"PK\x03\x04", "essay.DOCX"))


def test_what_may_have_no_end(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match="is a device or a pipe, not a file\nmend: "):
            read_text(path)


def test_a_stream_that_a_shell_names():
    reader, writer = os.pipe()
    os.write(writer, b"some text")
    os.close(writer)
    assert read_text(Path(f"/dev/fd/{reader}")) == "some text"
    os.close(reader)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("cells/my", True), ("my.cell", True), (".", True), ("lstm", False), ("h = x / y.z", False)],
)
def test_what_looks_like_a_path(text: str, expected: bool):
    assert looks_like_path(text) is expected


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path):
    write(tmp_path, b"text", "shakespeare.txt")
    with pytest.raises(DataError, match=r"no such file.*did you mean .*shakespeare\.txt"):
        read_text(tmp_path / "shakespear.txt")
    with pytest.raises(DataError, match="does not exist either"):
        read_text(tmp_path / "nowhere" / "text.txt")


def test_a_folder_suggests_a_file_in_it(tmp_path: Path):
    with pytest.raises(DataError, match="is a folder, not a file\nmend: give a text file"):
        read_text(tmp_path)
    write(tmp_path, b"text")
    with pytest.raises(DataError, match=r"such as .*text\.txt"):
        read_text(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "", "no\0"])
def test_an_unknown_encoding(tmp_path: Path, encoding: str):
    with pytest.raises(DataError, match="unknown encoding"):
        read_text(write(tmp_path, b"text"), encoding)


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str):
    assert not is_file(tmp_path / name)
    with pytest.raises(DataError, match="cannot read"):
        read_text(tmp_path / name)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbid(path: Path, mode: str) -> IO[bytes]:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = write(tmp_path, b"text")
    # Root may read every file.
    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(DataError, match=r"Permission denied\nmend: check its name and permissions"):
        read_text(path)
