"""The memory horizon: how much an input still matters, so many steps later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.lens.subject import ExampleSubject, Piece, Subject, WritingSubject

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Numbers = npt.NDArray[np.float64]

FEWEST_STEPS: Final = 8
DEFAULT_REACH: Final = 100
"""Steps back that are looked at."""

_LONGEST = 4
"""Times the reach: so much of a sequence is looked at, where something is said at every step."""
_NUM_READERS = 16
"""Steps t whose output is traced back."""
_NUM_DIRECTIONS = 4
"""Random directions of the output in each; more tell little more (their mean is unbiased)."""
_NUM_PLACES = 24
"""Steps whose unit is replaced."""
_NUM_DRAWS = 4
"""Other units that are put in its place."""
_MOST_NUMBERS = 2**25
"""Of outputs that are held at a time."""
_ROUNDING = 1e-9
"""Of the largest change: what is less is the rounding of float32."""


@dataclass(frozen=True)
class Influence:
    """How much an input matters k steps later.

    Attributes:
        values: ``[K + 1]``, for k = 0, 1, … K; NaN where nothing was measured.
        measure: what the values are, in words.
        rounding: share of the largest below which a value is rounding.
    """

    values: Numbers
    measure: str
    rounding: float = 0.0

    @property
    def half_life(self) -> float:
        """Steps in which it halves, ``ln 2 / -slope`` of a straight line through its logarithms.

        Infinite where it does not fall; NaN where there are fewer than three values.
        """
        steps, values = self._known()
        if len(steps) < 3:
            return math.nan
        slope = float(np.polyfit(steps, np.log(values), 1)[0])
        return math.log(2) / -slope if slope < -1e-9 else math.inf

    @property
    def crossing(self) -> float:
        """The first k at which it is at most half of what it is at its start; infinite if none."""
        return self._first_below(2)

    @property
    def reach(self) -> float:
        """The first k at which at most a hundredth is left; infinite if none."""
        return self._first_below(100)

    def _known(self) -> tuple[Numbers, Numbers]:
        """Return the k and values before the first that is lost in rounding."""
        top = np.nanmax(self.values, initial=0.0)
        is_known = np.isfinite(self.values) & (self.values > self.rounding * top)
        steps = np.flatnonzero(is_known)
        return steps.astype(np.float64), self.values[steps]

    def _first_below(self, factor: float) -> float:
        steps = np.flatnonzero(np.isfinite(self.values))
        if not len(steps):
            return math.nan
        start = self.values[steps[0]]
        below = steps[self.values[steps] <= start / factor]
        return float(below[0] - steps[0]) if len(below) and start > 0 else math.inf


@dataclass(frozen=True)
class MemoryHorizon:
    """How far back a network remembers.

    Attributes:
        name: of the network.
        num_steps: of the sequence, as far as it was looked at.
        gradient: the mean of ``‖∂y_t/∂x_{t-k}‖`` (Frobenius) over several t.
        substitution: what the output at t changes by when the unit at t-k is another one of the
            same sequence: KL divergence in nats of distributions, the L2 norm of numbers.
        ahead: of aligned networks that read in both directions, the gradient towards later inputs,
            ``‖∂y_t/∂x_{t+k}‖``; None for others.
    """

    name: str
    num_steps: int
    gradient: Influence
    substitution: Influence
    ahead: Influence | None = None

    def figure(self) -> Figure:
        """Draw the influence over the steps."""
        from ostinato.lens.figures.horizon import horizon_figure

        return horizon_figure([self])


def memory_horizon(
    subject: Subject, piece: Piece, *, reach: int = DEFAULT_REACH, seed: int = 0
) -> MemoryHorizon:
    """Measure how the influence of an input on the output falls with the steps between them.

    By gradient: ``‖∂y_t/∂x_{t-k}‖``, x what the first recurrent layer reads, y the scores (of
    labels and units without their mean, which a softmax does not see). By substitution: another
    unit of the same sequence is read at t-k. A network that answers at the end has one t, the last.

    Args:
        subject: the network.
        piece: what it reads.
        reach: K, the most steps between input and output.
        seed: of what is drawn.

    Raises:
        OptionError: the sequence is too short.
    """
    if len(piece) < FEWEST_STEPS:
        raise OptionError(
            f"a memory horizon needs some steps to look back on, got {len(piece)}\n"
            f"mend: give a text of at least {FEWEST_STEPS} steps, better {3 * DEFAULT_REACH}"
        )
    if reach < 1:
        raise OptionError(f"reach must be 1 or more, got {reach}\nmend: reach={DEFAULT_REACH}")
    reach = min(reach, len(piece) - 1)
    if subject.shape != "many to one":
        piece = _beginning(piece, _LONGEST * reach)
    generator = torch.Generator().manual_seed(seed)
    back, ahead = _by_gradient(subject, piece, reach, generator)
    return MemoryHorizon(
        subject.name, len(piece), back, _by_substitution(subject, piece, reach, generator), ahead
    )


def _rows(subject: Subject, piece: Piece, inputs: Mapping[str, Tensor], num_rows: int) -> Tensor:
    """Return scores ``[T, B, O]``, or ``[B, O]`` at the end, of several rows of equal length."""
    if isinstance(subject, WritingSubject):
        resets = None if piece.resets is None else piece.resets.expand(-1, num_rows)
        return subject.writer(inputs["ids"], None, resets)[0]
    assert isinstance(subject, ExampleSubject)
    return subject.network(inputs, torch.full((num_rows,), len(piece)))


_SHARED: Final = ("spellings", "spelling_lengths")
"""Inputs that hold no steps: the letters of the words that occur."""


def _beginning(piece: Piece, num_steps: int) -> Piece:
    """Return the first steps of a sequence."""
    return Piece(
        piece.units[:num_steps],
        {n: v if n in _SHARED else v[:num_steps] for n, v in piece.inputs.items()},
        None if piece.targets is None else piece.targets[:num_steps],
        None if piece.resets is None else piece.resets[:num_steps],
        piece.notes,
    )


def _repeated(piece: Piece, num_rows: int) -> dict[str, Tensor]:
    return {
        name: value
        if name in _SHARED
        else value.expand(value.shape[0], num_rows, *value.shape[2:]).clone()
        for name, value in piece.inputs.items()
    }


def _by_gradient(
    subject: Subject, piece: Piece, reach: int, generator: torch.Generator
) -> tuple[Influence, Influence | None]:
    is_aligned = subject.shape != "many to one"
    last = len(piece) - 1
    reads_ahead = is_aligned and any(y.stack.num_directions > 1 for y in subject.layers)
    readers = _readers(last, reach, both=reads_ahead) if is_aligned else [last]
    num_rows = len(readers) * _NUM_DIRECTIONS
    with torch.enable_grad(), subject.inputs_of_layers() as read, _Watched(subject):
        scores = _rows(subject, piece, _repeated(piece, num_rows), num_rows)
        directions = torch.randn(num_rows, scores.shape[-1], generator=generator)
        if subject.labels and scores.shape[-1] > 1:
            directions = directions - directions.mean(-1, keepdim=True)
        steps = [step for step in readers for _ in range(_NUM_DIRECTIONS)]
        said = scores[steps, range(num_rows)] if is_aligned else scores
        (gradient,) = torch.autograd.grad((said * directions.to(said)).sum(), [read[0]])
    # E ‖Jᵀ v‖² of random v is ‖J‖² (Hutchinson 1990).
    squares = gradient.double().square().sum(-1).view(len(piece), len(readers), _NUM_DIRECTIONS)
    norms = squares.mean(-1).sqrt().cpu().numpy()
    back = _over_distance(norms, readers, -1, reach)
    measure = "norm of ∂y(t)/∂x(t−k)"
    if not reads_ahead:
        return Influence(back, measure), None
    ahead = _over_distance(norms, readers, 1, reach)
    return Influence(back, measure), Influence(ahead, "norm of ∂y(t)/∂x(t+k)")


class _Watched:
    """Lets a gradient reach what the first recurrent layer reads, where it comes from numbers."""

    def __init__(self, subject: Subject) -> None:
        self._layer = subject.layers[0]

    def __enter__(self) -> None:
        def want(_: torch.nn.Module, arguments: tuple[Tensor, ...]) -> None:
            if not arguments[0].requires_grad:
                arguments[0].requires_grad_()

        self._handle = self._layer.register_forward_pre_hook(want)

    def __exit__(self, *_: object) -> None:
        self._handle.remove()


def _readers(last: int, reach: int, *, both: bool) -> list[int]:
    """Return the steps whose output is traced back: spread over those that can look back far."""
    first = min(reach, last)
    end = max(first, last - reach) if both else last
    count = min(_NUM_READERS, end - first + 1)
    return sorted({round(step) for step in np.linspace(first, end, count)})


def _over_distance(norms: Numbers, readers: Sequence[int], sign: int, reach: int) -> Numbers:
    """Return the mean over the readers of what lies k steps before (after) each."""
    values = np.full(reach + 1, np.nan)
    for distance in range(reach + 1):
        found = [
            norms[step + sign * distance, column]
            for column, step in enumerate(readers)
            if 0 <= step + sign * distance < len(norms)
        ]
        if found:
            values[distance] = float(np.mean(found))
    return values


@torch.no_grad()
def _by_substitution(
    subject: Subject, piece: Piece, reach: int, generator: torch.Generator
) -> Influence:
    last = len(piece) - 1
    is_aligned = subject.shape != "many to one"
    # With all places before the end, every k has one of its own where there is one answer alone.
    first = 0 if is_aligned else max(0, last - reach)
    count = min(_NUM_PLACES, last - first + 1) if is_aligned else last - first + 1
    places = sorted({round(step) for step in np.linspace(first, last, count)})
    pairs = _substitutes(piece, places, generator)
    sums, counts = np.zeros(reach + 1), np.zeros(reach + 1)
    measure = "L2 norm of the change"
    size = max(1, _MOST_NUMBERS // max(1, len(piece) * max(1, len(subject.labels))))
    for start in range(0, len(pairs), size):
        chosen = pairs[start : start + size]
        inputs = _repeated(piece, len(chosen) + 1)
        for row, (place, other) in enumerate(chosen, 1):
            for name, value in inputs.items():
                if name not in _SHARED:
                    value[place, row] = piece.inputs[name][other, 0]
        scores = _rows(subject, piece, inputs, len(chosen) + 1).double()
        changes, measure = _changes(subject, scores, piece)
        for row, (place, _) in enumerate(chosen):
            if not is_aligned:
                sums[last - place] += changes[row]
                counts[last - place] += 1
                continue
            after = changes[place : place + reach + 1, row]
            sums[: len(after)] += after
            counts[: len(after)] += 1
    with np.errstate(invalid="ignore"):
        return Influence(np.where(counts > 0, sums / counts, np.nan), measure, _ROUNDING)


def _substitutes(
    piece: Piece, places: Sequence[int], generator: torch.Generator
) -> list[tuple[int, int]]:
    """Return pairs of a place and another step, whose unit is read there instead."""
    pairs: list[tuple[int, int]] = []
    for place in places:
        own = {name: piece.inputs[name][place, 0] for name in piece.inputs if name not in _SHARED}
        order = cast("list[int]", torch.randperm(len(piece), generator=generator).tolist())
        others = (
            other
            for other in order
            if any(not torch.equal(piece.inputs[n][other, 0], v) for n, v in own.items())
        )
        pairs += [(place, other) for other, _ in zip(others, range(_NUM_DRAWS), strict=False)]
    return pairs


def _changes(subject: Subject, scores: Tensor, piece: Piece) -> tuple[Numbers, str]:
    """Return how far each row's output is from that of the first: ``[T, B-1]`` or ``[B-1]``."""
    lengths = torch.full((scores.shape[-2],), len(piece))
    if isinstance(subject, ExampleSubject) and not subject.labels:
        said = subject.network.head.probabilities(scores.float(), lengths).double()
        change = (said[..., 1:, :] - said[..., :1, :]).square().sum(-1).sqrt()
        return change.numpy(), "L2 norm of the change"
    if isinstance(subject, ExampleSubject) and subject.recipe.task == "multi-label":
        chance = scores.sigmoid()
        both = torch.stack([chance, 1 - chance], -1).clamp_min(1e-300).log()
        change = _divergence(both[..., :1, :, :], both[..., 1:, :, :]).sum(-1)
        return change.numpy(), "KL divergence, nats"
    logs = scores.log_softmax(-1)
    change = _divergence(logs[..., :1, :], logs[..., 1:, :])
    return change.numpy(), "KL divergence, nats"


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return ``KL(p ‖ q)`` over the last dimension."""
    return (log_p.exp() * (log_p - log_q)).sum(-1).clamp_min(0)
