/** What the network decides, how sure it is, and which tokens it comes from. */

import { Latest, debounced, isAbort, post } from "../core/api.js";
import { make, refill, say } from "../core/dom.js";
import { readArrays } from "../core/arrays.js";
import { arraysHint, exampleButtons } from "../core/examples.js";
import { checkbox, details } from "../core/fields.js";
import { plain } from "../core/format.js";
import { Notice } from "../core/notice.js";
import { themeChanges } from "../core/theme.js";
import { labelBars } from "./bars.js";
import { influentialTokens, likeliestTable, taggedTokens, tokenTable } from "./tokens.js";

const PAUSE_MS = 350;

/**
 * @typedef {object} Prediction
 * @property {string | null} [label]
 * @property {string[] | null} [labels]
 * @property {string[] | null} [tags]
 * @property {number[] | null} [numbers]
 * @property {number | null} [probability]
 * @property {Record<string, number> | Record<string, number>[] | null} [probabilities]
 * @property {string[] | null} [tokens]
 * @property {number[] | null} [influence]
 * @property {string[]} [notes]
 */

/** @param {import("../main.js").Model} model */
export function openPredict(model) {
    const notice = new Notice();
    const requests = new Latest();
    const arrays = model.reads === "arrays";
    const text = make("textarea", {
        id: "predict-text",
        rows: 4,
        spellcheck: "false",
        value: model.prompt,
        "aria-describedby": "predict-hint",
    });
    const influence = checkbox(arrays ? "predict.influence.steps" : "predict.influence", { checked: false, change: () => predict() });
    const results = make("div", { class: "results" });
    const status = make("p", { class: "status", role: "status" });
    const stale = make("p", { class: "stale-note", say: "stale", hidden: true });
    /** @type {{lines: string[], predictions: Prediction[]} | null} */
    let last = null;

    async function predict() {
        const lines = arrays
            ? [text.value]
            : text.value.split("\n").filter((line) => line.trim() !== "");
        if (!lines.length || !text.value.trim()) {
            requests.stop();
            last = null;
            notice.clear();
            fresh();
            results.replaceChildren(
                make(
                    "div",
                    { class: "empty" },
                    make("p", { say: arrays ? "predict.empty.arrays" : "predict.empty" }),
                    exampleButtons(model, (example) => {
                        text.value = example;
                        predict();
                    }),
                ),
            );
            say(status, "predict.none");
            return;
        }
        try {
            const answer = await post(
                "/predict",
                { inputs: inputs(lines), influence: influence.input.checked },
                requests.next(),
            );
            last = { lines, predictions: answer.predictions };
            notice.clear();
            fresh();
            show();
            say(status, ["predict.done", { count: lines.length }]);
        } catch (error) {
            if (!isAbort(error)) {
                say(status, "predict.none");
                stale.hidden = last === null;
                results.classList.add("stale");
                notice.show(error, predict);
            }
        }
    }

    function fresh() {
        stale.hidden = true;
        results.classList.remove("stale");
    }

    /** @param {string[]} lines */
    function inputs(lines) {
        return arrays ? [readArrays(lines[0])] : lines;
    }

    function show() {
        if (last)
            refill(
                results,
                last.predictions.map((prediction, index) =>
                    card(prediction, /** @type {any} */ (last).lines[index], index),
                ),
            );
    }

    const predictSoon = debounced(predict, PAUSE_MS);
    text.addEventListener("input", predictSoon);
    themeChanges.addEventListener("change", show);
    predict();
    const form = make(
        "form",
        {
            class: "card predict-form",
            on: {
                submit: (/** @type {Event} */ event) => {
                    event.preventDefault();
                    predict();
                },
            },
        },
        make(
            "div",
            { class: "field" },
            make("label", {
                for: "predict-text",
                say: arrays ? "predict.numbers" : "predict.text",
            }),
            text,
            make("p", {
                class: "hint",
                id: "predict-hint",
                say: arrays
                    ? arraysHint(model)
                    : [
                          model.reads === "tokens" ? "predict.tokens.hint" : "predict.text.hint",
                          { limit: model.limits.inputs },
                      ],
            }),
        ),
        make(
            "div",
            { class: "button-row" },
            make("button", { type: "submit", class: "button primary", say: "predict.go" }),
            influence.element,
            status,
        ),
    );
    return { element: make("div", { class: "view predict" }, form, notice.element, stale, results) };
}

/**
 * @param {Prediction} prediction
 * @param {string} line
 * @param {number} index
 */
function card(prediction, line, index) {
    const { label, labels, tags, numbers, probabilities, tokens, influence, notes } = prediction;
    const perStep = Array.isArray(probabilities) ? probabilities : null;
    const parts = [];
    if (label !== null && label !== undefined)
        parts.push(
            make(
                "p",
                { class: "decision" },
                make("span", { class: "decision-word", say: "predict.decides" }),
                " ",
                make("strong", { text: label }),
            ),
        );
    else if (labels)
        parts.push(
            make(
                "p",
                { class: "decision" },
                make("span", { class: "decision-word", say: "predict.decides" }),
                " ",
                labels.length
                    ? make("strong", { text: labels.join(", ") })
                    : make("span", { say: "predict.no_label" }),
            ),
        );
    if (numbers)
        parts.push(
            make(
                "p",
                { class: "decision" },
                make("strong", { text: numbers.map((number) => plain(number)).join(", ") }),
            ),
        );
    if (probabilities && !perStep)
        parts.push(
            labelBars(
                /** @type {Record<string, number>} */ (probabilities),
                labels ?? (label ? [label] : []),
            ),
        );
    if (tokens && tags) parts.push(taggedTokens(tokens, tags, perStep));
    if (tokens && perStep && !tags) parts.push(likeliestTable(tokens, perStep));
    if (tokens && influence)
        parts.push(
            make("h3", { say: "predict.influence.title" }),
            influentialTokens(tokens, influence),
        );
    if (tokens && (tags || influence))
        parts.push(
            details(
                "predict.as_table",
                tokenTable(tokens, { tags, probabilities: perStep, influence }),
            ),
        );
    if (notes?.length) parts.push(make("p", { class: "hint", lang: "en", text: notes.join("; ") }));
    return make(
        "article",
        { class: "card prediction", sayLabel: ["predict.card", { number: index + 1 }] },
        make("p", {
            class: "given-text",
            text: line.length > 240 ? `${line.slice(0, 240)}…` : line,
        }),
        parts,
    );
}
