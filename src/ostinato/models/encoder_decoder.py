"""Encoder and decoder: something is read, then something else is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.models.decoder import Answers, Decoder
from ostinato.models.inputs import Inputs
from ostinato.models.masking import valid_steps
from ostinato.models.readers import Reader, Reading
from ostinato.models.writing_state import Writing

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
        never_written: units that no text is made of: they are not chosen.
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
        never_written: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.reader = reader
        self.decoder = decoder
        self.start = start
        self.end = end
        self.label_smoothing = label_smoothing
        self.free_choice = free_choice
        self.never_written = tuple(never_written)
        self.notes = [*reader.notes, *decoder.notes]

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
        answers, aims, _ = self._answers(
            self.read(inputs, lengths, copied), targets, target_lengths, forced
        )
        smoothing = self.label_smoothing if self.training else 0.0
        return self.decoder.losses(answers, aims, smoothing).sum()

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

        The arguments are those of ``forward``.
        """
        answers, aims, places = self._answers(
            self.read(inputs, lengths, copied), targets, target_lengths, forced
        )
        each = -self.decoder.losses(answers, aims)
        spread = each.new_zeros(targets.numel()).index_copy(0, places, each)
        return spread.view(targets.shape)

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

        The arguments are those of ``forward``; every step reads the true unit before it. In the
        padding of the target the weights are 0.

        Raises:
            OptionError: the network has no attention.
        """
        reading = self.read(inputs, lengths, copied)
        units = self._shifted(targets)
        _, _, weights = self.decoder.answer(units, target_lengths, self.begin(reading))
        if weights is None:
            raise OptionError(
                "the network has no attention: it writes from the context vector alone\n"
                "mend: decoder.attention=general"
            )
        return weights * valid_steps(target_lengths, len(targets))[..., None]

    def read(self, inputs: Inputs, lengths: Tensor, copied: Tensor | None = None) -> Reading:
        """Read a batch of sources; the arguments are those of ``forward``."""
        return replace(self.reader(inputs, lengths), copied=copied)

    @property
    def device(self) -> torch.device:
        """The device that units are on."""
        return self.decoder.head.weight.device

    def begin(self, reading: Reading) -> Writing:
        """Return what the first step of decoding starts from."""
        return self.decoder.begin(reading)

    def resume(self, begun: Sequence[Sequence[int]], state: Writing) -> Writing:
        """Return the state behind the beginnings of texts, as ``decode`` takes it with ``begun``.

        Args:
            begun: units of each row's beginning. The start and all but the last of them are read;
                of an empty one, nothing.
            state: as ``begin`` returned it.
        """
        lengths = torch.tensor([len(units) for units in begun], device=self.device)
        if not int(lengths.max()):
            return state
        read = torch.zeros(int(lengths.max()), len(begun), dtype=torch.int64)
        for row, units in enumerate(begun):
            read[: len(units), row] = torch.tensor([self.start, *units][:-1])
        return self.decoder.resume(read.to(self.device), lengths, state)

    def step(self, tokens: Tensor, state: Writing) -> tuple[Tensor, Writing]:
        """Read a unit in every row, int64 ``[B]``; the first is the start.

        Returns:
            The log-probability of every unit as the next, ``[B, V]``, or ``[B, V + X]`` with a
            pointer; and the new state.
        """
        answers, state = self.decoder.step(tokens, state)
        return self.decoder.log_probabilities(answers, state.sources.num_extended), state

    def _answers(
        self, reading: Reading, targets: Tensor, target_lengths: Tensor, forced: Tensor | None
    ) -> tuple[Answers, Tensor, Tensor]:
        """Return what is said at the steps that are there, what is right, and their places."""
        writing = self.begin(reading)
        units = self._shifted(targets)
        if forced is not None:
            units = self._mixed(units, target_lengths, forced, writing)
        answers, places, _ = self.decoder.answer(units, target_lengths, writing)
        return answers, targets.flatten().index_select(0, places), places

    def _shifted(self, targets: Tensor) -> Tensor:
        """Return the true unit before each step: the start, then all targets but the last."""
        start = torch.full_like(targets[:1], self.start)
        return torch.cat([start, targets[:-1]])

    @torch.no_grad()
    def _mixed(self, units: Tensor, lengths: Tensor, forced: Tensor, writing: Writing) -> Tensor:
        """Replace the units of steps that are not forced by those that the network chooses.

        No gradient goes through a choice, so the choices can be made first; all steps then read
        known units, as one scan where that is possible.
        """
        is_own = ~forced & valid_steps(lengths, len(units))
        mixed = units.clone()
        last = int(is_own.any(-1).nonzero().amax()) if is_own[1:].any() else 0
        for step in range(last):
            answers, writing = self.decoder.step(mixed[step], writing)
            rows = is_own[step + 1].nonzero()[:, 0]
            if len(rows):
                log_probabilities = self.decoder.log_probabilities(
                    answers.select(rows), writing.sources.num_extended
                )
                mixed[step + 1, rows] = self._choose(log_probabilities)
        return mixed

    def _choose(self, log_probabilities: Tensor) -> Tensor:
        """Return a unit for each row of ``[N, V]``, such as could be written."""
        never = log_probabilities.new_tensor(self.never_written, dtype=torch.int64)
        log_probabilities = log_probabilities.index_fill(1, never, -torch.inf)
        if self.free_choice == "argmax":
            return log_probabilities.argmax(-1)
        return log_probabilities.exp().multinomial(1)[:, 0]
