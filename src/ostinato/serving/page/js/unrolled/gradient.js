/** The panel of the gradient: whose loss is traced back, how far the wave has come, what to make of it. */

import { Latest, debounced, isAbort, post } from "../core/api.js";
import { make, prefersStill, refill, say } from "../core/dom.js";
import { choice, slider } from "../core/fields.js";
import { Flow } from "./flow.js";
import { foundAt } from "./found.js";
import { GradientChart } from "./gradient-chart.js";
import { judgement } from "./judgement.js";
import { wavePlan } from "./wave.js";

const PAUSE_MS = 120;

/** Told `flow` when what is to be drawn at the steps has changed, `failed` with an error. */
export class GradientPanel extends EventTarget {
    /**
     * @param {import("./store.js").TraceStore} store
     * @param {import("./timeline.js").Timeline} timeline
     * @param {boolean} isFree whether the loss of any step can be chosen
     * @param {boolean} hasLoss whether it is a loss that is traced back, or the score of what is decided
     */
    constructor(store, timeline, isFree, hasLoss) {
        super();
        this.store = store;
        this.timeline = timeline;
        this.isFree = isFree;
        this.hasLoss = hasLoss;
        /** @type {Flow | null} */
        this.flow = null;
        this.answer = null;
        this.state = "";
        this.requests = new Latest();
        /** @type {{signal: AbortController} | null} */
        this.animation = null;
        this.askSoon = debounced((/** @type {number} */ step) => this.ask(step, false), PAUSE_MS);
        this.build();
        timeline.addEventListener("loss", (event) =>
            this.move(/** @type {CustomEvent} */ (event).detail),
        );
    }

    build() {
        this.send = make("button", {
            type: "button",
            class: "button primary",
            say: this.sendPhrase(),
            on: { click: () => this.ask(this.firstStep(), true) },
        });
        this.close = make("button", {
            type: "button",
            class: "button quiet",
            say: "gradient.close",
            hidden: true,
            on: { click: () => this.stop() },
        });
        this.where = slider(this.hasLoss ? "gradient.loss_step" : "gradient.decision_step", {
            min: 1,
            max: 1,
            step: 1,
            value: 1,
            digits: 0,
            hint: this.isFree ? "gradient.loss_step.hint" : "gradient.loss_step.end",
            change: (step) => this.move(step - 1),
        });
        this.where.input.disabled = !this.isFree;
        this.play = make("button", {
            type: "button",
            class: "button small",
            say: "gradient.play",
            on: { click: () => (this.animation ? this.pause() : this.animate()) },
        });
        this.back = make("button", {
            type: "button",
            class: "button small",
            say: "gradient.one_back",
            on: { click: () => this.moveWave(1) },
        });
        this.forward = make("button", {
            type: "button",
            class: "button small",
            say: "gradient.one_forward",
            on: { click: () => this.moveWave(-1) },
        });
        this.all = make("button", {
            type: "button",
            class: "button small",
            say: "gradient.all",
            on: { click: () => this.showAll() },
        });
        this.states = choice("gradient.state", [], (state) => {
            this.state = state;
            this.rebuild(this.flow?.reached ?? 0);
        });
        this.verdict = make("div", { class: "verdict", role: "status" });
        this.chart = new GradientChart(this.hasLoss ? "L" : "y", this.store.units);
        this.body = make(
            "div",
            { class: "gradient-body", hidden: true },
            this.verdict,
            this.chart.drawing,
            make("div", { class: "button-row" }, this.play, this.back, this.forward, this.all),
            make("div", { class: "field-row" }, this.where.element, this.states.element),
            this.chart.numbers,
        );
        this.intro = make("p", { class: "explain", say: "gradient.intro" });
        this.element = make(
            "section",
            { class: "card gradient-card", "aria-labelledby": "gradient-title" },
            make(
                "div",
                { class: "card-head" },
                make("h2", { id: "gradient-title", say: "gradient.title" }),
                make("div", { class: "button-row" }, this.send, this.close),
            ),
            this.intro,
            this.body,
        );
    }

    sendPhrase() {
        if (!this.isFree) return "gradient.send_end";
        return this.hasLoss ? "gradient.send" : "gradient.send_decision";
    }

    /** The step that was chosen; at the first one there is no way back, so the last. */
    firstStep() {
        const { step } = this.timeline;
        return this.isFree && step > 0 ? step : this.store.numSteps - 1;
    }

    /** The text has changed. */
    restart() {
        if (!this.flow) return;
        this.ask(
            this.isFree ? Math.min(this.flow.step, this.store.lastLoss()) : this.store.numSteps - 1,
            false,
        );
    }

    /** Stop looking at gradients. */
    stop() {
        this.requests.stop();
        this.askSoon.cancel();
        this.pause();
        this.flow = null;
        this.answer = null;
        this.body.hidden = true;
        this.intro.hidden = false;
        this.close.hidden = true;
        this.dispatchEvent(new Event("flow"));
        this.send.focus();
    }

    /**
     * Look at the loss of another step, soon: the handle may still be moving.
     * @param {number} step
     */
    move(step) {
        if (!this.flow || !this.isFree) return;
        step = Math.min(step, this.store.lastLoss());
        this.pause();
        this.where.value = step + 1;
        if (step !== this.flow.step) this.askSoon(step);
    }

    /**
     * @param {number} step
     * @param {boolean} animated
     */
    async ask(step, animated) {
        this.pause();
        this.askSoon.cancel();
        if (!this.store.numSteps) return;
        const known = this.isFree ? Math.min(step, this.store.lastLoss()) : step;
        let answer;
        try {
            answer = await post(
                "/trace/gradient",
                { text: this.store.input, step: known },
                this.requests.next(),
            );
        } catch (error) {
            if (!isAbort(error))
                this.dispatchEvent(
                    new CustomEvent("failed", {
                        detail: { error, again: () => this.ask(step, animated) },
                    }),
                );
            return;
        }
        this.answer = answer;
        this.dispatchEvent(new Event("answered"));
        this.body.hidden = false;
        this.intro.hidden = true;
        this.close.hidden = false;
        this.where.input.max = String(this.store.lastLoss() + 1);
        this.where.value = answer.step + 1;
        this.rebuild(null);
        if (animated) this.timeline.choose(answer.step);
        if (animated && !prefersStill()) this.animate();
    }

    /** Another layer or direction is looked at. */
    showPlace() {
        if (this.answer) this.rebuild(this.flow?.reached ?? null);
    }

    /** @param {number | null} reached by the wave; null for all of the way */
    rebuild(reached) {
        const place = this.timeline.place;
        const norms = this.answer.norms[place] ?? {};
        const states = Object.keys(norms);
        if (!states.includes(this.state)) this.state = states[states.length - 1] ?? "";
        refill(
            this.states.select,
            states.map((state) => make("option", { value: state, text: state })),
        );
        this.states.select.value = this.state;
        this.states.element.hidden = states.length < 2;
        this.flow = new Flow(
            this.answer.step,
            norms,
            this.state,
            place.endsWith(".1"),
            !this.isFree,
        );
        if (reached !== null) this.flow.reached = Math.min(reached, this.flow.length);
        refill(this.verdict, judgement(foundAt(this.answer, place)));
        this.chart.show(this.flow, this.store.units);
        this.label();
        this.dispatchEvent(new Event("flow"));
    }

    label() {
        say(this.play, this.animation ? "gradient.pause" : "gradient.play");
        this.play.hidden = prefersStill();
        const flow = /** @type {Flow} */ (this.flow);
        this.back.disabled = flow.reached >= flow.length;
        this.forward.disabled = flow.reached <= 0;
    }

    /** @param {number} by steps further back */
    moveWave(by) {
        this.pause();
        this.reach((this.flow?.reached ?? 0) + by);
        this.timeline.reveal(/** @type {Flow} */ (this.flow).front);
    }

    showAll() {
        this.pause();
        this.reach(this.flow?.length ?? 0);
    }

    /** @param {number} reached */
    reach(reached) {
        const flow = this.flow;
        if (!flow) return;
        const before = flow.front;
        flow.reached = Math.max(0, Math.min(flow.length, reached));
        this.timeline.redrawBetween(Math.min(before, flow.front), Math.max(before, flow.front));
        this.chart.drawFront();
        this.label();
    }

    /**
     * Let the wave run from the loss to where it ends. On a long way it leaps, ever farther, and
     * leaps only to where the values of the steps are known.
     */
    async animate() {
        const flow = this.flow;
        if (!flow) return;
        const from = flow.reached >= flow.length ? 0 : flow.reached;
        this.reach(0);
        this.timeline.redraw();
        this.reach(from);
        const { stops, pauseMs } = wavePlan(from, flow.length);
        const wave = (this.animation = { signal: new AbortController() });
        this.label();
        const began = performance.now();
        const { signal } = wave.signal;
        try {
            // Where the server is slow, stops are left out rather than the time made longer.
            for (let next = 0; next < stops.length; next = Math.max(next + 1, due())) {
                await this.timeline.prepare(flow.frontAt(stops[next]), signal);
                await pause(began + (next + 1) * pauseMs - performance.now());
                if (this.animation !== wave || this.flow !== flow) return;
                this.reach(stops[next]);
                this.timeline.reveal(flow.front);
            }
        } catch (error) {
            if (this.animation === wave) this.pause();
            this.store.fail(error);
            return;
        }
        this.pause();

        function due() {
            const byTheClock = Math.floor((performance.now() - began) / pauseMs);
            return Math.min(stops.length - 1, byTheClock);
        }
    }

    pause() {
        this.animation?.signal.abort();
        this.animation = null;
        if (this.flow) this.label();
    }
}

/** @param {number} milliseconds */
function pause(milliseconds) {
    return new Promise((resolve) => window.setTimeout(resolve, Math.max(0, milliseconds)));
}
