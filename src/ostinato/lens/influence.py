"""Which steps a decision comes from: the integrated gradient along each step's vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.lens.subject import ExampleSubject, Piece, Subject
from ostinato.models.aligned import Aligned
from ostinato.models.many_to_one import ManyToOne
from ostinato.models.sequence_model import SequenceModel

NUM_POINTS: Final = 32
"""Of the path from nothing to the input, at which gradients are taken."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Influence:
    """How much each step of one sequence pushed a decision.

    ``influence_t = Σ_i v_ti · ∫₀¹ ∂S/∂v_ti (α v) dα`` with ``v_t`` the vector of step t and ``S``
    the score of the decision (Sundararajan, Taly, Yan 2017, arXiv:1703.01365). Over all steps these
    add up to ``score - baseline``, but for the error of a sum in the place of the integral.

    Attributes:
        units: what each step reads.
        influence: ``[T]``; positive pushed towards the decision.
        score: of the decision.
        baseline: the same score where every vector is 0.
    """

    units: tuple[str, ...]
    influence: Numbers
    score: float
    baseline: float

    @property
    def error(self) -> float:
        """By how much the sum of the influences misses what it stands for."""
        return abs(float(self.influence.sum()) - (self.score - self.baseline))


def influence_of(subject: Subject, piece: Piece, num_points: int = NUM_POINTS) -> Influence:
    """Return the influence of each step on what a network decides.

    Args:
        subject: a network that learned from examples.
        piece: the sequence.
        num_points: of the path, side by side in one batch.

    Raises:
        OptionError: the network writes: it decides nothing.
    """
    if not isinstance(subject, ExampleSubject):
        raise OptionError(
            "a language model decides nothing that a step could have an influence on\n"
            "mend: look at its trace, or at the gradient through time"
        )
    network = subject.network
    lengths = torch.tensor([len(piece)])
    with torch.no_grad():
        vectors = network.inputs(piece.inputs, lengths)  # [T, 1, E]
        score_of = _decision(subject, network(piece.inputs, lengths))
    # The middle of each part of the path: the error falls with the square of their number.
    shares = (torch.arange(num_points, dtype=vectors.dtype) + 0.5) / num_points
    with torch.enable_grad():
        path = (vectors * shares[:, None]).requires_grad_()  # [T, P, E]
        scores = _scores(network, path)
        score_of(scores).sum().backward(inputs=[path])
    assert path.grad is not None
    found = (path.grad.mean(1) * vectors[:, 0]).double().sum(-1)
    with torch.no_grad():
        ends = score_of(_scores(network, torch.cat([vectors, torch.zeros_like(vectors)], 1)))
    return Influence(piece.units, found.numpy(), float(ends[0]), float(ends[1]))


def _scores(network: SequenceModel, vectors: Tensor) -> Tensor:
    """Return the scores of vectors ``[T, B, E]`` that stand where those of the inputs would."""
    lengths = torch.full(vectors.shape[1:2], len(vectors))
    assert isinstance(network, Aligned | ManyToOne)
    features = network.encoder(vectors, lengths)
    if isinstance(network, ManyToOne):
        features = network.pooling(features, lengths)
    return network.head(features)


def _decision(subject: ExampleSubject, scores: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what makes the score of the decision ``[B]`` from scores ``[T, B, O]`` or ``[B, O]``.

    The decision is the one of the whole input, held fast along the path: the logarithm of the odds
    of the label, or the sum of those of the tags, or of what each label or note was decided to be;
    of a regression, the first number.
    """
    head, lengths = subject.network.head, torch.tensor([len(scores)])
    match subject.recipe.task:
        case "regression":
            return lambda s: head.decode(s, lengths)[:, 0]
        case "classification":
            label = scores[0].argmax()
            return lambda s: _log_odds(s, label.expand(len(s)))
        case "tagging":
            tags = head.decode(scores, lengths)
            return lambda s: _log_odds(s, tags.expand(s.shape[:2])).sum(0)
        case _:
            # Each label, or note, is decided by itself: its score is the logarithm of its odds.
            row = scores[..., :1, :]
            signs = torch.where(row > 0, 1.0, -1.0)
            return lambda s: (s * signs).sum(-1).reshape(-1, s.shape[-2]).sum(0)


def _log_odds(scores: Tensor, labels: Tensor) -> Tensor:
    """Return ``log p / (1 - p)`` of labels ``[...]`` under the softmax of scores ``[..., O]``."""
    chosen = scores.gather(-1, labels[..., None])
    if scores.shape[-1] == 1:
        return chosen[..., 0]
    others = scores.scatter(-1, labels[..., None], -torch.inf)
    return chosen[..., 0] - others.logsumexp(-1)
