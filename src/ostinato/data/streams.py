"""Streamed windows: how truncated backpropagation through time reads texts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.units import Unit
from ostinato.data.vocabulary import Ids

PADDING = -100

Flags = npt.NDArray[np.bool_]


class Window(NamedTuple):
    """A piece of every stream.

    Attributes:
        inputs: ``[T, B]``.
        targets: ``[T, B]``, the next unit; ``PADDING`` where a stream has ended, or where another
            window has the target.
        is_first: whether the streams begin here, so that no state is carried in.
        advance: steps after which the next window begins; its state is carried.
        num_blind: steps at the beginning through which no gradient flows.
        resets: ``[T, B]``, whether the state starts afresh before the step; None for never.
    """

    inputs: Ids
    targets: Ids
    is_first: bool
    advance: int
    num_blind: int = 0
    resets: Flags | None = None

    def columns(self, index: int, num: int) -> Window:
        """Return share ``index`` of ``num`` of the streams; shares differ by one at most."""
        inputs, targets = (
            np.array_split(part, num, axis=1)[index] for part in (self.inputs, self.targets)
        )
        resets = self.resets
        if resets is not None:
            resets = np.array_split(resets, num, axis=1)[index]
        return self._replace(inputs=inputs, targets=targets, resets=resets)

    def pieces(self) -> tuple[slice, ...]:
        """Return the steps cut at the ends of ``num_blind`` and ``advance``, in order."""
        ends = sorted({self.num_blind, self.advance, len(self.inputs)} - {0})
        return tuple(slice(a, b) for a, b in zip([0, *ends], ends, strict=False))


class StreamedWindows:
    """A text as ``B`` streams that run side by side, read in windows of ``T`` steps.

    The state that is carried from window to window sees the whole of its stream. Streams differ in
    length by at most one; the last window is shorter where the length does not divide.

    With a stride, this is BPTT(k2; k1) of Williams and Peng (1990): every k1 = ``stride`` steps, a
    window holds the targets of the last k1 steps and reaches back over the last k2 = ``window``. A
    stride that is longer than the window leaves its first k1 - k2 steps without gradient and
    without target; otherwise every unit but the first is a target exactly once an epoch.

    Args:
        ids: int64 ``[number of units]``.
        num_streams: ``B``; reduced where the text is too short for so many streams of one window.
        window: ``T``, steps that gradients flow back through.
        unit: what one number stands for, in the words of the error.
        stride: steps from one window to the next; default ``window``.
        resets: bool ``[number of units]``, whether the state starts afresh before this unit is
            read; None for never.

    Raises:
        DataError: the text is shorter than one window.
    """

    def __init__(
        self,
        ids: Ids,
        num_streams: int,
        window: int,
        unit: Unit = "characters",
        *,
        stride: int | None = None,
        resets: Flags | None = None,
    ) -> None:
        num_targets = len(ids) - 1
        if num_targets < window:
            raise DataError(
                f"the text is too short: {len(ids):,} {unit} to learn from, but a window of "
                f"{window} steps needs {window + 1}\n"
                "mend: give a longer text, or a smaller training.tbptt_steps"
            )
        self.window = window
        self.stride = window if stride is None else stride
        self.num_streams = min(num_streams, num_targets // window)
        shorter, num_longer = divmod(num_targets, self.num_streams)
        lengths = np.full(self.num_streams, shorter)
        lengths[:num_longer] += 1
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.stream_length = int(lengths[0])
        steps = np.arange(self.stream_length)[:, None]  # [S, 1]
        places = np.minimum(starts + steps, num_targets - 1)  # [S, B]
        self._inputs: Ids = ids[places]
        self._targets: Ids = np.where(steps < lengths, ids[places + 1], PADDING)
        self._resets: Flags | None = None if resets is None else resets[places]

    def __len__(self) -> int:
        """Return the number of windows of one epoch."""
        return math.ceil(self.stream_length / self.stride)

    def __getitem__(self, index: int) -> Window:
        """Return window ``index`` of the epoch."""
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        start = self._start(index)
        end = min((index + 1) * self.stride, self.stream_length)
        piece = slice(start, end)
        learned = max(index * self.stride, end - self.window) - start
        targets = self._targets[piece]
        if learned:
            targets = targets.copy()
            targets[:learned] = PADDING
        return Window(
            self._inputs[piece],
            targets,
            is_first=start == 0,
            advance=min(self._start(index + 1), end) - start,
            num_blind=max(0, end - start - self.window),
            resets=None if self._resets is None else self._resets[piece],
        )

    def _start(self, index: int) -> int:
        return max(0, (index + 1) * self.stride - max(self.stride, self.window))


class DocumentWindows:
    """Documents side by side, each from its beginning to its end, the longest first.

    Args:
        ids: int64 ``[number of units]``, document after document.
        starts: int64 ``[number of documents]``, where they begin.
        before: the unit that stands before each document.
        batch_size: documents side by side.
        window: steps at a time.
    """

    def __init__(self, ids: Ids, starts: Ids, before: int, batch_size: int, window: int) -> None:
        self._ids = np.concatenate([[before], ids])
        lengths = np.diff(starts, append=len(ids))
        order = np.argsort(-lengths, kind="stable")
        self._starts, self._lengths = starts[order], lengths[order]
        self._before = before
        self._places = [
            (first, step)
            for first in range(0, len(order), batch_size)
            for step in range(0, int(self._lengths[first]), window)
        ]
        self._batch_size, self._window = batch_size, window

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._places)

    def __getitem__(self, index: int) -> Window:
        """Return window ``index``."""
        first, begin = self._places[index]
        rows = slice(first, first + self._batch_size)
        starts, lengths = self._starts[rows], self._lengths[rows]
        end = min(begin + self._window, int(lengths[0]))
        steps = np.arange(begin, end)[:, None]
        places = np.minimum(starts + steps, len(self._ids) - 2)
        inputs = np.where(steps == 0, self._before, self._ids[places])
        targets = np.where(steps < lengths, self._ids[places + 1], PADDING)
        return Window(inputs, targets, is_first=begin == 0, advance=end - begin)


def shuffled_documents(ids: Ids, starts: Ids, random: np.random.Generator) -> tuple[Ids, Ids]:
    """Return documents in another order: ids and starts."""
    order = random.permutation(len(starts))
    lengths = np.diff(starts, append=len(ids))[order]
    new_starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    places = np.arange(len(ids)) + np.repeat(starts[order] - new_starts, lengths)
    return ids[places], new_starts


def gap_note(steps: int, stride: int | None) -> str:
    """Return a sentence about the steps that no window learns; empty where there are none."""
    if stride is None or stride <= steps:
        return ""
    return (
        f"of every {stride} steps, the first {stride - steps} are read but not learned: "
        f"training.tbptt_stride={stride} is longer than training.tbptt_steps={steps}"
    )
