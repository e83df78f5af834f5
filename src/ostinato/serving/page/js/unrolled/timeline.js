/** The network unrolled in time; of a long text, only the steps that are seen are on the page. */

import { make, refill, say } from "../core/dom.js";
import { visible } from "../core/format.js";
import { scrollTo, visibleSteps } from "../core/virtual.js";
import { languageChanges, translate } from "../i18n/index.js";
import { themeChanges } from "../core/theme.js";
import { boxTop, makeColumn, rowMiddle, totalHeight } from "./column.js";

const MARGIN = 3;

/** Told `step` when the reader chooses another step, `loss` with a step when the flag is dragged, `scroll` when it moves. */
export class Timeline extends EventTarget {
    /**
     * @param {import("./store.js").TraceStore} store
     * @param {boolean} hasOutputs
     * @param {boolean} hasLoss whether steps have a loss of their own
     */
    constructor(store, hasOutputs, hasLoss) {
        super();
        this.store = store;
        this.hasOutputs = hasOutputs;
        this.hasLoss = hasLoss;
        this.place = "0.0";
        this.step = 0;
        /** @type {import("./flow.js").Flow | null} */
        this.flow = null;
        this.track = make("div", { class: "timeline-track" });
        this.scroller = make(
            "div",
            {
                class: "timeline-scroll",
                role: "slider",
                tabindex: "0",
                sayLabel: "unrolled.timeline",
                "aria-orientation": "horizontal",
                "aria-describedby": "timeline-keys",
            },
            this.track,
        );
        this.labels = make("div", { class: "timeline-labels", "aria-hidden": "true" });
        this.flag = make("div", { class: "loss-flag", "aria-hidden": "true", hidden: true });
        say(this.flag, hasLoss ? "unrolled.loss_flag" : "unrolled.decision_flag");
        this.element = make("div", { class: "timeline" }, this.labels, this.scroller);
        /** @type {Map<number, HTMLElement>} */
        this.columns = new Map();
        this.drawn = { first: 0, stop: 0 };
        this.frame = 0;
        this.dragging = false;
        this.listen();
    }

    listen() {
        this.scroller.addEventListener("scroll", () => this.drawSoon());
        this.scroller.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) =>
            this.key(event),
        );
        this.scroller.addEventListener("click", (/** @type {MouseEvent} */ event) => {
            const step = this.stepAt(event);
            if (step !== null && !this.dragging) this.choose(step);
        });
        this.scroller.addEventListener("pointermove", (/** @type {PointerEvent} */ event) =>
            this.hover(event),
        );
        this.flag.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
            event.preventDefault();
            this.dragging = true;
            this.flag.setPointerCapture(event.pointerId);
        });
        this.flag.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
            if (!this.dragging) return;
            const step = this.stepAt(event);
            if (step !== null) this.dispatchEvent(new CustomEvent("loss", { detail: step }));
        });
        const drop = () => window.setTimeout(() => (this.dragging = false)); // the click that ends a drag chooses no step
        this.flag.addEventListener("pointerup", drop);
        this.flag.addEventListener("pointercancel", drop);
        this.store.addEventListener("changed", () => this.redraw());
        themeChanges.addEventListener("change", () => this.redraw());
        languageChanges.addEventListener("change", () => this.tell());
        new ResizeObserver(() => this.layout()).observe(this.element);
    }

    /** Sizes of a column, for the width of the page and the values of the cell. */
    geometry() {
        const small = this.element.clientWidth < 640;
        const { names, states } = this.store;
        return {
            column: small ? 118 : 146,
            gap: small ? 22 : 28,
            outputs: this.hasOutputs ? 96 : 0,
            gradient: this.flow ? 52 : 0,
            arrow: 22,
            strip: names.length > 7 ? 9 : 13,
            pitch: names.length > 7 ? 14 : 20,
            padding: 9,
            unit: 34,
            foot: 24,
            names,
            states,
            backwards: this.place.endsWith(".1"),
        };
    }

    /** Draw everything anew: another text, place, size or gradient. */
    layout() {
        if (!this.store.numSteps || !this.element.clientWidth) return;
        const geometry = (this.sizes = this.geometry());
        this.track.style.width = `${this.store.numSteps * geometry.column - geometry.gap}px`;
        this.track.style.height = `${totalHeight(geometry)}px`;
        this.label(geometry);
        this.tell();
        this.redraw();
    }

    /** @param {import("./column.js").Geometry} geometry */
    label(geometry) {
        const rows = geometry.names.map((name, row) =>
            make("span", {
                class: geometry.states.includes(name) ? "row-label state" : "row-label",
                text: name,
                style: { top: `${rowMiddle(geometry, row)}px` },
            }),
        );
        /** @type {[string, number][]} */
        const words = [
            ["unrolled.row.input", totalHeight(geometry) - geometry.foot - geometry.unit / 2],
            [
                this.hasLoss ? "unrolled.row.step" : "unrolled.row.number",
                totalHeight(geometry) - geometry.foot / 2 + 2,
            ],
        ];
        if (geometry.outputs) words.push(["unrolled.row.output", geometry.outputs / 2]);
        if (geometry.gradient)
            words.push(["unrolled.row.gradient", boxTop(geometry) - geometry.gradient / 2]);
        refill(
            this.labels,
            rows,
            words.map(([key, top]) =>
                make("span", { class: "row-word", say: key, style: { top: `${top}px` } }),
            ),
        );
        this.labels.style.height = `${totalHeight(geometry)}px`;
    }

    redraw() {
        for (const column of this.columns.values()) column.remove();
        this.columns.clear();
        this.draw();
    }

    drawSoon() {
        if (this.frame) return;
        this.frame = requestAnimationFrame(() => {
            this.frame = 0;
            this.draw();
            this.dispatchEvent(new Event("scroll"));
        });
    }

    draw() {
        if (!this.sizes || !this.store.numSteps) return;
        const { column } = this.sizes;
        const [first, stop] = visibleSteps(
            this.scroller.scrollLeft,
            this.scroller.clientWidth,
            column,
            this.store.numSteps,
            MARGIN,
        );
        this.drawn = { first, stop };
        for (const [step, element] of this.columns) {
            if (step < first || step >= stop) {
                element.remove();
                this.columns.delete(step);
            }
        }
        for (let step = first; step < stop; step += 1)
            if (!this.columns.has(step)) this.drawColumn(step);
        this.store.want(first, stop);
        this.mark();
    }

    /** @param {number} step */
    drawColumn(step) {
        this.columns.get(step)?.remove();
        const known = this.store.at(step, this.place);
        const element = makeColumn(this.store, this.place, step, this.sizes, {
            known,
            gradient: this.flow
                ? {
                      share: this.flow.shareAt(step),
                      norm: this.flow.norms[this.flow.state]?.[step] ?? 0,
                  }
                : null,
            flagged: this.flow?.step === step,
        });
        this.columns.set(step, element);
        this.track.append(element);
    }

    /**
     * Show a gradient, or none.
     * @param {import("./flow.js").Flow | null} flow
     */
    showFlow(flow) {
        const other = (flow === null) !== (this.flow === null);
        this.flow = flow;
        if (other) this.layout();
        else this.redraw();
        this.flag.hidden = flow === null;
        if (flow && this.sizes) {
            this.track.append(this.flag);
            this.flag.style.left = `${flow.step * this.sizes.column + (this.sizes.column - this.sizes.gap) / 2}px`;
            this.flag.style.top = `${boxTop(this.sizes) - this.sizes.gradient - 4}px`;
        }
    }

    /**
     * Draw again the steps between two positions of the wave.
     * @param {number} from
     * @param {number} to
     */
    redrawBetween(from, to) {
        for (
            let step = Math.max(from, this.drawn.first);
            step <= Math.min(to, this.drawn.stop - 1);
            step += 1
        )
            this.drawColumn(step);
        this.mark();
    }

    /** @param {string} place */
    showPlace(place) {
        this.place = place;
        this.layout();
    }

    /**
     * Choose a step, and bring it into sight.
     * @param {number} step
     * @param {boolean} [quietly] whether nobody is told
     */
    choose(step, quietly = false) {
        this.step = Math.max(0, Math.min(this.store.numSteps - 1, step));
        this.store.choose(this.step);
        this.reveal(this.step);
        this.mark();
        this.tell();
        if (!quietly) this.dispatchEvent(new Event("step"));
    }

    /**
     * @param {number} step
     * @param {number} [margin]
     */
    reveal(step, margin = 1) {
        if (!this.sizes) return;
        const to = scrollTo(
            step,
            this.scroller.scrollLeft,
            this.scroller.clientWidth,
            this.sizes.column,
            margin,
        );
        if (Math.abs(to - this.scroller.scrollLeft) > 0.5) this.scroller.scrollLeft = to;
    }

    /**
     * Fetch what is to be seen when a step is revealed, before it is.
     * @param {number} step
     * @param {AbortSignal} signal
     */
    async prepare(step, signal) {
        if (!this.sizes) return;
        const { column } = this.sizes;
        const { scrollLeft, clientWidth } = this.scroller;
        const seen = visibleSteps(
            scrollTo(step, scrollLeft, clientWidth, column, 1),
            clientWidth,
            column,
            this.store.numSteps,
            MARGIN,
        );
        await this.store.prepare(...seen, signal);
    }

    mark() {
        for (const [step, element] of this.columns)
            element.classList.toggle("chosen", step === this.step);
    }

    /** Tell what is chosen to those who do not see it. */
    tell() {
        const { numSteps, units, loss } = this.store;
        if (!numSteps) return;
        const said = loss[this.step];
        this.scroller.setAttribute("aria-valuemin", "1");
        this.scroller.setAttribute("aria-valuemax", String(numSteps));
        this.scroller.setAttribute("aria-valuenow", String(this.step + 1));
        this.scroller.setAttribute(
            "aria-valuetext",
            translate(
                said === null || said === undefined ? "unrolled.value" : "unrolled.value_loss",
                {
                    step: this.step + 1,
                    count: numSteps,
                    unit: visible(units[this.step]),
                    loss: said?.toFixed(2) ?? "",
                },
            ),
        );
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const page = Math.max(
            1,
            Math.floor(this.scroller.clientWidth / (this.sizes?.column ?? 140)),
        );
        const moves = /** @type {Record<string, number>} */ ({
            ArrowRight: this.step + 1,
            ArrowUp: this.step + 1,
            ArrowLeft: this.step - 1,
            ArrowDown: this.step - 1,
            PageDown: this.step + page,
            PageUp: this.step - page,
            Home: 0,
            End: this.store.numSteps - 1,
        });
        if (!(event.key in moves)) return;
        event.preventDefault();
        this.choose(moves[event.key]);
    }

    /** @param {PointerEvent} event */
    hover(event) {
        if (event.pointerType !== "mouse" || this.dragging) return;
        const step = this.stepAt(event);
        for (const [other, element] of this.columns)
            element.classList.toggle("near", other === step);
    }

    /** @param {MouseEvent} event */
    stepAt(event) {
        if (!this.sizes) return null;
        const step = Math.floor(
            (event.clientX - this.track.getBoundingClientRect().left) / this.sizes.column,
        );
        return step >= 0 && step < this.store.numSteps ? step : null;
    }
}
