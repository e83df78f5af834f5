"""Sessions in which the query before decides: asked for the weather of a city, then for a thing."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ostinato.training.recipe_files import validate
from ostinato.training.suggestion_recipe import SuggestionRecipe
from tests.training.examples import Values, write_rows

CITIES = ("oslo", "rome", "lima")
_STARTS, _ENDS = ("ba", "ke", "ni", "su", "fo", "wi"), ("dal", "mot", "rin", "tug", "pel", "vox")
THINGS = tuple(f"{start}{end}" for start in _STARTS for end in _ENDS)


def sessions(num: int, seed: int = 0) -> list[Values]:
    """Return queries such as ``badal in rome`` after ``map of rome``; some are the first."""
    draw = random.Random(seed)
    rows: list[Values] = []
    for _ in range(num):
        city = draw.choice(CITIES)
        before = "" if draw.random() < 0.1 else f"map of {city}"
        rows.append({"before": before, "query": f"{draw.choice(THINGS)} in {city}"})
    return rows


def raw_queries(train: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe as nested dictionaries; ``training={...}`` changes single keys."""
    raw: dict[str, Any] = {
        "task": "suggestion",
        "data": {"train": str(train), "target": "query"},
        "model": {"cell": "gru", "hidden_size": 24, "embedding_size": 8},
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


def tiny_queries(folder: Path, num: int = 300, **changes: Any) -> SuggestionRecipe:
    """Write ``sessions``, and return a recipe for them."""
    path = write_rows(folder / "queries.jsonl", sessions(num))
    recipe = validate(raw_queries(path, **changes), "queries")
    assert isinstance(recipe, SuggestionRecipe)
    return recipe
