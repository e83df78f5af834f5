"""Which task a recipe asks for."""

from __future__ import annotations

from typing import Any

import torch

from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.task import Task


def task_of(recipe: Recipe, device: torch.device) -> Task[Any]:
    """Read the data of a recipe.

    Raises:
        DataError: the data cannot be used.
        RecipeError: the recipe does not fit the data.
    """
    match recipe:
        case LanguageModelRecipe():
            from ostinato.training.language_model import LanguageModelTask

            return LanguageModelTask.from_recipe(recipe, device)
        case ExampleRecipe():
            from ostinato.training.example_task import ExampleTask

            return ExampleTask.from_recipe(recipe, device)
        case _:
            raise AssertionError(f"no task for {type(recipe).__name__}")
