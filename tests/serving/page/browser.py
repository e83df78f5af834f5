"""A browser that looks at a real server, and complains of what a reader would not see."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.training.helpers import process_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

NAMES = ("chromium", "google-chrome", "chromium-browser", "google-chrome-stable")
ARTIFACTS = Path(os.environ.get("OSTINATO_ARTIFACTS", "build/artifacts/page"))
MUST_BE_THERE = bool(os.environ.get("CI")) or os.environ.get("OSTINATO_BROWSER") == "required"
"""Whether what is missing fails a test rather than to skip it."""
_PATIENCE_MS = 20_000


def find_browser() -> str:
    """Return the path of Chromium or Chrome; without one, skip, or fail where it must be there."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"needs a browser: none of {', '.join(NAMES)} is on the path"
        if MUST_BE_THERE:
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def serving(run: Path, folder: Path) -> Iterator[str]:
    """Serve a run by ``ostinato serve`` in a process of its own; yield its address."""
    log = folder / f"{run.name}.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "ostinato.cli", "serve", str(run), "--port", "0"],
            env=process_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            assert " at http://" in said, f"no server: {said!r} {log.read_text()}"
            yield said.split(" at ")[1].strip()
        finally:
            process.terminate()
            process.wait(20)


@dataclass
class Visit:
    """A page that is open, and what went wrong on it unseen.

    Attributes:
        page: of playwright.
        address: of the server.
        complaints: errors and warnings of the console, requests to other servers.
        expected: parts of complaints that the test provokes.
    """

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def open(self, view: str = "") -> Page:
        """Open a view, and wait until the model is known."""
        self.page.goto(f"{self.address}/{view and f'#{view}'}")
        self.page.wait_for_selector("[role=tab]")
        return self.page

    def unexpected(self) -> list[str]:
        """Return the complaints that no test provoked."""
        return [c for c in self.complaints if not any(part in c for part in self.expected)]

    def shoot(self, name: str) -> None:
        """Keep a picture of the page."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


@contextmanager
def visiting(browser: Browser, address: str, **options: Any) -> Iterator[Visit]:
    """Open a window on a server; whatever it complains of fails the test at the end."""
    chosen = {"locale": "en-US", "color_scheme": "light", **options}
    context: BrowserContext = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, **chosen}
    )
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    visit = Visit(page, address)
    origin = urlsplit(address).netloc

    def guard(route: Route) -> None:
        if urlsplit(route.request.url).netloc == origin:
            route.fallback()
        else:
            visit.complaints.append(f"request to {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    page.on(
        "console",
        lambda said: (
            visit.complaints.append(f"{said.type}: {said.text}")
            if said.type in ("error", "warning")
            else None
        ),
    )
    page.on("pageerror", lambda error: visit.complaints.append(f"uncaught: {error}"))
    try:
        yield visit
        assert not visit.unexpected(), visit.unexpected()
    finally:
        context.close()


def refuse(
    page: Page, path: str, status: int, *, times: int = 1, headers: dict[str, str] | None = None
) -> None:
    """Let the server refuse a path some times, in the form of every error."""
    body = (
        f'{{"error":{{"code":"test","message":"refused with {status}","mend":"do less",'
        '"details":null}}'
    )
    page.route(
        f"**{path}",
        lambda route: route.fulfill(
            status=status, body=body, content_type="application/json", headers=headers or {}
        ),
        times=times,
    )
