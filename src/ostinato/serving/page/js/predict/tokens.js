/** Tokens of a text with what the network makes of each: a tag, or its influence on the decision. */

import { css, diverging, inkOn } from "../core/colors.js";
import { make } from "../core/dom.js";
import { table } from "../core/fields.js";
import { percent, plain, visible } from "../core/format.js";

const NUM_TAG_COLORS = 7;

/**
 * Number the tags of a text, each with a colour and a pattern of its own.
 * @param {string[]} tags
 * @returns {Map<string, number>}
 */
export function tagNumbers(tags) {
    const bare = tags.map(bareTag).filter((tag) => tag !== "O");
    return new Map([...new Set(bare)].sort().map((tag, index) => [tag, index % NUM_TAG_COLORS]));
}

/**
 * A tag without the mark of its place in a span: B-city and I-city are one.
 * @param {string} tag
 */
function bareTag(tag) {
    return tag.replace(/^[BIESLU]-/, "");
}

/**
 * @param {string[]} tokens
 * @param {string[]} tags
 * @param {Record<string, number>[] | null} probabilities
 */
export function taggedTokens(tokens, tags, probabilities) {
    const numbers = tagNumbers(tags);
    const items = tokens.map((token, index) => {
        const tag = tags[index];
        const number = numbers.get(bareTag(tag));
        const sure = probabilities?.[index]?.[tag];
        return make(
            "li",
            {
                class: number === undefined ? "token tag-none" : `token tag-${number}`,
                title: sure === undefined ? tag : `${tag} · ${percent(sure)}`,
            },
            make("span", { class: "token-text", text: visible(token) }),
            make("span", { class: "token-tag", text: tag }),
        );
    });
    return make("ol", { class: "tokens tagged", sayLabel: "predict.tokens" }, items);
}

/**
 * Tokens coloured by their influence: also underlined the thicker, and signed.
 * @param {string[]} tokens
 * @param {number[]} influence
 */
export function influentialTokens(tokens, influence) {
    const most = Math.max(...influence.map(Math.abs), 1e-12);
    const items = tokens.map((token, index) => {
        const share = influence[index] / most;
        const color = diverging(share * 0.75);
        const sign = Math.abs(share) < 0.08 ? "" : share > 0 ? "+" : "−";
        return make(
            "li",
            {
                class: share < 0 ? "token influence against" : "token influence for",
                title: plain(influence[index]),
                style: {
                    "background-color": css(color),
                    color: inkOn(color),
                    "border-bottom-width": `${1 + Math.round(Math.abs(share) * 5)}px`,
                },
            },
            make("span", { class: "token-text", text: visible(token) }),
            make("span", { class: "token-sign", text: sign }),
        );
    });
    return make(
        "div",
        {},
        make("ol", { class: "tokens", sayLabel: "predict.tokens" }, items),
        make(
            "p",
            { class: "legend" },
            make("span", { class: "influence-key for", say: "predict.for" }),
            make("span", { class: "influence-key against", say: "predict.against" }),
            make("span", { class: "hint", say: "predict.thickness" }),
        ),
    );
}

/**
 * @param {string[]} tokens
 * @param {{tags?: string[] | null, probabilities?: Record<string, number>[] | null, influence?: number[] | null}} about
 */
export function tokenTable(tokens, { tags, probabilities, influence }) {
    const headings = [
        "table.step",
        "table.token",
        ...(tags ? ["table.tag", "table.probability"] : []),
        ...(influence ? ["table.influence"] : []),
    ];
    const rows = tokens.map((token, index) => [
        String(index + 1),
        visible(token),
        ...(tags
            ? [
                  tags[index],
                  probabilities?.[index] ? percent(probabilities[index][tags[index]] ?? 0) : "–",
              ]
            : []),
        ...(influence ? [plain(influence[index])] : []),
    ]);
    return table("predict.table", headings, rows);
}

const LIKELIEST = 3;

/**
 * What is likeliest after each step, where a network tells no tags but what comes next.
 * @param {string[]} tokens
 * @param {Record<string, number>[]} probabilities
 */
export function likeliestTable(tokens, probabilities) {
    const rows = probabilities.map((step, index) => {
        const sorted = Object.entries(step).sort(([, one], [, other]) => other - one);
        return [
            String(index + 1),
            visible(tokens[index] ?? ""),
            sorted
                .slice(0, LIKELIEST)
                .map(([name, probability]) => `${name} (${percent(probability)})`)
                .join(", "),
        ];
    });
    return table("predict.table", ["table.step", "table.token", "table.likeliest"], rows);
}
