import assert from "node:assert/strict";
import test from "node:test";

import { Flow } from "../../../../src/ostinato/serving/page/js/unrolled/flow.js";

const FADING = { h: [0.001, 0.01, 0.1, 1], c: [1e-4, 0.001, 0.01, 0.1] };

test("a gradient that fades is lower the farther back", () => {
    const flow = new Flow(3, FADING, "h", false, false);
    const shares = [3, 2, 1, 0].map((step) => flow.shareAt(step));
    assert.equal(shares[0], 1);
    for (let back = 1; back < 4; back += 1) assert.ok(shares[back] < shares[back - 1]);
    assert.equal(flow.shareAt(4), 0, "nothing flows into the future");
});

test("a wave that has not come shows nothing", () => {
    const flow = new Flow(3, FADING, "h", false, false);
    flow.reached = 1;
    assert.equal(flow.front, 2);
    assert.ok(flow.shareAt(2) > 0);
    assert.equal(flow.shareAt(1), 0);
});

test("in a direction that reads from the end, it flows forwards", () => {
    const flow = new Flow(1, { h: [0, 1, 0.1, 0.01] }, "h", true, false);
    assert.equal(flow.length, 2);
    assert.equal(flow.front, 3);
    assert.equal(flow.shareAt(0), 0);
    assert.ok(flow.shareAt(3) < flow.shareAt(2));
    assert.equal(new Flow(3, { h: [1, 1, 1, 1] }, "h", true, true).step, 0);
});

test("a gradient that is nowhere is nothing, and no error", () => {
    const flow = new Flow(2, { h: [0, 0, null] }, "h", false, false);
    assert.deepEqual(
        [0, 1, 2].map((step) => flow.shareAt(step)),
        [0, 0, 0],
    );
});
