"""Compressed files: what is in them, and what is wrong with them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ostinato.data import DataError
from ostinato.data.opening import bare_name, check_exists, opened, read_bytes

CONTENT = "line\n한글\n".encode() * 1000


def zipped(content: bytes, *names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name in names or ("folder/text.txt",):
            archive.writestr(name, content)
    return file.getvalue()


COMPRESS: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, zipped]


@pytest.mark.parametrize("compress", COMPRESS)
def test_the_first_bytes_decide_not_the_suffix(tmp_path: Path, compress: Callable[[bytes], bytes]):
    path = tmp_path / "data.txt"
    path.write_bytes(compress(CONTENT))
    assert read_bytes(path) == CONTENT


@pytest.mark.parametrize("compress", COMPRESS)
def test_a_compressed_stream(compress: Callable[[bytes], bytes]):
    reader, writer = os.pipe()
    thread = threading.Thread(
        target=lambda: (os.write(writer, compress(CONTENT)), os.close(writer))
    )
    thread.start()
    assert read_bytes(Path(f"/dev/fd/{reader}")) == CONTENT
    thread.join()
    os.close(reader)


@pytest.mark.parametrize("compress", COMPRESS)
@pytest.mark.parametrize("keep", [0.6, 0.99])
def test_a_file_that_was_cut_short(tmp_path: Path, compress: Callable[[bytes], bytes], keep: float):
    path = tmp_path / "data.bin"
    packed = compress(os.urandom(10_000))
    path.write_bytes(packed[: int(len(packed) * keep)])
    with pytest.raises(DataError, match=r"cannot be unpacked: .*\nmend: it is damaged"):
        read_bytes(path)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_damage_in_the_middle(tmp_path: Path, compress: Callable[[bytes], bytes]):
    path = tmp_path / "data.bin"
    packed = bytearray(compress(os.urandom(10_000)))
    packed[5000:5100] = bytes(100)
    path.write_bytes(packed)
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_bytes(path)


def test_an_archive_of_several_files(tmp_path: Path):
    path = tmp_path / "data.zip"
    path.write_bytes(zipped(b"x", "a.txt", "b.txt"))
    with pytest.raises(DataError, match=r"2 files \(a.txt, b.txt\), expected one\nmend: unpack it"):
        read_bytes(path)


def test_an_encrypted_archive(tmp_path: Path):
    content = bytearray(zipped(b"x"))
    # The flag of encryption, in the file's own header and in the table of contents.
    content[content.index(b"PK\x03\x04", 1) + 6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / "data.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted"):
        read_bytes(path)


def test_names_and_places(tmp_path: Path):
    assert bare_name(Path("a/reviews.csv.gz")) == bare_name(Path("reviews.csv")) == "reviews.csv"
    (tmp_path / "reviews.csv").write_bytes(b"x")
    check_exists(tmp_path)
    with pytest.raises(DataError, match=r"did you mean .*reviews\.csv\?"):
        check_exists(tmp_path / "review.csv")
    with pytest.raises(DataError, match="cannot read"):
        check_exists(tmp_path / "a\0b")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"), opened(tmp_path / "empty"):
        pass
