/** What may come next, offered below a text as one types. */

import { Latest, debounced, isAbort, post } from "../core/api.js";
import { freshId, make, refill } from "../core/dom.js";
import { percent, visible } from "../core/format.js";

const PAUSE_MS = 150;
const COUNT = 5;
const LENGTH = 12;

/** A list of completions of a textarea; told `accepted`, and `failed` with an error. */
export class Suggestions extends EventTarget {
    /** @param {HTMLTextAreaElement} text */
    constructor(text) {
        super();
        this.text = text;
        /** @type {{text: string, probability: number, replaces?: number}[]} */
        this.found = [];
        this.chosen = 0;
        this.requests = new Latest();
        this.askSoon = debounced(() => this.ask(), PAUSE_MS);
        const id = freshId("suggestions");
        this.list = make("ul", {
            id,
            role: "listbox",
            class: "suggestions",
            sayLabel: "suggest.label",
        });
        this.hint = make("p", { class: "hint", id: freshId("hint"), say: "suggest.hint" });
        this.status = make("p", { class: "unseen", role: "status" });
        this.element = make(
            "div",
            { class: "suggestion-place" },
            this.list,
            this.hint,
            this.status,
        );
        text.setAttribute("aria-autocomplete", "list");
        text.setAttribute("aria-controls", id);
        text.setAttribute("aria-describedby", this.hint.id);
        this.close();
        text.addEventListener("input", (event) => {
            // A syllable that is being composed is not yet what was meant.
            if (/** @type {InputEvent} */ (event).isComposing) this.close();
            else this.wake();
        });
        text.addEventListener("compositionend", () => this.wake());
        text.addEventListener("keydown", (event) => this.key(event));
        text.addEventListener("blur", () => this.close());
    }

    get isOpen() {
        return !this.list.hidden;
    }

    wake() {
        this.close();
        if (this.text.value !== "" && this.text.selectionEnd === this.text.value.length)
            this.askSoon();
    }

    async ask() {
        let answer;
        try {
            answer = await post(
                "/suggest",
                { prefix: this.text.value, k: COUNT, length: LENGTH },
                this.requests.next(),
            );
        } catch (error) {
            if (!isAbort(error)) this.dispatchEvent(new CustomEvent("failed", { detail: error }));
            return;
        }
        this.dispatchEvent(new Event("answered"));
        if (document.activeElement !== this.text) return;
        this.found = answer.suggestions;
        this.chosen = 0;
        refill(
            this.list,
            this.found.map(({ text, probability }, index) =>
                make(
                    "li",
                    {
                        role: "option",
                        id: `${this.list.id}-${index}`,
                        class: "suggestion",
                        on: {
                            pointerdown: (/** @type {Event} */ event) => event.preventDefault(), // the text keeps the focus
                            click: () => this.accept(index),
                        },
                    },
                    make("kbd", { text: index + 1, "aria-hidden": "true" }),
                    make("span", { class: "suggestion-text", text: visible(text) }),
                    make("span", { class: "suggestion-number", text: percent(probability) }),
                ),
            ),
        );
        this.list.hidden = this.found.length === 0;
        this.mark();
    }

    close() {
        this.askSoon.cancel();
        this.requests.stop();
        this.list.hidden = true;
        this.text.removeAttribute("aria-activedescendant");
    }

    mark() {
        [...this.list.children].forEach((option, index) =>
            option.setAttribute("aria-selected", String(index === this.chosen)),
        );
        if (this.isOpen)
            this.text.setAttribute("aria-activedescendant", `${this.list.id}-${this.chosen}`);
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        if (!this.isOpen || event.isComposing) return;
        const digit =
            event.altKey && /^Digit[1-9]$/.test(event.code) ? Number(event.code.slice(5)) - 1 : -1;
        if (event.key === "Escape") this.close();
        else if (event.key === "Tab" && !event.shiftKey) this.accept(this.chosen);
        else if (event.key === "ArrowDown") this.chosen = (this.chosen + 1) % this.found.length;
        else if (event.key === "ArrowUp")
            this.chosen = (this.chosen + this.found.length - 1) % this.found.length;
        else if (digit >= 0 && digit < this.found.length) this.accept(digit);
        else return;
        event.preventDefault();
        this.mark();
    }

    /** @param {number} index */
    accept(index) {
        const { text, replaces = 0 } = this.found[index];
        // A letter may turn the last syllable into another one, which the suggestion then stands for.
        const kept = [...this.text.value];
        this.text.value = kept.slice(0, kept.length - replaces).join("") + text;
        this.text.setSelectionRange(this.text.value.length, this.text.value.length);
        this.text.scrollTop = this.text.scrollHeight;
        this.dispatchEvent(new Event("accepted"));
        this.wake();
    }
}
