/** What is typed for a network that reads arrays of numbers. */

import { RequestError } from "./api.js";

/**
 * @param {string} typed JSON
 * @returns {unknown}
 */
export function readArrays(typed) {
    try {
        const read = JSON.parse(typed);
        if (Array.isArray(read)) return read;
    } catch (error) {
        throw new RequestError("not_numbers", { message: /** @type {Error} */ (error).message });
    }
    throw new RequestError("not_numbers");
}
