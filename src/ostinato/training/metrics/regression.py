"""Scores of predicted numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch


def regression_scores(predicted: npt.ArrayLike, target: npt.ArrayLike) -> dict[str, float]:
    """Return ``mse``, ``mae`` and, of two examples or more, ``r2``, means over the columns.

    ``R² = 1 - sum (y - p)² / sum (y - mean y)²``.

    Args:
        predicted: ``[N, O]``.
        target: ``[N, O]``.
    """
    from torchmetrics.functional import mean_absolute_error, mean_squared_error, r2_score

    got = torch.as_tensor(np.asarray(predicted, np.float64))
    expected = torch.as_tensor(np.asarray(target, np.float64))
    if not len(expected):
        return {}
    scores = {
        "mse": mean_squared_error(got, expected).item(),
        "mae": mean_absolute_error(got, expected).item(),
    }
    if len(expected) > 1:
        scores["r2"] = r2_score(got, expected).item()
    return scores
