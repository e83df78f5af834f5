"""Texts that join and leave at any step are those that are written alone."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from ostinato import runtime
from ostinato.data.writing import Writing
from ostinato.runtime import LanguageModel
from ostinato.serving.errors import RequestError
from ostinato.serving.rows import Rows
from ostinato.serving.scheduler import Delivery, End, Order, Scheduler
from ostinato.serving.settings import Settings
from tests.serving.helpers import TEXT, train_writer, wait_until


class Desk:
    """Collects what is delivered."""

    def __init__(self) -> None:
        self.texts: defaultdict[Order, str] = defaultdict(str)
        self.ends: dict[Order, End] = {}
        self.hold = threading.Event()
        self.hold.set()

    def take(self, deliveries: list[Delivery]) -> None:
        self.hold.wait()
        for each in deliveries:
            assert each.order not in self.ends
            self.texts[each.order] += each.text
            if each.end is not None:
                self.ends[each.order] = each.end


@contextmanager
def working(run: Path, settings: Settings | None = None) -> Iterator[tuple[Scheduler, Desk]]:
    settings = settings or Settings(max_streams=64)
    desk = Desk()
    model = cast("LanguageModel", runtime.load(run))
    scheduler = Scheduler(Rows(model, settings.max_streams), settings, desk.take)
    scheduler.start()
    try:
        yield scheduler, desk
    finally:
        desk.hold.set()
        scheduler.stop()
        scheduler.join(20)


def order(
    model: LanguageModel, seed: int, *, prompt: str, length: int, temperature: float, top_p: float
) -> Order:
    ids = model.vocabulary.encode(prompt)
    writing = Writing(model.vocabulary, ids, length)
    return Order(ids, writing, temperature, top_p, np.random.default_rng(seed))


def settings_of(seed: int) -> dict[str, float | int | str]:
    """Different prompts and settings, long prompts too."""
    return {
        "prompt": TEXT[seed % 40 : seed % 40 + 1 + (7 * seed) % 150],
        "length": 20 + seed % 60,
        "temperature": (0.0, 0.7, 1.0, 1.3)[seed % 4],
        "top_p": (1.0, 0.8)[seed % 2],
    }


@pytest.mark.parametrize("kind", ["text", "lines", "jamo", "bytes"])
def test_together_and_alone_give_the_same_text(writer_run: Path, tmp_path: Path, kind: str) -> None:
    run = writer_run
    if kind == "lines":
        run = train_writer(tmp_path / "run", data={"documents": "lines"})
    elif kind == "jamo":
        text = "한국어로 쓴 글입니다. 밤하늘의 별.\n" * 20 + TEXT
        run = train_writer(tmp_path / "run", data={"text": text, "unit": "jamo"})
    elif kind == "bytes":
        run = train_writer(tmp_path / "run", data={"unit": "bytes"}, cell="lstm", num_layers=2)
    model = cast("LanguageModel", runtime.load(run))
    seeds = range(40)
    alone: dict[int, str] = {}
    with working(run) as (scheduler, desk):
        for seed in seeds:
            one = order(model, seed, **settings_of(seed))  # type: ignore[arg-type]
            scheduler.submit(one)
            wait_until(lambda one=one: one in desk.ends)
            alone[seed] = one.writing.prompt + desk.texts[one]
    with working(run) as (scheduler, desk):
        orders = [order(model, seed, **settings_of(seed)) for seed in seeds]  # type: ignore[arg-type]
        for number, each in enumerate(orders):
            scheduler.submit(each)
            if number % 7 == 0:
                # Some join while others are at any step.
                wait_until(lambda: bool(desk.texts))
        wait_until(lambda: len(desk.ends) == len(orders))
        together = {s: o.writing.prompt + desk.texts[o] for s, o in zip(seeds, orders, strict=True)}
    assert together == alone
    for seed in seeds:
        given = settings_of(seed)
        pieces = model.generate(**given, seed=seed)  # type: ignore[arg-type]
        assert "".join(pieces) == alone[seed]


def test_who_cancels_makes_room_at_once(writer_run: Path) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    settings = Settings(max_streams=2, max_waiting=0)
    with working(writer_run, settings) as (scheduler, desk):
        long = {"prompt": "the ", "length": 5000, "temperature": 1.0, "top_p": 1.0}
        orders = [order(model, seed, **long) for seed in range(2)]  # type: ignore[arg-type]
        for each in orders:
            scheduler.submit(each)
        with pytest.raises(RequestError, match="as many texts"):
            scheduler.submit(order(model, 9, **long))  # type: ignore[arg-type]
        orders[0].is_cancelled = True
        wait_until(lambda: orders[0] in desk.ends)
        assert desk.ends[orders[0]].reason == "cancelled"
        scheduler.submit(order(model, 3, **long))  # type: ignore[arg-type]
        assert scheduler.num_texts == 2


def test_texts_wait_for_a_row_and_get_one(writer_run: Path) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    short = {"prompt": "the ", "length": 30, "temperature": 1.0, "top_p": 1.0}
    with working(writer_run, Settings(max_streams=3, max_waiting=20)) as (scheduler, desk):
        orders = [order(model, seed, **short) for seed in range(20)]  # type: ignore[arg-type]
        for each in orders:
            scheduler.submit(each)
        wait_until(lambda: len(desk.ends) == 20)
        assert {end.reason for end in desk.ends.values()} == {"length"}
        assert {len(text) for text in desk.texts.values()} == {30}
        assert scheduler.num_texts == 0


def test_stopping_ends_what_is_written_read_and_waits(writer_run: Path) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    long = {"prompt": TEXT[:600], "length": 5000, "temperature": 1.0, "top_p": 1.0}
    with working(writer_run, Settings(max_streams=4, max_waiting=20)) as (scheduler, desk):
        orders = [order(model, seed, **long) for seed in range(12)]  # type: ignore[arg-type]
        for each in orders:
            scheduler.submit(each)
        wait_until(lambda: bool(desk.texts))
        scheduler.stop()
        scheduler.join(20)
        assert {desk.ends[each].reason for each in orders} == {"stopping"}
        with pytest.raises(RequestError, match="stopping"):
            scheduler.submit(order(model, 1, **long))  # type: ignore[arg-type]


def test_long_prompts_do_not_hold_up_the_others(
    writer_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    calls: list[str] = []
    step, read = Rows.step, Rows.read

    def stepped(rows: Rows, units: np.ndarray) -> None:
        calls.append("step")
        step(rows, units)

    def has_read(rows: Rows, *given: object) -> object:
        calls.append("read")
        return read(rows, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Rows, "step", stepped)
    monkeypatch.setattr(Rows, "read", has_read)
    with working(writer_run) as (scheduler, desk):
        first = order(model, 0, prompt="the ", length=5000, temperature=1.0, top_p=1.0)
        scheduler.submit(first)
        wait_until(lambda: bool(desk.texts))
        calls.clear()
        long = [
            order(model, seed, prompt=(TEXT * 8)[:4000], length=1, temperature=1.0, top_p=1.0)
            for seed in range(9)
        ]
        for each in long:
            scheduler.submit(each)
        wait_until(lambda: all(each in desk.ends for each in long))
    pauses = "".join("r" if call == "read" else "s" for call in calls).strip("s").split("r")[1:-1]
    # 9 prompts of 62 pieces each, at most 8 of them at a time.
    assert len(pauses) > 62
    assert min(map(len, pauses)) >= 4


def test_a_text_ends_after_its_time(writer_run: Path) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    with working(writer_run, Settings(max_streams=4, text_seconds=0.05)) as (scheduler, desk):
        one = order(model, 0, prompt="the ", length=5000, temperature=1.0, top_p=1.0)
        scheduler.submit(one)
        wait_until(lambda: one in desk.ends)
        end = desk.ends[one]
        assert end.reason == "timeout"
        assert end.error is not None
        assert end.error.status == 504


def test_a_row_that_diverges_ends_alone(writer_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    step = Rows.step
    calls = 0

    def broken(rows: Rows, units: np.ndarray) -> None:
        nonlocal calls
        step(rows, units)
        calls += 1
        if calls == 10:
            rows.logits[0] = np.nan

    monkeypatch.setattr(Rows, "step", broken)
    with working(writer_run) as (scheduler, desk):
        desk.hold.clear()
        orders = [
            order(model, seed, prompt="the ", length=100, temperature=1.0, top_p=1.0)
            for seed in range(3)
        ]
        for each in orders:
            scheduler.submit(each)
        desk.hold.set()
        wait_until(lambda: len(desk.ends) == 3)
        reasons = sorted(end.reason for end in desk.ends.values())
        assert reasons == ["error", "length", "length"]


@pytest.mark.parametrize("name", ["step", "add"])
def test_a_mistake_of_ours_ends_the_texts_and_not_the_thread(
    writer_run: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model = cast("LanguageModel", runtime.load(writer_run))
    whole = getattr(Rows, name)
    fails = [True]

    def broken(rows: Rows, *arguments: object) -> None:
        if fails.pop() if fails else False:
            raise ZeroDivisionError
        whole(rows, *arguments)

    monkeypatch.setattr(Rows, name, broken)
    with working(writer_run) as (scheduler, desk):
        for expected in ("error", "length"):
            one = order(model, 0, prompt="", length=10, temperature=1.0, top_p=1.0)
            scheduler.submit(one)
            wait_until(lambda one=one: one in desk.ends)
            assert desk.ends[one].reason == expected
            wait_until(lambda: scheduler.num_texts == 0)
