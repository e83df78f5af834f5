"""A language model as the event loop sees it: texts that arrive piece by piece."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np

from ostinato.data.writing import Writing, check_settings
from ostinato.runtime.language_model import LanguageModel
from ostinato.serving.rows import Rows
from ostinato.serving.scheduler import Delivery, End, Order, Reason, Scheduler
from ostinato.serving.settings import Settings

_SEED_BITS: Final = 32


@dataclass(frozen=True)
class Wish:
    """What shall be written.

    Attributes:
        prompt: None for the beginning of a text, as the model knows it.
        length: characters to write.
        temperature: see ``LanguageModel.generate``.
        top_p: see ``LanguageModel.generate``.
        seed: None for another text each time.
    """

    prompt: str | None = None
    length: int = 500
    temperature: float = 0.8
    top_p: float = 1.0
    seed: int | None = None


class Text:
    """One text while it arrives; iterate over its pieces, which come with heartbeats, None.

    Attributes:
        number: of the text, since the server began.
        prompt: what of it is certain; empty where the model's own start was read.
        seed: that it is written with.
        num_characters: that have arrived.
        end: why it ended; None while it goes on.
        lost: is set where the client did not read it.
    """

    def __init__(self, number: int, prompt: str, seed: int, order: Order, max_unread: int) -> None:
        self.number = number
        self.prompt = prompt
        self.seed = seed
        self.num_characters = 0
        self.end: End | None = None
        self._order = order
        self._began = time.monotonic()
        self._max_unread = max_unread
        self._unread: list[str] = []
        self._num_unread = 0
        self._arrived = asyncio.Event()
        self.lost = asyncio.Event()

    @property
    def seconds(self) -> float:
        """Since it was asked for."""
        return time.monotonic() - self._began

    async def pieces(self) -> AsyncIterator[str | None]:
        """Yield what arrives, until the end; None where nothing did for a while."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            is_over = self.end is not None
            if self._unread:
                piece = "".join(self._unread)
                self._unread.clear()
                self._num_unread = 0
                yield piece
            elif not is_over:
                yield None
            if is_over:
                return

    def beat(self) -> None:
        """Let a client that waits know that its text still goes on."""
        self._arrived.set()

    def arrive(self, delivery: Delivery) -> None:
        """Take a piece; a client that does not read loses its text."""
        if self.end is not None:
            return
        text, end = delivery.text, delivery.end
        self.num_characters += len(text)
        self._num_unread += len(text)
        if self._num_unread > self._max_unread:
            self._unread.clear()
            self.cancel("slow")
            self.lost.set()
            return
        if text:
            self._unread.append(text)
        self.end = end
        self._arrived.set()

    def cancel(self, reason: Reason = "cancelled") -> None:
        """Stop writing; its place is free after the step that is under way."""
        self._order.is_cancelled = True
        if self.end is None:
            self.end = End(reason)
        self._arrived.set()


class Writer:
    """Lets a language model write many texts at once.

    Args:
        model: of ``runtime.load``; from now on it belongs to the writer.
        settings: limits.
    """

    def __init__(self, model: LanguageModel, settings: Settings) -> None:
        self.model = model
        self._settings = settings
        self._scheduler = Scheduler(Rows(model, settings.max_streams), settings, self._hand_over)
        self._texts: dict[Order, Text] = {}
        self._numbers = count(1)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to work for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._scheduler.start()
        self._beat()

    def _beat(self) -> None:
        assert self._loop is not None
        self._loop.call_later(self._settings.heartbeat_seconds, self._beat)
        for text in self._texts.values():
            text.beat()

    @property
    def num_texts(self) -> int:
        """Texts that are written or wait."""
        return self._scheduler.num_texts

    def write(self, wish: Wish) -> Text:
        """Begin a text.

        Raises:
            DataError: the prompt has a character that the model does not know.
            OptionError: a setting is out of range.
            RequestError: there is no room for another text.
        """
        model = self.model
        prompt = wish.prompt or model.start
        check_settings(prompt, wish.length, wish.temperature, wish.top_p)
        ids = model.vocabulary.encode(prompt)
        seed = secrets.randbits(_SEED_BITS) if wish.seed is None else wish.seed
        writing = Writing(model.vocabulary, ids, wish.length)
        order = Order(ids, writing, wish.temperature, wish.top_p, np.random.default_rng(seed))
        # A start that is only the end of a line before is no part of the text.
        shown = "" if not wish.prompt and model.start == "\n" else writing.prompt
        text = Text(next(self._numbers), shown, seed, order, self._settings.max_unread)
        self._texts[order] = text
        try:
            self._scheduler.submit(order)
        except BaseException:
            del self._texts[order]
            raise
        return text

    def stop(self) -> None:
        """End all texts, with the reason ``stopping``."""
        self._scheduler.stop()

    def join(self) -> None:
        """Wait until the step that is under way is over."""
        self._scheduler.join(self._settings.stop_seconds)

    def _hand_over(self, deliveries: list[Delivery]) -> None:
        """Bring what was written from the scheduler's thread to the loop's."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrive, deliveries)

    def _arrive(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            ends = delivery.end is not None
            text = self._texts.pop(delivery.order) if ends else self._texts[delivery.order]
            text.arrive(delivery)
