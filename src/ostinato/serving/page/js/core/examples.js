/** Inputs to begin with: of the model's own data, or where it has none, sentences. */

import { make } from "./dom.js";

const LONGEST = 60;
const SENTENCES = [
    { language: "en", text: "What is the longest river in the world ?" },
    { language: "ko", text: "어제 본 영화는 정말 재미있었다 ." },
];

/**
 * Return the inputs that a model comes with, as they are typed: arrays as JSON.
 * @param {import("../main.js").Model} model
 * @returns {string[]}
 */
export function samplesOf(model) {
    return (model.samples ?? []).map((sample) =>
        typeof sample === "string" ? sample : JSON.stringify(sample),
    );
}

/**
 * How many numbers a step of a model of arrays has; null where no sample tells it.
 * @param {import("../main.js").Model} model
 */
export function numbersOfStep(model) {
    const [sample] = model.samples ?? [];
    if (!Array.isArray(sample) || !sample.length) return null;
    return Array.isArray(sample[0]) ? sample[0].length : 1;
}

/**
 * The hint of how arrays are written, with the numbers of a step where they are known.
 * @param {import("../main.js").Model} model
 * @returns {import("./dom.js").Phrase}
 */
export function arraysHint(model) {
    const size = numbersOfStep(model);
    return size === null ? "arrays.hint" : ["arrays.hint.sized", { size }];
}

/**
 * @param {import("../main.js").Model} model
 * @param {(text: string) => void} use
 */
export function exampleButtons(model, use) {
    const samples = samplesOf(model);
    const offered = samples.length
        ? samples.map((text) => ({ language: null, text }))
        : model.reads === "arrays"
          ? []
          : SENTENCES;
    return make(
        "div",
        { class: "button-row" },
        offered.map(({ language, text }) =>
            make("button", {
                type: "button",
                class: "button small",
                lang: language,
                text: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text,
                on: { click: () => use(text) },
            }),
        ),
    );
}
