"""A run that takes a second, and the command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ostinato
from ostinato.training.checkpoint import Checkpoint, CheckpointStore
from ostinato.training.recipe_files import validate
from ostinato.training.recipe_parts import Recipe

TEXT = "the quick brown fox jumps over the lazy dog; a stitch in time saves nine.\n" * 6


def raw_recipe(**changes: Any) -> dict[str, Any]:
    """Return a tiny recipe as nested dictionaries; ``training={...}`` changes single keys."""
    recipe: dict[str, dict[str, Any]] = {
        "data": {"text": TEXT},
        "model": {"hidden_size": 8, "embedding_size": 4, "dropout": 0.2, "recurrent_dropout": 0.2},
        "training": {
            "batch_size": 2,
            "tbptt_steps": 12,
            "learning_rate": 0.02,
            "max_steps": 24,
            "log_every": 2,
            "threads": 1,
            "device": "cpu",
        },
        "evaluation": {"every": 6},
        "sample": {"length": 10},
    }
    for section, keys in changes.items():
        if isinstance(keys, Mapping):
            recipe[section] = {**recipe[section], **keys}
        else:
            recipe[section] = keys
    return {"task": "language-model", **recipe}


def tiny(**changes: Any) -> Recipe:
    """Return ``raw_recipe`` validated."""
    return validate(raw_recipe(**changes), "tiny")


def last(folder: Path) -> Checkpoint:
    """Read the newest checkpoint of a run."""
    return CheckpointStore(folder / "checkpoints").load("last")


def process_environment() -> dict[str, str]:
    """Return an environment in which the package under test is importable from any folder."""
    source = Path(ostinato.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}


def start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start ``ostinato …`` as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "ostinato.cli", *arguments],
        cwd=folder,
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
