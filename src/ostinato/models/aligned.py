"""Aligned many-to-many: something is said at every step that is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ostinato.models.encoder import SequenceEncoder
from ostinato.models.heads import Head
from ostinato.models.inputs import Inputs, StepInputs
from ostinato.models.sequence_model import SequenceModel


class Aligned(SequenceModel):
    """``head(encoder(inputs))``.

    Args:
        inputs: a vector for each step.
        encoder: recurrent layers over them.
        head: what is said at each step; aligned.
    """

    def __init__(self, inputs: StepInputs, encoder: SequenceEncoder, head: Head) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.head = head
        self.notes = encoder.notes

    def forward(
        self,
        inputs: Inputs,
        lengths: Tensor,
        targets: Tensor | None = None,
        state: Mapping[str, Tensor] | None = None,
        resets: Tensor | None = None,
    ) -> Any:
        """Return scores or their loss, as every model of sequences; or go on with streams.

        Args:
            inputs: name to tensor, time first.
            lengths: int64 ``[B]``.
            targets: as the head expects them.
            state: with ``resets``: as returned for the piece before; None where the streams begin.
            resets: bool ``[T, B]``, whether the state starts afresh before the step: the inputs are
                pieces of streams, with no padding.

        Returns:
            Without ``resets``: scores ``[T, B, O]``, or with targets their loss. With ``resets``
            also the state after the last step: tensors ``[L, B, size]`` by name.
        """
        if resets is None:
            return super().forward(inputs, lengths, targets)
        vectors = self.inputs(inputs, lengths)
        features, state = self.encoder.stream(vectors, state, resets)
        scores = self.head(features)
        return scores if targets is None else self.head.loss(scores, targets, lengths), state

    def features(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return one vector for each step ``[T, B, D*O]``."""
        return self.encoder(self.inputs(inputs, lengths), lengths)
