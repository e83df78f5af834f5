/** The page: what it stands on, its frame, and its views. */

import { get } from "./core/api.js";
import { make, refill, say, sayAgain } from "./core/dom.js";
import { whole } from "./core/format.js";
import { Notice } from "./core/notice.js";
import { isDark, startTheme, themeChanges, toggleTheme } from "./core/theme.js";
import { languageChanges, languageNow, setLanguage, translate } from "./i18n/index.js";
import { Tabs } from "./tabs.js";
import { openUnrolled } from "./unrolled/view.js";
import { openWrite } from "./write/view.js";
import { openPredict } from "./predict/view.js";
import { openCells } from "./cells/view.js";

/**
 * @typedef {object} Model what /model says
 * @property {string} name
 * @property {string} task
 * @property {boolean} writes
 * @property {boolean} predicts
 * @property {"text" | "tokens" | "arrays"} reads
 * @property {string} unit
 * @property {number} vocabulary_size
 * @property {string[]} labels
 * @property {{name: string | null, text: string, latex: string, mathml: string, states: string[], values: string[]} | null} cell null where nothing is recurrent
 * @property {number} num_layers
 * @property {number} num_directions
 * @property {number} hidden_size
 * @property {number} num_parameters
 * @property {string} prompt
 * @property {(string | number[] | number[][])[]} [samples] inputs of the run's own data
 * @property {{text: number, length: number, window: number, inputs: number, equations: number}} limits
 */

startTheme();
document.documentElement.lang = languageNow();

const notice = new Notice();
const facts = make("div", { class: "model-facts" });
const main = make("main", { id: "main", class: "main", tabindex: "-1" }, notice.element);
const bar = make("div", { class: "tab-bar" });
document.body.append(skipLink(), header(), bar, main, footer());
languageChanges.addEventListener("change", () => sayAgain(document));
start();

async function start() {
    main.setAttribute("aria-busy", "true");
    let model;
    try {
        model = /** @type {Model} */ (await get("/model"));
    } catch (error) {
        notice.show(error, start);
        return;
    } finally {
        main.removeAttribute("aria-busy");
    }
    document.title = `${model.name} · Ostinato`;
    describe(model);
    const tabs = new Tabs([
        {
            name: "unrolled",
            refused: model.cell === null ? "refused.no_cell" : null,
            open: () => openUnrolled(model),
        },
        {
            name: "write",
            refused: model.writes ? null : `refused.write.${taskKind(model)}`,
            open: () => openWrite(model),
        },
        {
            name: "predict",
            refused: model.predicts ? null : "refused.predict",
            open: () => openPredict(model),
        },
        { name: "cells", refused: null, open: () => openCells(model) },
    ]);
    refill(bar, make("div", { class: "tab-row" }, tabs.list), tabs.reason);
    main.append(...tabs.panels);
    tabs.follow();
}

/** @param {Model} model */
function taskKind(model) {
    return ["classification", "tagging"].includes(model.task) ? model.task : "other";
}

/** @param {Model} model */
function describe(model) {
    const pieces = [
        make("strong", { class: "model-name", text: model.name }),
        model.cell?.name ? make("span", { text: model.cell.name }) : null,
        make("span", {
            say: [
                model.num_layers === 1 ? "model.layer" : "model.layers",
                { layers: model.num_layers },
            ],
        }),
        model.num_directions > 1 ? make("span", { say: "model.both_directions" }) : null,
        make("span", { say: ["model.units", { units: model.hidden_size }] }),
        make("span", { say: ["model.parameters", { parameters: whole(model.num_parameters) }] }),
    ];
    refill(facts, pieces);
}

function skipLink() {
    return make("a", {
        class: "skip",
        href: "#main",
        say: "skip",
        on: {
            click: (/** @type {Event} */ event) => {
                event.preventDefault(); // the address names the view
                main.focus();
            },
        },
    });
}

function header() {
    const theme = make(
        "button",
        { type: "button", class: "icon-button", on: { click: toggleTheme } },
        make("span", { class: "theme-mark", "aria-hidden": "true" }),
    );
    const nameTheme = () => say(theme, isDark() ? "theme.to_light" : "theme.to_dark", "sayLabel");
    nameTheme();
    themeChanges.addEventListener("change", nameTheme);
    const language = make("button", {
        type: "button",
        class: "icon-button language",
        on: { click: () => setLanguage(languageNow() === "ko" ? "en" : "ko") },
    });
    const nameLanguage = () => {
        language.textContent = languageNow() === "ko" ? "English" : "한국어";
        language.lang = languageNow() === "ko" ? "en" : "ko";
    };
    nameLanguage();
    languageChanges.addEventListener("change", nameLanguage);
    return make(
        "header",
        { class: "header" },
        make(
            "div",
            { class: "header-row" },
            make(
                "h1",
                { class: "wordmark" },
                make("img", { src: "/static/icon.svg", alt: "", width: 28, height: 28 }),
                make("span", { text: "Ostinato" }),
            ),
            facts,
            make("div", { class: "header-tools" }, language, theme),
        ),
    );
}

function footer() {
    return make(
        "footer",
        { class: "footer" },
        make("p", { say: "footer" }),
        make("p", {}, make("a", { href: "/openapi.json", say: "footer.api" })),
    );
}

// The address of a view that is asked for by a script or a test is followed even before the model is known.
window.addEventListener("unhandledrejection", (event) =>
    console.error(translate("error.page"), event.reason),
);
