"""Images that take seconds to learn: two fields, each dark, grey or light, and said in words."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ostinato.training.recipe_files import validate
from ostinato.training.writing_recipe import WritingRecipe

HEIGHT, WIDTH = 8, 16
WORDS = ("dark", "grey", "light")


def fields(left: int, right: int, noise: int = 0) -> npt.NDArray[np.uint8]:
    """Return ``[8, 16]``: two fields of the numbers of ``WORDS``."""
    draw = np.random.default_rng([left, right, noise])
    image = np.repeat(np.array([[left, right]], np.int64) * 110 + 10, WIDTH // 2, 1)
    return (np.repeat(image, HEIGHT, 0) + draw.integers(0, 20, (HEIGHT, WIDTH))).astype(np.uint8)


def write_captions(folder: Path, num: int = 90, seed: int = 0) -> Path:
    """Write a folder of images with ``captions.json``; of each image, a list of captions."""
    draw = random.Random(seed)
    (folder / "images").mkdir(parents=True)
    captions: dict[str, list[str]] = {}
    for number in range(num):
        left, right = draw.choices(range(3), k=2)
        name = f"field{number}.png"
        Image.fromarray(fields(left, right, number)).save(folder / "images" / name)
        said = f"{WORDS[left]} {WORDS[right]}"
        captions[name] = [said] if number % 10 else [said, f"{said} !"]
    (folder / "captions.json").write_text(json.dumps(captions))
    return folder


def raw_captions(path: Path, **changes: Any) -> dict[str, Any]:
    """Return a tiny recipe for ``write_captions``; ``training={...}`` changes single keys."""
    raw: dict[str, Any] = {
        "task": "image-to-text",
        "data": {
            "train": str(path),
            "format": "captions",
            "input": "image",
            "target": "caption",
            "split": {"dev": 0.2, "test": 0.2},
        },
        "target_text": {"unit": "words"},
        "model": {
            "cell": "gru",
            "hidden_size": 24,
            "embedding_size": 8,
            "channels": [8, 16],
        },
        "decoder": {"attention": "general"},
        "training": {
            "batch_size": 16,
            "learning_rate": 0.01,
            "warmup_steps": 5,
            "max_epochs": 30,
            "device": "cpu",
            "threads": 1,
        },
        "decoding": {"method": "greedy"},
        "evaluation": {"metric": "exact", "patience": None},
    }
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if key in raw and isinstance(value, dict) else value
    return raw


def tiny_captions(path: Path, **changes: Any) -> WritingRecipe:
    """Return ``raw_captions`` validated."""
    recipe = validate(raw_captions(path, **changes), "tiny")
    assert isinstance(recipe, WritingRecipe)
    return recipe
