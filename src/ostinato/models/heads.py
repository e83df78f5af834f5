"""What a network says of a sequence or a step: scores, their loss, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.models.crf import LinearChainCRF
from ostinato.models.inputs import nonzero, statistic
from ostinato.models.masking import NO_TARGET, at_least_float32, without_padding
from ostinato.models.tag_schemes import AllowedTransitions


class Head(nn.Module):
    """A linear map from features to scores, and what they mean.

    Attributes:
        is_aligned: whether there are scores for every step ``[T, B, O]``, or one row for the
            sequence ``[B, O]``.

    Args:
        num_features: of each vector that is read.
        num_outputs: ``O``.
    """

    is_aligned: ClassVar[bool]

    def __init__(self, num_features: int, num_outputs: int) -> None:
        super().__init__()
        self.num_outputs = num_outputs
        self.linear = nn.Linear(num_features, num_outputs)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return the scores of features: the last dimension becomes ``O``."""
        return at_least_float32(self.linear(features))

    def loss(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss, summed over all targets: a scalar."""
        return self.losses(scores, targets, lengths).sum()

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss of each row, summed over its targets: ``[B]``."""
        raise NotImplementedError

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return probabilities, of the shape of the scores; in the padding they mean nothing."""
        raise NotImplementedError

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return what is predicted, in the form of the targets."""
        raise NotImplementedError


class _SoftmaxHead(Head):
    """One of ``O`` classes: ``-log softmax(scores)[target]``.

    Class weights and smoothing act in training only: evaluated, the loss is the plain one.

    Args:
        num_features: of each vector that is read.
        num_outputs: ``O``.
        class_weights: ``[O]``, how much a target of each class counts; None for 1.
        label_smoothing: share of the target that is spread over all classes.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        num_features: int,
        num_outputs: int,
        *,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(num_features, num_outputs)
        self.label_smoothing = label_smoothing
        weights = None if class_weights is None else statistic(class_weights, num_outputs, 1.0)
        self.register_buffer("class_weights", weights)

    def _cross_entropy(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the loss ``[N]`` of scores ``[N, O]`` and targets int64 ``[N]``."""
        return F.cross_entropy(
            scores,
            targets,
            self._weights(scores),
            ignore_index=NO_TARGET,
            reduction="none",
            label_smoothing=self.label_smoothing if self.training else 0.0,
        )

    def _weights(self, scores: Tensor) -> Tensor | None:
        if self.class_weights is None or not self.training:
            return None
        return self.class_weights.to(scores.dtype)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the probability of each class."""
        return scores.softmax(-1)


class ClassificationHead(_SoftmaxHead):
    """One label for a sequence; targets int64 ``[B]``, negative for a label that is not known."""

    is_aligned = False

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the cross-entropy of each row in nats; 0 where the label is not known."""
        return self._cross_entropy(scores, targets.masked_fill(targets < 0, NO_TARGET))

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the most probable label ``[B]``."""
        return scores.argmax(-1)


class TaggingHead(_SoftmaxHead):
    """One label for every step, each chosen alone; targets int64 ``[T, B]``, -100 for none."""

    is_aligned = True

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return the cross-entropy in nats, summed over each row's steps with a target."""
        targets = without_padding(targets, lengths, NO_TARGET)
        each = self._cross_entropy(scores.flatten(0, 1), targets.flatten())
        return each.view(targets.shape).sum(0)

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the most probable label of each step ``[T, B]``, -100 past the end."""
        return without_padding(scores.argmax(-1), lengths, NO_TARGET)


class CRFTaggingHead(Head):
    """One label for every step, chosen together; targets int64 ``[T, B]``, -100 for none.

    Args:
        num_features: of each vector that is read.
        num_outputs: ``O``.
        allowed: the transitions that may be predicted; None for all.
    """

    is_aligned = True

    def __init__(
        self, num_features: int, num_outputs: int, *, allowed: AllowedTransitions | None = None
    ) -> None:
        super().__init__(num_features, num_outputs)
        self.crf = LinearChainCRF(num_outputs, allowed=allowed)

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return ``-log P(targets)`` of each row in nats."""
        return -self.crf.log_probability(scores, targets, lengths)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the probability of each label at each step, over all ways to tag the rest."""
        return self.crf.marginals(scores, lengths)

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the most probable labels of each row ``[T, B]``, -100 past the end."""
        return self.crf.best_path(scores, lengths)


class MultiLabelHead(Head):
    """Any number of labels for a sequence, each by itself; targets 0 or 1, ``[B, O]``.

    Args:
        num_features: of each vector that is read.
        num_outputs: ``O``.
        class_weights: ``[O]``, how much each label counts in training; None for 1.
    """

    is_aligned = False
    class_weights: Tensor | None

    def __init__(
        self,
        num_features: int,
        num_outputs: int,
        *,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(num_features, num_outputs)
        weights = None if class_weights is None else statistic(class_weights, num_outputs, 1.0)
        self.register_buffer("class_weights", weights)

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the binary cross-entropy of each row in nats, summed over the labels."""
        weights = self.class_weights if self.training else None
        return F.binary_cross_entropy_with_logits(
            scores,
            targets.to(scores.dtype),
            None if weights is None else weights.to(scores.dtype),
            reduction="none",
        ).sum(-1)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the probability of each label."""
        return scores.sigmoid()

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return 1 for the labels that are more probable than not, ``[B, O]``."""
        return (scores > 0).to(scores.dtype)


class PolyphonyHead(Head):
    """The notes of the next step, each by itself; targets 0 or 1, ``[T, B, O]``, -100 for none."""

    is_aligned = True

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return the binary cross-entropy of each row in nats, summed over notes and steps."""
        targets = without_padding(targets.to(scores.dtype), lengths, NO_TARGET)
        is_none = targets < 0
        each = F.binary_cross_entropy_with_logits(
            scores, targets.masked_fill(is_none, 0), reduction="none"
        )
        return each.masked_fill(is_none, 0).sum((0, 2))

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the probability of each note."""
        return scores.sigmoid()

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return 1 for the notes that are more probable than not, ``[T, B, O]``."""
        return without_padding((scores > 0).to(scores.dtype), lengths)


class RegressionHead(Head):
    """Numbers for a sequence; the scores are standardised, ``(target - mean) / scale``.

    Args:
        num_features: of each vector that is read.
        num_outputs: ``O``.
        mean: of each target in training; None for 0.
        scale: standard deviation of each target in training; None for 1, as where it is 0.
    """

    is_aligned = False
    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        num_features: int,
        num_outputs: int,
        *,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__(num_features, num_outputs)
        self.register_buffer("mean", statistic(mean, num_outputs, 0.0))
        self.register_buffer("scale", nonzero(statistic(scale, num_outputs, 1.0)))

    def losses(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the squared error of each row's standardised targets, summed over them."""
        standard = (targets.to(scores.dtype) - self.mean) / self.scale
        return (scores - standard).square().sum(-1)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the predictions: a number that is only estimated has no probability."""
        return self.decode(scores, lengths)

    def decode(self, scores: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002
        """Return the predicted numbers ``[B, O]`` in the unit of the targets."""
        return scores * self.scale + self.mean
