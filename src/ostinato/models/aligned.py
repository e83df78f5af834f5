"""Aligned many-to-many: something is said at every step that is read."""

from __future__ import annotations

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

    def features(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return one vector for each step ``[T, B, D*O]``."""
        return self.encoder(self.inputs(inputs, lengths), lengths)
