"""Files of named sets: found, checked, downloaded, or missed with a mend."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostinato.core.errors import StorageError
from ostinato.data import DataError
from ostinato.data.sets.remote import RemoteFile, located, public_file

CONTENT = b"what the set holds\n" * 100


class _Handler(http.server.BaseHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        type(self).requests.append(self.path)
        content = {"/good": CONTENT, "/wrong": b"x" * len(CONTENT), "/short": CONTENT[:5]}
        if self.path in content:
            self.send_response(200)
            # A connection that breaks off announces more than it sends.
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(content[self.path])
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Handler.requests = []
    with http.server.HTTPServer(("127.0.0.1", 0), _Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSTINATO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data/pets").mkdir(parents=True)
    return tmp_path / "data/pets"


def remote(url: str | None = None) -> RemoteFile:
    return RemoteFile(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), url)


def find(url: str | None = None) -> Path:
    return located("pets", "cats.txt", remote(url), "github.com/x/y@1")


def test_the_folder_of_data_comes_first(folder: Path, server: str):
    (folder / "cats.txt.gz").write_bytes(gzip.compress(CONTENT))
    assert find(f"{server}/good") == folder / "cats.txt.gz"
    (folder / "cats.txt").write_bytes(CONTENT)
    assert find(f"{server}/good") == folder / "cats.txt"
    assert _Handler.requests == []


@pytest.mark.parametrize("name", ["cats.txt", "cats.txt.gz"])
def test_another_file_of_this_name_is_refused(folder: Path, name: str):
    content = b"dogs"
    (folder / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(DataError, match=r"is not the file of this set.*\nmend: get it again"):
        find("http://source")


def test_a_file_that_changes_after_it_was_checked(folder: Path):
    (folder / "cats.txt").write_bytes(CONTENT)
    find()
    (folder / "cats.txt").write_bytes(CONTENT + b"more")
    with pytest.raises(DataError, match="is not the file of this set"):
        find()


def test_a_download_is_kept(tmp_path: Path, server: str):
    path = find(f"{server}/good")
    assert path == tmp_path / "cache/ostinato/pets/cats.txt"
    assert path.read_bytes() == CONTENT
    assert find(f"{server}/good") == path
    assert _Handler.requests == ["/good"]
    path.write_bytes(b"damaged")
    assert find(f"{server}/good").read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["cats.txt"]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("wrong", "gave another file: 1,900 bytes with sha256"),
        ("short", r"cannot download .*: IncompleteRead|gave another file: 5 bytes"),
        ("none", "cannot download .*404"),
    ],
)
def test_a_download_that_fails(tmp_path: Path, server: str, page: str, message: str):
    with pytest.raises(DataError, match=message) as caught:
        find(f"{server}/{page}")
    assert "put it at FOLDER/pets/cats.txt and set OSTINATO_DATA=FOLDER" in str(caught.value)
    assert not (tmp_path / "cache/ostinato").exists()


def test_no_network_and_no_public_file():
    with pytest.raises(DataError, match=r"cannot download http://127\.0\.0\.1:1/.*"):
        find("http://127.0.0.1:1/x")
    with pytest.raises(DataError, match=r"was made from github\.com/x/y@1"):
        find()


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="XDG_CACHE_HOME=DIR"):
        find(f"{server}/good")


def test_public_addresses():
    found = public_file("owner/name", "abc", "a/b.txt", "0" * 64, 5)
    assert found.url == "https://raw.githubusercontent.com/owner/name/abc/a/b.txt"
