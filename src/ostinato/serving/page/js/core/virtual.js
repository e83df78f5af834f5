/** Which of many steps are on the screen, and which pieces of the trace they need. */

/**
 * Steps that are at least partly visible, with a margin on both sides.
 * @param {number} scroll pixels scrolled
 * @param {number} width pixels visible
 * @param {number} column pixels of a step
 * @param {number} count of all steps
 * @param {number} margin steps beyond each edge
 * @returns {[number, number]} first, and one past the last
 */
export function visibleSteps(scroll, width, column, count, margin) {
    const first = Math.floor(scroll / column) - margin;
    const stop = Math.ceil((scroll + width) / column) + margin;
    return [Math.min(count, Math.max(0, first)), Math.max(0, Math.min(count, stop))];
}

/**
 * Pieces of a fixed size that cover some steps.
 * @param {number} first
 * @param {number} stop
 * @param {number} size
 * @returns {number[]} their numbers
 */
export function piecesOf(first, stop, size) {
    const pieces = [];
    for (let piece = Math.floor(first / size); piece * size < stop; piece += 1) pieces.push(piece);
    return pieces;
}

/**
 * Where to scroll so that a step is seen, moving as little as possible.
 * @param {number} step
 * @param {number} scroll
 * @param {number} width
 * @param {number} column
 * @param {number} margin steps kept between it and the edge
 */
export function scrollTo(step, scroll, width, column, margin) {
    const room = Math.min(margin * column, Math.max(0, (width - column) / 2));
    const lowest = (step + 1) * column + room - width;
    const highest = step * column - room;
    return Math.max(0, Math.min(Math.max(scroll, lowest), highest));
}

/**
 * The largest value of each of `bins` stretches of a series; what is missing is skipped.
 * @param {(number | null)[]} series
 * @param {number} bins
 * @returns {(number | null)[]}
 */
export function pooled(series, bins) {
    const count = Math.min(bins, series.length);
    /** @type {(number | null)[]} */
    const found = new Array(count).fill(null);
    for (let index = 0; index < series.length; index += 1) {
        const value = series[index];
        if (value === null || !Number.isFinite(value)) continue;
        const bin = Math.floor((index * count) / series.length);
        const before = found[bin];
        if (before === null || value > before) found[bin] = value;
    }
    return found;
}

/**
 * Fit values into fewer places by leaving some out at even distances: the mean of many units would
 * fade to nothing, and the strongest of them would look as if all were strong.
 * @param {ArrayLike<number>} values
 * @param {number} places
 * @returns {number[]}
 */
export function sampled(values, places) {
    const count = Math.min(places, values.length);
    return Array.from(
        { length: count },
        (_, place) => values[Math.floor(((place + 0.5) * values.length) / count)],
    );
}
