/** Where a wave that runs back through time stops on its way. */

const STEPS_A_SECOND = 7;
const LONGEST_MS = 8000;
const MOST_STOPS = 56;

/**
 * Return the distances at which the wave is drawn: each step of a short way; of a long one so many
 * that it takes some seconds, at first a step apart and then ever farther.
 * @param {number} from distance that it has gone
 * @param {number} length of the way
 * @returns {{stops: number[], pauseMs: number}}
 */
export function wavePlan(from, length) {
    const steps = Math.max(0, length - from);
    const count = Math.min(steps, MOST_STOPS);
    const pauseMs = Math.min(1000 / STEPS_A_SECOND, LONGEST_MS / Math.max(1, count));
    // The power that makes the first stop one step long, and the last the whole way.
    const power = count > 1 ? Math.log(steps) / Math.log(count) : 1;
    const stops = Array.from({ length: count }, (_, index) =>
        index === count - 1 ? length : from + Math.round((index + 1) ** power),
    );
    return { stops, pauseMs };
}
