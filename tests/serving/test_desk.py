"""Work off the event loop: a queue with an end, and answers that come in time."""

import asyncio
import threading

import pytest

from ostinato.serving.desk import Desk
from ostinato.serving.errors import RequestError


def test_results_and_errors_come_back() -> None:
    async def run() -> None:
        desk = Desk("tests", 4)
        assert await desk.run(lambda: 5, 5.0) == 5
        with pytest.raises(ZeroDivisionError):
            await desk.run(lambda: 1 // 0, 5.0)
        assert await desk.run(lambda: 6, 5.0) == 6

    asyncio.run(run())


def test_one_after_another_and_no_more_than_may_wait() -> None:
    async def run() -> None:
        desk = Desk("tests", 2)
        go, has_begun = threading.Event(), threading.Event()
        found: list[int] = []

        def work(number: int) -> None:
            has_begun.set()
            go.wait(20)
            found.append(number)

        first = asyncio.ensure_future(desk.run(lambda: work(0), 20.0))
        await asyncio.to_thread(has_begun.wait, 20)
        others = [asyncio.ensure_future(desk.run(lambda n=n: work(n), 20.0)) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="as many tests") as caught:
            await desk.run(lambda: work(3), 20.0)
        assert caught.value.status == 503
        assert caught.value.retry_after
        go.set()
        await asyncio.gather(first, *others)
        assert found == [0, 1, 2]

    asyncio.run(run())


def test_what_takes_too_long_is_answered_for_and_what_waits_behind_it_is_left_out() -> None:
    async def run() -> None:
        desk = Desk("tests", 4)
        go = threading.Event()
        found: list[str] = []
        slow = asyncio.ensure_future(desk.run(lambda: go.wait(20), 0.05))
        behind = asyncio.ensure_future(desk.run(lambda: found.append("behind"), 0.1))
        for each in (slow, behind):
            with pytest.raises(RequestError, match="took longer") as caught:
                await each
            assert caught.value.status == 504
        go.set()
        assert await desk.run(lambda: "next", 20.0) == "next"
        assert found == []

    asyncio.run(run())
