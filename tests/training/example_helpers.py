"""Examples that take a second to learn: whether `a` comes before `b`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import validate


def write_examples(folder: Path, num: int = 240, seed: int = 0) -> Path:
    """Write a table whose label depends on the order of two letters, and on nothing else."""
    draw = random.Random(seed)
    lines = ["text,label"]
    for _ in range(num):
        letters = [draw.choice("cdef") for _ in range(draw.randint(2, 6))]
        places = sorted(draw.sample(range(len(letters) + 1), 2))
        first, second = draw.choice(["ab", "ba"])
        letters.insert(places[1], second)
        letters.insert(places[0], first)
        lines.append(f"{' '.join(letters)},{'yes' if first == 'a' else 'no'}")
    path = folder / "order.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def raw_examples(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe for ``write_examples``; ``training={...}`` changes single keys."""
    raw: dict[str, Any] = {
        "task": "classification",
        "data": {
            "train": str(path),
            "input": "text",
            "target": "label",
            "split": {"dev": 0.2, "test": 0.2},
        },
        "model": {"cell": "gru", "hidden_size": 16, "embedding_size": 8},
        "training": {
            "batch_size": 16,
            "learning_rate": 0.02,
            "warmup_steps": 5,
            "max_epochs": 12,
            "device": "cpu",
            "threads": 1,
        },
    }
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if key in raw and isinstance(value, dict) else value
    return raw


def tiny_examples(path: Path, **changes: Any) -> ExampleRecipe:
    """Return ``raw_examples`` validated."""
    recipe = validate(raw_examples(path, **changes), "tiny")
    assert isinstance(recipe, ExampleRecipe)
    return recipe


def write_tags(folder: Path, num: int = 60, seed: int = 0) -> Path:
    """Write sentences whose words are tagged by whether an ``a`` stood before them."""
    draw = random.Random(seed)
    lines: list[str] = []
    for _ in range(num):
        words = [draw.choice("abcd") for _ in range(draw.randint(2, 12))]
        tags = ["after" if "a" in words[:place] else "before" for place in range(len(words))]
        lines.append(json.dumps({"words": words, "tags": tags}))
    path = folder / "tags.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def raw_tags(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe for ``write_tags``, learned in streams of three."""
    streams = {"batch_size": 3, "tbptt_steps": 5, "tbptt_stride": 3}
    return raw_examples(
        path,
        **{
            **changes,
            "task": "tagging",
            "data": {"train": str(path), "input": "words", "target": "tags"},
            "training": {**streams, **changes.get("training", {})},
        },
    )


def tiny_tags(path: Path, **changes: Any) -> ExampleRecipe:
    """Return ``raw_tags`` validated."""
    recipe = validate(raw_tags(path, **changes), "tags")
    assert isinstance(recipe, ExampleRecipe)
    return recipe
