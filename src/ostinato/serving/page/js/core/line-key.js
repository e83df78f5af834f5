/** The sample of a chart's line that stands in its legend. */

import { LINES } from "./colors.js";
import { makeSvg } from "./dom.js";

/** @param {number} index of the line */
export function lineKey(index) {
    const { color, dash } = LINES[index % LINES.length];
    return makeSvg(
        "svg",
        { class: "line-key", width: 30, height: 8, "aria-hidden": "true" },
        makeSvg("path", {
            d: "M1 4H29",
            style: { stroke: color, "stroke-dasharray": dash || "none" },
        }),
    );
}
