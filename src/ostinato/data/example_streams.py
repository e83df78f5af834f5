"""Examples end to end in streams, read in windows: long ones are learned piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ostinato.core.errors import OptionError
from ostinato.data.batches import NO_TARGET, Array, Batch, Example, make_batch
from ostinato.data.errors import DataError
from ostinato.data.streams import PADDING, Flags, StreamedWindows, Window
from ostinato.data.wording import counted

Steps = Callable[[Example, int], Example]


@dataclass(frozen=True)
class StreamedBatch:
    """A window of every stream.

    Attributes:
        columns: a piece of each stream, all of one length.
        window: where the pieces begin and what is carried between them; its inputs are places in
            the stream.
    """

    columns: tuple[Example, ...]
    window: Window

    @property
    def num_targets(self) -> int:
        """Steps that are learned."""
        return int((self.window.targets != PADDING).sum())

    @property
    def num_items(self) -> int:
        """The same."""
        return self.num_targets

    @property
    def is_empty(self) -> bool:
        """Never: a share has streams, whose state is carried, if perhaps none that goes on."""
        return False

    @property
    def num_sequences(self) -> int:
        """None is whole."""
        return 0

    @property
    def resets(self) -> Flags:
        """Whether an example begins, bool ``[T, B]``."""
        assert self.window.resets is not None
        return self.window.resets

    def share(self, index: int, num: int) -> StreamedBatch:
        """Return the streams that process ``index`` of ``num`` runs.

        Raises:
            OptionError: there are fewer streams than processes.
        """
        if len(self.columns) < num:
            raise OptionError(
                f"{num} processes cannot share {counted(len(self.columns), 'stream')} of examples\n"
                "mend: a larger training.batch_size, more examples, or fewer --processes"
            )
        places: Array = np.array_split(np.arange(len(self.columns)), num)[index]
        columns = tuple(self.columns[int(place)] for place in places)
        return StreamedBatch(columns, self.window.columns(index, num))

    def piece(self, steps: slice) -> Batch:
        """Return some steps of the window as a batch of whole rows."""
        cut = [_cut(column, steps) for column in self.columns]
        return make_batch(cut, range(len(cut)))


class ExampleStreams:
    """Aligned examples as streams, in an order that seed and epoch decide.

    Args:
        examples: with a target at every step.
        batch_size: streams side by side; fewer where there are too few steps.
        window: steps that gradients flow back through.
        stride: steps from one window to the next; None for ``window``.
        seed: of the order.

    Raises:
        DataError: all examples together are shorter than a window.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        batch_size: int,
        window: int,
        stride: int | None,
        seed: int,
    ) -> None:
        self._examples, self._seed = examples, seed
        self._options = (batch_size, window, stride)
        lengths = [len(example) for example in examples]
        if sum(lengths) < window:
            raise DataError(
                f"the examples have {counted(sum(lengths), 'step')} in all, expected {window:,} "
                "or more\nmend: more examples, or a smaller training.tbptt_steps"
            )
        self._windows = self._laid_out(lengths)
        self._epoch = -1

    def __len__(self) -> int:
        """Return the number of windows of one epoch; the same in all."""
        return len(self._windows)

    @property
    def num_streams(self) -> int:
        """How many are side by side."""
        return self._windows.num_streams

    def batch(self, epoch: int, index: int, varied: Steps | None = None) -> StreamedBatch:
        """Return window ``index`` of an epoch.

        Args:
            epoch: from 0.
            index: of the window.
            varied: from an example and its number to what the epoch learns in its place, of the
                same length; None for the example.
        """
        if epoch != self._epoch:
            self._prepare(epoch, varied)
        window = self._windows[index]
        is_target = window.targets != PADDING
        columns = [
            self._column(window.inputs[:, column], is_target[:, column])
            for column in range(window.inputs.shape[1])
        ]
        return StreamedBatch(tuple(columns), window)

    def _prepare(self, epoch: int, varied: Steps | None) -> None:
        """Lay the examples of an epoch end to end."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._examples))
        chosen = [self._examples[int(row)] for row in order]
        if varied is not None:
            chosen = [varied(each, int(row)) for each, row in zip(chosen, order, strict=True)]
        self._steps: Array = np.concatenate([each.steps for each in chosen])
        targets = [each.target for each in chosen if each.target is not None]
        assert len(targets) == len(chosen), "examples to learn from have targets"
        self._targets: Array = np.concatenate(targets)
        self._spellings = [letters for each in chosen for letters in each.spellings or ()]
        self._windows = self._laid_out([len(each) for each in chosen])
        self._epoch = epoch

    def _laid_out(self, lengths: Sequence[int]) -> StreamedWindows:
        """Return windows over the places of steps.

        Windows are of texts, whose every unit foretells the next: behind the last step there is
        one place more.
        """
        ends = np.cumsum(lengths)
        resets = np.zeros(int(ends[-1]) + 1, np.bool_)
        resets[ends[:-1]] = True
        resets[0] = True
        batch_size, window, stride = self._options
        places = np.arange(len(resets))
        return StreamedWindows(places, batch_size, window, stride=stride, resets=resets)

    def _column(self, places: Array, is_target: Array) -> Example:
        targets = self._targets[places]
        targets[~is_target] = NO_TARGET
        spellings = None
        if self._spellings:
            spellings = tuple(self._spellings[int(place)] for place in places)
        return Example("", self._steps[places], targets, spellings)


def _cut(example: Example, steps: slice) -> Example:
    assert example.target is not None
    spellings = None if example.spellings is None else example.spellings[steps]
    return Example("", example.steps[steps], example.target[steps], spellings)
