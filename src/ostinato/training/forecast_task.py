"""The task of forecasting: windows in, the scores of held-out forecasts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ostinato.data.forecast_windows import ForecastBatch, ForecastWindows, Rows
from ostinato.data.wording import counted, shape_in_words
from ostinato.models.forecast_heads import PointHead, QuantileHead
from ostinato.models.forecaster import (
    Forecaster,
    ForecasterOptions,
    ForecastShape,
    RecursiveForecaster,
    Windows,
    build_forecaster,
)
from ostinato.training.cell_text import cell_of_text
from ostinato.training.evaluating import evaluating
from ostinato.training.forecast_baselines import NaiveForecaster, learned_forecasters
from ostinato.training.forecast_data import SeriesData, series_data
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.forecast_ridge import fit_ridge, sliding
from ostinato.training.forecast_unused import unused_forecast_keys
from ostinato.training.interrupt import StopRequest
from ostinato.training.metrics.forecasts import (
    CRPS_LEVELS,
    Said,
    Tables,
    joined,
    scores_of,
    tables,
)
from ostinato.training.metrics.per_example import ExampleScores
from ostinato.training.model_memory import fitting_into_memory
from ostinato.training.task import EndLoss, State, StepLoss

_NUM_WATCHED = 16
_SCORING_SEED = 0
# Of a regression: more change nothing, and take memory.
_MOST_ROWS = 50_000

Numbers = npt.NDArray[np.float64]


class ForecastTask:
    """See ``Task``.

    Args:
        recipe: how.
        data: the series.
        device: of the model.
    """

    items_per_target = 1.0
    scored_on = "dev"
    item_name = "steps"
    higher_is_better = False

    def __init__(self, recipe: ForecastRecipe, data: SeriesData, device: torch.device) -> None:
        self.recipe = recipe
        self.data = data
        self.device = device
        self.score_name = deciding_score(recipe)
        self.train = data.windows.origins("train", data.borders)
        self.dev = data.windows.origins("dev", data.borders, recipe.evaluation.stride)
        size = recipe.training.batch_size
        self._num_batches = -(-len(self.train) // size)
        self.steps_per_epoch = -(-self._num_batches // recipe.training.accumulate)
        self._model_notes: tuple[str, ...] = ()

    @classmethod
    def from_recipe(cls, recipe: ForecastRecipe, device: torch.device) -> ForecastTask:
        """Read the series that the recipe names.

        Raises:
            DataError: it cannot be used.
        """
        return cls(recipe, series_data(recipe), device)

    def build_model(self) -> nn.Module:
        """Return a new model, from torch's random state; its linear path from a regression."""
        model = new_forecaster(self.recipe, self.data)
        start_from_regression(model, self.data.windows, self.train)
        self._model_notes = tuple(model.notes)
        return model.to(self.device)

    def batches(self, step: int) -> Sequence[ForecastBatch]:
        """Return the batches of optimizer step ``step``, in an order by seed and epoch."""
        epoch, place = divmod(step, self.steps_per_epoch)
        training = self.recipe.training
        order = np.random.default_rng([self.recipe.seed, epoch]).permutation(self.train)
        first = place * training.accumulate
        last = min(first + training.accumulate, self._num_batches)
        size = training.batch_size
        return [
            self.data.windows.batch(order[index * size : (index + 1) * size])
            for index in range(first, last)
        ]

    def loss(self, model: nn.Module, batch: ForecastBatch, carried: State | None) -> StepLoss:
        """Run one batch: with teacher forcing, where there is any; nothing is carried."""
        del carried
        windows, targets, is_known = tensors(batch, self.device)
        return StepLoss(model(windows, targets, is_known), {})

    def end_loss(self, model: nn.Module) -> EndLoss:
        """Return the loss of the last step ahead of some windows of the dev part."""
        assert isinstance(model, Forecaster)
        windows, targets, _ = tensors(self.data.windows.batch(self.dev[:_NUM_WATCHED]), self.device)
        assert targets is not None
        losses = model.head.loss(model.learned(windows, targets), targets)
        return EndLoss(losses[-1].sum(), None, is_whole=True)

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return the loss of a number."""
        return {"loss": mean_loss}

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the forecasts of the dev part as they are used, and as they are trained.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two batches.
        """
        assert isinstance(model, Forecaster)
        evaluation = self.recipe.evaluation
        found: list[Tables] = []
        losses, num = 0.0, 0
        forced: list[Tables] = []
        for batch in in_batches(self.data.windows, self.dev, evaluation.batch_size):
            stop.check()
            scored = score_batch(model, batch, self.data, self.device, evaluation.num_paths)
            found.append(scored.tables)
            losses, num = losses + scored.loss, num + batch.num_targets
            if scored.forced is not None:
                forced.append(scored.forced)
        scores = {name: each.value for name, each in scores_of(joined(found)).items()}
        if forced:
            scores["teacher_forced_mse"] = scores_of(joined(forced))["mse"].value
        return {**scores, "loss": losses / max(num, 1)}

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:  # noqa: ARG002
        """Nothing is written."""
        return ""

    def baselines(self) -> dict[str, float]:
        """Return the deciding score of forecasts without a network, on the dev part."""
        found = self.naive_scores(with_quantiles=self.score_name == "crps")
        return {name: scores[self.score_name].value for name, scores in found.items()}

    def naive_scores(self, *, with_quantiles: bool) -> dict[str, dict[str, ExampleScores]]:
        """Return all scores of forecasts without a network on the dev part, by name.

        Args:
            with_quantiles: whether they say them; without, their CRPS is that of points.
        """
        data = self.data
        others = learned_forecasters(
            data.windows, data.borders, data.season, with_quantiles=with_quantiles
        )
        found = score_naive(others, data, self.dev)
        return {name: scores_of(its) for name, its in found.items()}

    def notes(self) -> tuple[str, ...]:
        """Describe the series, and what was mended."""
        unused = unused_forecast_keys(self.recipe)
        notes = [f"without effect here: {', '.join(unused)}"] if unused else []
        return (describe(self.data), *self.data.notes, *notes, *self._model_notes)

    def facts(self, model: nn.Module) -> Mapping[str, Any]:  # noqa: ARG002
        """Return what a forecast needs, and the fingerprint of the series."""
        return {
            **self.data.facts(),
            "num_examples": {"train": len(self.train), "dev": len(self.dev)},
            "data_sha256": self.data.sha256,
        }

    @property
    def num_scored(self) -> int:
        """How many steps an evaluation runs through."""
        return len(self.dev) * (self.recipe.data.context + self.recipe.data.horizon)

    def narrow(self) -> tuple[Sequence[tuple[int, ForecastBatch]], int]:
        """Return batches of one window and of two, and how many a batch holds."""
        num = min(self.recipe.training.batch_size, len(self.train))
        sizes = {1: 0, min(2, num): 0}
        return [(size, self.data.windows.batch(self.train[:size])) for size in sizes], num

    def shapes(self, model: nn.Module) -> Iterator[str]:
        """Describe the tensors of a batch."""
        num = min(self.recipe.training.batch_size, len(self.train))
        batch = self.data.windows.batch(self.train[:num])
        for name, letters in (("values", "TBO"), ("past", "TBP"), ("known", "ABG")):
            if getattr(batch, name).size:
                yield _shape(name, letters, getattr(batch, name))
        if batch.targets is not None:
            yield _shape("targets", "ABO", batch.targets)
        assert isinstance(model, Forecaster)
        shape = (self.recipe.data.horizon, num, len(self.data.pipeline.names[0]), model.head.size)
        yield f"forecasts {shape_in_words('ABOK', shape)}  float32"


def _shape(name: str, letters: str, array: npt.NDArray[Any]) -> str:
    return f"{name} {shape_in_words(letters, array.shape)}  {array.dtype}"


def deciding_score(recipe: ForecastRecipe) -> str:
    """Return the score that chooses the weights."""
    metric = recipe.evaluation.metric
    if metric != "auto":
        return metric
    return "mse" if recipe.model.output == "point" else "crps"


def describe(data: SeriesData) -> str:
    """Return a sentence about a series."""
    borders, series = data.borders, data.series
    parts = [
        f"data: {counted(borders.train, 'row')} to learn from",
        f"{borders.dev - borders.train:,} to choose by, {borders.test - borders.dev:,} to test",
        f"{counted(len(series.names[0]), 'target')}: {', '.join(series.names[0])}",
        f"step: {series.step}" if series.step else "no dates",
        f"season: {counted(data.season, 'step')}",
    ]
    if data.pipeline.calendar:
        parts.append(f"calendar: {', '.join(data.pipeline.calendar)}")
    return "; ".join(parts)


def new_forecaster(recipe: ForecastRecipe, data: SeriesData) -> Forecaster:
    """Return the network of a recipe for a series.

    Raises:
        OptionError: options that do not go together, or more than fits into memory.
        EquationError: the cell's equations cannot be read.
    """
    names = data.pipeline.names
    return forecaster_of(recipe, len(names[0]), len(names[1]), data.pipeline.num_known)


def forecaster_of(
    recipe: ForecastRecipe, num_targets: int, num_past: int, num_known: int
) -> Forecaster:
    """Return the network of a recipe for so many targets and covariates.

    Raises:
        OptionError: options that do not go together, or more than fits into memory.
        EquationError: the cell's equations cannot be read.
    """
    cell_of_text(recipe.model.cell, recipe.model.functions)
    options = ForecasterOptions(**recipe.model.model_dump(), loss=recipe.training.loss)
    data = recipe.data
    shape = ForecastShape(data.context, data.horizon, num_targets, num_past, num_known)
    with fitting_into_memory(recipe.model.hidden_size):
        return build_forecaster(shape, options)


def start_from_regression(model: Forecaster, windows: ForecastWindows, train: Rows) -> None:
    """Start the linear path as a ridge regression, and sizes of errors as large as its own."""
    context = windows.context
    pairs = torch.as_tensor(sliding(windows, train, windows.horizon)).T[:, :, None]
    z, shift, stretch = model.normalised(pairs[:context])
    inputs = z[..., 0].T.numpy()
    ahead = ((pairs[context:] - shift) / stretch)[..., 0].T.numpy()
    if model.num_skipped < windows.horizon:
        inputs, ahead = _one_step(inputs, ahead)
    said = np.zeros_like(ahead)
    if model.options.skip == "ridge":
        weights = fit_ridge(inputs, ahead)
        model.start_skip(torch.as_tensor(weights.T, dtype=torch.float32))
        said = inputs @ weights
    model.start_spread(float(np.sqrt(((ahead - said) ** 2).mean())))


def _one_step(inputs: Numbers, ahead: Numbers) -> tuple[Numbers, Numbers]:
    """Return windows that slide ahead, each with the step behind it.

    A window that begins less its last value ends at 0; those that slide on do not, and it is they
    that a recursive forecaster reads.

    Args:
        inputs: ``[N, T]``.
        ahead: ``[N, A]``.
    """
    whole = np.concatenate([inputs, ahead], 1)
    windows = np.lib.stride_tricks.sliding_window_view(whole[:, :-1], inputs.shape[1], axis=1)
    num = windows.shape[0] * windows.shape[1]
    chosen = np.arange(0, num, max(1, num // _MOST_ROWS), dtype=np.int64)
    row, step = chosen // windows.shape[1], chosen % windows.shape[1]
    return windows[row, step], ahead[row, step][:, None]


def tensors(
    batch: ForecastBatch, device: torch.device
) -> tuple[Windows, Tensor | None, Tensor | None]:
    """Return windows, targets, and which of them are known, on a device."""

    def tensor(array: npt.NDArray[Any]) -> Tensor:
        return torch.as_tensor(array, device=device)

    windows = Windows(tensor(batch.values), tensor(batch.past), tensor(batch.known))
    if batch.targets is None or batch.is_known is None:
        return windows, None, None
    return windows, tensor(batch.targets), tensor(batch.is_known)


def in_batches(windows: ForecastWindows, origins: Rows, size: int) -> Iterator[ForecastBatch]:
    """Yield windows, some side by side, in their order."""
    for start in range(0, len(origins), size):
        yield windows.batch(origins[start : start + size])


class ScoredBatch(NamedTuple):
    """What is known of the forecasts of a batch.

    Attributes:
        tables: as they are used: without a look ahead.
        loss: as they are trained, summed.
        forced: as they are trained; None where training and use are the same.
    """

    tables: Tables
    loss: float
    forced: Tables | None


@torch.no_grad()
def score_batch(
    model: Forecaster,
    batch: ForecastBatch,
    data: SeriesData,
    device: torch.device,
    num_paths: int,
) -> ScoredBatch:
    """Forecast the windows of a batch, and compare with what came.

    Args:
        model: the forecaster.
        batch: with targets.
        data: units of errors.
        device: of the model.
        num_paths: that the quantiles of a recursive forecaster are taken from.
    """
    windows, targets, is_known = tensors(batch, device)
    assert targets is not None
    assert is_known is not None
    with evaluating(model):
        said = forecast(model, windows, batch.rows, num_paths, _SCORING_SEED)
        learned = model.learned(windows, targets)
        losses = torch.where(is_known, model.head.loss(learned, targets), 0.0)
    truth = targets.double().cpu().numpy().transpose(1, 0, 2)
    known = np.asarray(batch.is_known).transpose(1, 0, 2)
    forced = None
    if isinstance(model, RecursiveForecaster):
        point = model.head.point(learned).double().cpu().numpy().transpose(1, 0, 2)
        forced = tables(Said(point), truth, known, data.units)
    return ScoredBatch(tables(said, truth, known, data.units), float(losses.sum()), forced)


@torch.no_grad()
def forecast(model: Forecaster, windows: Windows, rows: Rows, num_paths: int, seed: int) -> Said:
    """Return points and, of a forecaster that has them, quantiles.

    Args:
        model: in evaluation mode.
        windows: what is read.
        rows: ``[B]``, by which paths draw, whatever stands beside them.
        num_paths: of a recursive forecaster.
        seed: of the draws.
    """
    parameters = model(windows)
    point = model.head.point(parameters).double().cpu().numpy().transpose(1, 0, 2)
    if isinstance(model.head, PointHead):
        return Said(point)
    if isinstance(model, RecursiveForecaster):
        paths = draw_paths(model, windows, rows, num_paths, seed)  # [N, A, B, O]
        quantiles = np.quantile(paths, CRPS_LEVELS, axis=0).transpose(2, 1, 3, 0)
        return Said(point, quantiles)
    levels = CRPS_LEVELS
    if isinstance(model.head, QuantileHead):
        levels = tuple(float(level) for level in model.head.levels)
    numbers = parameters.double().cpu().numpy().transpose(1, 0, 2, 3)
    return Said(point, model.head.quantiles(numbers, levels), levels)


@torch.no_grad()
def draw_paths(
    model: RecursiveForecaster, windows: Windows, rows: Rows, num_paths: int, seed: int
) -> Numbers:
    """Return paths ``[N, A, B, O]``: each step drawn, and read by the next.

    Args:
        model: in evaluation mode.
        windows: what is read.
        rows: ``[B]``: the draws of a row depend on it and the seed alone.
        num_paths: ``N``.
        seed: of the draws.
    """
    horizon, num_rows, num_targets = len(windows.known), len(rows), model.shape.num_targets
    chances = np.stack(
        [
            np.random.default_rng([seed, int(row)]).random((horizon, num_paths, num_targets, 2))
            for row in rows
        ],
        axis=2,
    )
    # Neither end is ever drawn: both are infinitely far out.
    tiny = np.finfo(np.float32).eps
    drawn = torch.as_tensor(np.clip(chances, tiny, 1 - tiny), device=windows.values.device)
    _, values = model.run(windows, drawn)
    paths = values.double().cpu().numpy().reshape(horizon, num_paths, num_rows, num_targets)
    return paths.transpose(1, 0, 2, 3)


def score_naive(
    forecasters: Mapping[str, NaiveForecaster], data: SeriesData, origins: Rows
) -> dict[str, dict[str, Numbers]]:
    """Return what each origin adds to the scores of forecasters without a network, by name."""
    found: dict[str, dict[str, Numbers]] = {}
    for name, forecaster in forecasters.items():
        parts: list[Tables] = []
        for batch in in_batches(data.windows, origins, 256):
            assert batch.targets is not None
            truth = batch.targets.astype(np.float64).transpose(1, 0, 2)
            known = np.asarray(batch.is_known).transpose(1, 0, 2)
            said = forecaster.said(data.windows, batch.rows)
            parts.append(tables(said, truth, known, data.units))
        found[name] = joined(parts)
    return found
