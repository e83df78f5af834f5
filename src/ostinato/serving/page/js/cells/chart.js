/** A small chart of curves that grow. */

import { LINES } from "../core/colors.js";
import { make, makeSvg, refill } from "../core/dom.js";
import { details, table } from "../core/fields.js";
import { plain, ticks } from "../core/format.js";
import { lineKey } from "../core/line-key.js";

const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [300, 54, 14, 12, 40];
const [NARROWEST, USUAL] = [260, 640];
const MOST_ROWS = 40;

/** @typedef {{x: number, y: number}} Point */

export class Chart {
    /** @param {import("../core/dom.js").Phrase} label */
    constructor(label) {
        this.label = label;
        /** @type {Map<string, Point[]>} */
        this.series = new Map();
        /** @type {import("../core/dom.js").Phrase} */
        this.xTitle = "chart.step";
        /** @type {import("../core/dom.js").Phrase} */
        this.yTitle = "chart.loss";
        this.frame = 0;
        this.drawing = make("div", { class: "chart-drawing" });
        this.legend = make("p", { class: "legend" });
        this.numbers = details("chart.table");
        this.element = make(
            "figure",
            { class: "chart" },
            this.drawing,
            make("figcaption", {}, this.legend, this.numbers),
        );
        this.numbers.addEventListener("toggle", () => this.tabulate());
        new ResizeObserver(() => this.drawSoon()).observe(this.element);
    }

    clear() {
        this.series.clear();
        this.draw();
    }

    /**
     * @param {string} name
     * @param {Point} point
     */
    add(name, point) {
        const points = this.series.get(name) ?? [];
        points.push(point);
        this.series.set(name, points);
        this.drawSoon();
    }

    /** Draw once a frame at most, however fast the points come. */
    drawSoon() {
        if (this.frame) return;
        this.frame = requestAnimationFrame(() => {
            this.frame = 0;
            this.draw();
        });
    }

    draw() {
        const points = [...this.series.values()]
            .flat()
            .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
        const [right, low, high] = points.reduce(
            ([r, l, h], { x, y }) => [Math.max(r, x), Math.min(l, y), Math.max(h, y)],
            [1, 0, 0],
        );
        // As wide as its place, so that its words keep their size on a phone.
        const width = Math.max(NARROWEST, this.element.clientWidth || USUAL);
        const top = high > low ? high : low + 1;
        const x = (/** @type {number} */ value) => LEFT + (value / right) * (width - LEFT - RIGHT);
        const y = (/** @type {number} */ value) =>
            TOP + ((top - value) / (top - low)) * (HEIGHT - TOP - BOTTOM);
        const parts = ticks(low, top, 5).flatMap((value) => [
            makeSvg("path", { class: "grid-line", d: `M${LEFT} ${y(value)}H${width - RIGHT}` }),
            makeSvg("text", {
                class: "axis-number",
                x: LEFT - 8,
                y: y(value) + 4,
                "text-anchor": "end",
                text: String(value).replace("-", "−"),
            }),
        ]);
        for (const value of ticks(0, right, width / 100))
            parts.push(
                makeSvg("text", {
                    class: "axis-number",
                    x: x(value),
                    y: HEIGHT - BOTTOM + 16,
                    "text-anchor": "middle",
                    text: value,
                }),
            );
        parts.push(
            makeSvg("path", {
                class: "axis-line",
                d: `M${LEFT} ${HEIGHT - BOTTOM}H${width - RIGHT}`,
            }),
            makeSvg("text", {
                class: "axis-title",
                x: width - RIGHT,
                y: HEIGHT - 6,
                "text-anchor": "end",
                say: this.xTitle,
            }),
            makeSvg("text", {
                class: "axis-title",
                x: LEFT + 6,
                y: TOP + 4,
                "text-anchor": "start",
                say: this.yTitle,
            }),
        );
        [...this.series.values()].forEach((series, index) => {
            const line = LINES[index % LINES.length];
            const drawn = series
                .filter((point) => Number.isFinite(point.y))
                .map((point) => `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`);
            if (drawn.length)
                parts.push(
                    makeSvg("path", {
                        class: "line",
                        d: `M${drawn.join("L")}`,
                        style: { stroke: line.color, "stroke-dasharray": line.dash || "none" },
                    }),
                );
            const last = series[series.length - 1];
            if (Number.isFinite(last.y))
                parts.push(
                    makeSvg("circle", {
                        cx: x(last.x),
                        cy: y(last.y),
                        r: 3.5,
                        style: { fill: line.color },
                    }),
                );
        });
        refill(
            this.drawing,
            makeSvg(
                "svg",
                { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", sayLabel: this.label },
                parts,
            ),
        );
        refill(
            this.legend,
            [...this.series.entries()].map(([name, series], index) =>
                make(
                    "span",
                    {},
                    lineKey(index),
                    make("span", { class: "legend-name", text: name }),
                    make("span", {
                        class: "legend-number",
                        text: plain(series[series.length - 1].y),
                    }),
                ),
            ),
        );
        this.tabulate();
    }

    /** The same as numbers, when it is looked at. */
    tabulate() {
        this.numbers.querySelector(".table-scroll")?.remove();
        if (!this.numbers.open || !this.series.size) return;
        const rows = [...this.series].flatMap(([name, series]) => {
            const every = Math.ceil((series.length * this.series.size) / MOST_ROWS);
            return series
                .filter((_, index) => index % every === 0 || index === series.length - 1)
                .map(({ x, y }) => [name, String(x), plain(y)]);
        });
        this.numbers.append(table(this.label, ["table.cell", this.xTitle, this.yTitle], rows));
    }
}
