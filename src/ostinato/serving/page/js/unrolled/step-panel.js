/** One step in numbers: the equations of the cell with the numbers of one unit filled in. */

import { Latest, debounced, isAbort, post } from "../core/api.js";
import { css, diverging, inkOn } from "../core/colors.js";
import { make, refill, say } from "../core/dom.js";
import { numberField } from "../core/fields.js";
import { filled as shownValue, percent, visible } from "../core/format.js";
import { readMath } from "../core/mathml.js";
import { themeChanges } from "../core/theme.js";
import { drawStrip } from "./strip.js";

const PAUSE_MS = 60;
const STRIP_HEIGHT = 12;

/** Told `failed` with an error as detail. */
export class StepPanel extends EventTarget {
    /**
     * @param {import("./store.js").TraceStore} store
     * @param {import("./timeline.js").Timeline} timeline
     * @param {number} numUnits
     */
    constructor(store, timeline, numUnits) {
        super();
        this.store = store;
        this.timeline = timeline;
        this.unit = 0;
        this.numUnits = numUnits;
        this.requests = new Latest();
        this.askSoon = debounced(() => this.ask(), PAUSE_MS);
        this.answer = null;
        this.build();
        store.addEventListener("changed", () => this.drawStrips());
        themeChanges.addEventListener("change", () => this.show());
        new ResizeObserver(() => this.drawStrips()).observe(this.equations);
    }

    build() {
        this.title = make("h2", { id: "step-title" });
        this.facts = make("p", { class: "step-facts", role: "status" });
        const unit = numberField("step.unit", { min: 1, max: this.numUnits, value: 1 });
        this.unitInput = unit.input;
        this.unitInput.addEventListener(
            "input",
            () => unit.value !== null && this.chooseUnit(unit.value - 1),
        );
        this.of = make("span", { class: "hint", say: ["step.of_units", { count: this.numUnits }] });
        this.equations = make("ol", { class: "equations" });
        this.outputs = make("div", { class: "step-top" });
        this.element = make(
            "section",
            { class: "card step-card", "aria-labelledby": "step-title" },
            make(
                "div",
                { class: "card-head" },
                make("div", {}, this.title, this.facts),
                make("div", { class: "unit-choice" }, unit.element, this.of),
            ),
            this.equations,
            this.outputs,
            make("p", { class: "hint", say: "step.hint" }),
        );
    }

    /** Another step, place or text. */
    show() {
        const { step } = this.timeline;
        const { units, numSteps, loss } = this.store;
        say(this.title, ["step.title", { step: step + 1, count: numSteps }]);
        const target = this.store.at(step, this.timeline.place)?.target;
        const said = loss[step];
        const known = said !== null && said !== undefined;
        say(this.facts, [
            known && target !== null && target !== undefined ? "step.facts_target" : "step.facts",
            {
                unit: visible(units[step] ?? ""),
                target: visible(target ?? ""),
                loss: known ? said.toFixed(3) : "",
            },
        ]);
        this.showOutputs();
        this.askSoon();
    }

    showOutputs() {
        const known = this.store.at(this.timeline.step, this.timeline.place);
        if (!known?.top?.length) {
            this.outputs.replaceChildren();
            return;
        }
        refill(
            this.outputs,
            make("h3", { say: "step.outputs" }),
            make(
                "ol",
                { class: "bars" },
                known.top.map(({ text, probability }) =>
                    make(
                        "li",
                        { class: text === known.target ? "bar-row hit" : "bar-row" },
                        make("span", { class: "bar-name", text: this.store.outputName(text) }),
                        make(
                            "span",
                            { class: "bar-track" },
                            make("span", {
                                class: "bar",
                                style: { width: `${probability * 100}%` },
                            }),
                        ),
                        make("span", { class: "bar-number", text: percent(probability) }),
                        text === known.target
                            ? make("span", { class: "target-mark", say: "step.target" })
                            : null,
                    ),
                ),
            ),
        );
    }

    async ask() {
        const [layer, direction] = this.timeline.place.split(".").map(Number);
        try {
            this.answer = await post(
                "/trace/step",
                {
                    text: this.store.input,
                    step: this.timeline.step,
                    layer,
                    direction,
                    unit: this.unit,
                },
                this.requests.next(),
            );
        } catch (error) {
            if (!isAbort(error))
                this.dispatchEvent(
                    new CustomEvent("failed", { detail: { error, again: () => this.ask() } }),
                );
            return;
        }
        this.dispatchEvent(new Event("answered"));
        if (this.answer.num_units !== this.numUnits) {
            this.numUnits = this.answer.num_units;
            this.unitInput.max = String(this.numUnits);
            say(this.of, ["step.of_units", { count: this.numUnits }]);
        }
        this.drawEquations();
        this.showOutputs();
    }

    drawEquations() {
        /** @type {{name: string, mathml: string, filled: string, value: number}[]} */
        const equations = this.answer.equations;
        refill(
            this.equations,
            equations.map(({ name, mathml, filled, value }) => {
                const color = diverging(value / this.store.scale(name));
                return make(
                    "li",
                    { class: "equation" },
                    make(
                        "div",
                        { class: "equation-math" },
                        make("div", { class: "symbols" }, readMath(mathml)),
                        make("div", { class: "filled" }, readMath(filled)),
                    ),
                    make("span", {
                        class: "value-chip",
                        text: shownValue(value),
                        style: { "background-color": css(color), color: inkOn(color) },
                    }),
                    this.strip(name),
                );
            }),
        );
        this.drawStrips();
    }

    /** @param {string} name */
    strip(name) {
        const canvas = make("canvas", {
            class: "unit-strip",
            "data-name": name,
            "aria-hidden": "true",
            sayTitle: ["step.strip", { name }],
        });
        const marker = make("span", { class: "unit-marker", "aria-hidden": "true" });
        const wrap = make(
            "div",
            { class: "unit-strip-wrap", "aria-hidden": "true" },
            canvas,
            marker,
        );
        wrap.addEventListener("click", (/** @type {MouseEvent} */ event) => {
            const box = canvas.getBoundingClientRect();
            this.chooseUnit(Math.floor(((event.clientX - box.left) / box.width) * this.numUnits));
        });
        return wrap;
    }

    drawStrips() {
        // What can be scrolled must be reached by the keyboard, too.
        for (const math of this.equations.querySelectorAll(".equation-math")) {
            if (math.scrollWidth > math.clientWidth) math.setAttribute("tabindex", "0");
            else math.removeAttribute("tabindex");
        }
        const known = this.store.at(this.timeline.step, this.timeline.place);
        for (const canvas of this.equations.querySelectorAll("canvas")) {
            const width = canvas.parentElement?.clientWidth ?? 0;
            const values = known?.values(canvas.dataset.name ?? "") ?? [];
            if (!width || !values.length) continue;
            drawStrip(canvas, values, this.store.scale(canvas.dataset.name), width, STRIP_HEIGHT);
            const marker = /** @type {HTMLElement} */ (canvas.nextElementSibling);
            marker.style.left = `${((Math.min(this.unit, values.length - 1) + 0.5) / values.length) * 100}%`;
        }
    }

    /** @param {number} unit */
    chooseUnit(unit) {
        this.unit = Math.max(0, Math.min(this.numUnits - 1, unit));
        if (document.activeElement !== this.unitInput) this.unitInput.value = String(this.unit + 1);
        this.drawStrips();
        this.askSoon();
    }
}
