"""Back-testing: forecasts from every moment of a part, and others without a network beside them.

The origin rolls forward through the part, ``evaluation.stride`` steps at a time; weights and
scaling stay as they were learned, and each forecast reads nothing but what lies before its origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ostinato.data import DataError
from ostinato.data.dates import Times
from ostinato.data.forecast_windows import Borders, ForecastWindows, Rows
from ostinato.training.errors import RunError
from ostinato.training.evaluation import Comparison, Report, comparison, with_intervals
from ostinato.training.forecast_baselines import (
    NaiveForecaster,
    learned_forecasters,
    naive_forecasters,
)
from ostinato.training.forecast_data import SeriesData, series_data
from ostinato.training.forecast_task import deciding_score, in_batches, score_batch, score_naive
from ostinato.training.forecasting import TrainedForecaster, load_forecaster
from ostinato.training.kinds import PartName
from ostinato.training.metrics.forecasts import (
    ForecastUnits,
    Tables,
    evened,
    joined,
    scores_of,
)
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, saved_model

Numbers = npt.NDArray[np.float64]
_DEVICE = torch.device("cpu")
_ITEM = "forecast"


@dataclass(frozen=True)
class ScoredSeries:
    """A run, and the origins that it is scored from.

    Attributes:
        trained: the network.
        data: the series.
        origins: the first forecast row of each.
        learned: the series that the run learned from, from which forecasters without a network
            learn, too; None where it is not there.
        notes: sentences about what was lost.
    """

    trained: TrainedForecaster
    data: SeriesData
    origins: Rows
    learned: SeriesData | None
    notes: tuple[str, ...]

    def of_model(self) -> dict[str, Numbers]:
        """Return what each origin adds to the scores of the network."""
        evaluation = self.trained.recipe.evaluation
        found: list[Tables] = []
        for batch in in_batches(self.data.windows, self.origins, evaluation.batch_size):
            scored = score_batch(
                self.trained.model, batch, self.data, _DEVICE, evaluation.num_paths
            )
            of_batch = dict(scored.tables)
            if scored.forced is not None:
                of_batch["teacher_forced_mse"] = scored.forced["mse"]
            found.append(of_batch)
        return joined(found)

    def of_all(self) -> dict[str, dict[str, Numbers]]:
        """Return the same of the network and of forecasts without one, by name."""
        others = score_naive(self._naive(), self.data, self.origins)
        if self.learned is None:
            # Without the spread of residuals a naive forecast is a point, whose CRPS is no rival.
            others = {name: _without_crps(found) for name, found in others.items()}
        return {"model": self.of_model(), **others}

    def _naive(self) -> dict[str, NaiveForecaster]:
        if self.learned is None:
            return naive_forecasters(self.data.season)
        learned = self.learned
        return learned_forecasters(learned.windows, learned.borders, learned.season)


def _without_crps(found: Mapping[str, Numbers]) -> dict[str, Numbers]:
    return {name: table for name, table in found.items() if name != "crps"}


def scored_series(
    trained: TrainedForecaster,
    data: Path | None,
    part: PartName,
    changes: Sequence[str] = (),
) -> ScoredSeries:
    """Read the series that a run is scored on.

    Raises:
        RunError: the run has no such part.
        DataError: the series cannot be used, or changed since the run began.
        RecipeError: a change is not of how a file is read.
    """
    stride = trained.recipe.evaluation.stride
    if data is not None:
        return _of_file(trained, data, changes, stride)
    found = _own(trained)
    begin, end = found.borders.of(part)
    if begin == end:
        raise RunError(
            f"the run {trained.path} has no {part} part\nmend: give a file to score, or --part dev"
        )
    origins = found.windows.origins(part, found.borders, stride)
    return ScoredSeries(trained, found, origins, found, found.notes)


def _own(trained: TrainedForecaster) -> SeriesData:
    """Return the run's own series, which has to be what it was.

    Raises:
        DataError: it changed.
    """
    found = series_data(trained.recipe)
    expected = RunFolder.open(trained.path).facts("data_sha256")["data_sha256"]
    if found.sha256 != expected:
        raise DataError(
            f"the series changed since the run {trained.path} began: what it learned from may be "
            "among what is scored\nmend: put the old data back, or train a new run"
        )
    return found


def _of_file(
    trained: TrainedForecaster, data: Path, changes: Sequence[str], stride: int
) -> ScoredSeries:
    series = trained.series(data, changes)
    facts, recipe = trained.facts, trained.recipe
    num = len(series)
    borders = Borders(min(recipe.data.context, num), min(recipe.data.context, num), num)
    windows = ForecastWindows(
        trained.pipeline.apply(series), recipe.data.context, recipe.data.horizon
    )
    units = ForecastUnits(
        trained.pipeline.targets,
        np.array(facts["naive"], np.float64),
        recipe.evaluation.standardized,
    )
    found = SeriesData(series, borders, int(facts["season"]), trained.pipeline, windows, units)
    origins = windows.origins("test", borders, stride)
    learned, reason = _learned_from(trained)
    notes = [f"no ridge regression and no CRPS of naive forecasts: {reason}"] if reason else []
    return ScoredSeries(trained, found, origins, learned, (*series.notes, *notes))


def _learned_from(trained: TrainedForecaster) -> tuple[SeriesData | None, str]:
    """Return the series that a run learned from, or None and why it is not there."""
    if saved_model(trained.path) is not None:
        return None, "a saved model does not keep what it learned from"
    try:
        return _own(trained), ""
    except (DataError, RunError) as error:
        return None, str(error).partition("\nmend: ")[0]


def evaluate_forecast_run(
    run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
) -> Report:
    """Score a forecaster; see ``evaluate_run``."""
    scored = scored_series(load_forecaster(run, which), data, part, changes)
    return _report(run, part if data is None else str(data), [scored], scored.of_all())


def evaluate_forecast_runs(runs: Sequence[Path]) -> Report:
    """Score forecasters of several series as one: every series counts the same.

    Raises:
        RunError: the runs are judged by different scores.
    """
    parts = [scored_series(load_forecaster(run), None, "test") for run in runs]
    for run, part in zip(runs, parts, strict=True):
        _check_metric(runs[0], parts[0], run, part)
    found = [part.of_all() for part in parts]
    pooled = {name: _pooled([each[name] for each in found]) for name in found[0]}
    return _report(runs[0].parent, "test", parts, pooled)


def _pooled(found: Sequence[Mapping[str, Numbers]]) -> dict[str, Numbers]:
    scores = [name for name in found[0] if all(name in each for each in found)]
    return joined([evened({name: each[name] for name in scores}) for each in found])


def _report(
    run: Path,
    part: str,
    parts: Sequence[ScoredSeries],
    found: Mapping[str, Mapping[str, Numbers]],
) -> Report:
    recipe = parts[0].trained.recipe
    notes = dict.fromkeys(note for each in parts for note in each.notes)
    return Report(
        run,
        part,
        sum(len(each.origins) for each in parts),
        deciding_score(recipe),
        False,
        {name: with_intervals(scores_of(its)) for name, its in found.items()},
        tuple(notes),
        _ITEM,
    )


def compare_forecast_runs(runs: Sequence[Path], part: PartName) -> Comparison:
    """Score forecasters from the same origins; see ``compare_runs``.

    Raises:
        RunError: they forecast different series, or are judged by different scores.
    """
    recipe = RunFolder.open(runs[0]).recipe()
    for run in runs[1:]:
        other = RunFolder.open(run).recipe()
        if other.task != recipe.task:
            raise RunError(
                f"the run {runs[0]} learned {recipe.task}, {run} {other.task}: their scores cannot "
                "be compared\nmend: give runs of one task"
            )
    parts = [scored_series(load_forecaster(run), None, part) for run in runs]
    first = parts[0]
    metric = deciding_score(first.trained.recipe)
    for run, each in zip(runs, parts, strict=True):
        _check_metric(runs[0], first, run, each)
        _check_same(runs[0], first, run, each)
    found = [scores_of(each.of_model())[metric] for each in parts]
    models = [each.trained.model for each in parts]
    notes = dict.fromkeys(note for each in parts for note in each.notes)
    compared = comparison(runs, part, len(first.origins), found, models, _ITEM)
    return replace(compared, notes=tuple(notes))


def _check_metric(first: Path, ours: ScoredSeries, run: Path, other: ScoredSeries) -> None:
    recipes = [each.trained.recipe for each in (ours, other)]
    judged = [(deciding_score(each), each.evaluation.standardized) for each in recipes]
    if judged[0] != judged[1]:
        raise RunError(
            f"the runs {first} and {run} are judged by different scores\n"
            "mend: train both with the same evaluation.metric and evaluation.standardized"
        )


def _check_same(first: Path, ours: ScoredSeries, run: Path, other: ScoredSeries) -> None:
    recipes = [each.trained.recipe.data for each in (ours, other)]
    is_same = (
        ours.data.series.names[0] == other.data.series.names[0]
        and recipes[0].horizon == recipes[1].horizon
        and np.array_equal(ours.origins, other.origins)
        and np.array_equal(ours.data.series.targets, other.data.series.targets)
        and ours.data.borders == other.data.borders
    )
    if not is_same:
        raise RunError(
            f"the runs {first} and {run} forecast different things, so their scores cannot be "
            "compared\nmend: train both with the same series, targets, borders, data.horizon and "
            "evaluation.stride"
        )


@dataclass(frozen=True)
class BackTest:
    """Forecasts from origins that roll forward through a part, and what came, in own units.

    Attributes:
        names: of the targets.
        origins: int64 ``[N]``, the row that the first step ahead is.
        times: of the origins; None without dates.
        point: ``[N, A, O]``.
        targets: ``[N, A, O]``.
        is_known: bool ``[N, A, O]``, whether the target was there, and not filled.
    """

    names: tuple[str, ...]
    origins: Rows
    times: Times | None
    point: Numbers
    targets: Numbers
    is_known: npt.NDArray[np.bool_]

    def error_by_step(self) -> Numbers:
        """Return the mean absolute error of each step ahead and target, ``[A, O]``."""
        error = np.where(self.is_known, np.abs(self.point - self.targets), 0.0)
        return error.sum(0) / np.maximum(self.is_known.sum(0), 1)


def back_test(trained: TrainedForecaster, part: PartName, stride: int | None = None) -> BackTest:
    """Return the forecasts of a part of the run's own series.

    Args:
        trained: the network.
        part: of the series.
        stride: steps between two origins; None for what the recipe says.

    Raises:
        RunError: the run has no such part.
        DataError: the series cannot be used, or changed.
    """
    scored = scored_series(trained, None, part)
    data = scored.data
    origins = data.windows.origins(part, data.borders, stride or trained.recipe.evaluation.stride)
    ahead = origins[:, None] + np.arange(trained.recipe.data.horizon)
    return BackTest(
        data.pipeline.names[0],
        origins,
        None if data.series.times is None else data.series.times[origins],
        trained.points(data.windows, origins),
        data.series.targets[ahead],
        data.series.is_known[ahead],
    )
