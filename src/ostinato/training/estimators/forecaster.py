"""What follows a series, with the interface of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.forecast_windows import ForecastWindows
from ostinato.data.time_series import table_of
from ostinato.training.estimators.base import NEVER, plain
from ostinato.training.estimators.checks import check_fitted
from ostinato.training.estimators.fitting import check_count, evaluations, run_in_memory, seed_of
from ostinato.training.estimators.network import Network
from ostinato.training.estimators.saving import SavedEstimator
from ostinato.training.forecast_data import series_data
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.forecast_task import ForecastTask
from ostinato.training.forecasting import Forecast, TrainedForecaster, usual_levels
from ostinato.training.memory import MEMORY
from ostinato.training.recipe_files import validate
from ostinato.training.workers import Workers

Numbers = npt.NDArray[np.float64]


class _InMemory(ForecastTask):
    """The task of an estimator; the scores of forecasts without a network are kept.

    Attributes:
        scores_of_naive: by name, once ``baselines`` was asked for.
    """

    scored_on = "held out"
    scores_of_naive: dict[str, dict[str, float]]

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of forecasts without a network."""
        self.scores_of_naive = {
            name: {score: its.value for score, its in scores.items()}
            for name, scores in self.naive_scores(with_quantiles=True).items()
        }
        return {name: scores[self.score_name] for name, scores in self.scores_of_naive.items()}


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceForecaster(SavedEstimator, BaseEstimator):
    """A recurrent network that forecasts a series of one target or several.

    The last ``validation_fraction`` of the rows is not learned from: it chooses the weights.

    >>> import numpy as np
    >>> from ostinato import SequenceForecaster
    >>> y = np.sin(np.arange(120) * np.pi / 6) + np.arange(120) / 50
    >>> model = SequenceForecaster(horizon=6, context=24, max_epochs=2, random_state=0).fit(y)
    >>> model.predict().shape
    (6,)
    >>> bool(np.abs(model.predict() - np.sin(np.arange(120, 126) * np.pi / 6)).max() < 3)
    True

    Attributes:
        n_iter_: passes over the training part.
        history_: of each evaluation the epoch, the scores, and the mean training loss before it.
        baselines_: the same scores of forecasts without a network on the same rows, by name:
            ``naive``, ``seasonal naive``, ``drift``, ``seasonal mean`` and ``ridge``. What learned
            something has less than all of them.
        target_names_: columns that are forecast.
        recipe_: the resolved recipe.

    Args:
        horizon: steps ahead that are learned.
        context: steps that are read.
        targets: columns to forecast; None for all numbers that are nothing else.
        past: columns that are known up to now alone.
        known: columns that are known ahead.
        time: column of dates; None to look for one.
        calendar: what is read of dates ahead; ``auto``: of what training saw two cycles.
        missing: what is done about missing values: ``error``, ``interpolate`` or ``last``.
        dates: what is done about dates out of order, repeated or left out: ``error`` or ``mend``.
        season: period in steps; None to look for it.
        cell: a name of ``ostinato.cells``, or equations.
        hidden_size: units of the hidden state.
        num_layers: of encoder and decoder each.
        forecast: ``recursive``, a step at a time, or ``direct``, all at once.
        channels: ``shared``, each target by itself with the same weights, or ``joint``.
        segment: of a direct forecaster, steps that are read and said at a time.
        skip: the linear path beside: ``ridge``, ``learned`` or ``none``.
        normalization: what is taken off each window: ``last``, ``mean`` or ``none``.
        output: ``point``, ``quantile``, ``gaussian`` or ``student-t``.
        levels: of quantiles.
        dropout: of what is read and said.
        learning_rate: the highest of the schedule.
        weight_decay: of matrices.
        batch_size: windows side by side.
        max_epochs: passes over the windows.
        validation_fraction: of the rows, at the end.
        patience: epochs without progress after which it stops; None: never.
        random_state: a seed, a generator of numpy, or None.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: None: as torch decides.
        verbose: print what happens, and what forecasts without a network score.
    """

    horizon: int = 24
    context: int = 96
    targets: Sequence[str] | None = None
    past: Sequence[str] = ()
    known: Sequence[str] = ()
    time: str | None = None
    calendar: Literal["auto"] | Sequence[str] = "auto"
    missing: Literal["error", "interpolate", "last"] = "error"
    dates: Literal["error", "mend"] = "error"
    season: int | None = None
    cell: str = "gru"
    hidden_size: int = 64
    num_layers: int = 1
    forecast: Literal["recursive", "direct"] = "recursive"
    channels: Literal["shared", "joint"] = "shared"
    segment: int = 1
    skip: Literal["none", "learned", "ridge"] = "ridge"
    normalization: Literal["last", "mean", "none"] = "last"
    output: Literal["point", "quantile", "gaussian", "student-t"] = "point"
    levels: Sequence[float] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    dropout: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    batch_size: int = 64
    max_epochs: int = 10
    validation_fraction: float = 0.2
    patience: int | None = 4
    random_state: Any = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    verbose: bool = False

    n_iter_: int = field(init=False)
    history_: list[dict[str, float]] = field(init=False)
    baselines_: dict[str, dict[str, float]] = field(init=False)
    target_names_: tuple[str, ...] = field(init=False)
    _last: dict[str, list[Any]] = field(init=False)
    _is_column: bool = field(init=False)
    _network: Network = field(init=False)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from a series.

        Args:
            X: rows in the order of time: a pandas frame or series, columns by name, or numbers
                ``[T]`` or ``[T, O]``.
            y: not used: the series is its own target.

        Raises:
            DataError: ``X`` cannot be used.
            RecipeError: a parameter is out of range.
        """
        del y
        table = table_of(X)
        recipe = self._recipe(len(next(iter(table.values()))))
        data = series_data(recipe, table)
        device = Workers.join(recipe.training).device
        task = _InMemory(recipe, data, device)
        recipe = self._evaluated(recipe, task.steps_per_epoch)
        task = _InMemory(recipe, data, device)
        fitted = run_in_memory(recipe, task, verbose=self.verbose, is_held_out=True)
        self._network = fitted.network
        self.n_iter_, self.history_ = fitted.num_epochs, fitted.history
        self.baselines_ = task.scores_of_naive
        self.target_names_ = data.pipeline.names[0]
        self._is_column = len(self.target_names_) == 1 and _is_single(X)
        # A forecast begins where the series ends: with its own end, unless another one is given.
        num_ahead = len(data.series.ahead)
        kept = recipe.data.context + num_ahead
        whole = data.series.step is None and not data.series.notes
        self._last = {
            name: [_kept(value) for value in (values[-kept:] if whole else values)]
            for name, values in table.items()
        }
        return self

    def predict(self, horizon: int | None = None, *, X: Any = None) -> Numbers:
        """Return what follows the series ``[A, O]``; ``[A]`` of a single column.

        Args:
            horizon: steps ahead; None for as many as were learned.
            X: another series, of the same columns, whose end is read.

        Raises:
            DataError: ``X`` cannot be used, or is too short.
            OptionError: the network has no such horizon.
        """
        point = self.predict_all(horizon, X=X, levels=()).point
        return point[:, 0] if self._is_column else point

    def predict_quantiles(
        self, levels: Sequence[float] | None = None, horizon: int | None = None, *, X: Any = None
    ) -> Numbers:
        """Return quantiles ``[A, O, Q]``; ``[A, Q]`` of a single column.

        Args:
            levels: rising, between 0 and 1; None for some usual ones.
            horizon: see ``predict``.
            X: see ``predict``.

        Raises:
            OptionError: the network was trained for points.
        """
        if levels is None:
            levels = usual_levels(self._trained.model) or (0.5,)
        found = self.predict_all(horizon, X=X, levels=levels).quantiles
        return found[:, 0] if self._is_column else found

    def sample_paths(
        self, num: int = 100, horizon: int | None = None, *, X: Any = None, seed: int = 0
    ) -> Numbers:
        """Return ways that the series may go ``[N, A, O]``; ``[N, A]`` of a single column.

        Args:
            num: of paths.
            horizon: see ``predict``.
            X: see ``predict``.
            seed: same seed, same paths.

        Raises:
            OptionError: the network says points, or all steps at once.
        """
        check_count("num", num)
        found = self.predict_all(horizon, X=X, levels=(), num_paths=num, seed=seed).paths
        return found[..., 0] if self._is_column else found

    def predict_all(
        self,
        horizon: int | None = None,
        *,
        X: Any = None,
        levels: Sequence[float] = (),
        num_paths: int = 0,
        seed: int = 0,
    ) -> Forecast:
        """Return points, quantiles and paths together, with their dates: see ``Run.forecast``."""
        trained = self._trained
        series = trained.read(self._last if X is None else table_of(X, self.time))
        return trained.forecast(
            series, horizon=horizon, levels=levels, num_paths=num_paths, seed=seed
        )

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean absolute error, in units of the series, of forecasts within ``X``.

        The origin rolls through ``X`` from its first ``context`` rows on; higher is better.

        Args:
            X: a series of the same columns, of ``context + horizon`` rows or more.
            y: not used.

        Raises:
            DataError: ``X`` cannot be used, or is too short.
        """
        del y
        trained = self._trained
        series = trained.read(table_of(X, self.time))
        context, horizon = trained.recipe.data.context, trained.recipe.data.horizon
        origins = np.arange(context, len(series) - horizon + 1, dtype=np.int64)
        if not len(origins):
            raise DataError(
                f"X has {len(series):,} rows, expected context + horizon = {context + horizon:,} "
                "or more\nmend: give a longer series"
            )
        windows = ForecastWindows(trained.pipeline.apply(series), context, horizon)
        point = trained.points(windows, origins)
        ahead = origins[:, None] + np.arange(horizon)
        error = np.abs(point - series.targets[ahead])[series.is_known[ahead]]
        return -float(error.mean())

    @property
    def recipe_(self) -> ForecastRecipe:
        """The resolved recipe that the network was trained by."""
        check_fitted(self)
        return cast("ForecastRecipe", self._network.recipe)

    @property
    def _trained(self) -> TrainedForecaster:
        check_fitted(self)
        return self._network.forecaster

    def _recipe(self, num_rows: int) -> ForecastRecipe:
        fraction = self.validation_fraction
        if not 0 < fraction < 1:
            raise OptionError(
                f"validation_fraction: got {fraction!r}, expected more than 0 and less than 1: "
                "forecasts are chosen by what follows\nmend: validation_fraction=0.2"
            )
        horizon = check_count("horizon", self.horizon)
        # What chooses has to hold one forecast at least.
        num_held = max(round(num_rows * fraction), horizon)
        if num_held >= num_rows:
            raise DataError(
                f"the series has {num_rows:,} rows, and a forecast of horizon={horizon} steps is "
                "held out\nmend: a longer series, or a shorter horizon"
            )
        raw: dict[str, Any] = {
            "task": "forecasting",
            "seed": seed_of(self.random_state),
            "data": {
                "name": MEMORY,
                "horizon": horizon,
                "context": check_count("context", self.context),
                "targets": None if self.targets is None else list(self.targets),
                "past": list(self.past),
                "known": list(self.known),
                "time": self.time,
                "calendar": self.calendar if self.calendar == "auto" else list(self.calendar),
                "missing": self.missing,
                "dates": self.dates,
                "season": self.season,
                "split": {"dev": num_held / num_rows, "test": 0.0},
            },
            "model": {
                "cell": self.cell,
                "hidden_size": self.hidden_size,
                "num_layers": self.num_layers,
                "forecast": self.forecast,
                "channels": self.channels,
                "segment": self.segment,
                "skip": self.skip,
                "normalization": self.normalization,
                "output": self.output,
                "levels": list(self.levels),
                "dropout": self.dropout,
            },
            "training": {
                "batch_size": check_count("batch_size", self.batch_size),
                "learning_rate": self.learning_rate,
                "weight_decay": self.weight_decay,
                "max_epochs": self.max_epochs,
                "checkpoint_seconds": NEVER,
                "device": self.device,
                "threads": self.threads,
            },
            "evaluation": {"standardized": True},
        }
        recipe = validate(plain(raw), f"of {type(self).__name__}")
        assert isinstance(recipe, ForecastRecipe)
        return recipe

    def _evaluated(self, recipe: ForecastRecipe, steps_per_epoch: int) -> ForecastRecipe:
        raw = recipe.model_dump(mode="json")
        raw["evaluation"] |= evaluations(steps_per_epoch, self.patience)
        found = validate(raw, f"of {type(self).__name__}")
        assert isinstance(found, ForecastRecipe)
        return found


def _kept(value: Any) -> Any:
    """Return a value that goes into a file: dates as text."""
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _is_single(X: Any) -> bool:
    """Whether a series was given without columns: forecasts have none then, either."""
    is_series = hasattr(X, "to_frame") and not hasattr(X, "columns")
    return is_series or (not hasattr(X, "columns") and np.ndim(X) == 1)
