"""Keys that do nothing are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ostinato.training.example_task import ExampleTask
from tests.training.example_helpers import tiny_examples, write_examples


def notes(path: Path, **changes: Any) -> str:
    task = ExampleTask.from_recipe(tiny_examples(path, **changes), torch.device("cpu"))
    found = [note for note in task.notes() if note.startswith("without effect here: ")]
    assert len(found) <= 1
    return found[0].removeprefix("without effect here: ") if found else ""


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, ""),
        ({"frames": {"num_mels": 20}}, "frames.num_mels"),
        ({"frames": {"standardize": False}}, "frames.standardize"),
        (
            {"model": {"shape": "one-to-one", "bidirectional": True}},
            "model.cell, model.bidirectional",
        ),
        ({"model": {"spelling_size": 20}}, "model.spelling_size"),
        ({"model": {"spelling": "cnn", "spelling_size": 20}}, ""),
        ({"training": {"momentum": 0.5}}, "training.momentum"),
        ({"training": {"momentum": 0.5, "optimizer": "sgd"}}, ""),
        ({"data": {"label_separator": "/"}}, "data.label_separator"),
        ({"text": {"unit": "characters"}}, ""),
    ],
)
def test_keys_without_effect_are_named(tmp_path: Path, changes: dict[str, Any], keys: str):
    assert notes(write_examples(tmp_path, 60), **changes) == keys
