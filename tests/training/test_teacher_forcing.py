"""The share of right units, by training step: the formulas of Bengio et al. 2015."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.training.errors import RecipeError
from ostinato.training.recipe_files import validate
from ostinato.training.teacher_forcing import drawn, forcing_ratio, is_scheduled
from ostinato.training.writing_recipe import WritingRecipe, WritingTrainingRecipe
from ostinato.training.writing_task import WritingTask
from tests.training.writing_helpers import raw_pairs, tiny_pairs


def training(**keys: Any) -> WritingTrainingRecipe:
    short = {"ratio": 1.0, "decay": "none", "speed": None, "floor": 0.0} | keys
    recipe = validate(
        raw_pairs(Path("x"), training={f"teacher_forcing_{k}": v for k, v in short.items()}), "r"
    )
    assert isinstance(recipe, WritingRecipe)
    return recipe.training


@pytest.mark.parametrize("step", [0, 1, 10, 400, 10_000])
def test_the_formulas(step: int):
    assert forcing_ratio(training(), step) == 1
    assert forcing_ratio(training(ratio=0.5), step) == 0.5
    linear = training(decay="linear", speed=0.002, floor=0.25)
    assert forcing_ratio(linear, step) == max(0.25, 1 - 0.002 * step)
    exponential = training(decay="exponential", speed=0.99)
    assert forcing_ratio(exponential, step) == pytest.approx(0.99**step, abs=1e-300)
    sigmoid = training(decay="inverse-sigmoid", speed=50)
    assert forcing_ratio(sigmoid, step) == pytest.approx(50 / (50 + math.exp(step / 50)))


def test_a_far_step_overflows_nothing():
    assert forcing_ratio(training(decay="inverse-sigmoid", speed=1), 10**7) < 1e-300
    assert forcing_ratio(training(decay="linear", speed=1), 10**7) == 0


def test_coins_are_a_function_of_the_seed_and_as_frequent_as_the_ratio():
    first = drawn((400, 50), 0.3, 1, 2, 0)
    np.testing.assert_array_equal(first, drawn((400, 50), 0.3, 1, 2, 0))
    assert (first != drawn((400, 50), 0.3, 1, 3, 0)).any()
    assert first[0].all()
    assert abs(first[1:].mean() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / first[1:].size)
    assert drawn((5, 3), 1.0, 0).all()
    assert not drawn((5, 3), 0.0, 0)[1:].any()


def test_what_is_not_scheduled_tosses_no_coin(tmp_path: Path):
    task = WritingTask.from_recipe(tiny_pairs(tmp_path), torch.device("cpu"))
    assert not is_scheduled(task.recipe.training)
    assert task.batches(0)[0].forced is None
    assert set(task.train_scores(0.5)) == {"loss"}


def test_the_ratio_of_each_step_is_logged(tmp_path: Path):
    decay = {"teacher_forcing_decay": "linear", "teacher_forcing_speed": 0.1}
    task = WritingTask.from_recipe(tiny_pairs(tmp_path, training=decay), torch.device("cpu"))
    for step, expected in ((0, 1.0), (4, 0.6), (20, 0.0)):
        (batch,) = task.batches(step)
        assert batch.forced is not None
        assert batch.targets is not None
        assert batch.forced.shape == batch.targets.shape
        assert task.train_scores(0.5)["teacher_forcing_ratio"] == pytest.approx(expected)
        (again,) = task.batches(step)
        assert again.forced is not None
        np.testing.assert_array_equal(batch.forced, again.forced)
    assert not batch.forced[1:].any()


@pytest.mark.parametrize(
    ("keys", "reason", "mend"),
    [
        ({"speed": 0.1}, "stays as it is", "teacher_forcing_decay=linear"),
        ({"floor": 0.1}, "has teacher_forcing_floor", "teacher_forcing_decay=linear"),
        ({"decay": "linear"}, "without its speed", "teacher_forcing_speed=NUMBER"),
        ({"decay": "exponential", "speed": 1.5}, "k below 1", "teacher_forcing_speed=0.9999"),
        ({"decay": "inverse-sigmoid", "speed": 0.5}, "k of 1 or more", "speed=1000"),
        ({"decay": "linear", "speed": 0.1, "ratio": 0.4, "floor": 0.5}, "above", "lower"),
        ({"ratio": 1.5}, "less than or equal to 1", "leave it out"),
        ({"decay": "cosine"}, "inverse-sigmoid", "leave it out"),
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, Any], reason: str, mend: str):
    with pytest.raises(RecipeError) as caught:
        training(**keys)
    said, _, mended = str(caught.value).partition("mend: ")
    assert reason in said
    assert mend in mended
