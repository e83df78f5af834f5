"""Drawings that take a second to learn: a box with a tick in it, of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.recipe_files import validate

_PARTS = {"train": 120, "valid": 30, "test": 30}


def box_with_tick(random: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return a box, drawn in four lines, and one or two ticks in it."""
    w, h = (int(each) for each in random.integers(20, 60, 2))
    box = [[w, 0, 0], [0, h, 0], [-w, 0, 0], [0, -h, 1]]
    tick = [[w // 4, h // 2, 0], [5, 6, 0], [9, -15, 1]]
    num = int(random.integers(1, 3))
    return np.array(box + num * tick, np.int16)


def write_drawings(folder: Path, seed: int = 0, **arrays: Any) -> Path:
    """Write parts of drawings as sketch-rnn does; ``arrays`` take the place of some."""
    random = np.random.default_rng(seed)
    content: dict[str, Any] = {}
    for part, num in _PARTS.items():
        drawings = [box_with_tick(random) for _ in range(num)]
        content[f"{part}_strokes"] = np.concatenate(drawings)
        content[f"{part}_len"] = np.array([len(each) for each in drawings], np.int32)
    path = folder / "boxes.npz"
    np.savez(path, **{**content, **arrays})
    return path


def raw_drawings(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe for ``write_drawings``; ``training={...}`` changes single keys."""
    parts = {"train": "train", "dev": "valid", "test": "test"}
    raw: dict[str, Any] = {
        "task": "drawing",
        "data": {
            "input": "strokes",
            **{part: f"{path}#{name}" for part, name in parts.items()},
        },
        "model": {"cell": "gru", "hidden_size": 16, "num_components": 3},
        "training": {
            "batch_size": 16,
            "learning_rate": 0.01,
            "warmup_steps": 5,
            "max_steps": 12,
            "device": "cpu",
            "threads": 1,
        },
        "evaluation": {"every": 4},
    }
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if key in raw and isinstance(value, dict) else value
    return raw


def tiny_drawings(path: Path, **changes: Any) -> DrawingRecipe:
    """Return ``raw_drawings`` validated."""
    recipe = validate(raw_drawings(path, **changes), "tiny")
    assert isinstance(recipe, DrawingRecipe)
    return recipe
