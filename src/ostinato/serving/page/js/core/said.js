/** The server's commonest sentences as phrases of the page, so that they are said in its language. */

import { make } from "./dom.js";

/** @type {[RegExp, string, string[]][]} a sentence, its phrase, and what its groups are */
const SENTENCES = [
    [
        /^(.+) \((.+)\) never occurs in the text that the model learned from$/su,
        "unknown_character",
        ["symbol", "name"],
    ],
    [/^use characters that it knows: (.+)$/su, "known_characters", ["symbols"]],
    [/String should have at most (\d+) characters?/u, "too_long", ["limit"]],
    [/^the body is larger than (\d+) KiB$/u, "large_body", ["limit"]],
    [/^send fewer inputs, or shorter ones, at a time$/u, "send_less", []],
    [/^the server has as many .+ as it takes on at once$/u, "queue_full", []],
    [/^try again in (\d+) seconds$/u, "try_again_in", ["seconds"]],
    [/took longer than ([\d.]+) seconds$/u, "too_slow", ["seconds"]],
    [/^give it less, or try again$/u, "give_less", []],
    [/^no equations were found/u, "no_equations", []],
    [/'?([([{])'? was never closed/u, "never_closed", ["bracket"]],
    [/^write `([)\]}])` where the bracket that opens here ends$/u, "close_bracket", ["bracket"]],
    [/^`(.+)` is neither an input nor assigned in the step/u, "unknown_name", ["name"]],
    [/^unknown function `([^`]+)`/u, "unknown_function", ["name"]],
    [/^see \/openapi\.json for what is expected$/u, "see_api", []],
];

/**
 * Return the phrase of a sentence; null where it is not one of the commonest.
 * @param {string} sentence
 * @returns {[string, Record<string, string>] | null}
 */
export function phraseOf(sentence) {
    for (const [pattern, key, names] of SENTENCES) {
        const found = pattern.exec(sentence);
        if (!found) continue;
        const values = names.map((name, index) => [name, found[index + 1]]);
        return [`said.${key}`, { ...Object.fromEntries(values), sentence }];
    }
    return null;
}

/**
 * Make an element that holds a sentence of the server: in the language of the page, or marked as English.
 * @param {string} element
 * @param {string} sentence
 * @param {Record<string, any>} [options]
 */
export function saidByServer(element, sentence, options = {}) {
    const phrase = phraseOf(sentence);
    return make(
        element,
        phrase ? { ...options, say: phrase } : { ...options, lang: "en", text: sentence },
    );
}
