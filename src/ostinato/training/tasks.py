"""Which task a recipe asks for."""

from __future__ import annotations

from typing import Any

import torch

from ostinato.training.kinds import kind_of
from ostinato.training.recipe_parts import Recipe
from ostinato.training.task import Task


def task_of(recipe: Recipe, device: torch.device) -> Task[Any]:
    """Read the data of a recipe.

    Raises:
        DataError: the data cannot be used.
        RecipeError: the recipe does not fit the data.
    """
    return kind_of(recipe).task(recipe, device)
