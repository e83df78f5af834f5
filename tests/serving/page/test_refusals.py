"""What the model cannot do, and what the server refuses, is said and never swallowed."""

from __future__ import annotations

import pytest

from tests.serving.page.browser import refuse
from tests.serving.page.conftest import Visiting
from tests.serving.page.playing import expect


def test_a_view_that_the_model_cannot_fill_gives_its_reason(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("predict")
        tab = page.get_by_role("tab", name="Predict")
        expect(tab).to_have_attribute("aria-disabled", "true")
        # The link to it leads to the first view, and says why.
        expect(page.locator(".tab-reason")).to_contain_text("is a language model")
        expect(page.get_by_role("tab", name="Unrolled")).to_have_attribute("aria-selected", "true")
        page.get_by_role("tab", name="Unrolled").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Write")).to_have_attribute("aria-selected", "true")
        assert page.url.endswith("#write")
        page.keyboard.press("ArrowRight")
        expect(tab).to_be_focused()
        expect(page.locator(".tab-reason")).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Cell bench")).to_have_attribute(
            "aria-selected", "true"
        )
        page.go_back()
        expect(page.get_by_role("tab", name="Write")).to_have_attribute("aria-selected", "true")
    with visit("classifier") as window:
        page = window.open()
        # Playwright would wait until it is enabled; a reader presses it all the same.
        page.get_by_role("tab", name="Write").click(force=True)
        expect(page.locator(".tab-reason")).to_contain_text("never writes")


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (413, "more than the server takes"),
        (422, "cannot take that"),
        (500, "went wrong on the server"),
        (504, "took too long"),
    ],
)
def test_a_refusal_is_shown_with_its_mend(visit: Visiting, status: int, title: str) -> None:
    with visit("classifier") as window:
        window.expected.append("Failed to load resource")
        page = window.open("predict")
        refuse(page, "/predict", status)
        page.fill("#predict-text", "a b")
        notice = page.get_by_role("alert").filter(has_text=title)
        expect(notice).to_be_visible()
        expect(notice).to_contain_text(f"refused with {status}")
        expect(notice).to_contain_text("Mend: do less")
        notice.get_by_role("button", name="Try again").click()
        expect(page.locator(".prediction")).to_have_count(1)
        expect(notice).to_be_hidden()


def test_a_busy_server_is_asked_again_when_it_said(visit: Visiting) -> None:
    with visit() as window:
        window.expected.append("Failed to load resource")
        page = window.open("write")
        refuse(page, "/generate", 503, headers={"Retry-After": "2"})
        page.get_by_label("Length").fill("20")
        page.get_by_role("button", name="Write", exact=True).click()
        notice = page.get_by_role("alert").filter(has_text="is busy")
        again = notice.get_by_role("button")
        expect(again).to_be_disabled()
        expect(again).to_have_text("Try again in 2 s")
        expect(again).to_be_enabled(timeout=5000)
        window.shoot("busy")
        again.click()
        expect(page.locator(".write .status")).to_contain_text("20 characters")


@pytest.mark.parametrize("view", ["unrolled", "write", "cells"])
def test_a_lost_connection_is_said_in_every_view(visit: Visiting, view: str) -> None:
    with visit() as window:
        window.expected.append("Failed to load resource")
        page = window.open(view)
        page.wait_for_load_state("networkidle")
        page.route("**/*", lambda route: route.abort("connectionrefused"))
        match view:
            case "unrolled":
                page.fill("#unrolled-text", "the")
            case "write":
                page.get_by_role("button", name="Write", exact=True).click()
            case _:
                page.get_by_label("Line 1").fill("h = tanh(W @ h + U @ x)")
        notice = page.locator(".notice:visible")
        expect(notice.first).to_contain_text("does not answer")
        expect(notice.first).to_contain_text("ostinato serve")
        page.unroute_all()
        notice.first.get_by_role("button", name="Try again").click()
        expect(page.locator(".notice:visible")).to_have_count(0)


def test_a_stream_that_breaks_says_so(visit: Visiting) -> None:
    events = (
        'event: start\ndata: {"id":1,"prompt":"a"}\n\n'
        'event: text\ndata: {"text":"some"}\n\n'
        'event: error\ndata: {"code":"timeout","message":"it took 120 s","mend":"write less"}\n\n'
    )
    with visit() as window:
        page = window.open("write")
        page.route(
            "**/generate",
            lambda route: route.fulfill(body=events, content_type="text/event-stream"),
        )
        page.get_by_role("button", name="Write", exact=True).click()
        expect(page.locator(".written")).to_have_text("some")
        expect(page.locator(".notice:visible")).to_contain_text("took too long")
        expect(page.locator(".notice:visible")).to_contain_text("write less")


def test_a_server_that_is_not_there_yet(visit: Visiting) -> None:
    with visit() as window:
        window.expected.append("Failed to load resource")
        window.page.route("**/model", lambda route: route.abort("connectionrefused"), times=1)
        page = window.page
        page.goto(window.address)
        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("tab").first).to_be_visible()


def test_what_is_shown_of_an_earlier_text_is_grey_and_said_to_be(visit: Visiting) -> None:
    with visit() as window:
        window.expected.append("Failed to load resource")
        page = window.open()
        page.fill("#unrolled-text", "the quick")
        expect(page.locator(".step-column")).to_have_count(9)
        expect(page.locator(".stale-note:visible")).to_have_count(0)
        page.fill("#unrolled-text", "the quick \u2603")
        expect(page.locator(".notice:visible")).to_have_count(1)
        expect(page.locator(".unrolled .stale-note")).to_be_visible()
        page.wait_for_function("getComputedStyle(document.querySelector('.stage')).opacity < 0.5")
        page.get_by_role("button", name="한국어").click()
        said = page.locator(".notice-said")
        expect(said).to_contain_text("모르는 글자")
        assert said.get_attribute("lang") is None
        window.shoot("stale-ko")
        page.fill("#unrolled-text", "the quick fox")
        expect(page.locator(".stale-note:visible")).to_have_count(0)
        expect(page.locator(".stage.stale")).to_have_count(0)
