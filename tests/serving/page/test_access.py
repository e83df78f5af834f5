"""The page for everyone: both languages, both themes, small screens, and axe's rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving.page.conftest import Visiting
from tests.serving.page.playing import Axe, Page, expect

VIEWS = [
    ("writer", "unrolled"),
    ("writer", "write"),
    ("writer", "cells"),
    ("classifier", "unrolled"),
    ("classifier", "predict"),
    ("tagger", "predict"),
]


def fill(page: Page, view: str) -> None:
    """Bring a view into the state in which most of it is seen."""
    match view:
        case "unrolled":
            if not page.input_value("#unrolled-text"):
                page.fill("#unrolled-text", "c a d b e")
            expect(page.locator(".equation").first).to_be_visible()
            page.locator(".gradient-card .button.primary").click()
            expect(page.locator(".verdict-mark")).to_be_visible()
            page.locator(".gradient-card .more summary").click()
        case "write":
            page.get_by_role("button", name="Write", exact=True).click()
            expect(page.locator(".write .status")).to_contain_text("400 characters", timeout=30_000)
            page.locator("#write-prompt").fill("")
            page.locator("#write-prompt").press_sequentially("the")
            expect(page.get_by_role("option").first).to_be_visible()
        case "predict":
            page.fill("#predict-text", "c a d b e")
            page.get_by_label("Show which tokens").check()
            expect(page.locator(".influence").first).to_be_visible()
            page.get_by_text("The same as a table").first.click()
        case _:
            page.get_by_label("Line 1").fill("r = sigmoid(W_r * V @ [h, x])")
            expect(page.locator(".line-error")).to_be_visible()


def serious(page: Page) -> list[str]:
    """Return what axe finds serious or critical."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(("kind", "view"), VIEWS)
def test_axe_finds_nothing_serious(visit: Visiting, kind: str, view: str) -> None:
    with visit(kind, reduced_motion="reduce") as window:
        page = window.open(view)
        fill(page, view)
        problems: list[str] = []
        for language in ("en", "ko"):
            for theme in ("light", "dark"):
                assert page.get_attribute("html", "data-theme") == theme
                assert page.get_attribute("html", "lang") == language
                problems += [f"{language} {theme} {each}" for each in serious(page)]
                if (language, theme) in (("en", "light"), ("ko", "dark")):
                    window.shoot(f"{kind}-{view}-{language}-{theme}")
                # Clicks would take the focus, and with it the list of suggestions.
                page.evaluate("document.querySelectorAll('.icon-button')[1].click()")
            page.evaluate("document.querySelectorAll('.icon-button')[0].click()")
        assert problems == []


@pytest.mark.parametrize(("kind", "view"), VIEWS)
def test_a_phone_needs_no_scrolling_sideways(visit: Visiting, kind: str, view: str) -> None:
    with visit(kind, viewport={"width": 360, "height": 740}, reduced_motion="reduce") as window:
        page = window.open(view)
        fill(page, view)
        for language in ("en", "ko"):
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            window.shoot(f"phone-{kind}-{view}-{language}")
            page.evaluate("document.querySelectorAll('.icon-button')[0].click()")


def test_the_browser_s_language_and_theme_are_the_first(visit: Visiting) -> None:
    with visit(locale="ko-KR", color_scheme="dark") as window:
        page = window.open()
        assert page.get_attribute("html", "lang") == "ko"
        assert page.get_attribute("html", "data-theme") == "dark"
        expect(page.get_by_role("tab").first).to_have_text("펼쳐 보기")
        page.get_by_role("button", name="English").click()
        page.get_by_role("button", name="Switch to light colours").click()
        expect(page.get_by_role("tab").first).to_have_text("Unrolled")
        page.reload()
        expect(page.get_by_role("tab").first).to_have_text("Unrolled")
        assert page.get_attribute("html", "data-theme") == "light"


def test_a_change_of_language_leaves_nothing_behind(visit: Visiting) -> None:
    with visit(reduced_motion="reduce") as window:
        page = window.open()
        fill(page, "unrolled")
        page.get_by_role("button", name="한국어").click()
        shown = page.locator(".unrolled").inner_text()
        for english in ("Step", "Gradient", "Loss", "Close", "Unit", "Output"):
            assert english not in shown, english
        assert "번째 시점" in (page.get_attribute(".timeline-scroll", "aria-valuetext") or "")


def test_the_first_stop_of_the_keyboard_leads_past_the_header(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()


def test_the_focus_is_seen(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        expect(page.locator(".equation").first).to_be_visible()
        unseen: list[str] = []
        for _ in range(10):
            page.keyboard.press("Tab")
            ring = page.evaluate(
                """() => {
                    const focused = document.activeElement;
                    const { outlineStyle, outlineWidth } = getComputedStyle(focused);
                    const width = outlineStyle === "none" ? 0 : parseFloat(outlineWidth);
                    return width >= 2 ? "" : focused.outerHTML.slice(0, 120);
                }"""
            )
            unseen += [ring] if ring else []
        assert unseen == []
