import assert from "node:assert/strict";
import test from "node:test";

import {
    decades,
    filled,
    percent,
    plain,
    short,
    ticks,
    visible,
    whole,
} from "../../../../src/ostinato/serving/page/js/core/format.js";

test("a number has a true minus, and zero has no sign", () => {
    assert.equal(plain(-0.5), "−0.500");
    assert.equal(plain(0), "0.000");
    assert.equal(plain(-0), "0.000");
    assert.equal(plain(12.3456), "12.35");
    assert.equal(plain(Number.NaN), "–");
    assert.equal(plain(-Infinity), "−∞");
});

test("very small and very large numbers have a power of ten", () => {
    assert.equal(plain(-0.00012), "−1.2·10⁻⁴");
    assert.equal(plain(123456), "1.2·10⁵");
});

test("the value of an equation is written as in the equations after it", () => {
    assert.equal(filled(0.80953), "0.810");
    assert.equal(filled(12.3456), "12.346");
    assert.equal(filled(-0.5), "−0.500");
    assert.equal(filled(-0.00012), "−1.20e−04");
    assert.equal(filled(123456), "1.23e+05");
    assert.equal(filled(null), "–");
    assert.equal(filled(Infinity), "∞");
});

test("a percentage is never rounded to certainty", () => {
    assert.equal(percent(0.9999), ">99.9 %");
    assert.equal(percent(0.0001), "<0.1 %");
    assert.equal(percent(0.123), "12 %");
    assert.equal(percent(0.0123), "1.2 %");
    assert.equal(percent(0), "0 %");
    assert.equal(percent(1), "100 %");
});

test("what cannot be seen is shown", () => {
    assert.equal(visible(" "), "␣");
    assert.equal(visible("\n"), "⏎");
    assert.equal(visible("a b"), "a␣b");
    assert.equal(visible("한"), "한");
});

test("counts", () => {
    assert.equal(whole(1234567), "1\u202f234\u202f567");
    assert.equal(short(9500), "9.5 k");
    assert.equal(short(12), "12 ");
});

test("ticks are round and stay inside", () => {
    assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(ticks(1, 47, 6), [10, 20, 30, 40]);
    assert.deepEqual(ticks(3, 3, 4), [3]);
});

test("decades span both ends", () => {
    assert.deepEqual(decades(0.002, 0.5), [-3, -2, -1, 0]);
    assert.ok(decades(1e-30, 1).length <= 7);
});
