/** Light or dark: what the system prefers, until the reader chooses. */

const KEY = "ostinato.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** Told when the theme has changed: what is drawn on a canvas must be drawn again. */
export const themeChanges = new EventTarget();

/** The reader's choice, kept where the browser lets a page keep anything. */
export const remembered = {
    /** @param {string} key */
    read(key) {
        try {
            return window.localStorage.getItem(key);
        } catch {
            return null; // a browser may forbid it; the choice then lasts as long as the page
        }
    },
    /**
     * @param {string} key
     * @param {string} value
     */
    write(key, value) {
        try {
            window.localStorage.setItem(key, value);
        } catch {
            // As above.
        }
    },
};

let chosen = remembered.read(KEY);

export function isDark() {
    return chosen ? chosen === "dark" : dark.matches;
}

export function toggleTheme() {
    chosen = isDark() ? "light" : "dark";
    remembered.write(KEY, chosen);
    show();
}

export function startTheme() {
    dark.addEventListener("change", show);
    show();
}

function show() {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    themeChanges.dispatchEvent(new Event("change"));
}
