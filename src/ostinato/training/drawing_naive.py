"""Naive predictors of the next point: what a network that draws must beat."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.data.batches import Example
from ostinato.data.drawings import END, DrawingPipeline

Numbers = npt.NDArray[np.float64]
_Density = Callable[[Numbers], Numbers]

_MOST_POINTS = 20_000  # that a mixture learns from
_NUM_STATES = END + 1


def naive_losses(
    pipeline: DrawingPipeline,
    train: Sequence[Example],
    scored: Sequence[Example],
    num_components: int,
) -> Mapping[str, Numbers]:
    """Return the loss of each drawing in nats, in the unit of the data, by predictor.

    - one Gaussian: of all steps; the pen by the frequency of its states.
    - mixture without memory: as many Gaussians as the network has, by expectation maximisation.
    - last step repeated: a Gaussian around the step before; the pen by its state before.

    Args:
        pipeline: that made the examples.
        train: learned from.
        scored: ``N`` drawings.
        num_components: of the mixture.
    """
    points, before, pens, pens_before, _ = _joined(train, pipeline.scale)
    floor = (pipeline.least_deviation / pipeline.scale) ** 2
    alone = _pen_logs(pens, np.zeros_like(pens))
    given = _pen_logs(pens, pens_before)
    one, again = _gaussian(points, floor), _gaussian(points - before, floor)
    mixture = _mixture(points, num_components, floor)
    points, before, pens, pens_before, ends = _joined(scored, pipeline.scale)
    is_point = pens != END

    def losses(places: Numbers, states: Numbers) -> Numbers:
        each = -states
        each[is_point] += 2 * math.log(pipeline.scale) - places
        return np.diff(each.cumsum()[ends - 1], prepend=0.0)

    independent = alone[0, pens]
    return {
        "one Gaussian": losses(one(points), independent),
        "mixture without memory": losses(mixture(points), independent),
        "last step repeated": losses(again(points - before), given[pens_before, pens]),
    }


def _joined(
    examples: Sequence[Example], scale: float
) -> tuple[Numbers, Numbers, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the points and the ones before, the pens and the ones before, and where each ends."""
    read = np.concatenate([example.steps for example in examples]).astype(np.float64)
    said = np.concatenate([each.target for each in examples if each.target is not None])
    pens, pens_before = said[:, 2].astype(np.int64), read[:, 2].astype(np.int64)
    is_point = pens != END
    points = said[is_point, :2].astype(np.float64) / scale
    ends = np.cumsum([len(example) for example in examples])
    return points, read[is_point, :2] / scale, pens, pens_before, ends


def _pen_logs(pens: npt.NDArray[np.int64], before: npt.NDArray[np.int64]) -> Numbers:
    """Return log-probabilities of states, given what is known before ``[3, 3]`` (add-one)."""
    counts = np.ones((_NUM_STATES, _NUM_STATES))
    np.add.at(counts, (before, pens), 1)
    return np.log(counts / counts.sum(1, keepdims=True))


def _gaussian(points: Numbers, floor: float) -> _Density:
    from scipy.stats import multivariate_normal

    mean = points.mean(0)
    away = points - mean
    covariance = away.T @ away / len(points) + floor * np.eye(2)
    density: Any = multivariate_normal(mean, covariance)
    return lambda values: np.atleast_1d(density.logpdf(values))


def _mixture(points: Numbers, num_components: int, floor: float) -> _Density:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    chosen = np.random.default_rng(0).permutation(len(points))[:_MOST_POINTS]
    learned = points[chosen]
    num = min(num_components, len(np.unique(learned, axis=0)))
    if num < 2:
        return _gaussian(points, floor)
    model: Any = GaussianMixture(num, reg_covar=floor, random_state=0)
    with warnings.catch_warnings():
        # It is naive in any case: where it stops is good enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(learned)
    return model.score_samples
