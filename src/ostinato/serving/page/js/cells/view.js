/** A bench for cells: write equations, see at once what they mean, and let them learn. */

import { Latest, debounced, isAbort, post } from "../core/api.js";
import { make, refill, say } from "../core/dom.js";
import { choice, details, numberField, table } from "../core/fields.js";
import { short, whole } from "../core/format.js";
import { readMath } from "../core/mathml.js";
import { Notice } from "../core/notice.js";
import { Editor } from "./editor.js";
import { EXAMPLES } from "./examples.js";
import { Training } from "./training.js";

const PAUSE_MS = 300;
const FIRST = "gru";

/** @param {import("../main.js").Model} model */
export function openCells(model) {
    const notice = new Notice();
    const requests = new Latest();
    const editor = new Editor(model.limits.equations);
    const status = make("p", { class: "status", role: "status", "aria-live": "polite" });
    const found = make("div", { class: "found" });
    const input = numberField("cells.input_size", { min: 1, max: 1024, value: 16 });
    const hidden = numberField("cells.hidden_size", { min: 1, max: 1024, value: 32 });
    let isRight = false;

    const examples = choice(
        "cells.examples",
        [
            { value: "", say: "cells.examples.choose" },
            ...EXAMPLES.map(({ name }) => ({ value: name, say: `cells.example.${name}` })),
            ...(model.cell ? [{ value: "model", say: "cells.example.model" }] : []),
        ],
        (name) => load(name),
    );
    const notation = choice(
        "cells.notation",
        ["auto", "text", "latex"].map((value) => ({ value, say: `cells.notation.${value}` })),
        () => ask(),
    );

    /** @param {string} name */
    function load(name) {
        if (name === "") return;
        const example = name === "model" ? model.cell : EXAMPLES.find((one) => one.name === name);
        if (!example) return;
        notation.select.value = "auto";
        editor.text = example.text.trim();
        examples.select.value = "";
    }

    async function ask() {
        askSoon.cancel();
        if (editor.text.trim() === "") {
            requests.stop();
            isRight = false;
            editor.show([]);
            found.replaceChildren(make("p", { class: "empty", say: "cells.empty" }));
            say(status, "cells.status.empty");
            return;
        }
        const equations = editor.text;
        let answer;
        try {
            answer = await post(
                "/cell",
                {
                    equations,
                    notation: notation.select.value,
                    functions: {},
                    input_size: input.value ?? 16,
                    hidden_size: hidden.value ?? 32,
                },
                requests.next(),
            );
        } catch (error) {
            if (!isAbort(error)) notice.show(error, ask);
            return;
        }
        notice.clear();
        isRight = answer.ok;
        editor.show(answer.ok ? [] : answer.errors);
        found.classList.toggle("outdated", !answer.ok);
        status.classList.toggle("unseen", !answer.ok); // what is wrong is seen below its line
        if (answer.ok) {
            refill(
                found,
                make("p", { class: "outdated-note", say: "cells.outdated" }),
                describe(answer),
            );
            say(status, "cells.status.ok");
        } else {
            if (!found.querySelector(".facts"))
                refill(found, make("p", { class: "empty", say: "cells.not_yet" }));
            editor.announce(status);
        }
    }

    const askSoon = debounced(ask, PAUSE_MS);
    editor.addEventListener("change", askSoon);
    input.input.addEventListener("input", askSoon);
    hidden.input.addEventListener("input", askSoon);

    const training = new Training(() =>
        isRight ? { equations: editor.text, notation: notation.select.value } : null,
    );
    load(FIRST);
    return {
        element: make(
            "div",
            { class: "view cells" },
            make(
                "div",
                { class: "bench" },
                make(
                    "section",
                    { class: "card", "aria-labelledby": "editor-title" },
                    make(
                        "div",
                        { class: "card-head" },
                        make("h2", { id: "editor-title", say: "cells.title" }),
                    ),
                    make("p", { class: "explain", say: "cells.intro" }),
                    make("div", { class: "field-row" }, examples.element, notation.element),
                    editor.element,
                    status,
                    make("div", { class: "field-row" }, input.element, hidden.element),
                    notice.element,
                ),
                make(
                    "section",
                    { class: "card", "aria-labelledby": "found-title" },
                    make(
                        "div",
                        { class: "card-head" },
                        make("h2", { id: "found-title", say: "cells.found" }),
                    ),
                    found,
                ),
            ),
            training.element,
        ),
    };
}

/**
 * What was inferred.
 * @param {any} answer
 */
function describe(answer) {
    const fact = (/** @type {string} */ key, /** @type {any} */ value) => [
        make("dt", { say: key }),
        make("dd", {}, value),
    ];
    const names = (/** @type {string[]} */ list) =>
        list.length
            ? list.map((name) => make("code", { class: "name", text: name }))
            : make("span", { say: "cells.none" });
    return [
        make(
            "div",
            { class: "cell-math", tabindex: "0", role: "region", sayLabel: "cells.math" },
            readMath(answer.mathml),
        ),
        make(
            "dl",
            { class: "facts" },
            fact("cells.states", names(answer.states)),
            fact("cells.inputs", names(answer.inputs)),
            fact("cells.output", names([answer.output])),
            fact("cells.kind", [
                make("strong", { say: `kind.${answer.kind}` }),
                make("span", { class: "hint", say: `kind.${answer.kind}.why` }),
            ]),
            fact("cells.num_parameters", make("span", { text: whole(answer.num_parameters) })),
            fact(
                "cells.cost",
                make("span", {
                    say: [
                        "cells.cost.value",
                        {
                            flops: short(answer.flops_per_step),
                            bytes: short(answer.bytes_per_step),
                        },
                    ],
                }),
            ),
        ),
        answer.hints?.length
            ? make(
                  "div",
                  { class: "cell-hints", lang: "en" },
                  answer.hints.map((/** @type {string} */ hint) => make("p", { text: hint })),
              )
            : null,
        table(
            "cells.parameters",
            ["table.name", "table.shape"],
            answer.parameters.map((/** @type {{name: string, shape: number[]}} */ one) => [
                make("code", { text: one.name }),
                make("span", { text: one.shape.join(" × ") || "1" }),
            ]),
        ),
        details(
            "cells.as_latex",
            make("pre", { class: "source", tabindex: "0", text: answer.latex }),
        ),
        details(
            "cells.explain",
            make("pre", { class: "source", tabindex: "0", lang: "en", text: answer.explain }),
        ),
    ];
}
