"""Texts that are written backwards and in capitals: learned within seconds."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ostinato.training.recipe_files import validate
from ostinato.training.writing_recipe import WritingRecipe
from tests.training.examples import Values, write_rows


def backwards(num: int, seed: int = 0) -> list[Values]:
    """Return one to five letters each, and the same in capitals from the last to the first."""
    draw = random.Random(seed)
    sources = [[draw.choice("abcdef") for _ in range(draw.randint(1, 5))] for _ in range(num)]
    return [{"x": " ".join(s), "y": " ".join(reversed(s)).upper()} for s in sources]


def raw_pairs(train: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe as nested dictionaries; ``training={...}`` changes single keys."""
    raw: dict[str, Any] = {
        "task": "text-to-text",
        "data": {"train": str(train), "input": "x", "target": "y"},
        "model": {"cell": "gru", "hidden_size": 12, "embedding_size": 8, "bidirectional": True},
        "training": {
            "batch_size": 16,
            "learning_rate": 0.02,
            "warmup_steps": 5,
            "max_steps": 20,
            "log_every": 2,
            "threads": 1,
            "device": "cpu",
        },
        "evaluation": {"every": 10, "patience": None},
    }
    for section, keys in changes.items():
        raw[section] = {**raw.get(section, {}), **keys} if isinstance(keys, Mapping) else keys
    return raw


def tiny_pairs(folder: Path, num: int = 200, **changes: Any) -> WritingRecipe:
    """Write pairs of ``backwards``, and return a recipe for them."""
    path = write_rows(folder / "pairs.jsonl", backwards(num))
    recipe = validate(raw_pairs(path, **changes), "pairs")
    assert isinstance(recipe, WritingRecipe)
    return recipe
