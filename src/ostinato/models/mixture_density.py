r"""Where a pen goes next: a mixture of bivariate Gaussians, and what becomes of the pen.

``p(x) = sum_k w_k N(x; m_k, S_k)`` (Graves 2013, arXiv:1308.0850, equations 15 to 25), with

``S_k = [[a² + f², r a b], [r a b, b² + f²]]``

where a, b > 0 are softplus, r is tanh, and f² is the variance of the error with which the points
were read: a value that repeats exactly would otherwise be worth an infinite density.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.models.masking import at_least_float32, valid_steps, without_padding

PEN_STATES: Final = ("down", "lifted", "end")
DOWN, LIFTED, END = range(3)
"""What the pen does after a point; the end is no point: its place says nothing."""

_NUM_SHAPE = 6


class Covariances(NamedTuple):
    """The entries of the matrices S and their determinants, ``[..., G]`` each."""

    xx: Tensor
    xy: Tensor
    yy: Tensor
    determinant: Tensor


class Mixture(NamedTuple):
    """G bivariate Gaussians for each of any number of points; all but f are ``[..., G]``.

    Attributes:
        log_weights: their exponentials sum to 1.
        x: of the means.
        y: of the means.
        a: deviation of x, but for f.
        b: deviation of y, but for f.
        r: correlation, but for f.
        f: the least deviation, a scalar.
    """

    log_weights: Tensor
    x: Tensor
    y: Tensor
    a: Tensor
    b: Tensor
    r: Tensor
    f: Tensor

    def covariances(self) -> Covariances:
        """Return each S."""
        floor = self.f.square()
        a, b, ab = self.a.square(), self.b.square(), self.a * self.b
        xy = self.r * ab
        # A sum of what is not negative: nothing cancels where r is near 1.
        determinant = (ab - xy) * (ab + xy) + floor * (a + b + floor)
        return Covariances(a + floor, xy, b + floor, determinant)

    def log_density(self, points: Tensor) -> Tensor:
        """Return ``log p`` of points ``[..., 2]``, in nats: ``[...]``."""
        xx, xy, _, determinant = self.covariances()
        x, y = points[..., :1] - self.x, points[..., 1:] - self.y
        # y given x, so that the two squares are summed and not subtracted.
        rest = y - xy / xx * x
        distance = x.square() / xx + rest.square() * (xx / determinant)
        each = self.log_weights - 0.5 * (distance + determinant.log())
        return torch.logsumexp(each, dim=-1) - math.log(2 * math.pi)

    def sample(self, uniform: Tensor, normal: Tensor, temperature: float = 1.0) -> Tensor:
        """Return a point of each mixture ``[..., 2]``.

        Args:
            uniform: in 0 .. 1, which Gaussian, ``[...]``.
            normal: standard normal, where in it, ``[..., 2]``.
            temperature: divides the logarithms of the weights and multiplies the covariances.
        """
        chosen = chosen_by(self.log_weights / temperature, uniform)

        def of_chosen(values: Tensor) -> Tensor:
            return values.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)

        xx, xy, _, determinant = map(of_chosen, self.covariances())
        first, second = (math.sqrt(temperature) * normal).unbind(-1)
        x = xx.sqrt() * first
        y = xy / xx * x + (determinant / xx).sqrt() * second
        return torch.stack([of_chosen(self.x) + x, of_chosen(self.y) + y], -1)


def chosen_by(logits: Tensor, uniform: Tensor) -> Tensor:
    """Return the class that a number in 0 .. 1 stands for: logits ``[..., O]`` to ``[...]``."""
    ends = logits.softmax(-1).cumsum(-1)
    return (ends <= uniform.unsqueeze(-1)).sum(-1).clamp(max=logits.shape[-1] - 1)


class Said(NamedTuple):
    """What a head says of the next point.

    Attributes:
        mixture: of the step to it, in units of the scale.
        pen: logits of ``PEN_STATES``, ``[..., 3]``.
    """

    mixture: Mixture
    pen: Tensor


class MixtureDensityHead(nn.Module):
    """A linear map from features to a mixture over the next point, and to the pen after it.

    The network speaks in units of ``scale``; losses are of the data's own unit:
    ``-log p(x) = -log p(x / s) + 2 log s``.

    Args:
        num_features: of each vector that is read.
        num_components: ``G``.
        scale: s, the size of a usual step, in the unit of the data; above 0.
        least_deviation: f, in the unit of the data; above 0.
    """

    scale: Tensor
    least_deviation: Tensor

    def __init__(
        self,
        num_features: int,
        num_components: int,
        *,
        scale: float,
        least_deviation: float,
    ) -> None:
        super().__init__()
        assert scale > 0
        assert least_deviation > 0
        self.num_components = num_components
        self.linear = nn.Linear(num_features, _NUM_SHAPE * num_components + len(PEN_STATES))
        self.register_buffer("scale", torch.tensor(float(scale)))
        self.register_buffer("least_deviation", torch.tensor(float(least_deviation)))
        # Gaussians in one place would all learn the same.
        nn.init.zeros_(self.linear.bias)
        nn.init.normal_(self.linear.bias[num_components : 3 * num_components])

    def forward(self, features: Tensor) -> Tensor:
        """Return the numbers of mixture and pen: the last dimension becomes ``6 G + 3``."""
        return at_least_float32(self.linear(features))

    def said(self, outputs: Tensor) -> Said:
        """Return what the numbers ``[..., 6 G + 3]`` mean."""
        num = _NUM_SHAPE * self.num_components
        shape, pen = outputs[..., :num], outputs[..., num:]
        # Each kind of number by itself, side by side in memory.
        shape = shape.reshape(*shape.shape[:-1], _NUM_SHAPE, -1).movedim(-2, 0).contiguous()
        weights, x, y, a, b, r = shape.unbind(0)
        mixture = Mixture(
            weights.log_softmax(-1),
            x,
            y,
            F.softplus(a),
            F.softplus(b),
            r.tanh(),
            (self.least_deviation / self.scale).to(outputs),
        )
        return Said(mixture, pen)

    def loss(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss, summed over all steps: a scalar, in nats."""
        return self.losses(outputs, targets, lengths).sum()

    def losses(self, outputs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss of each row in nats, summed over its steps: ``[B]``.

        Args:
            outputs: ``[T, B, 6 G + 3]``.
            targets: ``[T, B, 3]``, the step to each point in the data's own unit, and the number of
                the pen's state after it.
            lengths: int64 ``[B]``.
        """
        mixture, pen = self.said(without_padding(outputs, lengths))
        targets = without_padding(targets, lengths)
        states = targets[..., 2].long()
        is_point = valid_steps(lengths, len(targets)) & (states != END)
        scale = self.scale.to(outputs.dtype)
        points = targets[..., :2].to(outputs.dtype).masked_fill(~is_point[..., None], 0) / scale
        places = 2 * scale.log() - mixture.log_density(points)
        pens = F.cross_entropy(pen.flatten(0, 1), states.flatten(), reduction="none")
        return places.masked_fill(~is_point, 0).sum(0) + without_padding(
            pens.view(states.shape), lengths
        ).sum(0)
