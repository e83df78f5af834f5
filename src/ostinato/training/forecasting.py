"""A trained forecaster, ready to forecast what follows a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.dates import Times
from ostinato.data.forecast_windows import ForecastWindows, Rows, SeriesPipeline
from ostinato.data.time_series import TimeSeries, table_of
from ostinato.data.wording import counted
from ostinato.models.forecast_heads import PointHead, QuantileHead, check_levels
from ostinato.models.forecaster import Forecaster, RecursiveForecaster, Windows
from ostinato.training.errors import RunError
from ostinato.training.forecast_data import other_series, series_data, series_of_table
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.forecast_task import draw_paths, forecaster_of, in_batches, tensors
from ostinato.training.kinds import kind_of
from ostinato.training.loop import with_weights
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, pipeline_of

Numbers = npt.NDArray[np.float64]

DEFAULT_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_NUM_PATHS = 500
_BLOCK = 100


@dataclass(frozen=True)
class Forecast:
    """What follows a series, in its own units.

    Attributes:
        names: of the targets.
        point: ``[A, O]``.
        times: of the steps ahead; None without dates.
        levels: of the quantiles, rising; empty where none were asked for.
        quantiles: ``[A, O, Q]``.
        paths: ``[N, A, O]``, drawn; empty where none were asked for.
        history: the last steps that were read, ``[T, O]``.
        history_times: of them; None without dates.
        notes: sentences about what was mended or left out.
    """

    names: tuple[str, ...]
    point: Numbers
    times: Times | None
    levels: tuple[float, ...]
    quantiles: Numbers
    paths: Numbers
    history: Numbers
    history_times: Times | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.point)

    def moments(self) -> list[str | int]:
        """Return the dates of the steps ahead; without dates, their numbers from 1."""
        if self.times is None:
            return list(range(1, len(self.point) + 1))
        return [shown_time(time, self.times) for time in self.times]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each step ahead and target: moment, target, point, quantiles, paths."""
        moments = self.moments()
        for step, moment in enumerate(moments):
            for place, name in enumerate(self.names):
                record: dict[str, Any] = {"step": step + 1, "time": moment, "target": name}
                record["forecast"] = float(self.point[step, place])
                for level, value in zip(self.levels, self.quantiles[step, place], strict=True):
                    record[f"q{level:g}"] = float(value)
                if len(self.paths):
                    record["paths"] = self.paths[:, step, place].tolist()
                yield record

    def to_frame(self) -> Any:
        """Return a pandas frame: a row for each step ahead, a column for each target and quantile.

        Quantiles are named ``OT 0.9``; where there are no dates, rows are numbered from 1.
        """
        import pandas as pd

        columns: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            columns[name] = self.point[:, place]
            for level, values in zip(
                self.levels, np.moveaxis(self.quantiles[:, place], -1, 0), strict=False
            ):
                columns[f"{name} {level:g}"] = values
        index = range(1, len(self) + 1) if self.times is None else pd.DatetimeIndex(self.times)
        return pd.DataFrame(columns, index=index)


def shown_time(time: np.datetime64, times: Times) -> str:
    """Return a date as text, without a time of day where no date of a series has one."""
    are_days = bool((times == times.astype("datetime64[D]")).all())
    return str(time.astype("datetime64[D]" if are_days else "datetime64[s]")).replace("T", " ")


@dataclass(frozen=True)
class TrainedForecaster:
    """A network and everything that its series goes through.

    Attributes:
        path: where it comes from.
        recipe: that it was trained by.
        facts: of the run.
        pipeline: scaling and calendar.
        model: in evaluation mode, on the CPU.
    """

    path: Path
    recipe: ForecastRecipe
    facts: Mapping[str, Any]
    pipeline: SeriesPipeline
    model: Forecaster = field(repr=False)

    def series(self, data: Path | None = None, changes: Sequence[str] = ()) -> TimeSeries:
        """Read another file, or all of the run's own series.

        Raises:
            DataError: it cannot be used.
            RecipeError: a change is not of how a file is read.
        """
        if data is None:
            return series_data(self.recipe).series
        return other_series(self.recipe, self.facts, data, changes)

    def read(self, data: Any = None) -> TimeSeries:
        """Read a frame, columns by name, or a file; None for the run's own series.

        Raises:
            DataError: it cannot be used.
        """
        if data is None:
            return self.series()
        if isinstance(data, str | Path):
            return self.series(Path(data))
        table = table_of(data, self.facts.get("time"))
        return series_of_table(self.recipe, self.facts, table)

    def forecast(
        self,
        series: TimeSeries,
        *,
        horizon: int | None = None,
        levels: Sequence[float] = (),
        num_paths: int = 0,
        seed: int = 0,
    ) -> Forecast:
        """Forecast what follows a series.

        Args:
            series: with the columns of the run's own; its last steps are read.
            horizon: steps ahead; None for as many as were learned.
            levels: of quantiles, rising.
            num_paths: to draw; a direct forecaster has none.
            seed: of paths, and of quantiles that are taken from them.

        Raises:
            DataError: the series is too short, or lacks what has to be known ahead.
            OptionError: the network has no such horizon, quantiles or paths.
        """
        horizon = self._horizon(horizon)
        if horizon > max(len(series), self.recipe.data.horizon):
            raise OptionError(
                f"horizon: got {counted(horizon, 'step')}, longer than the series of "
                f"{counted(len(series), 'row')} that is read\n"
                f"mend: a horizon of {len(series)} or less, or a longer series"
            )
        if levels:
            check_levels(levels)
        windows, last = self._windows(series, horizon)
        with torch.no_grad():
            if isinstance(self.model, RecursiveForecaster):
                parameters, values = self.model.run(windows)
                point = values[:, 0].double().numpy()
            else:
                parameters = self.model.forecast(windows)[:horizon]
                point = self.model.head.point(parameters)[:, 0].double().numpy()
        own = parameters[:, 0].double().numpy()
        paths = self._paths(windows, num_paths, seed)
        quantiles = np.zeros((*point.shape, 0))
        if levels and isinstance(self.model, RecursiveForecaster):
            many = paths if num_paths >= _NUM_PATHS else self._paths(windows, _NUM_PATHS, seed)
            quantiles = np.moveaxis(np.quantile(many, levels, axis=0), 0, -1)
        elif levels:
            quantiles = self.model.head.quantiles(own, tuple(levels))
        back = self.pipeline.targets.back
        times = series.times
        return Forecast(
            self.pipeline.names[0],
            back(point),
            series.moments_ahead(horizon),
            tuple(levels),
            np.moveaxis(back(np.moveaxis(quantiles, -1, 0)), 0, -1),
            back(paths),
            series.targets[last:],
            None if times is None else times[last:],
            series.notes,
        )

    def points(self, windows: ForecastWindows, origins: Rows) -> Numbers:
        """Return forecasts from several moments of a series, in its own units: ``[N, A, O]``.

        Args:
            windows: of the scaled series.
            origins: the row that the first step ahead of each is.
        """
        said: list[Numbers] = []
        device = torch.device("cpu")
        for batch in in_batches(windows, origins, self.recipe.evaluation.batch_size):
            with torch.no_grad():
                parameters = self.model(tensors(batch, device)[0])
                said.append(self.model.head.point(parameters).double().numpy().transpose(1, 0, 2))
        return self.pipeline.targets.back(np.concatenate(said))

    def _horizon(self, horizon: int | None) -> int:
        learned = self.recipe.data.horizon
        if horizon is None:
            return learned
        if horizon < 1:
            raise OptionError(
                f"horizon: got {horizon}, expected 1 or more\nmend: horizon={learned}"
            )
        if horizon > learned and not isinstance(self.model, RecursiveForecaster):
            raise OptionError(
                f"horizon: got {horizon} steps, and the network says {learned} at once "
                "(model.forecast=direct)\n"
                f"mend: a horizon of {learned} or less, or train with data.horizon={horizon} or "
                "model.forecast=recursive"
            )
        return horizon

    def _windows(self, series: TimeSeries, horizon: int) -> tuple[Windows, int]:
        """Return the last window of a series, and the row that it begins at."""
        context = self.recipe.data.context
        if len(series) < context:
            raise DataError(
                f"the series has {counted(len(series), 'row')} with targets, and the network reads "
                f"data.context={context}\nmend: give the {context} rows before the forecast"
            )
        table = self.pipeline.apply(series)
        asked = horizon
        if not isinstance(self.model, RecursiveForecaster):
            # It says all of them; what is not known of those that nobody asked for is not read.
            horizon = self.recipe.data.horizon
        known = self.pipeline.known_ahead(series, asked)
        lacking = horizon - asked
        if lacking:
            known = np.concatenate([known, np.repeat(known[-1:], lacking, 0)])
        last = len(series) - context

        def tensor(array: npt.NDArray[np.float32]) -> Tensor:
            return torch.as_tensor(array[:, None])

        windows = Windows(tensor(table.targets[last:]), tensor(table.past[last:]), tensor(known))
        return windows, last

    def _paths(self, windows: Windows, num: int, seed: int) -> Numbers:
        horizon, num_targets = len(windows.known), self.model.shape.num_targets
        if not num:
            return np.zeros((0, horizon, num_targets))
        if isinstance(self.model.head, PointHead):
            raise OptionError(
                "a forecast of points has no quantiles and no paths\n"
                "mend: train with model.output=quantile, gaussian or student-t"
            )
        if not isinstance(self.model, RecursiveForecaster):
            raise OptionError(
                "a direct forecaster knows the distribution of each step, and not how steps hang "
                "together: it has no paths\n"
                "mend: ask for quantiles, or train with model.forecast=recursive"
            )
        blocks = [
            draw_paths(self.model, windows, np.array([start]), min(_BLOCK, num - start), seed)[
                :, :, 0
            ]
            for start in range(0, num, _BLOCK)
        ]
        return np.concatenate(blocks)


def load_forecaster(path: Path, which: Which = "best") -> TrainedForecaster:
    """Read the network of a run.

    Args:
        path: the run folder, or a saved model.
        which: of its checkpoints.

    Raises:
        RunError: there is no run, or it learned something else.
        CheckpointError: the checkpoint is missing or damaged.
    """
    folder = RunFolder.open(path)
    recipe = folder.recipe()
    if not isinstance(recipe, ForecastRecipe):
        raise RunError(
            f"the run {path} learned {recipe.task}, expected one that forecasts\n"
            f"mend: use it with `ostinato {kind_of(recipe).verb} {path}`"
        )
    facts = folder.facts("pipeline")
    checkpoint = folder.checkpoints.load(which, with_training=False)
    return restored_forecaster(path, recipe, facts, checkpoint.model)


def restored_forecaster(
    path: Path, recipe: ForecastRecipe, facts: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> TrainedForecaster:
    """Return the network of a recipe with weights that were kept.

    Raises:
        RunError: the facts are damaged.
        CheckpointError: the weights are of another network.
    """
    pipeline = pipeline_of(path, facts, SeriesPipeline.from_json)
    names = pipeline.names
    model = with_weights(
        lambda: forecaster_of(recipe, len(names[0]), len(names[1]), pipeline.num_known), weights
    )
    return TrainedForecaster(path, recipe, facts, pipeline, model)


def usual_levels(model: Forecaster) -> tuple[float, ...]:
    """Return the quantiles that are shown where nobody says which; none of points."""
    if isinstance(model.head, PointHead):
        return ()
    if isinstance(model.head, QuantileHead):
        return tuple(round(float(level), 6) for level in model.head.levels)
    return DEFAULT_LEVELS
