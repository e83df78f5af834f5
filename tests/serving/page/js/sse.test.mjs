import assert from "node:assert/strict";
import test from "node:test";

import { EventCutter, readEvents } from "../../../../src/ostinato/serving/page/js/core/sse.js";

const STREAM =
    'event: start\ndata: {"id":1}\n\n: awake\n\nevent: text\ndata: {"text":"é\\n한"}\n\ndata: a\ndata: b\n\n';
const EVENTS = [
    { event: "start", data: '{"id":1}' },
    { event: "text", data: '{"text":"é\\n한"}' },
    { event: "message", data: "a\nb" },
];

test("a stream may be cut anywhere", () => {
    for (let size = 1; size <= STREAM.length; size += 1) {
        const cutter = new EventCutter();
        const found = [];
        for (let at = 0; at < STREAM.length; at += size)
            found.push(...cutter.take(STREAM.slice(at, at + size)));
        assert.deepEqual(found, EVENTS, `pieces of ${size}`);
    }
});

test("carriage returns end lines, too, even where a piece ends between the two", () => {
    const windows = STREAM.replaceAll("\n", "\r\n");
    for (let size = 1; size < 40; size += 1) {
        const cutter = new EventCutter();
        const found = [];
        for (let at = 0; at < windows.length; at += size)
            found.push(...cutter.take(windows.slice(at, at + size)));
        assert.deepEqual(found, EVENTS, `pieces of ${size}`);
    }
});

test("bytes of one letter may arrive apart", async () => {
    const bytes = new TextEncoder().encode(STREAM);
    const body = new ReadableStream({
        start(controller) {
            for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
            controller.close();
        },
    });
    const found = [];
    for await (const event of readEvents(body)) found.push(event);
    assert.deepEqual(found, EVENTS);
});

test("whoever leaves early closes the stream", async () => {
    let closed = false;
    const body = new ReadableStream({
        pull(controller) {
            controller.enqueue(new TextEncoder().encode("data: x\n\n"));
        },
        cancel() {
            closed = true;
        },
    });
    for await (const event of readEvents(body)) {
        assert.equal(event.data, "x");
        break;
    }
    await new Promise((done) => setTimeout(done, 5));
    assert.ok(closed);
});
