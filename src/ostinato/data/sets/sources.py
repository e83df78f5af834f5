"""Files of a set by what they hold and where they are from."""

from __future__ import annotations

from collections.abc import Callable

from ostinato.data.sets.content import CONTENT
from ostinato.data.sets.remote import RemoteFile, public_file


def public_files(
    folder: str, repository: str, commit: str, path_of: Callable[[str], str] = str
) -> dict[str, RemoteFile]:
    """Describe the files of a folder that stand in a public repository.

    Args:
        folder: a key of ``CONTENT``.
        repository: ``owner/name``.
        commit: of the repository.
        path_of: from a name in the folder to the path in the repository.
    """
    return {
        name: public_file(repository, commit, path_of(name), sha256, size)
        for name, (sha256, size) in CONTENT[folder].items()
    }


def made_files(folder: str) -> dict[str, RemoteFile]:
    """Describe files that were made from those of their source."""
    return {
        name: RemoteFile(sha256, size, None) for name, (sha256, size) in CONTENT[folder].items()
    }
