"""Encoder and decoder: something is read, then something else is written."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from ostinato.models.decoder import Decoder, Writing
from ostinato.models.inputs import Inputs
from ostinato.models.readers import Reader, Reading

FreeChoice = Literal["argmax", "sample"]


class EncoderDecoder(nn.Module):
    """``P(y | x) = prod_t P(y_t | y_<t, x)``.

    Sutskever, Vinyals, Le 2014 (arXiv:1409.3215); Cho et al. 2014 (arXiv:1406.1078).

    Args:
        reader: what reads.
        decoder: what writes.
        start: the target unit that is read before the first is written.
        end: the target unit that ends a text.
        label_smoothing: share of a target that is spread over all units in training.
        free_choice: how a unit is chosen where a step reads the network's own: the likeliest, or
            drawn.
    """

    def __init__(
        self,
        reader: Reader,
        decoder: Decoder,
        *,
        start: int,
        end: int,
        label_smoothing: float = 0.0,
        free_choice: FreeChoice = "argmax",
    ) -> None:
        super().__init__()
        self.reader = reader
        self.decoder = decoder
        self.start = start
        self.end = end
        self.label_smoothing = label_smoothing
        self.free_choice = free_choice
        self.notes: list[str] = [*reader.notes]

    def forward(
        self,
        inputs: Inputs,
        lengths: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        *,
        forced: Tensor | None = None,
        copied: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of all target units in nats, summed; smoothed in training only.

        Args:
            inputs: name to tensor, time first; see the reader.
            lengths: int64 ``[B]``, steps of each row of the source.
            targets: int64 ``[T, B]``, units of each row, the end last, without the start.
            target_lengths: int64 ``[B]``, steps of each row of the target, the end included.
            forced: bool ``[T, B]``, whether the step reads the true unit before it (teacher
                forcing) rather than the network's own (scheduled sampling: Bengio et al. 2015,
                arXiv:1506.03099); the first step reads the start. None: always.
            copied: int64 ``[S, B]``, with a pointer: the number of the source unit in the target
                vocabulary, ``V + k`` for the row's k-th that it lacks, -1 for what is not copied.

        Returns:
            A scalar.
        """
        raise NotImplementedError

    def log_probabilities(
        self,
        inputs: Inputs,
        lengths: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        *,
        forced: Tensor | None = None,
        copied: Tensor | None = None,
    ) -> Tensor:
        """Return the log-probability of each target unit ``[T, B]``, 0 in the padding.

        Args: as of ``forward``.
        """
        raise NotImplementedError

    def attend(
        self,
        inputs: Inputs,
        lengths: Tensor,
        targets: Tensor,
        target_lengths: Tensor,
        *,
        copied: Tensor | None = None,
    ) -> Tensor:
        """Return how much each step of the target looks at each of the source ``[T, B, S]``.

        Args: as of ``forward``, which is teacher-forced here.

        Raises:
            OptionError: the network has no attention.
        """
        raise NotImplementedError

    def read(self, inputs: Inputs, lengths: Tensor, copied: Tensor | None = None) -> Reading:
        """Read a batch of sources; see ``forward``."""
        raise NotImplementedError

    def begin(self, reading: Reading) -> Writing:
        """Return what the first step of decoding starts from."""
        raise NotImplementedError

    def step(self, tokens: Tensor, state: Writing) -> tuple[Tensor, Writing]:
        """Read a unit in every row, int64 ``[B]``; without gradients and dropout in evaluation.

        Returns:
            The log-probability of every unit as the next, ``[B, V]``, or ``[B, V + X]`` with a
            pointer; and the new state.
        """
        raise NotImplementedError
