/** Colours of numbers: blue below zero, orange above, which every kind of colour vision tells apart. */

import { isDark } from "./theme.js";

/** @typedef {[number, number, number]} Rgb */

/** @type {{light: Rgb[], dark: Rgb[]}} from the lowest value over zero to the highest */
const DIVERGING = {
    light: [
        [8, 64, 129],
        [67, 133, 190],
        [163, 201, 226],
        [250, 249, 247],
        [250, 198, 140],
        [228, 125, 35],
        [153, 67, 4],
    ],
    dark: [
        [140, 200, 255],
        [62, 134, 201],
        [35, 78, 122],
        [34, 39, 46],
        [115, 66, 22],
        [205, 110, 26],
        [255, 190, 110],
    ],
};

/**
 * @param {number} share from −1 to 1
 * @returns {Rgb}
 */
export function diverging(share) {
    const stops = isDark() ? DIVERGING.dark : DIVERGING.light;
    const at = ((Math.max(-1, Math.min(1, share)) + 1) / 2) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    const part = at - low;
    return /** @type {Rgb} */ (
        stops[low].map((from, channel) =>
            Math.round(from + (stops[low + 1][channel] - from) * part),
        )
    );
}

/** @param {Rgb} color */
export function css([red, green, blue]) {
    return `rgb(${red} ${green} ${blue})`;
}

/**
 * Black or white, whichever is easier to read on a colour.
 * @param {Rgb} color
 */
export function inkOn([red, green, blue]) {
    const [r, g, b] = [red, green, blue].map((channel) => {
        const part = channel / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

/** Lines of a chart: Okabe and Ito's colours, each with a dash of its own. */
export const LINES = [
    { color: "var(--line-1)", dash: "" },
    { color: "var(--line-2)", dash: "7 4" },
    { color: "var(--line-3)", dash: "2 4" },
    { color: "var(--line-4)", dash: "10 3 2 3" },
    { color: "var(--line-5)", dash: "4 2" },
];
