"""Streamed windows: how truncated backpropagation through time reads one long text."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ostinato.data.errors import DataError
from ostinato.data.units import Unit
from ostinato.data.vocabulary import Ids

PADDING = -100


class Window(NamedTuple):
    """A piece of every stream.

    Attributes:
        inputs: ``[T, B]``.
        targets: ``[T, B]``, the next unit; ``PADDING`` where a stream has ended.
        is_first: whether the streams begin here, so that no state is carried in.
    """

    inputs: Ids
    targets: Ids
    is_first: bool


class StreamedWindows:
    """A text as ``B`` streams that run side by side, read in windows of ``T`` steps.

    Row ``b`` of one window continues row ``b`` of the window before, so a carried state sees the
    whole stream. Every unit but the first is a target exactly once an epoch. Streams differ in
    length by at most one; the last window is shorter where the length does not divide.

    Args:
        ids: int64 ``[number of units]``.
        num_streams: ``B``; reduced where the text is too short for so many streams of one window.
        window: ``T``.
        unit: what one number stands for, in the words of the error.

    Raises:
        DataError: the text is shorter than one window.
    """

    def __init__(self, ids: Ids, num_streams: int, window: int, unit: Unit = "characters") -> None:
        num_targets = len(ids) - 1
        if num_targets < window:
            raise DataError(
                f"the text is too short: {len(ids):,} {unit} to learn from, but a window of "
                f"{window} steps needs {window + 1}\n"
                "mend: give a longer text, or a smaller training.tbptt_steps"
            )
        self.window = window
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

    def __len__(self) -> int:
        """Return the number of windows of one epoch."""
        return math.ceil(self.stream_length / self.window)

    def __getitem__(self, index: int) -> Window:
        """Return window ``index`` of the epoch."""
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        piece = slice(index * self.window, (index + 1) * self.window)
        return Window(self._inputs[piece], self._targets[piece], index == 0)
