"""What every network of sequences with targets has: inputs, features, and a head."""

from __future__ import annotations

from torch import Tensor, nn

from ostinato.models.heads import Head
from ostinato.models.inputs import Inputs, StepInputs


class SequenceModel(nn.Module):
    """Scores of a batch, or their loss: ``head(features(inputs))``.

    Attributes:
        inputs: what makes a vector of each step.
        head: what the scores mean.
        notes: sentences about what was asked for and is not done.
    """

    inputs: StepInputs
    head: Head
    notes: list[str]

    def forward(self, inputs: Inputs, lengths: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return scores, or with targets their loss, summed.

        Args:
            inputs: name to tensor, time first; see the module of the inputs.
            lengths: int64 ``[B]``, steps of each row; what lies behind them changes nothing.
            targets: as the head expects them.

        Returns:
            Scores ``[T, B, O]`` or ``[B, O]``; with targets a scalar, in nats or squared error.
        """
        scores = self.head(self.features(inputs, lengths))
        return scores if targets is None else self.head.loss(scores, targets, lengths)

    def features(self, inputs: Inputs, lengths: Tensor) -> Tensor:
        """Return what the head reads: ``[T, B, F]`` or ``[B, F]``."""
        raise NotImplementedError
