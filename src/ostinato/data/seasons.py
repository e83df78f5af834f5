"""The period of a series, where nobody gives it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ostinato.data.dates import Step

_LONGEST: Final = 400
_CYCLES: Final = 3
_LEAST: Final = 0.3


def find_season(values: npt.NDArray[np.float64], step: Step | None) -> int:
    """Return the period in steps: the usual one of the step, or that of the highest correlation.

    Without dates, it is the lag at which the differences from step to step correlate most with
    themselves, averaged over the targets; 1 where no lag reaches 0.3.

    Args:
        values: the training part, ``[N, O]``.
        step: between two moments; None without dates.
    """
    num = len(values)
    if step is not None and (usual := step.season) is not None and usual * 2 <= num:
        return usual
    longest = min(_LONGEST, num // _CYCLES)
    if longest < 2:
        return 1
    changes = np.diff(values, axis=0)
    changes = changes - changes.mean(0)
    size = (changes**2).sum(0)
    if not (size > 0).any():
        return 1
    changes, size = changes[:, size > 0], size[size > 0]
    correlations = [
        float(((changes[lag:] * changes[:-lag]).sum(0) / size).mean())
        for lag in range(2, longest + 1)
    ]
    best = int(np.argmax(correlations))
    return best + 2 if correlations[best] >= _LEAST else 1
