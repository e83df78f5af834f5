"""Every recipe has a kind, and a kind that a command does not know is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostinato.training.kinds import Kind, kind_of, refuse
from ostinato.training.recipe import RECIPES
from ostinato.training.recipe_files import builtin_recipes, load_recipe


@pytest.mark.parametrize("recipe", sorted(set(RECIPES.values()), key=str))
def test_every_class_of_recipes_has_a_kind_of_its_own(recipe: type):
    own = kind_of(recipe.model_construct(task="x"))
    assert isinstance(own, Kind)
    others = [
        kind_of(other.model_construct(task="x")) for other in set(RECIPES.values()) - {recipe}
    ]
    assert own not in others


@pytest.mark.parametrize("name", builtin_recipes())
def test_every_recipe_is_judged_by_a_score(name: str):
    recipe = load_recipe(name, ["data=x"] if name == "text" else [])
    assert kind_of(recipe).score_name(recipe)


def test_a_refusal_says_what_to_do_instead():
    error = str(refuse(Path("runs/x"), load_recipe("hello", []), "the lens"))
    assert "learned language-model, which the lens does not take" in error
    assert "mend: use it with `ostinato generate runs/x`" in error


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hello", "let it write with: ostinato generate runs/x"),
        ("translate-de-en", "let it write with: ostinato translate runs/x"),
        ("caption-digits", "let it write with: ostinato predict runs/x image.png"),
        ("suggest-en", "let it complete queries with: ostinato suggest runs/x"),
        ("forecast-etth1", "let it forecast with: ostinato predict runs/x --figure fan.html"),
        ("strokes", "let it draw with: ostinato draw runs/x --figure sheet.html"),
        ("spam", ""),
    ],
)
def test_who_has_trained_is_told_the_next_command(name: str, hint: str):
    recipe = load_recipe(name, [])
    assert kind_of(recipe).hint(recipe, "runs/x").startswith(hint)
    assert bool(hint) == bool(kind_of(recipe).hint(recipe, "runs/x"))
