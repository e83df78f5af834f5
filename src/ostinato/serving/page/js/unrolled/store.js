/** What is known of the trace of one text: the whole of its overview, and pieces of its values. */

import { Latest, debounced, isAbort, post } from "../core/api.js";
import { visible } from "../core/format.js";
import { piecesOf } from "../core/virtual.js";

/**
 * @typedef {object} Piece values of a stretch of steps
 * @property {number} start
 * @property {Record<string, Record<string, (number | null)[][]>>} values place to name to steps to units
 * @property {({text: string, probability: number}[] | null)[]} top
 * @property {(string | null)[]} target
 */

const PAUSE_MS = 70;
const MOST_PIECES = 24;
const TOP = 5;

/** Told `changed` when more is known, `begun` when another text is, and `failed` with the error as detail. */
export class TraceStore extends EventTarget {
    /**
     * @param {number} window steps of one request, at most
     * @param {boolean} writes whether outputs are units of text, or else labels
     * @param {(typed: string) => unknown} read what is typed as the input that the network reads
     */
    constructor(window, writes, read) {
        super();
        this.read = read;
        /** @type {unknown} what the text is to the server */
        this.input = "";
        this.outputName = writes ? visible : String;
        this.size = window;
        this.text = "";
        this.numSteps = 0;
        /** @type {string[]} */
        this.units = [];
        /** @type {(number | null)[]} */
        this.loss = [];
        /** @type {{layer: number, direction: number}[]} */
        this.places = [];
        /** @type {string[]} */
        this.names = [];
        /** @type {string[]} */
        this.states = [];
        /** @type {Record<string, Record<string, number[]>>} */
        this.overview = {};
        /** @type {Map<number, Piece>} */
        this.pieces = new Map();
        /** @type {Record<string, number>} by name */
        this.scales = {};
        this.requests = new Latest();
        this.wanted = /** @type {[number, number]} */ ([0, 0]);
        this.chosen = 0;
        this.fetchSoon = debounced(() => this.fetchMissing(), PAUSE_MS);
    }

    /**
     * Begin with another text.
     * @param {string} text
     */
    async begin(text) {
        this.fetchSoon.cancel();
        const signal = this.requests.next();
        try {
            const input = this.read(text);
            const answer = await this.ask(input, 0, signal);
            this.text = text;
            this.input = input;
            this.chosen = Math.min(this.chosen, answer.num_steps - 1);
            this.pieces.clear();
            this.scales = {};
            this.numSteps = answer.num_steps;
            Object.assign(this, {
                units: answer.units,
                loss: answer.loss,
                places: answer.places,
                names: answer.names,
                states: answer.states,
                overview: answer.overview,
            });
            this.keep(0, answer);
            this.measure(answer.window);
            this.dispatchEvent(new Event("begun"));
        } catch (error) {
            this.fail(error);
        }
    }

    /**
     * Say which steps are looked at: what they need is fetched.
     * @param {number} first
     * @param {number} stop
     */
    want(first, stop) {
        this.wanted = [first, stop];
        if (this.missing().length) this.fetchSoon();
    }

    /**
     * Say which step is looked into, on the screen or not.
     * @param {number} step
     */
    choose(step) {
        this.chosen = step;
        if (this.missing().length) this.fetchSoon();
    }

    missing() {
        const needed = new Set([...piecesOf(...this.wanted, this.size), this.chosenPiece]);
        return [...needed].filter((piece) => !this.pieces.has(piece));
    }

    get chosenPiece() {
        return Math.floor(this.chosen / this.size);
    }

    async fetchMissing() {
        const signal = this.requests.next(); // what was asked for by an earlier place of the view is outdated
        try {
            for (let missing = this.missing(); missing.length; missing = this.missing()) {
                this.keep(missing[0], await this.ask(this.input, missing[0], signal));
                this.dispatchEvent(new Event("changed"));
            }
        } catch (error) {
            this.fail(error);
        }
    }

    /**
     * Fetch what some steps need that are not on the screen yet.
     * @param {number} first
     * @param {number} stop
     * @param {AbortSignal} signal
     */
    async prepare(first, stop, signal) {
        for (const piece of piecesOf(first, stop, this.size)) {
            if (this.pieces.has(piece)) continue;
            const answer = await this.ask(this.input, piece, signal);
            this.wanted = [first, stop]; // what is far from these makes room
            this.keep(piece, answer);
        }
    }

    /**
     * @param {unknown} input
     * @param {number} piece
     * @param {AbortSignal} signal
     */
    ask(input, piece, signal) {
        return post(
            "/trace",
            { text: input, start: piece * this.size, stop: (piece + 1) * this.size, top_k: TOP },
            signal,
        );
    }

    /**
     * @param {number} number
     * @param {{window: Piece}} answer
     */
    keep(number, { window: piece }) {
        this.pieces.set(number, piece);
        if (this.pieces.size > MOST_PIECES) {
            const middle = (this.wanted[0] + this.wanted[1]) / 2 / this.size;
            const farthest = [...this.pieces.keys()]
                .filter((other) => other !== this.chosenPiece)
                .reduce((far, other) =>
                    Math.abs(other - middle) > Math.abs(far - middle) ? other : far,
                );
            this.pieces.delete(farthest);
        }
    }

    /** @param {unknown} error */
    fail(error) {
        if (!isAbort(error)) this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    }

    /**
     * Return what is known of a step; null until it has come.
     * @param {number} step
     * @param {string} place
     */
    at(step, place) {
        const piece = this.pieces.get(Math.floor(step / this.size));
        const index = piece ? step - piece.start : -1;
        if (!piece || index < 0) return null;
        return {
            /** @param {string} name */
            values: (name) => piece.values[place]?.[name]?.[index] ?? [],
            top: piece.top?.[index] ?? null,
            target: piece.target?.[index] ?? null,
        };
    }

    /**
     * The value of the full colour: 1 for a name whose values stay within, else three times its mean activity.
     * It is one for the whole text, so that steps can be compared.
     * @param {string} name
     */
    scale(name) {
        return this.scales[name] ?? 1;
    }

    /** @param {Piece} piece the first one of a text */
    measure(piece) {
        for (const name of this.names) {
            const values = Object.values(piece.values).flatMap((named) =>
                (named[name] ?? []).flat(),
            );
            const isBounded = values.every((value) => value === null || Math.abs(value) <= 1);
            const most = Object.values(this.overview).reduce(
                (high, named) =>
                    (named[name] ?? []).reduce((one, mean) => Math.max(one, mean ?? 0), high),
                0,
            );
            this.scales[name] = isBounded ? 1 : Math.max(1, 3 * most);
        }
    }

    /** The last step that has a loss, or the last one. */
    lastLoss() {
        for (let step = this.numSteps - 1; step >= 0; step -= 1)
            if (this.loss[step] !== null && this.loss[step] !== undefined) return step;
        return this.numSteps - 1;
    }
}

/**
 * @param {{layer: number, direction: number}} place
 */
export function placeKey({ layer, direction }) {
    return `${layer}.${direction}`;
}
