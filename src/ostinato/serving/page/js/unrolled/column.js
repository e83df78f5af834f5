/** One step of the unrolled network, as slides draw it: input below, the cell, its output above. */

import { make, makeSvg } from "../core/dom.js";
import { plain, visible } from "../core/format.js";
import { drawRow } from "./strip.js";

/**
 * @typedef {object} Geometry of a column, in CSS pixels; the same for all columns
 * @property {number} column its width
 * @property {number} gap between two cells, where the state passes
 * @property {number} outputs height of the distribution, 0 where there is none
 * @property {number} gradient height of the lane of the gradient, 0 where it is not shown
 * @property {number} arrow length of an arrow
 * @property {number} strip height of a value's strip
 * @property {number} pitch from one strip to the next
 * @property {number} padding of the cell box
 * @property {number} unit height of the input
 * @property {number} foot below it
 * @property {string[]} names
 * @property {string[]} states
 * @property {boolean} backwards whether the direction reads from the end
 */

/** @param {Geometry} geometry */
export function boxTop(geometry) {
    return geometry.outputs + (geometry.outputs ? geometry.arrow : 6) + geometry.gradient;
}

/** @param {Geometry} geometry */
export function boxHeight(geometry) {
    return (
        geometry.padding * 2 +
        geometry.pitch * geometry.names.length -
        (geometry.pitch - geometry.strip)
    );
}

/** @param {Geometry} geometry */
export function totalHeight(geometry) {
    return boxTop(geometry) + boxHeight(geometry) + geometry.arrow + geometry.unit + geometry.foot;
}

/**
 * @param {Geometry} geometry
 * @param {number} row
 */
export function rowMiddle(geometry, row) {
    return boxTop(geometry) + geometry.padding + geometry.pitch * row + geometry.strip / 2;
}

/**
 * Make the column of a step.
 * @param {import("./store.js").TraceStore} store
 * @param {string} place
 * @param {number} step
 * @param {Geometry} geometry
 * @param {{known: {values: (name: string) => number[], top: {text: string, probability: number}[] | null, target: string | null} | null, gradient: {share: number, norm: number} | null, flagged: boolean}} now
 */
export function makeColumn(store, place, step, geometry, { known, gradient, flagged }) {
    const column = make("div", {
        class: "step-column",
        "data-step": step,
        style: { left: `${step * geometry.column}px`, width: `${geometry.column}px` },
    });
    if (geometry.outputs) column.append(outputs(store, known, geometry));
    column.append(
        arrows(
            step,
            store.numSteps,
            geometry,
            gradient === null ? null : gradient.share,
            known !== null,
        ),
    );
    column.append(box(store, known, geometry));
    if (geometry.gradient && gradient !== null)
        column.append(bar(geometry, gradient.share, gradient.norm, flagged));
    const tile = make("div", {
        class: "step-unit",
        text: visible(store.units[step]),
        style: {
            top: `${boxTop(geometry) + boxHeight(geometry) + geometry.arrow}px`,
            height: `${geometry.unit}px`,
            width: `${geometry.column - geometry.gap}px`,
        },
    });
    if (store.units[step].length > 10) tile.title = store.units[step];
    column.append(tile);
    const foot = make(
        "div",
        { class: "step-foot", style: { width: `${geometry.column - geometry.gap}px` } },
        make("span", { class: "step-number", text: step + 1 }),
    );
    const loss = store.loss[step];
    if (loss !== null && loss !== undefined)
        foot.append(make("span", { class: "step-loss", text: loss.toFixed(2) }));
    column.append(foot);
    return column;
}

/**
 * @param {import("./store.js").TraceStore} store
 * @param {{top: {text: string, probability: number}[] | null, target: string | null} | null} known
 * @param {Geometry} geometry
 */
function outputs(store, known, geometry) {
    const rows = (known?.top ?? []).map(({ text, probability }) => {
        const hit = known?.target !== null && text === known?.target;
        return make(
            "div",
            { class: hit ? "output-row hit" : "output-row" },
            make("span", { class: "output-text", text: store.outputName(text) }),
            make(
                "span",
                { class: "output-track" },
                make("span", {
                    class: "output-bar",
                    style: { width: `${Math.max(1, probability * 100)}%` },
                }),
            ),
            make("span", { class: "output-number", text: `${Math.round(probability * 100)} %` }),
        );
    });
    const wordy = (known?.top ?? []).some(({ text }) => text.length > 2);
    return make(
        "div",
        {
            class: wordy ? "step-outputs wordy" : "step-outputs",
            style: {
                height: `${geometry.outputs}px`,
                width: `${geometry.column - geometry.gap}px`,
            },
        },
        rows,
    );
}

/**
 * @param {import("./store.js").TraceStore} store
 * @param {{values: (name: string) => number[]} | null} known
 * @param {Geometry} geometry
 */
function box(store, known, geometry) {
    const width = geometry.column - geometry.gap;
    const inner = width - geometry.padding * 2;
    const element = make("div", {
        class: known ? "step-box" : "step-box waiting",
        style: {
            top: `${boxTop(geometry)}px`,
            height: `${boxHeight(geometry)}px`,
            width: `${width}px`,
        },
    });
    if (!known) return element;
    const canvas = make("canvas", { class: "step-strips" });
    const density = window.devicePixelRatio || 1;
    const height = boxHeight(geometry) - geometry.padding * 2;
    canvas.width = Math.round(inner * density);
    canvas.height = Math.round(height * density);
    canvas.style.width = `${inner}px`;
    canvas.style.height = `${height}px`;
    const paint = canvas.getContext("2d");
    geometry.names.forEach((name, row) => {
        drawRow(
            paint,
            known.values(name),
            store.scale(name),
            canvas.width,
            Math.round(row * geometry.pitch * density),
            Math.round(geometry.strip * density),
        );
    });
    element.append(canvas);
    return element;
}

/**
 * The arrows: input into the cell, cell to output, and the state into the next cell.
 * @param {number} step
 * @param {number} numSteps
 * @param {Geometry} geometry
 * @param {number | null} gradient from 0 to 1: how much flows back here
 * @param {boolean} known
 */
function arrows(step, numSteps, geometry, gradient, known) {
    const width = geometry.column - geometry.gap;
    const middle = width / 2;
    const top = boxTop(geometry);
    const bottom = top + boxHeight(geometry);
    const parts = [arrow(middle, bottom + geometry.arrow, middle, bottom + 1, "arrow")];
    if (geometry.outputs)
        parts.push(
            arrow(
                middle,
                geometry.outputs + geometry.arrow + geometry.gradient,
                middle,
                geometry.outputs + 4,
                "arrow",
            ),
        );
    const last = step === numSteps - 1;
    for (const state of geometry.states) {
        const y = rowMiddle(geometry, geometry.names.indexOf(state));
        const [from, to] = geometry.backwards
            ? [geometry.column, width + 1]
            : [width, geometry.column - 1];
        if (!last) parts.push(arrow(from, y, to, y, known ? "arrow state" : "arrow state waiting"));
        if (!last && gradient !== null && gradient > 0) {
            parts.push(
                makeSvg(
                    "g",
                    { class: "back", style: { "--flow": gradient } },
                    arrow(to, y + 6, from, y + 6, "arrow"),
                ),
            );
        }
    }
    return makeSvg(
        "svg",
        {
            class: "step-arrows",
            width: geometry.column,
            height: totalHeight(geometry),
            "aria-hidden": "true",
        },
        parts,
    );
}

/**
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {string} kind
 */
function arrow(x1, y1, x2, y2, kind) {
    const [dx, dy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
    const size = 4;
    const head = dx
        ? `M${x2 - dx * size} ${y2 - size}L${x2} ${y2}L${x2 - dx * size} ${y2 + size}`
        : `M${x2 - size} ${y2 - dy * size}L${x2} ${y2}L${x2 + size} ${y2 - dy * size}`;
    return makeSvg("path", { class: kind, d: `M${x1} ${y1}L${x2} ${y2}${head}` });
}

/**
 * @param {Geometry} geometry
 * @param {number} share from 0 to 1
 * @param {number} norm
 * @param {boolean} flagged
 */
function bar(geometry, share, norm, flagged) {
    const room = geometry.gradient - 8;
    return make(
        "div",
        {
            class: flagged ? "step-gradient flagged" : "step-gradient",
            style: {
                top: `${boxTop(geometry) - geometry.gradient + 2}px`,
                height: `${room}px`,
                width: `${geometry.column - geometry.gap}px`,
            },
        },
        make("span", {
            class: "gradient-bar",
            style: {
                height: `${Math.max(share > 0 ? 2 : 0, share * room)}px`,
                opacity: 0.25 + 0.75 * share,
            },
        }),
        share > 0 ? make("span", { class: "gradient-number", text: plain(norm) }) : null,
    );
}
