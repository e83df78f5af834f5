"""How a nudge of the states travels: singular values of their Jacobians, Lyapunov exponents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.lens.figures import theme
from ostinato.lens.subject import Subject
from ostinato.lens.trajectory import place_of, trajectory_of
from ostinato.lens.wording import number, place_name

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Numbers = npt.NDArray[np.float64]

MOST_UNITS: Final = 1024
"""Rows of a Jacobian that are computed: all of most networks, the first ones of a huge one."""

_PIECE: Final = 5
"""Steps between orthonormalisations: short enough that no direction is lost in rounding."""

_FEWEST_PIECES: Final = 4
_ROUNDING: Final = 1e-14


@dataclass(frozen=True)
class StateJacobian:
    """Singular values of ``∂s_t/∂s_{t-k}``, all states of a layer end to end.

    Attributes:
        layer: of the network, from 0.
        direction: 0, or 1 for the run from the end to the start.
        step: t, counted from 0 in the order of reading.
        spans: the k.
        singular_values: ``[K, N]``, the largest first.
        states: state name to its number of units.
        is_square: False where only the first rows of a huge Jacobian were computed.
    """

    layer: int
    direction: int
    step: int
    spans: tuple[int, ...]
    singular_values: Numbers
    states: dict[str, int]
    is_square: bool = True

    @property
    def rates(self) -> Numbers:
        """The factor per step of the largest singular value, ``σ_max^(1/k)`` for each k."""
        return self.singular_values[:, 0] ** (1 / np.array(self.spans))

    def figure(self) -> Figure:
        """Draw the largest, the median and the smallest singular value over k."""
        last = number(self.singular_values[-1, 0])
        figure = theme.new_figure(
            "How far a nudge of the memory travels",
            subtitle=f"singular values of ∂s(t)/∂s(t−k) at t = {self.step}, "
            f"{place_name(self.layer, self.direction)}, states {', '.join(self.states)}",
            description=f"Singular values over k from {self.spans[0]} to {self.spans[-1]} steps; "
            f"at k = {self.spans[-1]} the largest is {last}, the median "
            f"{number(float(np.median(self.singular_values[-1])))}.",
            reading="A line that falls says that a nudge in such a direction dies out "
            "on the way; one that rises, that it grows: at 1 it is kept. Lines end in rounding.",
            x="k, steps between the nudge and where it is seen",
            y="singular value",
        )
        size = self.singular_values.shape[1]
        for index, (name, rank) in enumerate(
            [("largest", 0), ("upper quarter", size // 4), ("median", size // 2), ("smallest", -1)]
        ):
            figure.add_scatter(
                x=self.spans,
                y=_drawable(self.singular_values, rank),
                name=name,
                mode="lines+markers",
                line=theme.line_style(index),
                marker={"symbol": theme.MARKERS[index], "size": 7},
            )
        figure.update_yaxes(type="log")
        figure.add_hline(y=1, line={"color": theme.MUTED, "width": 1})
        return figure


@dataclass(frozen=True)
class LyapunovSpectrum:
    """How fast nearby states part, or meet, when they read the same text.

    ``λ_i = lim 1/T · log σ_i(∂s_T/∂s_0)``, estimated by carrying M orthonormal vectors through the
    sequence and orthonormalising them by QR after every few steps (Benettin et al. 1980; for
    recurrent networks Vogt et al. 2022, arXiv:2006.14123).

    Attributes:
        layer: of the network, from 0.
        direction: 0, or 1 for the run from the end to the start.
        exponents: ``[M]``, in nats per step, the largest first.
        errors: ``[M]``, their standard errors over the pieces of the sequence.
        growth: ``[P, M]``, nats per step of each piece, in the order of reading.
        piece: steps of a piece.
        num_steps: that were measured, without those in which the vectors found their directions.
    """

    layer: int
    direction: int
    exponents: Numbers
    errors: Numbers
    growth: Numbers
    piece: int
    num_steps: int

    @property
    def largest(self) -> float:
        """The largest exponent, in nats per step."""
        return float(self.exponents[0])

    @property
    def half_life(self) -> float:
        """Steps in which a nudge along the slowest direction halves; infinite where it grows."""
        return math.log(2) / -self.largest if self.largest < 0 else math.inf

    @property
    def verdict(self) -> str:
        """What the largest exponent says, in one sentence."""
        factor = math.exp(min(self.largest, 50.0))
        if self.largest > 2 * float(self.errors[0]) and self.largest > 1e-3:
            return (
                f"nudges grow by {factor:.3f} a step: small differences in the past take over, and "
                "gradients explode over long texts"
            )
        if self.largest < -math.log(2):
            return f"nudges shrink by {factor:.3f} a step: after a few steps the past is gone"
        return (
            f"nudges shrink by {factor:.3f} a step and halve every {number(self.half_life)} steps"
            if self.largest < 0
            else "nudges neither grow nor shrink"
        )

    def figure(self) -> Figure:
        """Draw the exponents as points with their errors."""
        ranks = np.arange(1, len(self.exponents) + 1)
        figure = theme.new_figure(
            "Lyapunov exponents",
            subtitle=f"{place_name(self.layer, self.direction)}, over {self.num_steps:,} steps",
            description=f"The {len(ranks)} largest Lyapunov exponents; the largest is "
            f"{self.largest:.4f} nats per step: {self.verdict}.",
            reading="Points below 0 are directions in which the network forgets, the lower the "
            "faster; a point above 0 is one in which differences grow.",
            x="rank",
            y="exponent, nats per step",
        )
        figure.add_scatter(
            x=ranks,
            y=_finite(self.exponents),
            error_y={"type": "data", "array": _finite(self.errors), "color": theme.MUTED},
            mode="markers",
            marker={"symbol": "circle", "size": 9, "color": theme.LINE_COLOURS[0]},
            name="exponent",
            showlegend=False,
        )
        figure.add_hline(y=0, line={"color": theme.INK, "width": 1, "dash": "dash"})
        figure.update_xaxes(dtick=max(1, len(ranks) // 10))
        return figure


def jacobian(
    source: Any,
    value: Any,
    *,
    layer: int = 0,
    direction: int = 0,
    step: int | None = None,
    spans: Sequence[int] | None = None,
) -> StateJacobian:
    """Return the singular values of ``∂s_t/∂s_{t-k}`` of a layer, through its fused scan.

    >>> import torch
    >>> import ostinato as ost
    >>> layer = ost.Recurrent("h = 0.5 * h + U @ x", 3, 4)
    >>> found = jacobian(layer, torch.zeros(9, 3), spans=[1, 3])
    >>> found.singular_values[:, 0].tolist()
    [0.5, 0.125]

    Args:
        source: a run, its folder, or a recurrent layer.
        value: what it reads; see ``trajectory_of``.
        layer: counted from the input on.
        direction: 0, or 1 for the run from the end to the start.
        step: t; None for the last one.
        spans: the k, each from 1 to t; None for 1, 2, 4, … up to 64.

    Raises:
        OptionError: a step or span lies outside of the sequence.
    """
    way = trajectory_of(source, value, layer, direction)
    last = way.num_steps - 1 if step is None else step
    if not 0 <= last < way.num_steps:
        raise OptionError(
            f"got step={step}, the sequence has steps 0 to {way.num_steps - 1}\nmend: one of them"
        )
    wanted = _checked_spans(spans, last)
    gradients = torch.eye(min(way.num_units, MOST_UNITS), way.num_units, dtype=torch.float64)
    linear: Any = torch.linalg
    values: list[Numbers] = []
    stop = last + 1
    for span in wanted:
        start = last + 1 - span
        gradients = way.pull_back(gradients, start, stop)
        stop = start
        values.append(linear.svdvals(_checked(gradients)).numpy())
    return StateJacobian(
        layer,
        direction,
        last,
        wanted,
        np.stack(values),
        way.sizes,
        way.num_units <= MOST_UNITS,
    )


def lyapunov(
    source: Any,
    value: Any,
    *,
    layer: int = 0,
    direction: int = 0,
    num_exponents: int = 8,
    seed: int = 0,
) -> LyapunovSpectrum:
    """Estimate the largest Lyapunov exponents of a layer that reads a sequence.

    The transposed Jacobians are multiplied from the end of the sequence to its start: their
    product has the singular values of the Jacobian itself, and is what the backward pass computes.

    >>> import torch
    >>> import ostinato as ost
    >>> layer = ost.Recurrent("h = 0.5 * h + U @ x", 3, 4)
    >>> round(lyapunov(layer, torch.zeros(100, 3)).largest, 6)  # log 0.5
    -0.693147

    Args:
        source: a run, its folder, or a recurrent layer.
        value: what it reads; see ``trajectory_of``.
        layer: counted from the input on.
        direction: 0, or 1 for the run from the end to the start.
        num_exponents: M, at most the number of units of all states.
        seed: of the vectors that are carried.

    Raises:
        OptionError: the sequence is too short.
    """
    way = trajectory_of(source, value, layer, direction)
    # States before the first step may be infinite: it is left out.
    starts = list(range(1, way.num_steps - _PIECE + 1, _PIECE))
    num_settling = max(1, len(starts) // 10)
    if len(starts) - num_settling < _FEWEST_PIECES:
        fewest = 1 + _PIECE * (_FEWEST_PIECES + 1)
        raise OptionError(
            f"Lyapunov exponents are limits over long sequences, got {way.num_steps} steps\n"
            f"mend: give at least {fewest}, better 500"
        )
    count = min(num_exponents, way.num_units)
    generator = torch.Generator().manual_seed(seed)
    linear: Any = torch.linalg
    vectors: Tensor = linear.qr(
        torch.randn(way.num_units, count, dtype=torch.float64, generator=generator)
    ).Q
    growth: list[Numbers] = []
    for start in reversed(starts):
        pulled = way.pull_back(vectors.T.contiguous(), start, start + _PIECE)
        found: tuple[Tensor, Tensor] = linear.qr(_checked(pulled).T)
        vectors, diagonal = found[0], found[1].diagonal().numpy()
        with np.errstate(divide="ignore"):
            growth.append(np.log(np.abs(diagonal)) / _PIECE)
    measured = np.stack(growth[num_settling:])
    order = np.argsort(-measured.mean(0), kind="stable")
    measured = measured[:, order]
    with np.errstate(invalid="ignore"):
        errors = measured.std(0, ddof=1) / math.sqrt(len(measured))
    return LyapunovSpectrum(
        layer,
        direction,
        measured.mean(0),
        np.nan_to_num(errors),
        measured[::-1].copy(),
        _PIECE,
        len(measured) * _PIECE,
    )


def sizes_of(subject: Subject, layer: int = 0, direction: int = 0) -> tuple[int, ...]:
    """Return the number of units of every state of a place.

    Raises:
        OptionError: there is no such place.
    """
    number, index = place_of(subject.layers, layer, direction)
    stack = subject.layers[number].stack
    return tuple(stack.sizes[index][state.dim] for state in stack.graph.states)


def _checked_spans(spans: Sequence[int] | None, last: int) -> tuple[int, ...]:
    if spans is None:
        spans = [2**power for power in range(7) if 2**power <= last] or [1]
    wanted = tuple(sorted(set(spans)))
    # The state before the first step may be infinite.
    if not wanted or wanted[0] < 1 or wanted[-1] > max(last, 1):
        raise OptionError(
            f"got spans {list(wanted)}, expected steps from 1 to {max(last, 1)} before step {last}"
            "\nmend: shorter spans, a later step, or a longer text"
        )
    return wanted


def _checked(gradients: Tensor) -> Tensor:
    """Refuse what is not finite: a network that diverged has no Jacobian."""
    if not bool(gradients.isfinite().all()):
        raise OptionError(
            "the states of the network are not finite, so they have no Jacobian\n"
            "mend: look at a run that did not diverge (training.clip_grad_norm, a smaller "
            "training.learning_rate)"
        )
    return gradients


def _drawable(values: Numbers, rank: int) -> Numbers:
    """Leave out what is but rounding beside the largest singular value."""
    return np.where(values[:, rank] > _ROUNDING * values[:, 0], values[:, rank], np.nan)


def _finite(values: Numbers) -> Numbers:
    return np.where(np.isfinite(values), values, np.nan)
