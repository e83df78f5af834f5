/** The server's answers, or an error that says what happened and how to mend it. */

import { readEvents } from "./sse.js";

/** What the server, or the way to it, refused. */
export class RequestError extends Error {
    /**
     * @param {string} code
     * @param {{message?: string, mend?: string | null, status?: number, retryAfter?: number | null}} [about]
     */
    constructor(code, { message = "", mend = null, status = 0, retryAfter = null } = {}) {
        super(message || code);
        this.code = code;
        this.message = message;
        this.mend = mend;
        this.status = status;
        this.retryAfter = retryAfter;
    }
}

/**
 * Whether an error only says that the page itself gave up on a request.
 * @param {unknown} error
 */
export function isAbort(error) {
    return error instanceof DOMException && error.name === "AbortError";
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, signal) {
    return readJson(await send(path, { method: "GET", signal }));
}

/**
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function post(path, body, signal) {
    return readJson(await send(path, posted(body, signal)));
}

/**
 * Post, and yield the events of the answer; an `error` event is thrown.
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* stream(path, body, signal) {
    const response = await send(path, posted(body, signal));
    if (!response.body) throw new RequestError("connection_lost");
    try {
        for await (const { event, data } of readEvents(response.body)) {
            const read = JSON.parse(data);
            if (event === "error") {
                const said = read.error ?? read;
                throw new RequestError(said.code ?? "error", {
                    message: said.message,
                    mend: said.mend,
                });
            }
            yield { event, data: read };
        }
    } catch (error) {
        if (error instanceof TypeError) throw new RequestError("connection_lost");
        throw error;
    }
}

/**
 * @param {object} body
 * @param {AbortSignal} [signal]
 * @returns {RequestInit}
 */
function posted(body, signal) {
    return {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal,
    };
}

/**
 * @param {string} path
 * @param {RequestInit} request
 */
async function send(path, request) {
    let response;
    try {
        response = await fetch(path, request);
    } catch (error) {
        if (isAbort(error)) throw error;
        throw new RequestError("connection_lost");
    }
    if (response.ok) return response;
    throw await refusal(response);
}

/** @param {Response} response */
async function readJson(response) {
    try {
        return await response.json();
    } catch (error) {
        if (isAbort(error)) throw error;
        throw new RequestError("connection_lost");
    }
}

/** @param {Response} response */
async function refusal(response) {
    const said = await response.json().then(
        (body) => body.error ?? {},
        () => ({}),
    );
    const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
    return new RequestError(said.code ?? `http_${response.status}`, {
        message: said.message ?? "",
        mend: said.mend ?? null,
        status: response.status,
        retryAfter: Number.isFinite(seconds) ? Math.ceil(seconds) : null,
    });
}

/**
 * Requests of one kind, of which only the latest matters: asking again aborts the one before.
 */
export class Latest {
    constructor() {
        /** @type {AbortController | null} */
        this.controller = null;
    }

    /** Abort what runs, and return the signal of what comes now. */
    next() {
        this.stop();
        this.controller = new AbortController();
        return this.controller.signal;
    }

    stop() {
        this.controller?.abort();
        this.controller = null;
    }
}

/**
 * Call after a pause in the calls.
 * @template {any[]} A
 * @param {(...args: A) => void} action
 * @param {number} pauseMs
 */
export function debounced(action, pauseMs) {
    let timer = 0;
    /** @param {A} args */
    const call = (...args) => {
        clearTimeout(timer);
        timer = window.setTimeout(() => action(...args), pauseMs);
    };
    call.cancel = () => clearTimeout(timer);
    return call;
}
