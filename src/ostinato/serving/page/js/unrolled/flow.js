/** Norms of a gradient on its way, on the scale on which it is drawn. */

const FEWEST_DECADES = 2;
const MOST_DECADES = 8;
const SMALLEST_SHARE = 0.04;

/** Norms of the gradient at every step, of which the wave has reached some. */
export class Flow {
    /**
     * @param {number} step whose loss it is
     * @param {Record<string, number[]>} norms state to steps
     * @param {string} state whose norms are shown at the steps
     * @param {boolean} backwards whether the direction reads from the end, so that the gradient runs forwards
     * @param {boolean} atEnd whether the loss is that of the whole: the end of what reads backwards is the first step
     */
    constructor(step, norms, state, backwards, atEnd) {
        this.step = backwards && atEnd ? 0 : step;
        this.norms = norms;
        this.state = state;
        this.backwards = backwards;
        const positive = Object.values(norms).flatMap((series) =>
            series.filter((norm) => norm > 0 && Number.isFinite(norm)),
        );
        this.largest = positive.reduce((most, norm) => Math.max(most, norm), 1e-30);
        const smallest = positive.reduce((least, norm) => Math.min(least, norm), this.largest);
        this.decades = Math.min(
            MOST_DECADES,
            Math.max(FEWEST_DECADES, Math.log10(this.largest / smallest)),
        );
        this.length = backwards
            ? Math.max(0, (norms[state]?.length ?? 0) - 1 - this.step)
            : this.step;
        this.reached = this.length;
    }

    /**
     * Steps that the gradient has gone to get to a step; negative where it never gets there.
     * @param {number} step
     */
    distance(step) {
        return this.backwards ? step - this.step : this.step - step;
    }

    /**
     * How large the gradient is at a step, on a logarithmic scale from 0 to 1; 0 where the wave has not come.
     * @param {number} step
     */
    shareAt(step) {
        const distance = this.distance(step);
        const norm = this.norms[this.state]?.[step] ?? 0;
        if (distance < 0 || distance > this.reached || !(norm > 0)) return 0;
        return Math.max(
            SMALLEST_SHARE,
            Math.min(1, 1 - Math.log10(this.largest / norm) / (this.decades + 0.3)),
        );
    }

    /** The step that the wave stands at. */
    get front() {
        return this.frontAt(this.reached);
    }

    /**
     * The step that the wave stands at when it has gone so far.
     * @param {number} distance
     */
    frontAt(distance) {
        return this.backwards ? this.step + distance : this.step - distance;
    }

    /**
     * The smallest size that can be drawn beside the largest.
     */
    get floor() {
        return this.largest / 10 ** this.decades;
    }

    /**
     * Stretches of steps where a state's gradient is smaller than can be drawn, each with its ends.
     * @param {number[]} series
     * @param {number} floor
     * @returns {[number, number][]}
     */
    stretchesBelow(series, floor) {
        /** @type {[number, number][]} */
        const found = [];
        series.forEach((norm, step) => {
            const isBelow = Number.isFinite(norm) && norm < floor && this.distance(step) >= 0;
            if (!isBelow) return;
            const last = found[found.length - 1];
            if (last && last[1] === step - 1) last[1] = step;
            else found.push([step, step]);
        });
        return found;
    }
}
