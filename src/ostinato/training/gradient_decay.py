"""How a gradient fades, or grows, on its way back through time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ostinato.nn.probes import Norms

Verdict = Literal["vanishing", "healthy", "exploding", "unknown"]

HORIZON: Final = 100
"""Steps over which a verdict is given."""
LARGEST_FACTOR: Final = 1000.0
"""What a gradient may grow or shrink by over them, and still teach."""
FEWEST_STEPS: Final = 8
"""Without so many there is no rate."""
# Beyond these, float32 itself ends.
_SMALLEST, _LARGEST = 1e-36, 1e36
# What falls further than this before it is 0 has vanished; what is 0 at once was cut off.
_CUT_OFF = 1e-20


@dataclass(frozen=True)
class Decay:
    """How a gradient changes from a step to the one before it.

    Attributes:
        rate: factor a step, from a straight line through the logarithms of the norms of the first
            ``HORIZON`` steps back; NaN where there are too few steps, or no gradient.
        half_life: steps back after which it is half as large for the first time; infinite where it
            never is.
        reach: steps back after which it is ``LARGEST_FACTOR`` times smaller for the first time;
            infinite where it never is.
        verdict: by what the rate makes of the gradient over ``HORIZON`` steps.
    """

    rate: float
    half_life: float
    reach: float
    verdict: Verdict

    @property
    def change(self) -> float:
        """How much the gradient changes a step, ``|ln rate|``; -1 where the rate is not known."""
        return -1.0 if math.isnan(self.rate) else abs(math.log(max(self.rate, 1e-300)))


def mend_of(decay: Decay, *, is_gated: bool) -> str:
    """Return what helps against a decay; empty where nothing needs to.

    Args:
        decay: of the gradient.
        is_gated: whether the cell has gates that hold a state.
    """
    gated = "a gated cell (model.cell=lstm or gru)"
    match decay.verdict, is_gated:
        case "vanishing", True:
            return (
                f"it fades by {1 - decay.rate:.0%} a step; where the task needs a longer memory, "
                "start with a higher forget bias (the chrono start), and learn from longer windows"
            )
        case "vanishing", False:
            return f"{gated}, or an orthogonal start of the recurrent weights"
        case "exploding", _:
            return (
                "clip the gradient (training.clip_grad_norm=1), "
                f"{'' if is_gated else gated + ', '}an orthogonal start of the recurrent weights, "
                "or a shorter window (training.tbptt_steps)"
            )
        case "unknown", _:
            return "give a longer sequence: a rate needs some steps"
        case _:
            return ""


def decay_of(norms: npt.ArrayLike) -> Decay:
    """Fit ``norm_k = a · rate^k`` to norms of k = 1, 2, 3 … steps back, and judge them.

    Step 0 has no part in the rate: there the loss reads the output of the step itself, too. A
    gradient that leaves the range of float32 within a few steps has vanished, or exploded; one that
    is cut off, as where a state starts afresh, ends there.

    Args:
        norms: ``[K]`` of k = 0, 1, 2 …
    """
    values = np.asarray(norms, np.float64)
    half_life, reach = _first_below(values, 2), _first_below(values, LARGEST_FACTOR)
    near = values[: HORIZON + 1]
    is_sound = np.isfinite(near) & (near > _SMALLEST) & (near < _LARGEST)
    num = len(near) if is_sound.all() else int(np.argmin(is_sound))
    left = _where_it_went(near, num)
    if num < FEWEST_STEPS:
        if left == "unknown":
            return Decay(math.nan, half_life, reach, "unknown")
        # The rate of what there is, as far as that is a rate at all.
        slope = math.log(near[num - 1] / near[0]) / (num - 1) if num > 1 else -math.inf
        rate = math.exp(slope) if left == "vanishing" or num > 1 else math.inf
        return Decay(rate, half_life, reach, left)
    slope = float(np.polyfit(np.arange(1, num), np.log(near[1:num]), 1)[0])
    change = slope * HORIZON
    limit = math.log(LARGEST_FACTOR)
    verdict: Verdict = (
        "vanishing" if change < -limit else "exploding" if change > limit else "healthy"
    )
    return Decay(math.exp(slope), half_life, reach, verdict if left == "unknown" else left)


def _where_it_went(values: Norms, num: int) -> Verdict:
    """Say how a gradient left the range of float32 after ``num`` steps; unknown if it did not."""
    if num == len(values):
        return "unknown"
    last, after = (values[num - 1] if num else 0.0), values[num]
    if np.isnan(after) or not num:
        return "unknown"
    if after >= _LARGEST:
        return "exploding"
    has_faded = last < _CUT_OFF * values[0]
    # A state that is not read at all has no gradient from the first step back on.
    is_never_read = num == 1 and len(values) >= FEWEST_STEPS
    return "vanishing" if has_faded or is_never_read or after > 0 else "unknown"


def _first_below(values: Norms, factor: float) -> float:
    """Return after how many steps values are so many times smaller than the first."""
    below = np.flatnonzero(values < values[:1] / factor)
    return float(below[0]) if len(below) else math.inf
