"""Series and runs that take a second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ostinato.data.forecast_windows import ForecastWindows, SeriesTable
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.recipe_files import validate
from ostinato.training.session import train

NUM_ROWS = 200


def write_series(path: Path, num: int = NUM_ROWS, *, num_ahead: int = 0) -> Path:
    """Write hours of two targets with a period of 8, a past covariate and a known one."""
    steps = np.arange(num + num_ahead)
    noise = np.random.default_rng(0).normal(0, 0.1, (len(steps), 2))
    start = np.datetime64("2020-01-01T00", "h")
    lines = ["time,y,z,p,k"]
    for step in steps:
        y = np.sin(step * np.pi / 4) + step / 100 + noise[step, 0]
        z = 5 * np.cos(step * np.pi / 4) + noise[step, 1]
        targets = f"{y:.4f},{z:.4f}" if step < num else ","
        lines.append(f"{start + step}:00,{targets},{step % 3},{step % 2}")
    path.write_text("\n".join(lines) + "\n")
    return path


def windows_of(
    values: np.ndarray, context: int, horizon: int, is_known: np.ndarray | None = None
) -> ForecastWindows:
    """Return the windows of targets ``[N, O]`` without covariates, all of them known."""
    empty = np.zeros((len(values), 0), np.float32)
    known = np.ones(values.shape, bool) if is_known is None else is_known
    return ForecastWindows(
        SeriesTable(values.astype(np.float32), empty, empty, known), context, horizon
    )


def raw_forecast(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe as nested dictionaries; ``model={...}`` changes single keys."""
    recipe: dict[str, Any] = {
        "task": "forecasting",
        "data": {
            "path": str(path),
            "targets": ["y", "z"],
            "past": ["p"],
            "known": ["k"],
            "context": 16,
            "horizon": 4,
            "season": 8,
        },
        "model": {"hidden_size": 8, "dropout": 0.1},
        "training": {"batch_size": 8, "max_steps": 6, "threads": 1, "log_every": 2},
        "evaluation": {"every": 3},
    }
    for section, keys in changes.items():
        if isinstance(keys, Mapping):
            recipe[section] = {**recipe[section], **keys}
        else:
            recipe[section] = keys
    return recipe


def tiny_forecast(path: Path, **changes: Any) -> ForecastRecipe:
    """Return ``raw_forecast`` validated."""
    found = validate(raw_forecast(path, **changes), "forecasts")
    assert isinstance(found, ForecastRecipe)
    return found


def forecast_run(folder: Path, **changes: Any) -> Path:
    """Train a tiny recipe; return its run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    train(tiny_forecast(write_series(folder / "series.csv"), **changes), folder / "run")
    return folder / "run"
