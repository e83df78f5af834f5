/** The network writes: a text that grows while it is read. */

import { Latest, isAbort, stream } from "../core/api.js";
import { make, refill, say } from "../core/dom.js";
import { numberField, slider } from "../core/fields.js";
import { Notice } from "../core/notice.js";
import { Suggestions } from "./suggestions.js";

const MOST_SEEDS = 2 ** 31;

/** @param {import("../main.js").Model} model */
export function openWrite(model) {
    const notice = new Notice();
    const requests = new Latest();
    const prompt = make("textarea", {
        id: "write-prompt",
        rows: 5,
        maxlength: model.limits.text,
        spellcheck: "false",
        value: model.prompt,
    });
    const suggestions = new Suggestions(prompt);
    const temperature = slider("write.temperature", {
        min: 0.1,
        max: 2,
        step: 0.05,
        value: 0.8,
        hint: "write.temperature.hint",
    });
    const top = slider("write.top_p", {
        min: 0.05,
        max: 1,
        step: 0.05,
        value: 1,
        hint: "write.top_p.hint",
    });
    const length = numberField("write.length", { min: 1, max: model.limits.length, value: 400 });
    const seed = numberField("write.seed", { min: 0, max: MOST_SEEDS - 1, value: 1 });
    const another = make("button", {
        type: "button",
        class: "button",
        say: "write.another_seed",
        on: { click: () => (seed.input.value = String(Math.floor(Math.random() * 10000))) },
    });
    const go = make("button", { type: "submit", class: "button primary", say: "write.start" });
    const stop = make("button", {
        type: "button",
        class: "button",
        say: "write.stop",
        disabled: true,
        on: { click: () => requests.stop() },
    });
    const given = make("span", { class: "given" });
    const written = make("span", { class: "written" });
    const caret = make("span", { class: "caret", "aria-hidden": "true", hidden: true });
    const paper = make(
        "div",
        { class: "paper", tabindex: "0", role: "region", sayLabel: "write.paper" },
        given,
        written,
        caret,
        make("span", { class: "paper-empty", say: "write.empty" }),
    );
    const status = make("p", { class: "status", role: "status" });

    suggestions.addEventListener("failed", (event) =>
        notice.show(/** @type {CustomEvent} */ (event).detail, () => suggestions.ask()),
    );
    suggestions.addEventListener("answered", () => notice.clear());

    async function write() {
        const request = {
            prompt: prompt.value,
            length: length.value ?? 400,
            temperature: temperature.value,
            top_p: top.value,
            seed: seed.value ?? 0,
            stream: true,
        };
        suggestions.close();
        notice.clear();
        refill(given, request.prompt);
        refill(written);
        paper.classList.add("begun");
        caret.hidden = false;
        go.disabled = true;
        stop.disabled = false;
        stop.focus();
        say(status, "write.writing");
        let count = 0;
        try {
            for await (const { event, data } of stream("/generate", request, requests.next())) {
                if (event === "text") {
                    written.append(data.text);
                    count += [...data.text].length;
                    paper.scrollTop = paper.scrollHeight;
                } else if (event === "done") {
                    say(status, [
                        "write.done",
                        {
                            count: data.num_characters ?? count,
                            seconds: Number(data.seconds ?? 0).toFixed(1),
                        },
                    ]);
                }
            }
        } catch (error) {
            if (isAbort(error)) say(status, ["write.stopped", { count }]);
            else {
                say(status, ["write.broken", { count }]);
                notice.show(error, write);
            }
        } finally {
            caret.hidden = true;
            const held = document.activeElement === stop;
            go.disabled = false;
            stop.disabled = true;
            if (held || document.activeElement === document.body) go.focus();
        }
    }

    const form = make(
        "form",
        {
            class: "write-form card",
            on: {
                submit: (/** @type {Event} */ event) => {
                    event.preventDefault();
                    if (!go.disabled) write();
                },
                keydown: (/** @type {KeyboardEvent} */ event) => {
                    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !go.disabled) {
                        event.preventDefault();
                        write();
                    }
                },
            },
        },
        make(
            "div",
            { class: "field" },
            make("label", { for: "write-prompt", say: "write.prompt" }),
            prompt,
            suggestions.element,
        ),
        make("div", { class: "sliders" }, temperature.element, top.element),
        make(
            "div",
            { class: "field-row" },
            length.element,
            seed.element,
            make("div", { class: "field bottom" }, another),
        ),
        make(
            "div",
            { class: "button-row" },
            go,
            stop,
            make("span", { class: "hint", say: "write.shortcut" }),
        ),
    );
    return {
        element: make(
            "div",
            { class: "view write" },
            form,
            make(
                "div",
                { class: "write-side" },
                notice.element,
                make(
                    "section",
                    { class: "card", "aria-labelledby": "paper-title" },
                    make(
                        "div",
                        { class: "card-head" },
                        make("h2", { id: "paper-title", say: "write.paper" }),
                        status,
                    ),
                    paper,
                ),
            ),
        ),
        hidden: () => suggestions.close(),
    };
}
