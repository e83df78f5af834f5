"""The bench for cells: what equations mean, what is wrong with them, and how they learn."""

from __future__ import annotations

import re

from tests.serving.page.conftest import Visiting
from tests.serving.page.playing import Page, expect

# A process of its own learns, with the lowest priority; it has to import torch first.
_START_MS = 60_000

SLIDE = r"""f_t = \sigma(W_f \cdot [h_{t-1}, x_t] + b_f)
i_t = \sigma(W_i \cdot [h_{t-1}, x_t] + b_i)
\tilde{C}_t = \tanh(W_C \cdot [h_{t-1}, x_t] + b_C)
C_t = f_t * C_{t-1} + i_t * \tilde{C}_t
o_t = \sigma(W_o [h_{t-1}, x_t] + b_o)
h_t = o_t * \tanh(C_t)"""


def paste(page: Page, text: str) -> None:
    """Paste as a clipboard does, which a test has none of."""
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const event = new ClipboardEvent("paste", {
                clipboardData: data, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(event);
        }""",
        text,
    )


def lines(page: Page) -> list[str]:
    return [field.input_value() for field in page.locator(".line-input").all()]


def test_what_equations_mean_is_seen_at_once(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("cells")
        expect(page.locator(".cells .card .status").first).to_have_text("It can be read.")
        expect(page.locator(".cell-math mtr")).to_have_count(4)
        page.get_by_label("Begin with").select_option("mingru")
        expect(page.locator(".facts")).to_contain_text("linear")
        expect(page.locator(".facts dd").first).to_have_text("h")
        expect(page.locator(".found tbody tr")).to_have_count(4)
        expect(page.locator(".found tbody tr").first).to_contain_text("32 × 16")
        page.get_by_label("Hidden size").fill("8")
        expect(page.locator(".found tbody tr").first).to_contain_text("8 × 16")
        window.shoot("cells")


def test_a_mistake_stands_below_its_line(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("cells")
        page.get_by_label("Begin with").select_option("elman")
        expect(page.locator(".cell-math mtr")).to_have_count(1)
        line = page.get_by_label("Line 1")
        line.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("h = tanh(r * V @ h)")
        error = page.locator(".line").first.locator(".line-error")
        expect(error).to_contain_text("stands left of")
        expect(error).to_contain_text("Mend: write")
        expect(page.locator(".squiggle")).to_have_text("r * V")
        expect(line).to_have_attribute("aria-invalid", "true")
        described = line.get_attribute("aria-describedby")
        expect(page.locator(f"#{described}")).to_contain_text("stands left of")
        expect(page.locator(".outdated-note")).to_be_visible()
        window.shoot("cells-mistake")
        page.get_by_role("button", name="Train").click()
        expect(page.locator(".training .status")).to_contain_text("mend them first")
        line.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("h = tanh(r * (V @ h) + U @ x)")
        expect(error).to_have_count(0)
        expect(line).not_to_have_attribute("aria-invalid", "true")


def test_lines_are_edited_as_one_text_by_the_keyboard(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("cells")
        page.get_by_label("Begin with").select_option("elman")
        page.get_by_label("Line 1").focus()
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        page.keyboard.type("y = h")
        assert lines(page) == ["h = tanh(W @ h + U @ x + b)", "y = h"]
        page.keyboard.press("Home")
        page.keyboard.press("Backspace")
        assert lines(page) == ["h = tanh(W @ h + U @ x + b)y = h"]
        page.keyboard.press("Control+z")
        assert lines(page)[1] == "y = h"
        page.keyboard.press("Control+Shift+z")
        assert len(lines(page)) == 1
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        assert lines(page) == [""]
        expect(page.locator(".found")).to_contain_text("Write an equation")
        page.keyboard.press("Tab")
        expect(page.locator(".line-input")).not_to_be_focused()


def test_a_slide_is_pasted(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("cells")
        page.get_by_label("Line 1").focus()
        page.keyboard.press("Control+a")
        paste(page, SLIDE)
        expect(page.locator(".line-input")).to_have_count(6)
        expect(page.locator(".facts dd").first).to_have_text("hC")
        expect(page.locator(".facts")).to_contain_text("dense")


def test_a_cell_learns_beside_others(visit: Visiting) -> None:
    with visit() as window:
        page = window.open("cells")
        page.get_by_label("Begin with").select_option("elman")
        expect(page.locator(".facts")).to_contain_text("dense")
        page.get_by_label("Steps T").fill("6")
        page.get_by_label("Units").fill("4")
        page.get_by_label("Seconds").fill("6")
        page.get_by_label("GRU").press("Space")
        page.get_by_role("button", name="Train").press("Enter")
        expect(page.locator(".chart .legend-name")).to_have_count(2, timeout=_START_MS)
        expect(page.locator(".chart path.line")).to_have_count(2)
        # Lines differ by more than colour; each figure draws them anew.
        page.wait_for_function(
            """() => {
                const lines = [...document.querySelectorAll(".chart path.line")];
                const dashes = lines.map((line) => getComputedStyle(line).strokeDasharray);
                return dashes.length === 2 && dashes[0] && dashes[1] && dashes[0] !== dashes[1];
            }"""
        )
        expect(page.locator(".training .status")).to_have_text("Done.", timeout=_START_MS)
        page.locator(".training .more summary").click()
        expect(page.locator(".training tbody tr").nth(1)).to_be_attached()
        window.shoot("cells-training")


def test_training_is_stopped(visit: Visiting) -> None:
    with visit() as window:
        # The next one is refused as long as the one that was stopped is not quite over.
        window.expected.append("503")
        page = window.open("cells")
        expect(page.locator(".cell-math mtr")).to_have_count(4)
        page.get_by_role("button", name="Train").press("Enter")
        expect(page.locator(".chart path.line").first).to_be_attached(timeout=_START_MS)
        expect(page.get_by_role("button", name="Stop")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".training .status")).to_have_text("Stopped.")
        expect(page.get_by_role("button", name="Train")).to_be_enabled()
        # The server lets the next one in.
        page.get_by_label("Seconds").fill("5")
        for _ in range(20):
            page.get_by_role("button", name="Train").press("Enter")
            page.wait_for_timeout(1000)
            if re.search("Starting|Learning", page.locator(".training .status").inner_text()):
                break
        expect(page.locator(".training .status")).to_have_text(re.compile("Starting|Learning"))
        page.get_by_role("button", name="Stop").press("Enter")
        expect(page.locator(".training .status")).to_have_text("Stopped.")
        expect(page.locator(".notice:visible")).to_have_count(0)
