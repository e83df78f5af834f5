"""What a network decides, and which tokens it comes from."""

from __future__ import annotations

from typing import Any

from tests.serving.page.conftest import Visiting
from tests.serving.page.playing import expect


def test_a_classifier_by_the_keyboard(visit: Visiting) -> None:
    with visit("classifier") as window:
        page = window.open("predict")
        page.focus("#predict-text")
        page.keyboard.type("c a d b e\nf b c c a")
        cards = page.locator(".prediction")
        expect(cards).to_have_count(2)
        expect(cards.nth(0).locator(".decision strong")).to_have_text("a first")
        expect(cards.nth(1).locator(".decision strong")).to_have_text("b first")
        expect(cards.nth(0).locator(".bar-row")).to_have_count(2)
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.get_by_label("Show which tokens")).to_be_checked()
        tokens = cards.nth(0).locator(".influence")
        expect(tokens).to_have_count(5)
        expect(page.locator(".predict .status")).to_have_text("Predictions: 2")
        assert all(token.get_attribute("title") for token in tokens.all())
        assert any("+" in (token.text_content() or "") for token in tokens.all())
        cards.nth(0).get_by_text("The same as a table").focus()
        page.keyboard.press("Enter")
        expect(cards.nth(0).locator("tbody tr")).to_have_count(5)
        window.shoot("predict-classifier")


def test_a_tagger_colours_tokens_and_names_their_tags(visit: Visiting) -> None:
    with visit("tagger") as window:
        page = window.open("predict")
        page.fill("#predict-text", "ABC abcn dels abcn")
        tokens = page.locator(".tagged .token")
        expect(tokens).to_have_count(4)
        expect(tokens.nth(0).locator(".token-tag")).to_have_text("B-X")
        colors = [
            token.evaluate("token => getComputedStyle(token).backgroundColor")
            for token in tokens.all()
        ]
        assert colors[0] == colors[1], "parts of one span have one colour"
        assert colors[0] != colors[2]
        page.get_by_text("The same as a table").click()
        expect(page.locator("tbody tr").first).to_contain_text("B-X")
        window.shoot("predict-tagger")


def test_an_empty_text_offers_examples(visit: Visiting) -> None:
    with visit("classifier") as window:
        page = window.open("predict")
        page.locator(".empty button").first.click()
        expect(page.locator(".prediction")).to_have_count(1)
        page.fill("#predict-text", "")
        expect(page.locator(".prediction")).to_have_count(0)


def test_samples_of_the_run_come_before_sentences_of_the_page(visit: Visiting) -> None:
    with visit("classifier") as window:

        def with_samples(route: Any) -> None:
            model = {**route.fetch().json(), "samples": ["c a d b e", "f b c c a"], "prompt": ""}
            route.fulfill(json=model)

        window.page.route("**/model", with_samples)
        page = window.open("predict")
        offered = page.locator(".empty button:visible")
        expect(offered).to_have_text(["c a d b e", "f b c c a"])
        offered.last.click()
        expect(page.locator(".decision strong")).to_have_text("b first")


def test_a_network_of_arrays_has_words_and_samples_of_its_own(visit: Visiting) -> None:
    series = [[-0.5], [0.1], [0.7], [1.2]]
    with visit("arrays", reduced_motion="reduce") as window:

        def with_samples(route: Any) -> None:
            route.fulfill(json={**route.fetch().json(), "samples": [series], "prompt": ""})

        window.page.route("**/model", with_samples)
        page = window.open("predict")
        expect(page.locator("#predict-hint")).to_contain_text("Numbers of a step: 1")
        expect(page.locator(".empty:visible")).not_to_contain_text("text")
        page.locator(".empty button:visible").click()
        expect(page.locator(".decision strong")).to_have_text("1")
        page.get_by_role("tab", name="Unrolled").click()
        page.fill("#unrolled-text", "[[1], 2")
        expect(page.locator(".notice:visible")).to_contain_text("not numbers")
        page.fill("#unrolled-text", "[[-0.5], [0.1], [0.7], [1.2]]")
        expect(page.locator(".step-column")).to_have_count(4)
        expect(page.locator(".equation").first).to_be_visible()
        page.get_by_role("button", name="Decision at the end").click()
        expect(page.locator(".verdict-mark")).to_be_visible()
        window.shoot("unrolled-arrays")
