"""What goes wrong with files and texts."""

from __future__ import annotations

from ostinato.core.errors import OstinatoError


class DataError(OstinatoError, ValueError):
    """A file or text cannot be used: missing, empty, binary, badly encoded, too short."""
