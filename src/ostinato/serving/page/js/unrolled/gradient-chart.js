/** The size of a gradient over all steps: a chart on a logarithmic axis, and the same as a table. */

import { LINES } from "../core/colors.js";
import { make, makeSvg, refill } from "../core/dom.js";
import { details, table } from "../core/fields.js";
import { decades, plain, ticks, visible } from "../core/format.js";
import { lineKey } from "../core/line-key.js";

const [HEIGHT, LEFT, RIGHT, BOTTOM, TOP] = [200, 46, 10, 30, 8];
const [NARROWEST, USUAL] = [260, 520];
const BAND = 12;
const MOST_ROWS = 60;
const SMALLEST = 1e-300;

export class GradientChart {
    /**
     * @param {string} symbol of what is derived: a loss, or an output
     * @param {string[]} units what the steps read
     */
    constructor(symbol, units) {
        this.symbolOfLoss = symbol;
        this.units = units;
        /** @type {import("./flow.js").Flow | null} */
        this.flow = null;
        this.width = 0;
        this.drawing = make("div", { class: "gradient-chart" });
        this.numbers = details("gradient.table");
        this.numbers.addEventListener("toggle", () => this.tabulate());
        new ResizeObserver(() => {
            if (this.drawing.clientWidth !== this.width) this.draw();
        }).observe(this.drawing);
    }

    /**
     * @param {import("./flow.js").Flow} flow
     * @param {string[]} units
     */
    show(flow, units) {
        this.flow = flow;
        this.units = units;
        this.draw();
        this.tabulate();
    }

    /**
     * The size of the gradient with respect to a state, in symbols.
     * @param {string} state
     */
    symbol(state) {
        return `‖∂${this.symbolOfLoss}/∂${state}‖`;
    }

    /** Draw the norms of all states over all steps, and the front of the wave. */
    draw() {
        const flow = this.flow;
        if (!flow) return;
        this.width = this.drawing.clientWidth;
        // As wide as its place, so that its words keep their size on a phone.
        const width = Math.max(NARROWEST, this.width || USUAL);
        const count = Math.max(1, ...Object.values(flow.norms).map((series) => series.length));
        const x = (/** @type {number} */ step) =>
            LEFT + (step / Math.max(1, count - 1)) * (width - LEFT - RIGHT);
        const smallest = flow.floor;
        const powers = decades(smallest, flow.largest * 1.0001);
        const [low, high] = [
            powers[0],
            Math.max(powers[powers.length - 1], Math.log10(flow.largest)),
        ];
        const y = (/** @type {number} */ norm) =>
            TOP +
            ((high - Math.max(low, Math.log10(Math.max(norm, SMALLEST)))) /
                Math.max(1e-9, high - low)) *
                (HEIGHT - TOP - BOTTOM);
        const parts = powers.flatMap((power) => [
            makeSvg("path", {
                class: "grid-line",
                d: `M${LEFT} ${y(10 ** power)}H${width - RIGHT}`,
            }),
            makeSvg(
                "text",
                { class: "axis-number", x: LEFT - 7, y: y(10 ** power) + 4, "text-anchor": "end" },
                "10",
                makeSvg("tspan", { dy: -5, "font-size": 9, text: String(power).replace("-", "−") }),
            ),
        ]);
        for (const step of ticks(1, count, 6))
            if (step >= 1 && Number.isInteger(step))
                parts.push(
                    makeSvg("text", {
                        class: "axis-number",
                        x: x(step - 1),
                        y: HEIGHT - BOTTOM + 16,
                        "text-anchor": "middle",
                        text: step,
                    }),
                );
        parts.push(
            makeSvg("path", {
                class: "axis-line",
                d: `M${LEFT} ${HEIGHT - BOTTOM}H${width - RIGHT}`,
            }),
        );
        const floor = 10 ** low;
        let isBelow = false;
        Object.entries(flow.norms).forEach(([, series], index) => {
            const line = LINES[index % LINES.length];
            // A line ends where it leaves the axis: along its foot it would say that nothing fades.
            let path = "";
            let isDrawn = false;
            series.forEach((norm, step) => {
                const isSeen = norm >= floor && flow.distance(step) >= 0;
                if (isSeen)
                    path += `${isDrawn ? "L" : "M"}${x(step).toFixed(1)} ${y(norm).toFixed(1)}`;
                isDrawn = isSeen;
            });
            for (const [first, last] of flow.stretchesBelow(series, floor)) {
                isBelow = true;
                parts.push(
                    makeSvg("rect", {
                        class: "below-floor",
                        x: x(first),
                        y: HEIGHT - BOTTOM - BAND,
                        width: Math.max(2, x(last) - x(first)),
                        height: BAND,
                    }),
                );
            }
            if (path)
                parts.push(
                    makeSvg("path", {
                        class: "line",
                        d: path,
                        style: { stroke: line.color, "stroke-dasharray": line.dash || "none" },
                    }),
                );
        });
        this.frontLine = makeSvg("path", { class: "front-line", d: "" });
        parts.push(
            this.frontLine,
            makeSvg("path", {
                class: "loss-line",
                d: `M${x(flow.step)} ${TOP}V${HEIGHT - BOTTOM}`,
            }),
        );
        const states = Object.keys(flow.norms);
        const legend = make(
            "p",
            { class: "legend" },
            states.map((state, index) =>
                make("span", {}, lineKey(index), make("span", { text: this.symbol(state) })),
            ),
            isBelow
                ? make(
                      "span",
                      { class: "below-note" },
                      make("span", { class: "below-key", "aria-hidden": "true" }),
                      make("span", { say: ["gradient.below", { floor: plain(floor) }] }),
                  )
                : null,
        );
        refill(
            this.drawing,
            makeSvg(
                "svg",
                {
                    viewBox: `0 0 ${width} ${HEIGHT}`,
                    role: "img",
                    sayLabel: ["gradient.chart", { step: flow.step + 1 }],
                },
                parts,
            ),
            legend,
        );
        this.frontAt = (/** @type {number} */ step) => `M${x(step)} ${TOP}V${HEIGHT - BOTTOM}`;
        this.drawFront();
    }

    /** Show how far the wave has come. */
    drawFront() {
        const flow = this.flow;
        if (!flow) return;
        this.frontLine.setAttribute(
            "d",
            flow.reached === flow.length ? "" : this.frontAt(flow.front),
        );
    }

    /** The same as numbers, when it is looked at. */
    tabulate() {
        const flow = this.flow;
        if (!flow || !this.numbers.open) return;
        const states = Object.keys(flow.norms);
        const every = Math.ceil((flow.length + 1) / MOST_ROWS);
        const rows = [];
        for (let distance = 0; distance <= flow.length; distance += every) {
            const step = flow.backwards ? flow.step + distance : flow.step - distance;
            rows.push([
                String(step + 1),
                visible(this.units[step] ?? ""),
                ...states.map((state) => plain(flow.norms[state][step])),
            ]);
        }
        this.numbers.querySelector(".table-scroll")?.remove();
        this.numbers.append(
            table(
                every === 1 ? "gradient.table.caption_all" : ["gradient.table.caption", { every }],
                [
                    "table.step",
                    "table.unit",
                    ...states.map((state) => ({ text: this.symbol(state) })),
                ],
                rows,
            ),
        );
    }
}
