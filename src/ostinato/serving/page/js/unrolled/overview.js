/** The whole text at a glance: loss and activity of all steps, and where the timeline stands. */

import { make } from "../core/dom.js";
import { themeChanges } from "../core/theme.js";
import { pooled } from "../core/virtual.js";

const HEIGHT = 56;

/** Told `jump` with a step when the reader points at one. */
export class Overview extends EventTarget {
    /**
     * @param {import("./store.js").TraceStore} store
     * @param {import("./timeline.js").Timeline} timeline
     */
    constructor(store, timeline) {
        super();
        this.store = store;
        this.timeline = timeline;
        this.name = "";
        this.canvas = make("canvas", {
            class: "overview-canvas",
            role: "img",
            sayLabel: "unrolled.overview.label",
        });
        this.element = make(
            "div",
            { class: "overview" },
            this.canvas,
            make(
                "p",
                { class: "legend small-legend" },
                timeline.hasLoss
                    ? make("span", { class: "key loss-key", say: "unrolled.overview.loss" })
                    : null,
                make("span", { class: "key activity-key", say: "unrolled.overview.activity" }),
            ),
        );
        const jump = (/** @type {PointerEvent} */ event) => {
            const box = this.canvas.getBoundingClientRect();
            const share = (event.clientX - box.left) / box.width;
            this.dispatchEvent(
                new CustomEvent("jump", {
                    detail: Math.max(
                        0,
                        Math.min(store.numSteps - 1, Math.floor(share * store.numSteps)),
                    ),
                }),
            );
        };
        this.canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
            this.canvas.setPointerCapture(event.pointerId);
            jump(event);
        });
        this.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
            if (this.canvas.hasPointerCapture(event.pointerId)) jump(event);
        });
        timeline.addEventListener("scroll", () => this.draw());
        themeChanges.addEventListener("change", () => this.draw());
        new ResizeObserver(() => this.draw()).observe(timeline.element);
    }

    /** @param {string} name of the value whose activity is drawn */
    show(name) {
        this.name = name;
        this.draw();
    }

    draw() {
        const { scroller } = this.timeline;
        // Where the timeline shows all of the text, nothing is left to look over.
        this.element.hidden =
            scroller.clientWidth > 0 && scroller.scrollWidth <= scroller.clientWidth + 1;
        const width = this.element.clientWidth;
        if (!width || !this.store.numSteps) return;
        const density = window.devicePixelRatio || 1;
        this.canvas.width = Math.round(width * density);
        this.canvas.height = Math.round(HEIGHT * density);
        this.canvas.style.height = `${HEIGHT}px`;
        const paint = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
        paint.scale(density, density);
        const style = getComputedStyle(document.documentElement);
        this.bars(paint, width, style.getPropertyValue("--chart-quiet"));
        this.curve(paint, width, style.getPropertyValue("--warm"));
        this.place(paint, width, style.getPropertyValue("--accent"));
    }

    /**
     * @param {CanvasRenderingContext2D} paint
     * @param {number} width
     * @param {string} color
     */
    bars(paint, width, color) {
        const bins = pooled(this.store.loss, Math.floor(width / 3));
        const most = Math.max(...bins.map((value) => value ?? 0), 1e-9);
        const each = width / Math.max(1, bins.length);
        paint.fillStyle = color;
        bins.forEach((value, index) => {
            const height = ((value ?? 0) / most) * (HEIGHT - 6);
            paint.fillRect(index * each, HEIGHT - height, Math.max(1, each - 1), height);
        });
    }

    /**
     * @param {CanvasRenderingContext2D} paint
     * @param {number} width
     * @param {string} color
     */
    curve(paint, width, color) {
        const series = this.store.overview[this.timeline.place]?.[this.name] ?? [];
        const bins = pooled(series, Math.floor(width / 2));
        const most = Math.max(...bins.map((value) => value ?? 0), 1e-9);
        paint.strokeStyle = color;
        paint.lineWidth = 1.5;
        paint.beginPath();
        bins.forEach((value, index) =>
            paint.lineTo(
                ((index + 0.5) * width) / bins.length,
                HEIGHT - 3 - ((value ?? 0) / most) * (HEIGHT - 12),
            ),
        );
        paint.stroke();
    }

    /**
     * @param {CanvasRenderingContext2D} paint
     * @param {number} width
     * @param {string} color
     */
    place(paint, width, color) {
        const { scroller, step } = this.timeline;
        const share = width / Math.max(1, scroller.scrollWidth);
        paint.strokeStyle = color;
        paint.lineWidth = 1.5;
        const across = Math.max(6, Math.min(width, scroller.clientWidth * share));
        paint.strokeRect(
            Math.min(width - across, scroller.scrollLeft * share) + 1,
            1,
            across - 2,
            HEIGHT - 2,
        );
        paint.fillStyle = color;
        paint.fillRect(((step + 0.5) * width) / this.store.numSteps - 1, 0, 2, HEIGHT);
    }
}
