"""The files of the page."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ostinato.serving.errors import RequestError

PAGE: Final = Path(__file__).parent / "page"
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


def page_file(name: str, request: Request) -> Response:
    """Answer with a file of the page.

    A name is looked up among the files that are there; it is never made into a path.

    Args:
        name: as in ``/static/NAME``.
        request: whose copy may still be good.

    Raises:
        RequestError: there is no such file.
    """
    path = _files().get(name)
    if path is None:
        raise RequestError(404, "not_found", f"the page has no file {name!r}", "open /")
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return Response(content, headers=headers, media_type=kind or "application/octet-stream")


def index(request: Request) -> Response:
    """Answer with the page itself."""
    return page_file(_INDEX, request)


def _files() -> dict[str, Path]:
    return {
        path.relative_to(PAGE).as_posix(): path
        for path in PAGE.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
