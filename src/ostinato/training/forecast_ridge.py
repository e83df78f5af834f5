"""Linear autoregressions on windows less their last value, without an intercept.

All solve ``(X'X + λI) W = X'Y``: one for all targets, from which a network starts, and those for
each target, which are the forecast to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.data.forecast_windows import Borders, ForecastWindows, Rows

Numbers = npt.NDArray[np.float64]

_PENALTIES: Final = np.logspace(-6, 2, 17)
_LAGS: Final = (24, 96, 168, 336)
# Windows whose products are summed at a time.
_BLOCK: Final = 4096


def sliding(windows: ForecastWindows, origins: Rows, horizon: int) -> Numbers:
    """Return windows with what follows them, of every target by itself: ``[N, T+A]``."""
    values = windows.table.targets.astype(np.float64)
    steps = np.arange(-windows.context, horizon)
    return values[origins[:, None] + steps].transpose(0, 2, 1).reshape(-1, len(steps))


def fit_ridge(inputs: Numbers, targets: Numbers) -> Numbers:
    """Return the weights of a ridge regression ``[T, A]``.

    Args:
        inputs: ``[N, T]``.
        targets: ``[N, A]``.
    """
    products = _Products(
        inputs.T @ inputs, inputs.T @ targets, float((targets**2).sum()), len(inputs)
    )
    return products.weights()


def ridge_by_target(windows: ForecastWindows, borders: Borders) -> Numbers:
    """Return the weights ``[O, T, A]`` of a ridge regression for each target.

    It learns from the training part: from the target by itself, or from all targets together. It
    reads the last 24, 96, 168, 336 or all steps of the window; steps before have the weight 0. Of
    these, the least squared error on the dev part chooses, for each target.

    Args:
        windows: of the series.
        borders: of its parts.
    """
    targets = range(windows.table.targets.shape[1])
    train, dev = (
        [_Products.of(windows, windows.origins(part, borders), target) for target in targets]
        for part in ("train", "dev")
    )
    together = _solutions(_Products.sum_of(train)) if len(train) > 1 else []
    chosen = [
        min((*_solutions(own), *together), key=scored.squares)
        for own, scored in zip(train, dev, strict=True)
    ]
    return np.stack([np.pad(each, ((windows.context - len(each), 0), (0, 0))) for each in chosen])


def apply_ridge(weights: Numbers, windows: ForecastWindows, origins: Rows) -> Numbers:
    """Return forecasts ``[N, A, O]``.

    Args:
        weights: ``[O, T, A]``.
        windows: of a series.
        origins: ``[N]``.
    """
    values = windows.batch(origins).values.astype(np.float64)  # [T, N, O]
    last = values[-1]
    said = [(values - last)[..., place].T @ each for place, each in enumerate(weights)]
    return np.stack(said, -1) + last[:, None]


class _Products(NamedTuple):
    """What a regression needs of its rows.

    Attributes:
        gram: ``X'X``, ``[T, T]``.
        cross: ``X'Y``, ``[T, A]``.
        total: the sum of ``Y²``.
        num: of rows.
    """

    gram: Numbers
    cross: Numbers
    total: float
    num: int

    @classmethod
    def of(cls, windows: ForecastWindows, origins: Rows, target: int) -> _Products:
        """Sum the products of the windows of a target, each less its last value."""
        context, horizon = windows.context, windows.horizon
        values = windows.table.targets[:, target].astype(np.float64)
        steps = np.arange(-context, horizon)
        gram, cross, total = np.zeros((context, context)), np.zeros((context, horizon)), 0.0
        for start in range(0, len(origins), _BLOCK):
            block = origins[start : start + _BLOCK, None]
            pairs = values[block + steps] - values[block - 1]
            inputs, ahead = pairs[:, :context], pairs[:, context:]
            gram += inputs.T @ inputs
            cross += inputs.T @ ahead
            total += float((ahead**2).sum())
        return cls(gram, cross, total, len(origins))

    @classmethod
    def sum_of(cls, parts: Sequence[_Products]) -> _Products:
        """Return the products of the rows of all parts."""
        return cls(
            np.sum([each.gram for each in parts], axis=0),
            np.sum([each.cross for each in parts], axis=0),
            sum(each.total for each in parts),
            sum(each.num for each in parts),
        )

    def of_last(self, num: int) -> _Products:
        """Return the same of the last ``num`` steps of the windows."""
        return self._replace(gram=self.gram[-num:, -num:], cross=self.cross[-num:])

    def squares(self, weights: Numbers) -> float:
        """Return the sum of ``(Y - XW)²`` of weights of the last steps ``[T', A]``."""
        last = self.of_last(len(weights))
        fit = float((weights * (last.gram @ weights)).sum())
        return last.total - 2 * float((weights * last.cross).sum()) + fit

    def weights(self) -> Numbers:
        """Return the weights ``[T, A]`` of a ridge regression without intercept.

        The penalty is the one of a grid with the least generalised cross-validation (Golub, Heath
        and Wahba, 1979): ``n·RSS / (n - df)²``.
        """
        values, vectors = np.linalg.eigh(self.gram)
        values = np.maximum(values, 0.0)
        turned = vectors.T @ self.cross
        mean = max(float(values.mean()), 1e-12)
        best, weights = np.inf, np.zeros_like(turned)
        for penalty in _PENALTIES * mean:
            damped = turned / (values + penalty)[:, None]
            rest = self.total - 2 * float((damped * turned).sum())
            rest += float((values[:, None] * damped**2).sum())
            freedom = float((values / (values + penalty)).sum())
            if freedom >= self.num:
                continue
            error = self.num * max(rest, 0.0) / (self.num - freedom) ** 2
            if error < best:
                best, weights = error, vectors @ damped
        return weights


def _solutions(train: _Products) -> list[Numbers]:
    """Return the weights ``[T', A]`` of a regression on each number of last steps."""
    context = len(train.gram)
    nums = (*(lags for lags in _LAGS if lags < context), context)
    return [train.of_last(num).weights() for num in nums]
