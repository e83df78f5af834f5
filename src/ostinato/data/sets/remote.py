"""Files of named sets: in the folder of data, or downloaded once, and always the expected ones."""

from __future__ import annotations

import hashlib
import http.client
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ostinato.core import files
from ostinato.data.errors import DataError
from ostinato.data.opening import opened

DATA_FOLDER = "OSTINATO_DATA"
_CACHE_FOLDER = "XDG_CACHE_HOME"
_PUBLIC = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"
_TIMEOUT_SECONDS = 30
_CHUNK = 1 << 20
_checked: set[tuple[Path, int, str]] = set()


@dataclass(frozen=True)
class RemoteFile:
    """A file and where it can be had.

    Attributes:
        sha256: of the file; where it stands compressed in the folder of data, of what is in it.
        size: bytes, as for ``sha256``.
        url: its public source; None where no public file has the same content.
    """

    sha256: str
    size: int
    url: str | None


def public_file(repository: str, commit: str, path: str, sha256: str, size: int) -> RemoteFile:
    """Return a file of a public repository at one commit."""
    url = _PUBLIC.format(repository=repository, commit=commit, path=path)
    return RemoteFile(sha256, size, url)


def located(folder: str, name: str, remote: RemoteFile, source: str) -> Path:
    """Return where a file lies on this machine, downloading it first if need be.

    Args:
        folder: of its set.
        name: in the folder; in the folder of data, ``name.gz`` will do.
        remote: what it holds.
        source: of the set, in words.

    Raises:
        DataError: it holds something else, or cannot be downloaded.
        StorageError: it could not be written.
    """
    found = find(folder, name)
    path = _cache() / folder / name
    if found is not None and found != path:
        _check(found, remote, source, is_packed=found.name != Path(name).name)
        return found
    if found is not None and _fingerprint(path, is_packed=False) == remote.sha256:
        return path
    _store(path, _downloaded(folder, name, remote, source))
    return path


def find(folder: str, name: str) -> Path | None:
    """Return where a file lies on this machine, unchecked: the folder of data, then the cache."""
    data = os.environ.get(DATA_FOLDER)
    places = [Path(data, folder, name), Path(data, folder, f"{name}.gz")] if data else []
    return next((path for path in (*places, _cache() / folder / name) if path.is_file()), None)


def _cache() -> Path:
    base = os.environ.get(_CACHE_FOLDER)
    return (Path(base) if base else Path.home() / ".cache") / "ostinato"


def _check(path: Path, remote: RemoteFile, source: str, *, is_packed: bool) -> None:
    key = (path.resolve(), path.stat().st_mtime_ns, remote.sha256)
    if key in _checked:
        return
    found = _fingerprint(path, is_packed=is_packed)
    if found != remote.sha256:
        raise DataError(
            f"{path} is not the file of this set: sha256 {found}, expected {remote.sha256}\n"
            f"mend: get it again from {remote.url or source}, or take it away"
        )
    _checked.add(key)


def _fingerprint(path: Path, *, is_packed: bool) -> str:
    if is_packed:
        with opened(path) as file:
            return _digest(file)
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _downloaded(folder: str, name: str, remote: RemoteFile, source: str) -> bytes:
    by_hand = f"put it at {Path('FOLDER', folder, name)} and set {DATA_FOLDER}=FOLDER"
    if remote.url is None:
        raise DataError(
            f"{name} of the set {folder} cannot be downloaded: no public file has its content, "
            f"which was made from {source}\nmend: {by_hand}"
        )
    try:
        content = _fetch(remote.url, remote.size)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"cannot download {remote.url}: {error}\n"
            f"mend: check the network, or get the file by hand, {by_hand}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != remote.sha256:
        raise DataError(
            f"{remote.url} gave another file: {len(content):,} bytes with sha256 {found}, expected "
            f"{remote.size:,} with {remote.sha256}\n"
            f"mend: try again, or get the file by hand, {by_hand}"
        )
    return content


def _fetch(url: str, size: int) -> bytes:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        # The address is one of the catalogue's.
        opened_url = urlopen(url, timeout=_TIMEOUT_SECONDS)  # noqa: S310
    except HTTPError as error:
        # It holds the connection on which the refusal came.
        error.close()
        raise
    with cast("http.client.HTTPResponse", opened_url) as response:
        # One byte more than expected is enough to refuse the file.
        return response.read(size + 1)


def _store(path: Path, content: bytes) -> None:
    """Write the file whole; several processes may do so at once."""
    with files.writing(path, how=f" with {_CACHE_FOLDER}=DIR"):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            files.write_file(new, content)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
