"""What a forecaster says of a number: the number, its quantiles, or its distribution.

Every head gives ``K`` numbers, the first of which are places on the axis of the values and the
others sizes or shapes, so that a forecast can be moved and stretched: ``a + b·forecast`` is the
forecast of ``a + b·y``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError

OutputKind = Literal["point", "quantile", "gaussian", "student-t"]
Numbers = npt.NDArray[np.float64]

_LEAST_SIZE: Final = 1e-4
_LEAST_DEGREES: Final = 2.0
# Of the degrees of freedom at the start: nearly Gaussian.
_START_DEGREES: Final = 8.0


class ForecastHead(nn.Module):
    """The meaning of ``K`` numbers.

    Attributes:
        size: ``K``.
        num_places: how many of them lie on the axis of the values; the next one, if any, is a size
            on it.
        loss_name: what ``loss`` is, in words.
    """

    size: int
    num_places: int
    loss_name: str

    def starting_bias(self, spread: float) -> Tensor:
        """Return raw numbers ``[K]`` of a forecast around 0 that errs by ``spread``."""
        raise NotImplementedError

    def parameters_of(self, raw: Tensor, place: Tensor) -> Tensor:
        """Return the parameters of forecasts.

        Args:
            raw: ``[..., K]``, any numbers.
            place: ``[...]``, what is added to the places.
        """
        raise NotImplementedError

    def moved(self, parameters: Tensor, shift: Tensor, stretch: Tensor) -> Tensor:
        """Return the parameters of ``shift + stretch·y``.

        Args:
            parameters: of ``y``, ``[..., K]``.
            shift: ``[...]``.
            stretch: ``[...]``, above 0.
        """
        places = parameters[..., : self.num_places] * stretch[..., None] + shift[..., None]
        sizes = parameters[..., self.num_places : self.num_places + 1] * stretch[..., None]
        return torch.cat([places, sizes, parameters[..., self.num_places + 1 :]], -1)

    def loss(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each target ``[...]``."""
        raise NotImplementedError

    def point(self, parameters: Tensor) -> Tensor:
        """Return one number for each forecast: the mean, or the median of quantiles."""
        return parameters[..., 0]

    def quantiles(self, parameters: Numbers, levels: Sequence[float]) -> Numbers:
        """Return quantiles ``[..., Q]``, which never cross.

        Raises:
            OptionError: the head knows no such quantiles.
        """
        raise _no_distribution(parameters, levels)

    def draw(self, parameters: Tensor, chances: Tensor) -> Tensor:
        """Return a draw from each forecast.

        Args:
            parameters: ``[..., K]``.
            chances: two numbers between 0 and 1 for each, ``[..., 2]``.

        Raises:
            OptionError: the head has no distribution.
        """
        raise _no_distribution(parameters, chances)


class PointHead(ForecastHead):
    """One number.

    Args:
        loss: ``mse``, whose best forecast is the mean; ``mae``, the median; ``huber``, between.
    """

    def __init__(self, loss: Literal["mse", "mae", "huber"] = "mse") -> None:
        super().__init__()
        self.size, self.num_places = 1, 1
        self.loss_name = loss
        self._loss = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.smooth_l1_loss}[loss]

    def starting_bias(self, spread: float) -> Tensor:
        """Return 0."""
        del spread
        return torch.zeros(1)

    def parameters_of(self, raw: Tensor, place: Tensor) -> Tensor:
        """Return the sum."""
        return raw + place[..., None]

    def loss(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Return the error of each, as the loss counts it."""
        return self._loss(parameters[..., 0], targets, reduction="none")


def _no_distribution(*_: object) -> OptionError:
    return OptionError(
        "a forecast of points has no quantiles and no paths\n"
        "mend: train with model.output=quantile, gaussian or student-t"
    )


class QuantileHead(ForecastHead):
    """Quantiles that never cross: steps up and down from the one in the middle.

    The loss is the mean pinball loss, ``max(q·e, (q-1)·e)`` with ``e = y - ŷ_q`` (Koenker and
    Bassett, 1978). Between the levels quantiles are interpolated; beyond the outermost there are
    none.

    Args:
        levels: rising, between 0 and 1.

    Raises:
        OptionError: they are not.
    """

    levels: Tensor

    def __init__(self, levels: Sequence[float]) -> None:
        super().__init__()
        check_levels(levels)
        self.size = self.num_places = len(levels)
        self.loss_name = "pinball"
        self.middle = min(range(len(levels)), key=lambda place: abs(levels[place] - 0.5))
        self.register_buffer("levels", torch.tensor(levels), persistent=False)

    def starting_bias(self, spread: float) -> Tensor:
        """Return steps between the quantiles of a Gaussian."""
        places = _normal_quantiles(self.levels) * max(spread, _LEAST_SIZE)
        steps = _softplus_inverse(places.diff().clamp(min=_LEAST_SIZE))
        before, after = steps[: self.middle], steps[self.middle :]
        return torch.cat([before, torch.zeros(1, dtype=steps.dtype), after]).float()

    def parameters_of(self, raw: Tensor, place: Tensor) -> Tensor:
        """Return the quantiles."""
        middle = (raw[..., self.middle] + place)[..., None]
        down = F.softplus(raw[..., : self.middle]).flip(-1).cumsum(-1).flip(-1)
        up = F.softplus(raw[..., self.middle + 1 :]).cumsum(-1)
        return torch.cat([middle - down, middle, middle + up], -1)

    def moved(self, parameters: Tensor, shift: Tensor, stretch: Tensor) -> Tensor:
        """Return the quantiles of ``shift + stretch·y``."""
        return parameters * stretch[..., None] + shift[..., None]

    def loss(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Return the pinball loss, the mean over the levels."""
        error = targets[..., None] - parameters
        return torch.maximum(self.levels * error, (self.levels - 1) * error).mean(-1)

    def point(self, parameters: Tensor) -> Tensor:
        """Return the quantile in the middle."""
        return parameters[..., self.middle]

    def quantiles(self, parameters: Numbers, levels: Sequence[float]) -> Numbers:
        """Interpolate between the levels that were learned.

        Raises:
            OptionError: a level lies beyond the outermost.
        """
        known = self.levels.double().cpu().numpy()
        check_levels(levels)
        if levels[0] < known[0] - 1e-6 or levels[-1] > known[-1] + 1e-6:
            raise OptionError(
                f"quantiles {levels[0]:g} to {levels[-1]:g} were asked for, and the network knows "
                f"{known[0]:g} to {known[-1]:g}\nmend: levels in between, or train with "
                f"model.levels=[{levels[0]:g}, …, {levels[-1]:g}]"
            )
        places = np.interp(levels, known, np.arange(len(known)))
        below = np.minimum(places.astype(int), len(known) - 1)
        above = np.minimum(below + 1, len(known) - 1)
        share = places - below
        return parameters[..., below] * (1 - share) + parameters[..., above] * share

    def draw(self, parameters: Tensor, chances: Tensor) -> Tensor:
        """Draw a level and return its quantile: beyond the outermost levels, theirs."""
        levels = self.levels.to(parameters)
        chance = chances[..., 0].to(parameters).clamp(float(levels[0]), float(levels[-1]))
        below = (torch.searchsorted(levels, chance.contiguous(), right=True) - 1).clamp(
            0, len(levels) - 2
        )
        low, high = levels[below], levels[below + 1]
        share = ((chance - low) / (high - low)).unsqueeze(-1)
        first = parameters.gather(-1, below[..., None])
        second = parameters.gather(-1, below[..., None] + 1)
        return (first + share * (second - first))[..., 0]


def check_levels(levels: Sequence[float]) -> None:
    """Refuse levels of quantiles that do not rise between 0 and 1.

    Raises:
        OptionError: they do not.
    """
    shown = ", ".join(f"{level:g}" for level in levels)
    is_rising = all(a < b for a, b in pairwise(levels))
    if not levels or not is_rising or levels[0] <= 0 or levels[-1] >= 1:
        raise OptionError(
            f"got the quantiles {shown or 'none'}, expected rising numbers between 0 and 1\n"
            "mend: such as 0.1, 0.5, 0.9"
        )


class GaussianHead(ForecastHead):
    """Mean and standard deviation; the loss is ``-log N(y; μ, σ)`` in nats."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.num_places = 2, 1
        self.loss_name = "nats"

    def starting_bias(self, spread: float) -> Tensor:
        """Return mean 0 and the standard deviation."""
        size = _softplus_inverse(torch.tensor([max(spread, 10 * _LEAST_SIZE)]))
        return torch.cat([torch.zeros(1), size])

    def parameters_of(self, raw: Tensor, place: Tensor) -> Tensor:
        """Return mean and standard deviation."""
        size = F.softplus(raw[..., 1]) + _LEAST_SIZE
        return torch.stack([raw[..., 0] + place, size], -1)

    def loss(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Return nats."""
        mean, size = parameters.unbind(-1)
        return 0.5 * ((targets - mean) / size) ** 2 + size.log() + 0.5 * math.log(2 * math.pi)

    def quantiles(self, parameters: Numbers, levels: Sequence[float]) -> Numbers:
        """Return ``μ + σ·Φ⁻¹(q)``."""
        from scipy.special import ndtri

        check_levels(levels)
        steps = np.asarray(ndtri(np.array(levels)), np.float64)
        return parameters[..., :1] + parameters[..., 1:2] * steps

    def draw(self, parameters: Tensor, chances: Tensor) -> Tensor:
        """Return ``μ + σ·Φ⁻¹(u)``."""
        mean, size = parameters.unbind(-1)
        return mean + size * _normal_quantiles(chances[..., 0]).to(mean)


class StudentTHead(ForecastHead):
    """Mean, size and degrees of freedom, above 2: heavy tails with a variance; nats."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.num_places = 3, 1
        self.loss_name = "nats"

    def starting_bias(self, spread: float) -> Tensor:
        """Return mean 0, the size, and degrees of freedom that are nearly Gaussian."""
        numbers = torch.tensor([max(spread, 10 * _LEAST_SIZE), _START_DEGREES])
        return torch.cat([torch.zeros(1), _softplus_inverse(numbers)])

    def parameters_of(self, raw: Tensor, place: Tensor) -> Tensor:
        """Return mean, size and degrees of freedom."""
        size = F.softplus(raw[..., 1]) + _LEAST_SIZE
        degrees = F.softplus(raw[..., 2]) + _LEAST_DEGREES
        return torch.stack([raw[..., 0] + place, size, degrees], -1)

    def loss(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """Return nats: ``log σ + log B(ν/2, 1/2) + log(ν)/2 + (ν+1)/2·log(1 + z²/ν)``."""
        mean, size, degrees = parameters.unbind(-1)
        z = (targets - mean) / size
        log_beta = torch.lgamma(degrees / 2) + math.lgamma(0.5) - torch.lgamma((degrees + 1) / 2)
        tail = (degrees + 1) / 2 * torch.log1p(z**2 / degrees)
        return size.log() + log_beta + 0.5 * degrees.log() + tail

    def quantiles(self, parameters: Numbers, levels: Sequence[float]) -> Numbers:
        """Return ``μ + σ·t⁻¹(q; ν)``."""
        from scipy.special import stdtrit

        check_levels(levels)
        steps = np.asarray(stdtrit(parameters[..., 2:3], np.array(levels)), np.float64)
        return parameters[..., :1] + parameters[..., 1:2] * steps

    def draw(self, parameters: Tensor, chances: Tensor) -> Tensor:
        """Return ``μ + σ·√(ν(u^(-2/ν) - 1))·cos 2πv`` (Bailey, 1994)."""
        mean, size, degrees = parameters.unbind(-1)
        first, second = chances.double().unbind(-1)
        radius = torch.sqrt(degrees * (first ** (-2 / degrees.double()) - 1))
        return mean + size * (radius * torch.cos(2 * math.pi * second)).to(mean)


def _normal_quantiles(levels: Tensor) -> Tensor:
    return math.sqrt(2) * torch.erfinv(2 * levels.double() - 1)


def _softplus_inverse(values: Tensor) -> Tensor:
    return values + torch.log(-torch.expm1(-values))


def choose_head(kind: OutputKind, levels: Sequence[float], loss: Any) -> ForecastHead:
    """Return the head of a kind.

    Args:
        kind: of ``model.output``.
        levels: of quantiles.
        loss: of points.

    Raises:
        OptionError: the levels do not rise.
    """
    match kind:
        case "point":
            return PointHead(loss)
        case "quantile":
            return QuantileHead(levels)
        case "gaussian":
            return GaussianHead()
        case "student-t":
            return StudentTHead()
