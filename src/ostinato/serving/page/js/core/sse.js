/** Server-sent events out of a response that answers a POST, which EventSource cannot send. */

/** @typedef {{event: string, data: string}} ServerEvent */

/**
 * Cut a stream of text into events. Pieces may end anywhere, even inside a line.
 */
export class EventCutter {
    constructor() {
        this.rest = "";
        /** @type {string[]} */
        this.data = [];
        this.event = "";
    }

    /**
     * Take a piece, and return the events that it completes.
     * @param {string} piece
     * @returns {ServerEvent[]}
     */
    take(piece) {
        const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
        this.rest = /** @type {string} */ (lines.pop());
        const done = [];
        for (const line of lines) {
            const event = this.line(line);
            if (event) done.push(event);
        }
        return done;
    }

    /**
     * @param {string} line
     * @returns {ServerEvent | null}
     */
    line(line) {
        if (line === "") {
            const complete = this.data.length
                ? { event: this.event || "message", data: this.data.join("\n") }
                : null;
            this.data = [];
            this.event = "";
            return complete;
        }
        const colon = line.indexOf(":");
        if (colon === 0) return null; // a comment that keeps the connection awake
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "data") this.data.push(value);
        else if (field === "event") this.event = value;
        return null;
    }
}

/**
 * Yield the events of a response's body as they arrive.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<ServerEvent>}
 */
export async function* readEvents(body) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const cutter = new EventCutter();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            yield* cutter.take(decoder.decode(value, { stream: true }));
        }
    } finally {
        reader.cancel().catch(() => {}); // the reader left early: nothing waits for the rest
    }
}
