import assert from "node:assert/strict";
import test from "node:test";

import {
    insertAt,
    joinBefore,
    toLines,
} from "../../../../src/ostinato/serving/page/js/cells/lines.js";

test("lines of any system", () => {
    assert.deepEqual(toLines("a\r\nb\rc\n\td"), ["a", "b", "c", "  d"]);
});

test("what is pasted goes between what stands before and behind", () => {
    assert.deepEqual(insertAt(["abcd", "x"], 0, 1, 3, "1\n2"), {
        lines: ["a1", "2d", "x"],
        line: 1,
        column: 1,
    });
    assert.deepEqual(insertAt(["abcd"], 0, 2, 2, "\n"), {
        lines: ["ab", "cd"],
        line: 1,
        column: 0,
    });
    assert.deepEqual(insertAt(["abcd"], 0, 2, 2, "xy"), { lines: ["abxycd"], line: 0, column: 4 });
});

test("a line joins the one before, and the caret stands between them", () => {
    assert.deepEqual(joinBefore(["ab", "cd", "e"], 1), {
        lines: ["abcd", "e"],
        line: 0,
        column: 2,
    });
});
