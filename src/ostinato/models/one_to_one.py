"""One-to-one: no recurrence and no order; what the other shapes must beat."""

from __future__ import annotations

from torch import Tensor, nn

from ostinato.models.heads import Head
from ostinato.models.inputs import Inputs, StepInputs
from ostinato.models.pooling import MeanPooling
from ostinato.models.sequence_model import SequenceModel


class OneToOne(SequenceModel):
    """``head(relu(W v + b))`` with v the mean of the steps' vectors, or each step's, if aligned.

    Args:
        inputs: a vector for each step.
        hidden_size: ``H``, of the dense layer.
        head: what is said; aligned or not.
        dropout: share of the dense layer's inputs and outputs that is dropped in training.
    """

    def __init__(
        self, inputs: StepInputs, hidden_size: int, head: Head, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.pooling = None if head.is_aligned else MeanPooling()
        self.dense = nn.Linear(inputs.output_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.head = head
        self.notes = []

    def features(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return one vector for each row ``[B, H]``, or for each step ``[T, B, H]``."""
        vectors = self.inputs(inputs, lengths)
        if self.pooling is not None:
            vectors = self.pooling(vectors, lengths)
        return self.dropout(self.dense(self.dropout(vectors)).relu())
