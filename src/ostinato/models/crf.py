"""A linear-chain conditional random field: labels that depend on the label before.

``log P(y | x) = s(y) - log Z``, with ``s(y) = start[y_1] + sum_t x_t[y_t] + sum_t A[y_t-1, y_t] +
end[y_T]`` and ``Z`` the sum of ``exp s`` over all sequences (Lafferty, McCallum, Pereira 2001).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from ostinato.models.masking import NO_TARGET, valid_steps, without_padding
from ostinato.models.tag_schemes import AllowedTransitions

_FORBIDDEN: Final = -1e30
"""The score of what is forbidden: beside any other it counts for nothing, and no difference of two
is NaN, as it is of infinities."""


class LinearChainCRF(nn.Module):
    """Transition scores between labels, learned; they start at 0, as labels that are independent.

    Scores are ``[T, B, O]`` and lengths int64 ``[B]``; what the padding holds changes nothing.

    Args:
        num_labels: ``O``.
        allowed: which labels may begin, follow each other, and end; None for all. The others are
            never predicted and have probability 0, however large their scores.
    """

    forbidden_start: Tensor
    forbidden_transitions: Tensor
    forbidden_end: Tensor

    def __init__(self, num_labels: int, *, allowed: AllowedTransitions | None = None) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(num_labels))
        self.transitions = nn.Parameter(torch.zeros(num_labels, num_labels))
        self.end = nn.Parameter(torch.zeros(num_labels))
        for name, parameter in tuple(self.named_parameters()):
            rule = None if allowed is None else ~torch.tensor(getattr(allowed, name))
            nothing = torch.zeros(parameter.shape, dtype=torch.bool)
            self.register_buffer(f"forbidden_{name}", nothing if rule is None else rule)

    def log_probability(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return ``log P(targets)`` of each row ``[B]``.

        Steps without a target are summed over. A row whose targets break the rules has its
        probability among all sequences, so that it can be learned from.

        Args:
            scores: ``[T, B, O]``.
            targets: int64 ``[T, B]``, -100 for none.
            lengths: int64 ``[B]``.
        """
        targets = without_padding(targets, lengths, NO_TARGET)[..., None]
        labels = torch.arange(scores.shape[-1], device=scores.device)
        is_other = (targets != NO_TARGET) & (targets != labels)
        # Both sums in one loop: over all sequences, and over those that agree with the targets.
        both = torch.cat([scores, scores.masked_fill(is_other, _FORBIDDEN)], 1)
        keeps = torch.ones_like(lengths, dtype=torch.bool)
        everything, agreeing = self._log_sums(both, lengths.repeat(2), keeps.repeat(2)).chunk(2)
        breaks = agreeing < _FORBIDDEN / 2
        if breaks.any():
            keeps = ~breaks
            sums = self._log_sums(both, lengths.repeat(2), keeps.repeat(2))
            everything, agreeing = sums.chunk(2)
        return agreeing - everything

    def log_partition(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return ``log Z`` of each row ``[B]``, over the sequences that keep the rules."""
        return self._log_sums(scores, lengths, torch.ones_like(lengths, dtype=torch.bool))

    def marginals(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the probability of each label at each step ``[T, B, O]``, 0 in the padding.

        It is the gradient of ``log Z`` by the scores.
        """
        with torch.inference_mode(mode=False), torch.enable_grad():
            variable = scores.detach().clone().requires_grad_()
            total = self.log_partition(variable, lengths.clone()).sum()
            (gradient,) = torch.autograd.grad(total, variable)
        return gradient

    @torch.no_grad()
    def best_path(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the most probable labels of each row, int64 ``[T, B]``, -100 past the end.

        Args:
            scores: ``[T, B, O]``.
            lengths: int64 ``[B]``.
        """
        num_steps, num_rows, num_labels = scores.shape
        if not num_steps:
            return lengths.new_zeros(0, num_rows)
        minus_infinity = -torch.inf
        transitions = self.transitions.masked_fill(self.forbidden_transitions, minus_infinity)
        best = scores[0] + self.start.masked_fill(self.forbidden_start, minus_infinity)
        stay = torch.arange(num_labels, device=scores.device).expand(num_rows, num_labels)
        valid = valid_steps(lengths, num_steps)
        origins: list[Tensor] = []
        for step in range(1, num_steps):
            largest, origin = (best[:, :, None] + transitions).max(1)
            is_there = valid[step, :, None]
            best = torch.where(is_there, largest + scores[step], best)
            origins.append(torch.where(is_there, origin, stay))
        label = (best + self.end.masked_fill(self.forbidden_end, minus_infinity)).argmax(-1)
        path = [label]
        for origin in reversed(origins):
            path.append(origin.gather(1, path[-1][:, None])[:, 0])
        return without_padding(torch.stack(path[::-1]), lengths, NO_TARGET)

    def _log_sums(self, scores: Tensor, lengths: Tensor, keeps_rules: Tensor) -> Tensor:
        """Return the logarithm of the sum of ``exp s`` of each row ``[B]``; 0 for no steps.

        Args:
            scores: ``[T, B, O]``.
            lengths: int64 ``[B]``.
            keeps_rules: booleans ``[B]``: rows whose sum leaves out what is forbidden.
        """
        if not scores.shape[0]:
            return scores.sum((0, 2))
        dtype = scores.dtype
        # Sums are products of matrices in float64, whose range is wide enough for what matters.
        scores = without_padding(scores, lengths).double()
        ends = (
            parameter.double() + (keeps_rules[:, None] & forbidden) * _FORBIDDEN
            for parameter, forbidden in (
                (self.start, self.forbidden_start),
                (self.end, self.forbidden_end),
            )
        )
        start, end = ends
        factors = [_Factors.of(self.transitions, self.forbidden_transitions)]
        if not keeps_rules.all():
            factors.append(_Factors.of(self.transitions))
        valid = valid_steps(lengths, scores.shape[0])
        # One step has no transition, but several processes expect a gradient of every parameter.
        sums = scores[0] + start + 0 * self.transitions.sum()
        for step in range(1, scores.shape[0]):
            longer = factors[0].after(sums)
            if len(factors) > 1:
                longer = torch.where(keeps_rules[:, None], longer, factors[1].after(sums))
            longer = longer + scores[step]
            sums = torch.where(valid[step, :, None], longer, sums)
        return (sums + end).logsumexp(-1).masked_fill(lengths == 0, 0).to(dtype)


class _Factors(NamedTuple):
    """``exp(A)``, divided by its largest entry.

    Attributes:
        matrix: float64 ``[O, O]``.
        highest: the logarithm of what it was divided by.
    """

    matrix: Tensor
    highest: Tensor

    @classmethod
    def of(cls, transitions: Tensor, forbidden: Tensor | None = None) -> _Factors:
        """Return the factors of transitions; those of forbidden ones are 0."""
        values = transitions.double()
        if forbidden is not None:
            values = values.masked_fill(forbidden, _FORBIDDEN)
        highest = values.detach().max()
        return cls((values - highest).exp(), highest)

    def after(self, sums: Tensor) -> Tensor:
        """Return ``log sum_i exp(sums_i + A_ij)``, float64 ``[B, O]``."""
        highest = sums.detach().amax(-1, keepdim=True)
        reached = (sums - highest).exp() @ self.matrix
        is_reached = reached > 0
        logarithm = reached.masked_fill(~is_reached, 1).log() + highest + self.highest
        return logarithm.masked_fill(~is_reached, _FORBIDDEN)
