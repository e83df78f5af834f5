import assert from "node:assert/strict";
import test from "node:test";

import {
    piecesOf,
    pooled,
    sampled,
    scrollTo,
    visibleSteps,
} from "../../../../src/ostinato/serving/page/js/core/virtual.js";

test("only steps near the screen are drawn, however long the text is", () => {
    assert.deepEqual(visibleSteps(0, 1000, 100, 5000, 3), [0, 13]);
    assert.deepEqual(visibleSteps(250000, 1000, 100, 5000, 3), [2497, 2513]);
    assert.deepEqual(visibleSteps(499000, 1000, 100, 5000, 3), [4987, 5000]);
    assert.deepEqual(visibleSteps(0, 1000, 100, 4, 3), [0, 4]);
});

test("pieces cover the steps", () => {
    assert.deepEqual(piecesOf(0, 13, 64), [0]);
    assert.deepEqual(piecesOf(60, 70, 64), [0, 1]);
    assert.deepEqual(piecesOf(64, 128, 64), [1]);
});

test("a step is brought into sight by the shortest way", () => {
    assert.equal(scrollTo(5, 0, 1000, 100, 1), 0);
    assert.equal(scrollTo(20, 0, 1000, 100, 1), 1200);
    assert.equal(scrollTo(3, 900, 1000, 100, 1), 200);
    assert.equal(scrollTo(0, 900, 1000, 100, 1), 0);
    const narrow = scrollTo(7, 0, 120, 100, 3);
    assert.ok(narrow <= 700 && narrow + 120 >= 800, `${narrow}`);
});

test("a long series keeps its peaks", () => {
    const series = new Array(5000).fill(0);
    series[4321] = 7;
    assert.equal(Math.max(...pooled(series, 300)), 7);
    assert.equal(pooled(series, 300).length, 300);
    assert.deepEqual(pooled([1, null, 3], 3), [1, null, 3]);
    assert.deepEqual(pooled([], 10), []);
});

test("of too many values, some are left out at even distances", () => {
    assert.deepEqual(sampled([0, 1, 2, 3, 4, 5], 2), [1, 4]);
    assert.deepEqual(sampled([1, 2], 8), [1, 2]);
    assert.deepEqual(sampled([], 8), []);
});
