import assert from "node:assert/strict";
import test from "node:test";

import { Flow } from "../../../../src/ostinato/serving/page/js/unrolled/flow.js";
import { foundAt, sentences } from "../../../../src/ostinato/serving/page/js/unrolled/found.js";

const ANSWER = {
    rate: { "0.0": 0.5, "1.0": 0.99 },
    verdict: "vanishing",
    mend: "a gated cell",
};
const MEASURED = {
    ...ANSWER,
    half_lives: { "0.0": 1, "1.0": 14 },
    reaches: { "0.0": 9, "1.0": null },
    verdicts: { "0.0": "vanishing", "1.0": "healthy" },
};

test("a place has its own verdict and half-life, and the mend of its own", () => {
    assert.deepEqual(foundAt(MEASURED, "1.0"), {
        verdict: "healthy",
        mend: "",
        rate: 0.99,
        half: 14,
        reach: null,
    });
    assert.equal(foundAt(MEASURED, "0.0").mend, "a gated cell");
    assert.deepEqual(sentences(foundAt(MEASURED, "0.0")), [
        ["gradient.fades", { share: "50.0" }],
        ["gradient.half", { half: "1" }],
        ["gradient.reach", { reach: "9" }],
    ]);
});

test("a half-life that was not measured is not made up from the rate", () => {
    assert.deepEqual(sentences(foundAt(ANSWER, "0.0")), [["gradient.fades", { share: "50.0" }]]);
    assert.equal(foundAt(ANSWER, "0.0").verdict, "vanishing");
});

test("what is too small to be drawn is told apart from what is drawn", () => {
    const flow = new Flow(5, { h: [0, 1e-20, 1e-12, 1e-3, 0.1, 1] }, "h", false, false);
    assert.ok(flow.floor > 1e-9);
    assert.deepEqual(flow.stretchesBelow(flow.norms.h, flow.floor), [[0, 2]]);
});
