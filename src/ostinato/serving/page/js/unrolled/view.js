/** The network unrolled in time over a text that can be changed. */

import { RequestError, debounced, post } from "../core/api.js";
import { css, diverging } from "../core/colors.js";
import { make, refill, say } from "../core/dom.js";
import { readArrays } from "../core/arrays.js";
import { arraysHint, exampleButtons } from "../core/examples.js";
import { choice } from "../core/fields.js";
import { Notice } from "../core/notice.js";
import { themeChanges } from "../core/theme.js";
import { GradientPanel } from "./gradient.js";
import { Overview } from "./overview.js";
import { StepPanel } from "./step-panel.js";
import { placeKey, TraceStore } from "./store.js";
import { Timeline } from "./timeline.js";

const PAUSE_MS = 250;
const SHORT = 48;

/** @param {import("../main.js").Model} model */
export function openUnrolled(model) {
    const arrays = model.reads === "arrays";
    const store = new TraceStore(
        model.limits.window,
        model.writes,
        arrays ? readArrays : (typed) => typed,
    );
    const hasLoss = model.task === "language-model";
    const timeline = new Timeline(store, true, hasLoss);
    const overview = new Overview(store, timeline);
    const step = new StepPanel(store, timeline, model.hidden_size);
    const gradient = new GradientPanel(
        store,
        timeline,
        !["classification", "multi-label", "regression"].includes(model.task),
        hasLoss,
    );
    const notice = new Notice();
    const text = make("textarea", {
        id: "unrolled-text",
        rows: 3,
        maxlength: arrays ? null : model.limits.text,
        "aria-describedby": arrays ? "unrolled-hint" : null,
        spellcheck: "false",
        value: model.prompt,
    });
    const count = make("span", { class: "count", hidden: arrays });
    const stale = make("p", { class: "stale-note", say: "stale", hidden: true });
    const places = choice("unrolled.place", [], (place) => showPlace(place));
    const values = choice("unrolled.activity", [], (name) => overview.show(name));
    const empty = make(
        "div",
        { class: "empty", hidden: true },
        make("p", { say: arrays ? "unrolled.empty.arrays" : "unrolled.empty" }),
        exampleButtons(model, (example) => {
            text.value = example;
            begin();
        }),
    );
    const stage = make(
        "div",
        { class: "stage" },
        overview.element,
        timeline.element,
        make(
            "div",
            { class: "stage-foot" },
            scaleLegend(),
            make("p", { class: "hint", id: "timeline-keys", say: "unrolled.keys" }),
        ),
    );

    const panels = make("div", { class: "panels" }, step.element, gradient.element);

    const begin = () => {
        const typed = text.value;
        say(count, ["unrolled.count", { count: [...typed].length, limit: model.limits.text }]);
        empty.hidden = typed.trim() !== "";
        stage.hidden = panels.hidden = typed.trim() === "";
        if (!stage.hidden) return void store.begin(typed);
        store.requests.stop();
        stale.hidden = true;
        notice.clear();
    };
    const beginSoon = debounced(begin, PAUSE_MS);
    text.addEventListener("input", () => {
        say(count, ["unrolled.count", { count: [...text.value].length, limit: model.limits.text }]);
        beginSoon();
    });

    /** Whether what is shown is of another text than the one that is typed. */
    function showStale(/** @type {boolean} */ isStale) {
        const isKnown = store.numSteps > 0;
        stale.hidden = !(isStale && isKnown);
        for (const part of [stage, panels]) {
            part.classList.toggle("stale", isStale);
            part.toggleAttribute("inert", isStale);
            if (isStale && !isKnown) part.hidden = true;
        }
    }

    store.addEventListener("begun", () => {
        notice.clear();
        showStale(false);
        fillChoices();
        timeline.layout();
        timeline.choose(Math.min(timeline.step, store.numSteps - 1), true);
        overview.show(values.select.value);
        step.show();
        gradient.restart();
    });
    store.addEventListener("changed", () => {
        notice.clear();
        step.showOutputs();
    });
    store.addEventListener("failed", (event) => {
        showStale(store.text !== text.value);
        notice.show(/** @type {CustomEvent} */ (event).detail, () =>
            store.numSteps && store.text === text.value ? store.fetchMissing() : begin(),
        );
    });
    timeline.addEventListener("step", () => {
        step.show();
        overview.draw();
    });
    overview.addEventListener("jump", (event) =>
        timeline.choose(/** @type {CustomEvent} */ (event).detail),
    );
    gradient.addEventListener("flow", () => timeline.showFlow(gradient.flow));
    for (const panel of [step, gradient]) {
        panel.addEventListener("failed", (event) => {
            const { error, again } = /** @type {CustomEvent} */ (event).detail;
            notice.show(error, again);
        });
        panel.addEventListener("answered", () => notice.clear());
    }

    function fillChoices() {
        const keys = store.places.map(placeKey);
        if (!keys.includes(timeline.place)) timeline.place = keys[keys.length - 1];
        refill(
            places.select,
            store.places.map((place) =>
                make("option", {
                    value: placeKey(place),
                    say: [
                        model.num_directions > 1
                            ? `place.direction_${place.direction}`
                            : "place.layer",
                        { layer: place.layer + 1 },
                    ],
                }),
            ),
        );
        places.select.value = timeline.place;
        places.element.hidden = keys.length < 2;
        const chosen = values.select.value || store.states[store.states.length - 1];
        refill(
            values.select,
            store.names.map((name) => make("option", { value: name, text: name })),
        );
        values.select.value = store.names.includes(chosen) ? chosen : store.names[0];
    }

    /** @param {string} place */
    function showPlace(place) {
        timeline.showPlace(place);
        overview.draw();
        gradient.showPlace();
        step.show();
    }

    if (model.writes && [...model.prompt].length < SHORT) goOn();
    else begin();

    /** Let the model itself write on from a prompt that is too short to show much. */
    async function goOn() {
        try {
            const { text: written } = await post("/generate", {
                prompt: model.prompt,
                length: SHORT,
                temperature: 0.5,
                seed: 1,
                stream: false,
            });
            // Whoever is about to type keeps the field.
            if (text.value === model.prompt && document.activeElement !== text)
                text.value = model.prompt + written;
        } catch (error) {
            if (!(error instanceof RequestError)) throw error; // the prompt alone will do: its own trace says what is wrong
        }
        begin();
    }

    return {
        element: make(
            "div",
            { class: "view unrolled" },
            make(
                "div",
                { class: "unrolled-head" },
                make(
                    "div",
                    { class: "field grow" },
                    make(
                        "div",
                        { class: "label-row" },
                        make("label", {
                            for: "unrolled-text",
                            say: arrays ? "predict.numbers" : "unrolled.text",
                        }),
                        count,
                    ),
                    text,
                    arrays
                        ? make("p", {
                              class: "hint",
                              id: "unrolled-hint",
                              say: arraysHint(model),
                          })
                        : null,
                ),
                make("div", { class: "field-row choices" }, places.element, values.element),
            ),
            notice.element,
            empty,
            stale,
            stage,
            panels,
        ),
        shown: () => {
            timeline.layout();
            overview.draw();
        },
        hidden: () => gradient.flow && gradient.pause(),
    };
}

/** What the colours of the strips mean. */
function scaleLegend() {
    const ramp = make("canvas", { class: "ramp", width: 120, height: 1, "aria-hidden": "true" });
    const draw = () => {
        const paint = ramp.getContext("2d");
        for (let x = 0; x < 120; x += 1) {
            paint.fillStyle = css(diverging((x / 119) * 2 - 1));
            paint.fillRect(x, 0, 1, 1);
        }
    };
    draw();
    themeChanges.addEventListener("change", draw);
    return make(
        "p",
        { class: "legend ramp-legend" },
        make("span", { text: "−1" }),
        ramp,
        make("span", { text: "+1" }),
        make("span", { class: "hint", say: "unrolled.scale" }),
    );
}
