/** Labelled controls. */

import { freshId, make } from "./dom.js";

/**
 * A control below its label.
 * @param {import("./dom.js").Phrase} label
 * @param {any} control
 * @param {string} [className]
 */
export function field(label, control, className = "") {
    control.id ||= freshId("field");
    return make(
        "div",
        { class: `field ${className}` },
        make("label", { for: control.id, say: label }),
        control,
    );
}

/**
 * A number that can be dragged and typed.
 * @param {import("./dom.js").Phrase} label
 * @param {{min: number, max: number, step: number, value: number, digits?: number, hint?: string, change?: (value: number) => void}} options
 */
export function slider(label, { min, max, step, value, digits = 2, hint, change }) {
    const output = make("output", { class: "slider-value" });
    const hintId = hint ? freshId("hint") : null;
    const input = make("input", { type: "range", min, max, step, "aria-describedby": hintId });
    input.value = String(value);
    output.textContent = value.toFixed(digits);
    input.addEventListener("input", () => {
        output.textContent = Number(input.value).toFixed(digits);
        change?.(Number(input.value));
    });
    input.id = freshId("field");
    const element = make(
        "div",
        { class: "field slider" },
        make("div", { class: "slider-head" }, make("label", { for: input.id, say: label }), output),
        input,
        hint ? make("p", { class: "hint", id: hintId, say: hint }) : null,
    );
    return {
        element,
        input,
        get value() {
            return Number(input.value);
        },
        /** @param {number} to */
        set value(to) {
            input.value = String(to);
            output.textContent = Number(input.value).toFixed(digits);
        },
    };
}

/**
 * A whole number.
 * @param {import("./dom.js").Phrase} label
 * @param {{min: number, max: number, value: number | string}} options
 */
export function numberField(label, { min, max, value }) {
    const input = make("input", {
        type: "number",
        min,
        max,
        step: 1,
        inputmode: "numeric",
        value: String(value),
    });
    const element = field(label, input, "narrow");
    return {
        element,
        input,
        /** The number, brought into its range; null where nothing is written. */
        get value() {
            if (input.value.trim() === "" || !Number.isFinite(Number(input.value))) return null;
            return Math.min(max, Math.max(min, Math.round(Number(input.value))));
        },
    };
}

/**
 * A choice from a list.
 * @param {import("./dom.js").Phrase} label
 * @param {{value: string, say?: import("./dom.js").Phrase, text?: string}[]} choices
 * @param {(value: string) => void} change
 */
export function choice(label, choices, change) {
    const select = make(
        "select",
        { on: { change: () => change(select.value) } },
        choices.map((one) => make("option", { value: one.value, say: one.say, text: one.text })),
    );
    return { element: field(label, select, "narrow"), select };
}

/**
 * A box to tick, with its words.
 * @param {import("./dom.js").Phrase} label
 * @param {{checked?: boolean, change?: (checked: boolean) => void}} [options]
 */
export function checkbox(label, { checked = false, change } = {}) {
    const input = make("input", {
        type: "checkbox",
        checked,
        on: { change: () => change?.(input.checked) },
    });
    return {
        element: make("label", { class: "check" }, input, make("span", { say: label })),
        input,
    };
}

/**
 * Something that opens: a summary, and what it hides.
 * @param {import("./dom.js").Phrase} summary
 * @param {...any} children
 */
export function details(summary, ...children) {
    return make("details", { class: "more" }, make("summary", { say: summary }), ...children);
}

/**
 * A table with its headings, for those who read numbers rather than colours.
 * @param {import("./dom.js").Phrase} caption
 * @param {(import("./dom.js").Phrase | {text: string})[]} headings
 * @param {(string | number | Node)[][]} rows
 */
export function table(caption, headings, rows) {
    return make(
        "div",
        { class: "table-scroll", tabindex: "0", role: "region", sayLabel: caption },
        make(
            "table",
            {},
            make("caption", { say: caption }),
            make(
                "thead",
                {},
                make(
                    "tr",
                    {},
                    headings.map((heading) =>
                        make(
                            "th",
                            typeof heading === "object" && "text" in heading
                                ? { scope: "col", text: heading.text }
                                : { scope: "col", say: heading },
                        ),
                    ),
                ),
            ),
            make(
                "tbody",
                {},
                rows.map((row) =>
                    make(
                        "tr",
                        {},
                        row.map((cell, index) =>
                            make(index ? "td" : "th", index ? {} : { scope: "row" }, cell),
                        ),
                    ),
                ),
            ),
        ),
    );
}
