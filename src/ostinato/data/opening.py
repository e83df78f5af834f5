"""Open a file, compressed or not, or say exactly why it cannot be opened."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ostinato.core.errors import nearest
from ostinato.data.errors import DataError

COMPRESSED_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zip"})
_ZIP = b"PK\x03\x04"
# Zip archives to the eye of a reader, but unpacking them gives no plain text.
_DOCUMENTS = frozenset({".docx", ".epub", ".hwpx", ".odt", ".pptx", ".xlsx"})
# What a shell puts in the place of a file: standard input, and `<(command)`.
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
_DAMAGED = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    NotImplementedError,
)


@contextmanager
def opened(path: Path) -> Generator[IO[bytes]]:
    """Open a file as it was before it was compressed by gzip, bzip2, xz or zip.

    The first bytes decide, not the suffix. While the file is open, what goes wrong in reading it
    becomes a ``DataError``, too.

    Args:
        path: the file; a zip archive has to hold exactly one.

    Raises:
        DataError: the file is missing, a folder, a device, unreadable, empty, a document of a word
            processor, or damaged.
    """
    try:
        with _open(path) as file, _unpacked(path, file) as content:
            yield content
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    except OSError as error:
        # bzip2 has no error of its own for content that it cannot unpack.
        if error.errno is None:
            raise _damaged(path, error) from error
        raise _unreadable(path, error) from error


def read_bytes(path: Path) -> bytes:
    """Read a whole file as it was before it was compressed.

    Raises:
        DataError: as in ``opened``.
    """
    with opened(path) as file:
        return file.read()


def bare_name(path: Path) -> str:
    """Return the file's name without the suffix of compression: ``reviews.csv``."""
    return path.stem if path.suffix.lower() in COMPRESSED_SUFFIXES else path.name


def check_exists(path: Path) -> None:
    """Refuse a path at which there is nothing.

    Raises:
        DataError: there is nothing; names a neighbour of a similar name.
    """
    try:
        path.stat()
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _open(path: Path) -> io.BufferedReader:
    try:
        if _may_end(path):
            return path.open("rb")
    except IsADirectoryError as error:
        inside = sorted(entry.name for entry in path.iterdir() if entry.is_file())[:1]
        hint = f"one of the files in it, such as {path / inside[0]}" if inside else "a text file"
        raise DataError(f"{path} is a folder, not a file\nmend: give {hint}") from error
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    raise DataError(
        f"{path} is a device or a pipe, not a file\n"
        "mend: give a text file, or /dev/stdin for what a command writes"
    )


def _may_end(path: Path) -> bool:
    """Whether reading is sure to end, or someone asked for a stream, which Ctrl-C ends."""
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or str(path).startswith(_STREAMS)


def _unpacked(path: Path, file: io.BufferedReader) -> IO[bytes]:
    head = file.peek(8)
    if not head:
        raise DataError(f"{path} is empty\nmend: give a file with something in it")
    if head.startswith(b"%PDF") or (head.startswith(_ZIP) and path.suffix.lower() in _DOCUMENTS):
        raise DataError(
            f"{path} is a document, not plain text\n"
            "mend: save it as plain text in the program that shows it"
        )
    for magic, unpack in _UNPACK.items():
        if head.startswith(magic):
            return unpack(path, file)
    return file


def _gzip(path: Path, file: IO[bytes]) -> IO[bytes]:
    del path
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file))


def _bzip2(path: Path, file: IO[bytes]) -> IO[bytes]:
    del path
    return cast("IO[bytes]", bz2.BZ2File(file))


def _xz(path: Path, file: IO[bytes]) -> IO[bytes]:
    del path
    return cast("IO[bytes]", lzma.LZMAFile(file))


def _zip(path: Path, file: IO[bytes]) -> IO[bytes]:
    # An archive's table of contents stands at its end, which a stream cannot go back from.
    archive = zipfile.ZipFile(file if file.seekable() else io.BytesIO(file.read()))
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        shown = ", ".join(member.filename for member in members[:5])
        raise DataError(
            f"{path} is an archive of {len(members)} files ({shown}), expected one\n"
            f"mend: unpack it: unzip {path}"
        )
    if members[0].flag_bits & 1:
        raise DataError(f"{path} is encrypted\nmend: unpack it: unzip {path}")
    return archive.open(members[0])


_UNPACK: dict[bytes, Callable[[Path, IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    _ZIP: _zip,
}


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be unpacked: {error}\n"
        "mend: it is damaged or was cut short; get or make it again"
    )


def _missing(path: Path) -> DataError:
    return DataError(f"no such file: {path}{_near(path)}\nmend: check the path")


def _unreadable(path: Path, reason: object) -> DataError:
    reason = reason.strerror if isinstance(reason, OSError) else reason
    return DataError(f"cannot read {str(path)!r}: {reason}\nmend: check its name and permissions")


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f" (the folder {path.parent} does not exist either)"
    names = [entry.name for entry in path.parent.iterdir()]
    near = nearest(path.name, names)
    return "" if near is None else f"; did you mean {path.parent / near}?"
