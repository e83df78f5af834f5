"""The network writes, and suggests."""

from __future__ import annotations

import re

from tests.serving.page.conftest import Visiting
from tests.serving.page.playing import Page, expect


def written(page: Page) -> str:
    return page.locator(".written").text_content() or ""


def test_a_text_is_streamed_and_the_same_seed_writes_it_again(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("write")
        page.fill("#write-prompt", "the quick")
        page.get_by_label("Length").fill("120")
        page.get_by_role("button", name="Write", exact=True).click()
        expect(page.locator(".write .status")).to_have_text(re.compile(r"120 characters in .* s"))
        first = written(page)
        assert len(first) == 120
        assert page.locator(".given").text_content() == "the quick"
        page.get_by_role("button", name="Write", exact=True).click()
        expect(page.locator(".write .status")).to_have_text(re.compile("120 characters"))
        assert written(page) == first
        page.get_by_label("Seed", exact=True).fill("2")
        page.get_by_label("Temperature").fill("1.5")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".write .status")).to_have_text(re.compile("120 characters"))
        assert written(page) != first
        window.shoot("write")


def test_writing_is_stopped(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("write")
        page.fill("#write-prompt", "the quick")
        page.get_by_label("Length").fill("5000")
        page.get_by_role("button", name="Write", exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".written")).not_to_be_empty()
        expect(page.get_by_role("button", name="Stop")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".write .status")).to_have_text(re.compile("Stopped after"))
        length = len(written(page))
        assert 0 < length < 5000
        expect(page.get_by_role("button", name="Write", exact=True)).to_be_focused()
        page.wait_for_timeout(300)
        assert len(written(page)) == length


def test_suggestions_are_taken_by_the_keyboard_and_never_hold_it(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("write")
        box = page.locator("#write-prompt")
        suggestions = page.get_by_role("option")
        box.fill("")
        box.press_sequentially("the quick b")
        # Those of an earlier letter may still be there.
        expect(suggestions.first).to_have_text(re.compile("^1rown"))
        expect(box).to_have_attribute(
            "aria-activedescendant", suggestions.first.get_attribute("id") or "none"
        )
        page.keyboard.press("ArrowDown")
        expect(suggestions.nth(1)).to_have_attribute("aria-selected", "true")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Tab")
        expect(box).to_have_value(re.compile("^the quick brown"))
        expect(box).to_be_focused()
        expect(suggestions.first).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".suggestions")).to_be_hidden()
        page.keyboard.press("Tab")
        expect(box).not_to_be_focused()


def test_a_suggestion_is_taken_by_its_number_or_by_a_click(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("write")
        box = page.locator("#write-prompt")
        box.fill("")
        box.press_sequentially("the")
        second = page.locator(".suggestion-text").nth(1)
        expect(second).to_be_visible()
        text = (second.text_content() or "").replace("␣", " ").replace("⏎", "\n")
        page.keyboard.press("Alt+2")
        expect(box).to_have_value(f"the{text}")
        expect(page.get_by_role("option").first).to_be_visible()
        before = box.input_value()
        page.get_by_role("option").first.click()
        expect(box).not_to_have_value(before)
        expect(box).to_be_focused()


def test_who_only_passes_through_is_not_offered_anything(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("write")
        page.focus("#write-prompt")
        page.wait_for_timeout(400)
        expect(page.locator(".suggestions")).to_be_hidden()
        page.keyboard.press("Tab")
        expect(page.locator("#write-prompt")).not_to_be_focused()


def test_a_composed_syllable_is_completed_by_what_stands_for_it(visit: Visiting) -> None:
    answer = '{"suggestions":[{"text":"한글","probability":0.5,"replaces":1}]}'
    with visit() as window:
        window.page.route(
            "**/suggest", lambda route: route.fulfill(body=answer, content_type="application/json")
        )
        page = window.open("write")
        box = page.locator("#write-prompt")
        box.fill("")
        box.press_sequentially("큰 하")
        expect(page.get_by_role("option")).to_have_count(1)
        page.keyboard.press("Tab")
        expect(box).to_have_value("큰 한글")
