import assert from "node:assert/strict";
import test from "node:test";

import { wavePlan } from "../../../../src/ostinato/serving/page/js/unrolled/wave.js";

test("a short way is gone step by step", () => {
    const { stops, pauseMs } = wavePlan(2, 10);
    assert.deepEqual(stops, [3, 4, 5, 6, 7, 8, 9, 10]);
    assert.ok(pauseMs > 100);
    assert.deepEqual(wavePlan(10, 10).stops, []);
});

test("the longest way takes few stops and some seconds, and gets faster", () => {
    for (const [from, length] of [
        [0, 57],
        [0, 4999],
        [1234, 4999],
    ]) {
        const { stops, pauseMs } = wavePlan(from, length);
        assert.ok(stops.length <= 60, `${stops.length} stops`);
        assert.ok(stops.length * pauseMs <= 10_000);
        assert.equal(stops[0], from + 1);
        assert.equal(stops.at(-1), length);
        for (let index = 1; index < stops.length; index += 1)
            assert.ok(stops[index] > stops[index - 1]);
    }
    const { stops } = wavePlan(0, 4999);
    assert.ok(stops.at(-1) - stops.at(-2) > 10 * (stops[3] - stops[2]));
});
