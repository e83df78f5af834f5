"""Keys that do nothing are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ostinato.training.example_task import ExampleTask
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.recipe import LanguageModelRecipe
from tests.training.example_helpers import (
    tiny_examples,
    tiny_tags,
    write_examples,
    write_tags,
)
from tests.training.helpers import tiny


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
        ({"text": {"unit": "bytes", "min_count": 2}}, "text.min_count"),
        ({"data": {"streaming": True}}, "data.streaming"),
        ({"data": {"image_size": 64}}, "data.image_size"),
        ({"data": {"quoting": False, "separator": ","}}, ""),
    ],
)
def test_keys_without_effect_are_named(tmp_path: Path, changes: dict[str, Any], keys: str):
    assert notes(write_examples(tmp_path, 60), **changes) == keys


def test_keys_of_files_without_columns_to_cut(tmp_path: Path):
    path = write_tags(tmp_path)
    recipe = tiny_tags(path)
    data = recipe.data.model_copy(update={"separator": ";", "header": True})
    task = ExampleTask.from_recipe(recipe.model_copy(update={"data": data}), torch.device("cpu"))
    assert "without effect here: data.header, data.separator" in task.notes()


def test_a_split_that_nothing_is_left_of(tmp_path: Path):
    path = write_examples(tmp_path, 60)
    recipe = tiny_examples(path)
    data = recipe.data.model_copy(update={"dev": path, "test": path})
    task = ExampleTask.from_recipe(recipe.model_copy(update={"data": data}), torch.device("cpu"))
    assert "without effect here: data.split.dev, data.split.test" in task.notes()


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"training": {"momentum": 0.5}}, "training.momentum"),
        ({"model": {"functions": {"f": "tanh"}}}, "model.functions"),
        ({"sample": {"length": 0, "top_p": 0.5}}, "sample.top_p"),
        ({"data": {"encoding": "latin-1"}}, "data.encoding"),
    ],
)
def test_keys_of_a_language_model(changes: dict[str, Any], keys: str):
    recipe = tiny(**changes)
    assert isinstance(recipe, LanguageModelRecipe)
    task = LanguageModelTask.from_recipe(recipe, torch.device("cpu"))
    assert f"without effect here: {keys}" in task.notes()


def test_a_language_model_of_which_every_key_counts():
    recipe = tiny()
    assert isinstance(recipe, LanguageModelRecipe)
    notes = LanguageModelTask.from_recipe(recipe, torch.device("cpu")).notes()
    assert not any("without effect" in note for note in notes)
