/** An editor of equations: a field a line, so that what is wrong with a line stands right below it. */

import { freshId, make, refill, say } from "../core/dom.js";
import { saidByServer } from "../core/said.js";
import { insertAt, joinBefore, toLines } from "./lines.js";

/**
 * @typedef {object} Mistake
 * @property {number | null} line from 1; null where it is of all lines
 * @property {number | null} column from 0
 * @property {number | null} end_column
 * @property {string} message
 * @property {string | null} [mend]
 */

const MOST_UNDONE = 200;

/** Told `change` when the text is another one. */
export class Editor extends EventTarget {
    /** @param {number} limit characters */
    constructor(limit) {
        super();
        this.limit = limit;
        this.lines = [""];
        /** @type {Mistake[]} */
        this.mistakes = [];
        /** @type {{lines: string[], line: number, column: number}[]} */
        this.past = [];
        /** @type {{lines: string[], line: number, column: number}[]} */
        this.future = [];
        this.all = false;
        this.rows = make("div", { class: "editor-lines" });
        this.whole = make("div", { class: "whole-errors" });
        this.element = make(
            "div",
            { class: "editor", role: "group", sayLabel: "cells.editor" },
            this.rows,
            this.whole,
        );
        this.element.addEventListener("copy", (/** @type {ClipboardEvent} */ event) =>
            this.copy(event),
        );
        this.element.addEventListener("cut", (/** @type {ClipboardEvent} */ event) =>
            this.copy(event),
        );
        this.element.addEventListener("pointerdown", () => this.select(false));
        this.render();
    }

    get text() {
        return this.lines.join("\n");
    }

    /** @param {string} text */
    set text(text) {
        this.apply({ lines: toLines(text), line: 0, column: 0 }, false);
    }

    /**
     * @param {{lines: string[], line: number, column: number}} edit
     * @param {boolean} focus
     */
    apply(edit, focus) {
        if (edit.lines.join("\n").length > this.limit)
            edit = { ...edit, lines: toLines(edit.lines.join("\n").slice(0, this.limit)) };
        this.remember();
        this.restore(edit, focus);
    }

    /**
     * @param {{lines: string[], line: number, column: number}} edit
     * @param {boolean} focus
     */
    restore(edit, focus) {
        this.lines = edit.lines;
        this.select(false);
        this.mistakes = [];
        this.whole.replaceChildren();
        this.render();
        if (focus) this.focus(edit.line, edit.column);
        this.dispatchEvent(new Event("change"));
    }

    remember() {
        this.past.push({ lines: [...this.lines], ...this.caret() });
        if (this.past.length > MOST_UNDONE) this.past.shift();
        this.future = [];
    }

    caret() {
        const fields = this.fields();
        const line = Math.max(0, fields.indexOf(/** @type {any} */ (document.activeElement)));
        return { line, column: fields[line]?.selectionStart ?? 0 };
    }

    /** @returns {HTMLInputElement[]} */
    fields() {
        return [...this.rows.querySelectorAll("input")];
    }

    /**
     * @param {number} line
     * @param {number} column
     */
    focus(line, column) {
        const field = this.fields()[Math.max(0, Math.min(this.lines.length - 1, line))];
        field.focus();
        field.setSelectionRange(column, column);
    }

    render() {
        refill(
            this.rows,
            this.lines.map((line, number) => this.row(line, number)),
        );
    }

    /**
     * @param {string} text
     * @param {number} number
     */
    row(text, number) {
        const field = make("input", {
            type: "text",
            class: "line-input",
            value: text,
            spellcheck: "false",
            autocomplete: "off",
            autocapitalize: "off",
            sayLabel: ["cells.line", { number: number + 1 }],
            on: {
                input: (/** @type {InputEvent} */ event) => this.typed(number, event),
                keydown: (/** @type {KeyboardEvent} */ event) => this.key(number, event),
                paste: (/** @type {ClipboardEvent} */ event) => this.paste(number, event),
                scroll: () => (shade.scrollLeft = field.scrollLeft),
                blur: () => this.select(false),
            },
        });
        const shade = make("div", { class: "line-shade", "aria-hidden": "true" });
        return make(
            "div",
            { class: "line" },
            make("span", { class: "line-number", "aria-hidden": "true", text: number + 1 }),
            make("div", { class: "line-field" }, shade, field),
            make("div", { class: "line-errors" }),
        );
    }

    /**
     * @param {number} number
     * @param {InputEvent} event
     */
    typed(number, event) {
        const field = /** @type {HTMLInputElement} */ (event.target);
        if (this.all) {
            this.apply(
                { lines: [event.data ?? ""], line: 0, column: (event.data ?? "").length },
                true,
            );
            return;
        }
        this.remember();
        this.lines[number] = field.value;
        this.clearRow(this.rows.children[number]);
        this.whole.replaceChildren();
        this.dispatchEvent(new Event("change"));
    }

    /**
     * @param {number} number
     * @param {KeyboardEvent} event
     */
    key(number, event) {
        const field = /** @type {HTMLInputElement} */ (event.target);
        const [from, to] = [field.selectionStart ?? 0, field.selectionEnd ?? 0];
        const command = event.ctrlKey || event.metaKey;
        if (event.isComposing) return;
        if (command && event.key.toLowerCase() === "z") {
            event.preventDefault();
            this.travel(
                event.shiftKey ? this.future : this.past,
                event.shiftKey ? this.past : this.future,
            );
        } else if (command && event.key.toLowerCase() === "y") {
            event.preventDefault();
            this.travel(this.future, this.past);
        } else if (command && event.key.toLowerCase() === "a") {
            event.preventDefault();
            field.select();
            this.select(true);
        } else if (this.all && (event.key === "Backspace" || event.key === "Delete")) {
            event.preventDefault();
            this.apply({ lines: [""], line: 0, column: 0 }, true);
        } else if (command || event.altKey) {
            return;
        } else if (event.key === "Enter") {
            event.preventDefault();
            this.apply(insertAt(this.lines, number, from, to, "\n"), true);
        } else if (event.key === "Backspace" && from === 0 && to === 0 && number > 0) {
            event.preventDefault();
            this.apply(joinBefore(this.lines, number), true);
        } else if (
            event.key === "Delete" &&
            from === field.value.length &&
            number < this.lines.length - 1
        ) {
            event.preventDefault();
            this.apply(joinBefore(this.lines, number + 1), true);
        } else if (event.key === "ArrowUp" && number > 0) {
            event.preventDefault();
            this.focus(number - 1, from);
        } else if (event.key === "ArrowDown" && number < this.lines.length - 1) {
            event.preventDefault();
            this.focus(number + 1, from);
        } else if (this.all && event.key.startsWith("Arrow")) this.select(false);
    }

    /**
     * @param {{lines: string[], line: number, column: number}[]} from
     * @param {{lines: string[], line: number, column: number}[]} onto
     */
    travel(from, onto) {
        const point = from.pop();
        if (!point) return;
        onto.push({ lines: [...this.lines], ...this.caret() });
        this.restore(point, true);
    }

    /**
     * @param {number} number
     * @param {ClipboardEvent} event
     */
    paste(number, event) {
        event.preventDefault();
        const text = (event.clipboardData?.getData("text/plain") ?? "").replace(/\s+$/, "");
        const field = /** @type {HTMLInputElement} */ (event.target);
        if (this.all)
            this.apply({ lines: toLines(text), line: toLines(text).length - 1, column: 1e6 }, true);
        else
            this.apply(
                insertAt(
                    this.lines,
                    number,
                    field.selectionStart ?? 0,
                    field.selectionEnd ?? 0,
                    text,
                ),
                true,
            );
    }

    /** @param {ClipboardEvent} event */
    copy(event) {
        if (!this.all) return;
        event.preventDefault();
        event.clipboardData?.setData("text/plain", this.text);
        if (event.type === "cut") this.apply({ lines: [""], line: 0, column: 0 }, true);
    }

    /** @param {boolean} all whether every line is selected */
    select(all) {
        this.all = all;
        this.element.classList.toggle("all-selected", all);
    }

    /**
     * Show what is wrong, each below its line.
     * @param {Mistake[]} mistakes
     */
    show(mistakes) {
        this.mistakes = mistakes;
        refill(this.whole, mistakes.filter(({ line }) => line === null).map(explained));
        [...this.rows.children].forEach((row, index) => {
            const own = mistakes.filter(
                ({ line }) =>
                    line === index + 1 ||
                    (index === this.lines.length - 1 && line !== null && line > this.lines.length),
            );
            this.clearRow(row);
            if (!own.length) return;
            const field = /** @type {HTMLInputElement} */ (row.querySelector("input"));
            const errors = /** @type {HTMLElement} */ (row.querySelector(".line-errors"));
            errors.id = freshId("line-error");
            field.setAttribute("aria-invalid", "true");
            field.setAttribute("aria-describedby", errors.id);
            row.classList.add("wrong");
            refill(errors, own.map(explained));
            this.underline(row, field, own[0]);
        });
    }

    /**
     * @param {Element} row
     * @param {HTMLInputElement} field
     * @param {Mistake} mistake
     */
    underline(row, field, { column, end_column: end }) {
        if (column === null) return;
        const letters = [...field.value]; // columns count characters, not UTF-16 halves
        const stop = Math.max(end ?? 0, column + 1);
        const shade = /** @type {HTMLElement} */ (row.querySelector(".line-shade"));
        const marked = letters.slice(column, stop).join("") || "\u00a0";
        refill(
            shade,
            letters.slice(0, column).join(""),
            make("span", { class: "squiggle", text: marked }),
            letters.slice(stop).join(""),
        );
        shade.scrollLeft = field.scrollLeft;
    }

    /** @param {Element} row */
    clearRow(row) {
        row.classList.remove("wrong");
        row.querySelector(".line-errors")?.replaceChildren();
        row.querySelector(".line-shade")?.replaceChildren();
        const field = row.querySelector("input");
        field?.removeAttribute("aria-invalid");
        field?.removeAttribute("aria-describedby");
    }

    /**
     * Say the first mistake where it is announced.
     * @param {Element} status
     */
    announce(status) {
        const first = this.mistakes[0];
        if (first)
            say(
                status,
                first.line === null
                    ? ["cells.wrong_whole", { message: first.message }]
                    : ["cells.wrong", { line: first.line, message: first.message }],
            );
    }
}

/**
 * A mistake in words.
 * @param {Mistake} mistake
 */
function explained({ message, mend }) {
    return make(
        "div",
        { class: "line-error" },
        saidByServer("p", message),
        mend
            ? make(
                  "p",
                  { class: "notice-mend" },
                  make("span", { class: "mend-word", say: "error.mend" }),
                  " ",
                  saidByServer("span", mend),
              )
            : null,
    );
}
