import assert from "node:assert/strict";
import test from "node:test";

import { english } from "../../../../src/ostinato/serving/page/js/i18n/en.js";
import { korean } from "../../../../src/ostinato/serving/page/js/i18n/ko.js";

const holes = (phrase) => [...phrase.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("both languages have the same phrases", () => {
    assert.deepEqual(Object.keys(korean).sort(), Object.keys(english).sort());
});

test("a phrase is filled in by the same values, but where Korean says a mend itself", () => {
    for (const [key, phrase] of Object.entries(english)) {
        if (!/^(gradient\.mend|said)\./.test(key))
            assert.deepEqual(holes(korean[key]), holes(phrase), key);
    }
});

test("Korean is Korean", () => {
    const same = /^(GRU|LSTM|LaTeX|IndRNN.*|t|\{\w+\}|\{count\} \/ \{limit\}|)$/;
    for (const [key, phrase] of Object.entries(korean)) {
        assert.ok(
            /[가-힣]/.test(phrase) || same.test(phrase) || key.startsWith("cells.cost"),
            `${key}: ${phrase}`,
        );
    }
});
