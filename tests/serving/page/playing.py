"""What tests take from Playwright and axe, where they are installed."""

from __future__ import annotations

import pytest

from tests.serving.page.browser import MUST_BE_THERE

if not MUST_BE_THERE:
    for _package in ("playwright.sync_api", "axe_playwright_python.sync_playwright"):
        pytest.importorskip(_package, reason=f"the page is tested with {_package.split('.')[0]}")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect, sync_playwright

__all__ = ["Axe", "Page", "Request", "expect", "sync_playwright"]
