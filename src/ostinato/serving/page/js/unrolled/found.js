/** What an answer says of the gradient of one place. */

/** A factor this close to 1 keeps the gradient as it is. */
const STEADY = 5e-4;

/**
 * What is known of one place.
 * @typedef {object} Found
 * @property {string} verdict
 * @property {string} mend empty where it is that of another place
 * @property {number | null} rate factor of one step back
 * @property {number | null} half steps back after which it was measured to be half as large
 * @property {number | null} reach steps back after which it was a thousandth
 */

/**
 * Return what an answer says of a place: what helps is said of the worst one only.
 * @param {any} answer of `/trace/gradient`
 * @param {string} place
 * @returns {Found}
 */
export function foundAt(answer, place) {
    const verdict = answer.verdicts ? (answer.verdicts[place] ?? "unknown") : answer.verdict;
    return {
        verdict,
        mend: verdict === answer.verdict ? answer.mend : "",
        rate: answer.rate?.[place] ?? null,
        half: answer.half_lives?.[place] ?? null,
        reach: answer.reaches?.[place] ?? null,
    };
}

/**
 * Return the sentences about a place, as phrases. A rate alone gives no half-life: a gradient
 * fades evenly only by chance, so that is said where it was measured.
 * @param {Found} found
 * @returns {[string, Record<string, string>][]}
 */
export function sentences({ rate, half, reach }) {
    /** @type {[string, Record<string, string>][]} */
    const said = [];
    if (rate !== null && Number.isFinite(rate))
        said.push([course(rate), { share: Math.abs((1 - rate) * 100).toFixed(1) }]);
    if (half !== null) said.push(["gradient.half", { half: String(half) }]);
    if (reach !== null) said.push(["gradient.reach", { reach: String(reach) }]);
    return said;
}

/** @param {number} rate */
function course(rate) {
    if (Math.abs(rate - 1) < STEADY) return "gradient.keeps";
    return rate < 1 ? "gradient.fades" : "gradient.grows";
}
