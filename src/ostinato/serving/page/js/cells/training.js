/** A cell learns a toy problem beside others, and its curve is watched. */

import { Latest, isAbort, stream } from "../core/api.js";
import { make, say } from "../core/dom.js";
import { checkbox, choice, numberField } from "../core/fields.js";
import { Notice } from "../core/notice.js";
import { Chart } from "./chart.js";

const PROBLEMS = ["adding", "copy", "latch", "text"];
const RIVALS = ["lstm", "gru"];

export class Training {
    /** @param {() => {equations: string, notation: string} | null} read what is in the editor; null while it is wrong */
    constructor(read) {
        this.read = read;
        this.requests = new Latest();
        this.notice = new Notice();
        this.chart = new Chart("train.chart");
        /** @type {{cell: string, step: number, loss: number, score: number | null}[]} */
        this.points = [];
        this.measure = /** @type {"loss" | "score"} */ ("loss");
        this.build();
    }

    build() {
        this.problem = choice(
            "train.problem",
            PROBLEMS.map((value) => ({ value, say: `train.problem.${value}` })),
            (value) => say(this.about, `train.about.${value}`),
        );
        this.about = make("p", { class: "hint", say: "train.about.adding" });
        this.steps = numberField("train.steps", { min: 4, max: 200, value: 30 });
        this.hidden = numberField("train.hidden", { min: 2, max: 128, value: 32 });
        this.seconds = numberField("train.seconds", { min: 5, max: 60, value: 30 });
        this.beside = RIVALS.map((name) => ({
            name,
            box: checkbox(`train.beside.${name}`, { checked: true }),
        }));
        this.go = make("button", { type: "submit", class: "button primary", say: "train.start" });
        this.halt = make("button", {
            type: "button",
            class: "button",
            say: "train.stop",
            disabled: true,
            on: { click: () => this.requests.stop() },
        });
        this.status = make("p", { class: "status", role: "status" });
        this.shown = choice(
            "train.measure",
            [
                { value: "loss", say: "chart.loss" },
                { value: "score", say: "chart.score" },
            ],
            (value) => this.show(/** @type {"loss" | "score"} */ (value)),
        );
        this.notes = make("ul", { class: "hint", lang: "en", role: "status" });
        this.result = make(
            "div",
            { class: "training-result", hidden: true },
            make("div", { class: "field-row" }, this.shown.element),
            this.chart.element,
            this.notes,
        );
        this.element = make(
            "section",
            { class: "card training", "aria-labelledby": "training-title" },
            make(
                "div",
                { class: "card-head" },
                make("h2", { id: "training-title", say: "train.title" }),
                this.status,
            ),
            make("p", { class: "explain", say: "train.intro" }),
            this.notice.element,
            make(
                "div",
                { class: "training-body" },
                make(
                    "form",
                    {
                        on: {
                            submit: (/** @type {Event} */ event) => {
                                event.preventDefault();
                                this.train();
                            },
                        },
                    },
                    make(
                        "div",
                        { class: "field-row" },
                        this.problem.element,
                        this.steps.element,
                        this.hidden.element,
                        this.seconds.element,
                    ),
                    this.about,
                    make(
                        "div",
                        { class: "button-row" },
                        make("span", { class: "beside-word", say: "train.beside" }),
                        this.beside.map(({ box }) => box.element),
                    ),
                    make("div", { class: "button-row" }, this.go, this.halt),
                ),
                this.result,
            ),
        );
    }

    async train() {
        const cell = this.read();
        if (!cell) {
            say(this.status, "train.mend_first");
            return;
        }
        const request = {
            ...cell,
            functions: {},
            problem: this.problem.select.value,
            steps: this.steps.value ?? 30,
            beside: this.beside.filter(({ box }) => box.input.checked).map(({ name }) => name),
            seconds: this.seconds.value ?? 30,
            hidden_size: this.hidden.value ?? 32,
        };
        this.notice.clear();
        this.points = [];
        this.chart.clear();
        this.result.hidden = false;
        this.go.disabled = true;
        this.halt.disabled = false;
        this.halt.focus();
        say(this.status, "train.starting");
        this.notes.replaceChildren();
        try {
            for await (const { event, data } of stream(
                "/cell/train",
                request,
                this.requests.next(),
            )) {
                if (event === "point") this.take(data);
                else if (event === "note" && this.points.length)
                    this.notes.append(make("li", { text: data.text }));
                else if (event === "done") say(this.status, "train.done");
            }
        } catch (error) {
            if (isAbort(error)) say(this.status, "train.stopped");
            else {
                say(this.status, "train.broken");
                this.notice.show(error, () => this.train());
            }
        } finally {
            const held = document.activeElement === this.halt;
            this.go.disabled = false;
            this.halt.disabled = true;
            if (held || document.activeElement === document.body) this.go.focus();
        }
    }

    /** @param {{cell: string, step: number, loss: number, score: number | null}} point */
    take(point) {
        if (!this.points.length) say(this.status, "train.running");
        this.points.push(point);
        this.plot(point);
    }

    /** @param {{cell: string, step: number, loss: number, score: number | null}} point */
    plot(point) {
        const value = point[this.measure];
        if (value !== null && value !== undefined)
            this.chart.add(point.cell, { x: point.step, y: value });
    }

    /** @param {"loss" | "score"} measure */
    show(measure) {
        this.measure = measure;
        this.chart.yTitle = `chart.${measure}`;
        this.chart.clear();
        for (const point of this.points) this.plot(point);
    }
}
