"""Texts that are written side by side: one step of the network for all of them at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ostinato.data.vocabulary import Ids
from ostinato.data.writing import Writing
from ostinato.runtime.arrays import Array
from ostinato.serving.errors import RequestError, busy, stopping, too_slow, unexpected
from ostinato.serving.rows import Rows, pieces_of, read_budget
from ostinato.serving.sampling import draw
from ostinato.serving.settings import Settings

Reason = Literal["length", "cancelled", "slow", "stopping", "timeout", "error"]

_DRAWS: Final = 64
_STEPS_BETWEEN_READS: Final = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """Why a text ended.

    Attributes:
        reason: ``length`` where it is complete.
        error: what went wrong, if anything did.
    """

    reason: Reason
    error: RequestError | None = None


@dataclass(eq=False)
class Order:
    """A text that is asked for.

    Attributes:
        ids: the prompt.
        writing: of the units into text.
        temperature: see ``LanguageModel.generate``.
        top_p: see ``LanguageModel.generate``.
        generator: of random numbers, this text's own.
        is_cancelled: set by whoever ordered it, at any time.
    """

    ids: Ids
    writing: Writing
    temperature: float
    top_p: float
    generator: np.random.Generator
    is_cancelled: bool = False


@dataclass(frozen=True)
class Delivery:
    """What became certain of a text since the last delivery; ``end`` with the last one."""

    order: Order
    text: str
    end: End | None = None


@dataclass(eq=False)
class _Text:
    """An order while it is worked on: its prompt is read in pieces, then it has a row."""

    order: Order
    deadline: float
    pieces: deque[Ids]
    rest: list[int]
    state: dict[str, Array] | None = None
    logits: Array | None = None
    written: list[str] = field(default_factory=list[str])
    is_first: bool = True


class Scheduler:
    """Writes texts in a thread of its own; a text joins at any step and leaves at any step.

    Args:
        rows: of the network.
        settings: how many texts there may be, and for how long.
        deliver: is called in that thread with what was written.
    """

    def __init__(
        self, rows: Rows, settings: Settings, deliver: Callable[[list[Delivery]], None]
    ) -> None:
        self._rows = rows
        self._settings = settings
        self._deliver = deliver
        self._changed = threading.Condition()
        self._waiting: deque[Order] = deque()
        self._num_texts = 0
        self._is_stopping = False
        self._reading: deque[_Text] = deque()
        self._texts: list[_Text] = []
        self._numbers = _Numbers(len(rows.logits))
        self._outbox: list[Delivery] = []
        self._last_flush = 0.0
        self._steps_since_read = 0
        self._thread = threading.Thread(target=self._run, name="writing", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, order: Order) -> None:
        """Take an order.

        Raises:
            RequestError: as many texts are being written, and wait, as may be; or the server stops.
        """
        with self._changed:
            if self._is_stopping:
                raise stopping()
            if self._num_texts >= self._settings.max_streams + self._settings.max_waiting:
                raise busy("texts")
            self._num_texts += 1
            self._waiting.append(order)
            self._changed.notify()

    @property
    def num_texts(self) -> int:
        """Texts that are written, read or wait."""
        return self._num_texts

    def stop(self) -> None:
        """End all texts after the step that is under way, and take no more."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._flush()
                self._admit()
                if self._reading and self._steps_since_read >= self._pause:
                    self._read()
                    self._steps_since_read = 0
                if self._texts:
                    self._advance()
                    self._steps_since_read += 1
            except Exception:  # noqa: BLE001 - no text must wait for ever
                _log.exception("the texts that are being written end: a step failed")
                self._end_all(End("error", unexpected()))
        self._end_all(End("stopping"))
        self._flush(is_last=True)

    @property
    def _pause(self) -> int:
        return _STEPS_BETWEEN_READS if self._texts else 0

    def _admit(self) -> None:
        """Take waiting orders as long as there are rows; sleep while there is nothing to do."""
        with self._changed:
            while not (self._waiting or self._reading or self._texts or self._is_stopping):
                self._changed.wait()
            free = self._settings.max_streams - len(self._reading) - len(self._texts)
            num = min(free, len(self._waiting))
        for _ in range(num):
            # Whoever has no place yet still waits, and is told if a step fails.
            self._place(self._waiting[0])
            self._waiting.popleft()

    def _place(self, order: Order) -> None:
        pieces, rest = pieces_of(order.ids)
        deadline = time.monotonic() + self._settings.text_seconds
        text = _Text(order, deadline, deque(pieces), rest)
        if pieces:
            self._reading.append(text)
        else:
            self._join(text)

    def _read(self) -> None:
        """Read a piece of the prompt that has waited longest, and of those with one as long."""
        for text in [text for text in self._reading if self._is_given_up(text)]:
            self._reading.remove(text)
            self._end(text, self._why(text))
        if not self._reading:
            return
        num_steps = len(self._reading[0].pieces[0])
        budget = read_budget(num_steps, self._rows.max_read)
        texts = [t for t in self._reading if len(t.pieces[0]) == num_steps][:budget]
        states, logits = self._rows.read(
            [text.state for text in texts], [text.pieces.popleft() for text in texts]
        )
        for text, state, own in zip(texts, states, logits, strict=True):
            text.state, text.logits = state, own
            if not text.pieces:
                self._reading.remove(text)
                self._join(text)

    def _join(self, text: _Text) -> None:
        if not text.order.writing.num_left:
            self._end(text, End("length"))
            return
        text.rest.reverse()
        self._rows.add(text.state, None if text.rest else text.logits)
        self._numbers.add(len(self._texts), text.order)
        self._texts.append(text)
        text.state = text.logits = None

    def _advance(self) -> None:
        """Draw a unit for each row, or take the prompt's; let all rows but those that end read."""
        num = len(self._texts)
        numbers = self._numbers
        units, is_finite = draw(
            self._rows.logits[:num],
            numbers.temperatures[:num],
            numbers.top_ps[:num],
            numbers.draws(num),
        )
        chosen: list[int] = units.tolist()
        ends: dict[int, End] = {}
        now = time.monotonic()
        for row, text in enumerate(self._texts):
            order = text.order
            if order.is_cancelled or now > text.deadline:
                ends[row] = self._why(text)
            elif text.rest:
                chosen[row] = text.rest.pop()
            elif not is_finite[row]:
                ends[row] = End("error", _diverged())
            else:
                numbers.taken[row] += 1
                if piece := order.writing.push(chosen[row]):
                    text.written.append(piece)
                    if not order.writing.num_left:
                        ends[row] = End("length")
        for row, end in ends.items():
            self._end(self._texts[row], end)
        left = np.array(chosen, np.int64)
        if ends:
            kept = np.array([row for row in range(num) if row not in ends], np.int64)
            self._texts = [self._texts[row] for row in kept]
            self._rows.keep(kept)
            numbers.keep(kept)
            left = left[kept]
        if self._texts:
            numbers.refill([text.order for text in self._texts])
            self._rows.step(left)

    def _is_given_up(self, text: _Text) -> bool:
        return text.order.is_cancelled or time.monotonic() > text.deadline

    def _why(self, text: _Text) -> End:
        if text.order.is_cancelled:
            return End("cancelled")
        return End("timeout", too_slow("the text", self._settings.text_seconds))

    def _end(self, text: _Text, end: End) -> None:
        self._outbox.append(Delivery(text.order, "".join(text.written), end))
        self._leave(1)

    def _leave(self, num_texts: int) -> None:
        with self._changed:
            self._num_texts -= num_texts

    def _end_all(self, end: End) -> None:
        for text in (*self._texts, *self._reading):
            self._end(text, end)
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
        for order in waiting:
            self._outbox.append(Delivery(order, "", end))
        self._leave(len(waiting))
        self._texts = []
        self._reading.clear()
        self._rows.keep(np.zeros(0, np.int64))

    def _flush(self, *, is_last: bool = False) -> None:
        """Deliver what was written: the first characters and the last at once, others together."""
        now = time.monotonic()
        settings = self._settings
        pause = max(settings.flush_seconds, settings.event_seconds * len(self._texts))
        is_due = is_last or now - self._last_flush >= pause
        for text in self._texts:
            if text.written and (is_due or text.is_first):
                self._outbox.append(Delivery(text.order, "".join(text.written)))
                text.written.clear()
                text.is_first = False
        if is_due:
            self._last_flush = now
        if self._outbox:
            outbox, self._outbox = self._outbox, []
            self._deliver(outbox)


class _Numbers:
    """Settings and random numbers of the rows; the latter are drawn some steps ahead.

    Attributes:
        temperatures: ``[B]``.
        top_ps: ``[B]``.
        taken: ``[B]``, how many of its random numbers each row has used.
    """

    def __init__(self, num_rows: int) -> None:
        self.temperatures = np.ones(num_rows)
        self.top_ps = np.ones(num_rows)
        self.taken = np.zeros(num_rows, np.int64)
        self._ahead = np.zeros((num_rows, _DRAWS))

    def add(self, row: int, order: Order) -> None:
        self.temperatures[row] = order.temperature
        self.top_ps[row] = order.top_p
        self.taken[row] = 0
        self._ahead[row] = order.generator.random(_DRAWS)

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        for array in (self.temperatures, self.top_ps, self.taken, self._ahead):
            array[: len(rows)] = array[rows]

    def draws(self, num_rows: int) -> npt.NDArray[np.float64]:
        """Return the next random number of each row ``[B]``; whether it is used, ``taken`` says."""
        return self._ahead[np.arange(num_rows), self.taken[:num_rows]]

    def refill(self, orders: Sequence[Order]) -> None:
        """Draw more where all are used."""
        for row in map(int, np.flatnonzero(self.taken[: len(orders)] == _DRAWS)):
            self._ahead[row] = orders[row].generator.random(_DRAWS)
            self.taken[row] = 0


def _diverged() -> RequestError:
    return RequestError(
        422,
        "diverged",
        "the model cannot write: its highest logit is not a finite number",
        "train with a cell whose state stays bounded, such as model.cell=gru",
    )
