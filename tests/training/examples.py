"""Examples whose label depends on their order, and recipes that learn them within seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import validate

Values = Mapping[str, object]


def write_rows(path: Path, rows: Sequence[Values]) -> Path:
    """Write an object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def recipe_of(task: str, train: Path, **changes: Any) -> ExampleRecipe:
    """Return a tiny recipe; ``training={...}`` changes single keys."""
    raw: dict[str, Any] = {
        "task": task,
        "data": {"train": str(train), "input": "x", "target": "y", "split": {"test": 0.1}},
        "model": {"cell": "gru", "hidden_size": 12, "embedding_size": 6},
        "training": {
            "batch_size": 16,
            "learning_rate": 0.03,
            "warmup_steps": 5,
            "max_steps": 50,
            "threads": 1,
            "device": "cpu",
        },
        "evaluation": {"every": 25, "patience": None},
    }
    if task == "polyphony":
        del raw["data"]["target"]
    for section, keys in changes.items():
        raw[section] = {**raw.get(section, {}), **keys} if isinstance(keys, Mapping) else keys
    return cast("ExampleRecipe", validate(raw, "examples"))


def ordered_texts(num: int, seed: int = 0) -> list[Values]:
    """Return texts with one a and one b: which comes first? The bag of words cannot know."""
    random = np.random.default_rng(seed)
    rows: list[Values] = []
    for _ in range(num):
        first = bool(random.integers(2))
        words = [str(word) for word in random.choice(list("cdefgh"), int(random.integers(2, 7)))]
        places = sorted(random.choice(len(words) + 1, 2, replace=False).tolist(), reverse=True)
        for place, word in zip(places, "ba" if first else "ab", strict=True):
            words.insert(place, word)
        rows.append({"x": " ".join(words), "y": "a first" if first else "b first"})
    return rows


def ordered_arrays(num: int, seed: int = 0) -> list[Values]:
    """Return series that rise or fall, around any level."""
    random = np.random.default_rng(seed)
    rows: list[Values] = []
    for _ in range(num):
        series = np.sort(random.standard_normal(int(random.integers(4, 9)))).round(3)
        rises = bool(random.integers(2))
        rows.append({"x": (series if rises else series[::-1]).tolist(), "y": int(rises)})
    return rows


def several_labels(num: int, seed: int = 0) -> list[Values]:
    """Return texts with any of two labels: does it begin with a, does it end with b."""
    random = np.random.default_rng(seed)
    rows: list[Values] = []
    for _ in range(num):
        words = [str(word) for word in random.choice(list("abc"), int(random.integers(4, 8)))]
        labels = [
            name for name, on in (("begins", words[0] == "a"), ("ends", words[-1] == "b")) if on
        ]
        rows.append({"x": " ".join(words), "y": ",".join(labels)})
    return rows


def numbers(num: int, seed: int = 0) -> list[Values]:
    """Return series with two numbers to learn: the first and the last value."""
    random = np.random.default_rng(seed)
    series = [random.standard_normal(int(random.integers(3, 6))).round(3) for _ in range(num)]
    return [{"x": x.tolist(), "y": [float(x[0]), 100 + 10 * float(x[-1])]} for x in series]


def tagged(num: int, seed: int = 0) -> list[Values]:
    """Return sentences whose spans begin with a word in capitals and go on while words end in n."""
    random = np.random.default_rng(seed)
    rows: list[Values] = []
    for _ in range(num):
        words: list[str] = []
        tags: list[str] = []
        for _ in range(int(random.integers(2, 5))):
            stem = "".join(random.choice(list("abdeklorst"), 3))
            if random.integers(2):
                words += [stem.upper(), f"{stem}n"]
                tags += ["B-X", "I-X"]
            else:
                # The same ending outside of a span: the tag depends on the word before.
                words += [f"{stem}s", f"{stem}n"]
                tags += ["O", "O"]
        rows.append({"x": words, "y": tags})
    return rows


def rolls(num: int, seed: int = 0) -> list[Values]:
    """Return pieces that go up a scale, a step at a time, and begin anew."""
    random = np.random.default_rng(seed)
    rows: list[Values] = []
    for _ in range(num):
        roll = np.zeros((int(random.integers(6, 10)), 88), int)
        start = int(random.integers(8))
        for step in range(len(roll)):
            roll[step, 40 + (start + step) % 8] = 1
        rows.append({"x": roll.tolist()})
    return rows


SPELLED: dict[str, Any] = {
    "model": {"spelling": "cnn", "crf": True, "bidirectional": True, "spelling_size": 12},
    "evaluation": {"scheme": "BIO"},
}
MUSIC: dict[str, Any] = {
    "frames": {"transpose": 1},
    "model": {"hidden_size": 24},
    "training": {"learning_rate": 0.05},
}
TASKS: dict[str, tuple[str, Callable[[int], list[Values]], dict[str, Any]]] = {
    "texts": ("classification", ordered_texts, {}),
    "arrays": ("classification", ordered_arrays, {}),
    "several labels": ("multi-label", several_labels, {}),
    "numbers": ("regression", numbers, {}),
    "spelled tags": ("tagging", tagged, SPELLED),
    "music": ("polyphony", rolls, MUSIC),
}
"""Name to task, its rows, and what its recipe changes."""


def recipe_for(name: str, folder: Path, num: int = 300, **changes: Any) -> ExampleRecipe:
    """Write the examples of one of ``TASKS`` and return its recipe."""
    task, make, own = TASKS[name]
    path = write_rows(folder / "examples.jsonl", make(num))
    sections = {key: {**own.get(key, {}), **changes.get(key, {})} for key in {**own, **changes}}
    return recipe_of(task, path, **sections)
