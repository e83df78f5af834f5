/** What a gradient does on its way back, and what helps, in words. */

import { make } from "../core/dom.js";
import { sentences } from "./found.js";

/** @param {import("./found.js").Found} found */
export function judgement(found) {
    const { verdict, mend, rate } = found;
    const mark = make("span", { class: `verdict-mark ${verdict}`, say: `verdict.${verdict}` });
    const parts = [make("p", { class: "verdict-line" }, mark)];
    if (rate !== null && Number.isFinite(rate))
        parts[0].append(
            make("span", {
                class: "verdict-rate",
                say: ["gradient.rate", { rate: rate.toFixed(3) }],
            }),
        );
    const said = sentences(found);
    if (said.length)
        parts.push(
            make(
                "p",
                { class: "verdict-course" },
                said.flatMap((phrase, index) => [
                    index ? " " : null,
                    make("span", { say: phrase }),
                ]),
            ),
        );
    if (mend) {
        parts.push(
            make(
                "p",
                { class: "notice-mend" },
                make("span", { class: "mend-word", say: "error.mend" }),
                " ",
                make("span", { say: [`gradient.mend.${verdict}`, { mend }] }),
            ),
        );
    }
    return parts;
}
