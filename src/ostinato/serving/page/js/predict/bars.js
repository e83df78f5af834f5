/** Probabilities of labels as bars, likeliest first. */

import { make } from "../core/dom.js";
import { details } from "../core/fields.js";
import { percent } from "../core/format.js";

const SHOWN = 8;

/**
 * @param {Record<string, number>} probabilities
 * @param {string[]} chosen labels that were decided for
 */
export function labelBars(probabilities, chosen) {
    const sorted = Object.entries(probabilities).sort(([, one], [, other]) => other - one);
    const rows = sorted.map(([label, probability]) =>
        row(label, probability, chosen.includes(label)),
    );
    const rest = rows.slice(SHOWN);
    return make(
        "div",
        {},
        make("ol", { class: "bars" }, rows.slice(0, SHOWN)),
        rest.length
            ? details(
                  ["predict.others", { count: rest.length }],
                  make("ol", { class: "bars" }, rest),
              )
            : null,
    );
}

/**
 * @param {string} label
 * @param {number} probability
 * @param {boolean} chosen
 */
function row(label, probability, chosen) {
    return make(
        "li",
        { class: chosen ? "bar-row hit" : "bar-row" },
        make("span", { class: "bar-name", text: label }),
        make(
            "span",
            { class: "bar-track" },
            make("span", {
                class: "bar",
                style: { width: `${Math.max(0, Math.min(1, probability)) * 100}%` },
            }),
        ),
        make("span", { class: "bar-number", text: percent(probability) }),
    );
}
