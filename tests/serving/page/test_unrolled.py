"""The network unrolled over a text: what it shows, and how it is walked through."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from tests.serving.page.conftest import Visiting
from tests.serving.page.playing import Page, Request, expect

TEXT = "the quick brown fox"


def type_text(page: Page, text: str) -> None:
    page.fill("#unrolled-text", text)
    expect(page.locator(".timeline-scroll")).to_have_attribute("aria-valuemax", str(len(text)))


def step(page: Page) -> int:
    return int(page.get_attribute(".timeline-scroll", "aria-valuenow") or 0)


def test_the_first_text_is_the_model_s_own_and_goes_on(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        expect(page.locator(".step-column").first).to_be_visible()
        assert page.input_value("#unrolled-text").startswith("the quick")
        assert len(page.input_value("#unrolled-text")) > len("the quick") + 20
        assert page.title().endswith("Ostinato")


def test_equations_are_filled_with_the_numbers_of_the_server(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        type_text(page, TEXT)
        page.locator('.step-column[data-step="3"]').click()
        expect(page.locator(".step-card h2")).to_have_text("Step 4 of 19")
        page.get_by_label("Unit", exact=True).fill("5")
        asked = {"text": TEXT, "step": 3, "layer": 0, "direction": 0, "unit": 4}
        said = httpx.post(f"{window.address}/trace/step", json=asked, timeout=30).json()
        rows = page.locator(".equation")
        expect(rows).to_have_count(len(said["equations"]))
        for row, equation in zip(rows.all(), said["equations"], strict=True):
            shown = f"{equation['value']:.3f}".replace("-", "−")
            expect(row.locator(".value-chip")).to_have_text(re.compile(re.escape(shown[:5])))
            expect(row.locator(".symbols math msub").first).to_be_attached()
            numbers = re.findall(r"<mn>([^<]+)</mn>", equation["filled"])
            assert numbers
            shown_numbers = row.locator(".filled math mn").all_text_contents()
            assert all(number in shown_numbers for number in numbers)
        expect(page.locator(".bar-row.hit .target-mark")).to_have_text("target")


def test_the_keyboard_alone_steps_through_time(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        type_text(page, TEXT)
        page.focus("#unrolled-text")
        for _ in range(6):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.classList.contains('timeline-scroll')"):
                break
        for key, expected in (
            ("Home", 1),
            ("ArrowRight", 2),
            ("ArrowRight", 3),
            ("ArrowLeft", 2),
            ("End", len(TEXT)),
            ("PageUp", None),
            ("PageDown", len(TEXT)),
            ("Home", 1),
        ):
            page.keyboard.press(key)
            assert step(page) == expected if expected else 1 < step(page) < len(TEXT)
        said = page.get_attribute(".timeline-scroll", "aria-valuetext") or ""
        assert "step 1 of 19, reads t" in said
        assert "loss" in said
        expect(page.locator(".step-card h2")).to_have_text("Step 1 of 19")
        page.keyboard.press("End")
        expect(page.locator(".step-column.chosen")).to_be_in_viewport()


def test_the_gradient_travels_back_by_the_keyboard(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        type_text(page, TEXT)
        page.focus(".timeline-scroll")
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        send = page.get_by_role("button", name="Loss at this step")
        send.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".verdict-mark")).to_have_text(
            re.compile("Vanishing|Healthy|Exploding")
        )
        expect(page.locator(".verdict-rate")).to_have_text(re.compile(r"× \d\.\d{3} a step"))
        # The wave runs by itself, and ends at the first step.
        back = page.get_by_role("button", name="One step back")
        expect(back).to_be_disabled(timeout=20_000)
        expect(page.locator(".gradient-bar").nth(7)).to_be_attached()
        forward = page.get_by_role("button", name="One step forward")
        forward.focus()
        for _ in range(3):
            page.keyboard.press("Enter")
        expect(back).to_be_enabled()
        reached = '.step-column[data-step="{}"] .gradient-number'
        page.focus(".timeline-scroll")
        page.keyboard.press("Home")
        expect(page.locator(reached.format(2))).to_have_count(0)
        expect(page.locator(reached.format(3))).to_have_count(1)
        # Another step of the loss.
        slider = page.get_by_label("Step of the loss")
        slider.focus()
        with page.expect_response("**/trace/gradient") as moved:
            page.keyboard.press("ArrowLeft")
        assert moved.value.json()["step"] == 9
        page.get_by_text("The same as a table").click()
        expect(page.locator(".gradient-card tbody tr")).to_have_count(10)
        window.shoot("unrolled-gradient")
        page.get_by_role("button", name="Close").press("Enter")
        expect(page.locator(".gradient-bar")).to_have_count(0)


def test_each_place_has_its_own_verdict_and_measured_half_life(visit: Visiting) -> None:
    size = [1e-12, 1e-11, 1e-3, 0.1, 1.0]
    answer = {
        "step": 4,
        "places": [{"layer": 0, "direction": 0}, {"layer": 1, "direction": 0}],
        "norms": {"0.0": {"h": size}, "1.0": {"h": [1.0] * 5}},
        "rate": {"0.0": 0.5, "1.0": 1.0},
        "half_lives": {"0.0": 3, "1.0": None},
        "reaches": {"0.0": 4, "1.0": None},
        "verdicts": {"0.0": "vanishing", "1.0": "healthy"},
        "verdict": "vanishing",
        "mend": "a longer memory",
    }
    with visit(reduced_motion="reduce") as window:
        page = window.open()
        type_text(page, TEXT)
        page.route(
            "**/trace/gradient",
            lambda route: route.fulfill(body=json.dumps(answer), content_type="application/json"),
        )
        page.get_by_label("Layer").select_option("0.0")
        page.get_by_role("button", name="Loss at this step").click()
        verdict = page.locator(".verdict")
        expect(verdict).to_contain_text("Vanishing")
        expect(verdict).to_contain_text("half of it is gone by step 3")
        expect(verdict).to_contain_text("a longer memory")
        # The two smallest are told as such; the line has the other three.
        expect(page.locator(".below-note")).to_contain_text("below 1.0·10⁻⁸")
        expect(page.locator(".gradient-chart rect.below-floor")).to_have_count(1)
        path = page.locator(".gradient-chart svg path.line").first.get_attribute("d") or ""
        assert len(re.findall("[ML]", path)) == 3
        window.shoot("unrolled-verdict")
        page.get_by_label("Layer").select_option("1.0")
        expect(verdict).to_contain_text("Healthy")
        expect(verdict).not_to_contain_text("half of it")
        expect(verdict).not_to_contain_text("a longer memory")


def test_a_long_way_back_is_played_within_seconds_over_boxes_that_are_filled(
    visit: Visiting,
) -> None:
    long = ("a stitch in time saves nine. " * 90)[:2500]
    with visit() as window:
        page = window.open()
        type_text(page, long)
        page.focus(".timeline-scroll")
        page.keyboard.press("End")
        # The last steps are drawn a frame after the key, and filled when the server has answered.
        expect(page.locator('.step-column[data-step="2499"] .step-strips')).to_be_visible()
        expect(page.locator(".step-box.waiting")).to_have_count(0)
        page.evaluate(
            """() => {
                window.stops = new Set();
                window.empty = 0;
                const look = () => {
                    const scroll = document.querySelector(".timeline-scroll");
                    window.stops.add(scroll.scrollLeft);
                    const seen = scroll.getBoundingClientRect();
                    for (const box of document.querySelectorAll(".step-box.waiting")) {
                        const { left, right } = box.getBoundingClientRect();
                        if (right > seen.left && left < seen.right) window.empty += 1;
                    }
                    requestAnimationFrame(look);
                };
                look();
            }"""
        )
        page.get_by_role("button", name="Loss at this step").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        # It takes 8 s; a machine with other work to do gets some more.
        expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=14_000)
        expect(page.get_by_role("button", name="One step back")).to_be_disabled()
        assert page.evaluate("window.stops.size") <= 70
        assert page.evaluate("window.empty") == 0


def test_the_flag_of_the_loss_is_dragged(visit: Visiting) -> None:
    with visit(reduced_motion="reduce") as window:
        page = window.open()
        type_text(page, TEXT)
        page.locator('.step-column[data-step="5"]').click()
        page.get_by_role("button", name="Loss at this step").click()
        flag = page.locator(".loss-flag")
        expect(flag).to_be_visible()
        flag.scroll_into_view_if_needed()
        box = flag.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
        page.mouse.down()
        with page.expect_response("**/trace/gradient") as moved:
            page.mouse.move(box["x"] - 2 * 146 + box["width"] / 2, box["y"] + 5, steps=4)
        page.mouse.up()
        assert moved.value.json()["step"] == 3
        assert step(page) == 6, "a drag chooses no step"


def test_who_wants_less_motion_sees_the_gradient_at_once(visit: Visiting) -> None:
    with visit(reduced_motion="reduce") as window:
        page = window.open()
        type_text(page, TEXT)
        page.locator('.step-column[data-step="5"]').click()
        page.get_by_role("button", name="Loss at this step").click()
        expect(page.locator('.step-column[data-step="0"] .gradient-number')).to_be_visible()
        expect(page.get_by_role("button", name="Play")).to_be_hidden()
        page.get_by_role("button", name="One step forward").click()
        expect(page.locator('.step-column[data-step="0"] .gradient-number')).to_have_count(0)
        page.get_by_role("button", name="Show all").click()
        expect(page.locator('.step-column[data-step="0"] .gradient-number')).to_be_visible()


def test_layers_are_chosen(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        type_text(page, TEXT)
        places = page.get_by_label("Layer")
        expect(places.locator("option")).to_have_text(["Layer 1", "Layer 2"])
        with page.expect_request("**/trace/step") as asked:
            places.select_option("1.0")
        assert json.loads(asked.value.post_data or "")["layer"] == 1


def test_five_thousand_characters_stay_light(visit: Visiting) -> None:
    long = ("a stitch in time saves nine. " * 180)[:5000]
    traces: list[dict[str, int]] = []

    def note(request: Request) -> None:
        if request.url.endswith("/trace"):
            traces.append(json.loads(request.post_data or ""))

    with visit() as window:
        page = window.open()
        page.on("request", note)
        type_text(page, long)
        most = 0
        page.focus(".timeline-scroll")
        for key in ("End", *["PageUp"] * 6, "Home", *["PageDown"] * 6, "End"):
            page.keyboard.press(key)
            most = max(most, page.evaluate("document.querySelectorAll('*').length"))
        # A slow hand over the overview: each place outdates what was asked for before.
        for share in range(10):
            page.evaluate(
                "share => { const s = document.querySelector('.timeline-scroll');"
                " s.scrollLeft = s.scrollWidth * share / 10 }",
                share,
            )
        expect(page.locator(".step-box.waiting")).to_have_count(0)
        assert step(page) == 5000
        # What is looked into is known, though it has been scrolled away.
        expect(page.locator(".step-card h2")).to_have_text("Step 5000 of 5000")
        expect(page.locator(".step-top .bar-row")).to_have_count(5)
        assert most < 2500, f"{most} elements"
        assert page.locator(".step-column").count() < 30
        assert all(asked["stop"] - asked["start"] <= 64 for asked in traces)
        assert len(traces) < 25, f"{len(traces)} requests"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        window.shoot("unrolled-long")


def test_typing_asks_once(visit: Visiting) -> None:
    with visit() as window:
        page = window.open()
        type_text(page, TEXT)
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/trace") else None)
        # As a fast hand types; keys of a test come as slowly as a busy machine lets them.
        page.locator("#unrolled-text").evaluate(
            """box => {
                for (const letter of " jumps") {
                    box.value += letter;
                    box.dispatchEvent(new Event("input", { bubbles: true }));
                }
            }"""
        )
        expect(page.locator(".timeline-scroll")).to_have_attribute("aria-valuemax", "25")
        assert len(asked) == 1


def test_a_classifier_shows_its_labels(visit: Visiting) -> None:
    with visit("classifier", reduced_motion="reduce") as window:
        page = window.open()
        expect(page.locator(".empty:visible")).to_contain_text("Type a text")
        page.fill("#unrolled-text", "c a d b e")
        expect(page.locator(".step-column")).to_have_count(5)
        page.focus(".timeline-scroll")
        page.keyboard.press("End")
        expect(page.locator(".step-top .bar-name").first).to_have_text("a first")
        page.get_by_role("button", name="Decision at the end").click()
        expect(page.locator(".verdict-mark")).to_be_visible()
        expect(page.get_by_label("Step of the decision")).to_be_disabled()


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "</textarea><script>"])
def test_what_is_typed_stays_text(visit: Visiting, text: str) -> None:
    with visit("classifier") as window:
        page = window.open()
        page.on("dialog", lambda dialog: window.complaints.append(dialog.message))
        page.fill("#unrolled-text", text)
        expect(page.locator(".step-column").first).to_be_visible()
        expect(page.locator("main img, main script")).to_have_count(0)


def test_nothing_but_mathematics_comes_out_of_mathml(visit: Visiting) -> None:
    math = "http://www.w3.org/1998/Math/MathML"
    evil = (
        f'<math xmlns="{math}" onclick="alert(1)"><mi href="javascript:alert(1)">x</mi>'
        '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>'
        "<annotation-xml><mi>y</mi></annotation-xml><mn>1</mn></math>"
    )
    line = {"name": "h", "mathml": evil, "filled": "<p>no mathematics</p>", "value": None}
    answer = json.dumps({"equations": [line], "unit": 0, "num_units": 4})
    with visit() as window:
        # The policy of the page blocks the handler already while it is parsed.
        window.expected.append("inline event handler")
        window.page.route(
            "**/trace/step",
            lambda route: route.fulfill(body=answer, content_type="application/json"),
        )
        page = window.open()
        shown = page.locator(".symbols math")
        expect(shown).to_have_text("x1")
        assert shown.evaluate("math => math.outerHTML") == "<math><mi>x</mi><mn>1</mn></math>"
        expect(page.locator(".filled")).to_be_empty()
        expect(page.locator(".value-chip")).to_have_text("–")
