"""Inputs that a network was made for, to begin with: the first of its run's dev part."""

from __future__ import annotations

import logging
from typing import Any, Final, cast

import numpy as np

from ostinato.core.errors import OstinatoError
from ostinato.data.sets.remote import find
from ostinato.training.example_data import PartName, Source
from ostinato.training.trained import TrainedExamples

_MOST: Final = 3
_MOST_STEPS: Final = 200
_MOST_NUMBERS: Final = 20_000
_DIGITS: Final = 4

_log = logging.getLogger(__name__)


def first_samples(trained: TrainedExamples, max_text: int) -> list[Any]:
    """Return up to 3 inputs as a client would send them; none where the data are gone.

    Nothing is downloaded for it.

    Args:
        trained: the network.
        max_text: characters of a text; what is longer is cut.
    """
    try:
        source = Source(trained.recipe)
        named = source.named
        if named is not None and not all(find(named.folder, name) for name in named.files):
            return []
        part: PartName = "dev" if source.has("dev") else "train"
        rows = source.rows(part)[:_MOST]
        return [_shown(trained.pipeline.input_of(row), max_text) for row in rows]
    except (OstinatoError, OSError) as error:
        _log.info("there are no samples: %s", error)
        return []


def _shown(value: Any, max_text: int) -> Any:
    if isinstance(value, str):
        return value[:max_text]
    if isinstance(value, list):
        return " ".join(cast("list[str]", value))[:max_text]
    frames = np.asarray(value, np.float64)
    frames = frames[: min(_MOST_STEPS, max(1, _MOST_NUMBERS // frames.shape[1]))]
    if frames.shape[1] == 1:
        return _numbers(frames[:, 0])
    return [_numbers(step) for step in frames]


def _numbers(values: Any) -> list[float | None]:
    return [round(float(each), _DIGITS) if np.isfinite(each) else None for each in values]
