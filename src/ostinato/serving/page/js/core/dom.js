/**
 * Elements made by hand: text is always text, never markup.
 * A word of the page is given by its key, so that it can change its language where it stands.
 */

import { translate } from "../i18n/index.js";

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {string | [string, Record<string, string | number>]} Phrase a key, or a key with what it is filled with */
/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Make an HTML element.
 * @param {string} name
 * @param {Record<string, any>} [options] attributes; `on` listeners, `text`, `style`, and the phrases
 *   `say` (content), `sayLabel`, `sayTitle`, `sayHint` (placeholder), `sayTail`
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function make(name, options = {}, ...children) {
    return fill(document.createElement(name), options, children);
}

/**
 * Make an SVG element.
 * @param {string} name
 * @param {Record<string, any>} [options]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function makeSvg(name, options = {}, ...children) {
    return fill(document.createElementNS(SVG, name), options, children);
}

/** What a phrase is put into. */
const PLACES = {
    say: null,
    sayLabel: "aria-label",
    sayTitle: "title",
    sayHint: "placeholder",
    sayValue: "aria-valuetext",
};

/**
 * @param {any} element
 * @param {Record<string, any>} options
 * @param {(Child | Child[])[]} children
 */
function fill(element, options, children) {
    for (const [key, value] of Object.entries(options)) {
        if (value === null || value === undefined || value === false) continue;
        if (key in PLACES) say(element, value, /** @type {keyof typeof PLACES} */ (key));
        else if (key === "on")
            for (const [event, listener] of Object.entries(value))
                element.addEventListener(event, listener);
        else if (key === "text") element.textContent = String(value);
        else if (key === "style")
            for (const [property, set] of Object.entries(value))
                element.style.setProperty(property, String(set));
        else if (key === "value" || key === "checked" || key === "disabled") element[key] = value;
        else element.setAttribute(key, value === true ? "" : String(value));
    }
    for (const child of children.flat()) {
        if (child !== null && child !== undefined && child !== false)
            element.append(child instanceof Node ? child : String(child));
    }
    return element;
}

/** @type {WeakMap<Element, Map<string, Phrase>>} */
const phrases = new WeakMap();

/**
 * Put a phrase into an element, and remember it there for a change of language.
 * @param {Element} element
 * @param {Phrase} phrase
 * @param {keyof typeof PLACES} [place]
 */
export function say(element, phrase, place = "say") {
    const said = phrases.get(element) ?? new Map();
    said.set(place, phrase);
    phrases.set(element, said);
    element.setAttribute("data-said", "");
    put(element, place, phrase);
}

/**
 * Say everything below an element again, in the language of now.
 * @param {Element | Document} root
 */
export function sayAgain(root) {
    for (const element of root.querySelectorAll("[data-said]")) {
        for (const [place, phrase] of phrases.get(element) ?? [])
            put(element, /** @type {any} */ (place), phrase);
    }
}

/**
 * @param {Element} element
 * @param {keyof typeof PLACES} place
 * @param {Phrase} phrase
 */
function put(element, place, phrase) {
    const text = typeof phrase === "string" ? translate(phrase) : translate(...phrase);
    const attribute = PLACES[place];
    if (attribute === null) element.textContent = text;
    else element.setAttribute(attribute, text);
}

/**
 * Put other children into an element.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function refill(element, ...children) {
    element.replaceChildren();
    fill(element, {}, children);
}

let count = 0;

/**
 * Return an id that nothing else on the page has.
 * @param {string} stem
 */
export function freshId(stem) {
    count += 1;
    return `${stem}-${count}`;
}

/** Whether the reader asked for less motion. */
export function prefersStill() {
    return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
