/** The language of the page: the browser's, until the reader chooses. */

import { remembered } from "../core/theme.js";
import { english } from "./en.js";
import { korean } from "./ko.js";

const KEY = "ostinato.language";

/** @type {Record<string, Record<string, string>>} */
const LANGUAGES = { en: english, ko: korean };

/** Told when the language has changed. */
export const languageChanges = new EventTarget();

let language =
    remembered.read(KEY) ?? (navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en");
if (!(language in LANGUAGES)) language = "en";

export function languageNow() {
    return language;
}

/** @param {string} chosen */
export function setLanguage(chosen) {
    language = chosen;
    remembered.write(KEY, chosen);
    document.documentElement.lang = chosen;
    languageChanges.dispatchEvent(new Event("change"));
}

/**
 * Return a phrase, with `{name}` filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function translate(key, values = {}) {
    const phrase = LANGUAGES[language][key] ?? LANGUAGES.en[key];
    if (phrase === undefined) throw new Error(`no phrase ${key}`);
    return phrase.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Whether there is a phrase of this key.
 * @param {string} key
 */
export function hasPhrase(key) {
    return key in LANGUAGES.en;
}
