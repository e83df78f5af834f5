"""Many-to-one: a whole sequence is read, then one thing is said of it."""

from __future__ import annotations

from torch import Tensor

from ostinato.models.encoder import SequenceEncoder
from ostinato.models.heads import Head
from ostinato.models.inputs import Inputs, StepInputs
from ostinato.models.pooling import Pooling
from ostinato.models.sequence_model import SequenceModel


class ManyToOne(SequenceModel):
    """``head(pooling(encoder(inputs)))``.

    Args:
        inputs: a vector for each step.
        encoder: recurrent layers over them.
        pooling: one vector of all steps.
        head: what is said of it; not aligned.
    """

    def __init__(
        self, inputs: StepInputs, encoder: SequenceEncoder, pooling: Pooling, head: Head
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.pooling = pooling
        self.head = head
        self.notes = encoder.notes

    def features(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return one vector for each row ``[B, D*O]``."""
        return self.pooling(self.encoder(self.inputs(inputs, lengths), lengths), lengths)
