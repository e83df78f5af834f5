"""Recipes: what is read, what is refused, and what is suggested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ostinato.core.errors import UnknownNameError
from ostinato.data import DataError
from ostinato.training.errors import RecipeError
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import (
    builtin_recipes,
    dump_recipe,
    load_recipe,
    parse_recipe,
    validate,
)
from tests.training.helpers import raw_recipe, tiny


def test_the_recipes_that_come_along():
    assert {"hello", "stdlib", "text"} <= set(builtin_recipes())
    assert load_recipe("hello").data.text == "hello"
    assert load_recipe("stdlib").data.name == "stdlib"
    assert load_recipe("text", ["data=x.txt"]).data.path == Path.cwd() / "x.txt"


def test_a_resolved_recipe_reads_back_as_itself():
    equations = "r = sigmoid(W_r @ [h, x])\nh = r * tanh(W @ [h, x])\n"
    recipe = tiny(model={"cell": equations}, data={"text": "가\n나: 'x'\n" * 20})
    text = dump_recipe(recipe)
    assert validate(parse_recipe(text, "dumped"), "dumped") == recipe
    assert "cell: |\n" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"lerning_rate": 1}}, "did you mean `training.learning_rate`"),
        ({"batch_size": 3}, "unknown key `batch_size`; did you mean `training.batch_size` or"),
        ({"modle": 3}, "unknown key `modle`; did you mean `model`"),
        ({"sample": {"xyzzy": 1}}, "expected one of: prompt, length, temperature, top_p"),
        ({"training": {"batch_size": "many"}}, "`training.batch_size`: got 'many', expected a "),
        ({"training": {"batch_size": 0}}, "`training.batch_size`: got 0, expected greater than 0"),
        ({"training": {"learning_rate": float("nan")}}, "`training.learning_rate`: got nan"),
        ({"training": {"max_steps": None}}, "has no end\nmend: set max_steps, max_epochs"),
        ({"training": None}, "`training`: got None, expected keys with values\n"),
        ({"training": {"batch_size": 3.5}}, "got 3.5, expected a valid integer\n"),
        ({"data": {"text": None, "path": ""}}, "`data.path` is empty\nmend: add data=FILE"),
        ({"data": {"text": None, "path": "-"}}, "`data.path` is `-`.*\nmend: data=/dev/stdin"),
        ({"model": {"hidden_size": 10**9}}, "`model.hidden_size`: got 1000000000"),
        ({"model": {"embedding_size": "two"}}, "got 'two', expected a valid integer or 'one-hot'"),
        ({"model": {"dropout": 1}}, "`model.dropout`: got 1, expected less than 1"),
        ({"data": {"text": None}}, "`data` needs a text\nmend: add data=FILE"),
        ({"data": {"name": "stdlib"}}, r"`data` has 2 sources \(name, text\)"),
        ({"data": {"held_out": 0.9}}, "`data.held_out`: got 0.9"),
        ({"data": {"unit": "jamo", "normalization": "none"}}, "unit=jamo with normalization=none"),
        ({"task": "chess"}, "`task`: got 'chess', expected one of: language-model, cl"),
    ],
)
def test_mistakes(changes: dict[str, Any], message: str):
    with pytest.raises(RecipeError, match=message) as caught:
        validate(raw_recipe(**changes), "mine")
    assert str(caught.value).startswith("recipe mine: ")
    assert str(caught.value).splitlines()[-1].startswith("mend: ")


def test_every_mistake_is_reported():
    raw = raw_recipe(training={"batch_size": "x", "tbptt": 3}, model={"layers": 2})
    with pytest.raises(RecipeError) as caught:
        validate(raw, "mine")
    assert str(caught.value).count("\nmend: ") == 3


def test_a_key_may_be_merged_and_set():
    text = "base: &base {x: 1, y: 2}\nother: {<<: *base, x: 3}"
    assert parse_recipe(text, "merged")["other"] == {"x": 3, "y": 2}


def test_a_missing_section():
    with pytest.raises(RecipeError, match="`training` is missing"):
        validate({"task": "language-model", "data": "x.txt"}, "mine")


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("training.learning_rate=1e-3", "training.learning_rate", 0.001),
        ("training.max_minutes=null", "training.max_minutes", None),
        ("model.tied=true", "model.tied", True),
        ("model.embedding_size=one-hot", "model.embedding_size", "one-hot"),
        ("model.cell=h = tanh(W @ [h, x])", "model.cell", "h = tanh(W @ [h, x])"),
        ("model.functions={f: tanh}", "model.functions", {"f": "tanh"}),
        ("sample.prompt=12", "sample.prompt", "12"),
        ("sample.prompt=", "sample.prompt", ""),
        ("sample.prompt=null", "sample.prompt", None),
        ("data.text=a: [b", "data.text", "a: [b"),
        ("seed=7", "seed", 7),
    ],
)
def test_overrides(override: str, path: str, value: object):
    found: Any = load_recipe("hello", ["training.max_steps=5", override])
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value


def test_a_file_takes_the_place_of_another_text():
    recipe = load_recipe("stdlib", ["data=x.txt", "data.unit=bytes"])
    assert recipe.data.name is None
    assert recipe.data.unit == "bytes"
    assert recipe.data.held_out == 0.05


EXAMPLES: dict[str, Any] = {
    "task": "classification",
    "data": {"name": "some-set", "format": "csv"},
    "training": {"max_epochs": 2},
}


def test_examples_have_keys_of_their_own(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(EXAMPLES))
    recipe: Any = load_recipe(str(path), ["data=a.csv", "model.bidirectional=true"])
    assert isinstance(recipe, ExampleRecipe)
    assert (recipe.data.train, recipe.data.name) == (Path.cwd() / "a.csv", None)
    assert recipe.data.format == "csv"
    recipe = load_recipe(
        str(path),
        ["data.name=null", "data.train=[a.csv, ~/b.csv]", "data.dev={input: c, target: d}"],
    )
    assert recipe.data.train == [Path.cwd() / "a.csv", Path.home() / "b.csv"]
    assert recipe.data.dev == {"input": Path.cwd() / "c", "target": Path.cwd() / "d"}
    assert validate(parse_recipe(dump_recipe(recipe), "dumped"), "dumped") == recipe
    with pytest.raises(RecipeError, match=r"unknown key `sample`"):
        load_recipe(str(path), ["sample.length=3"])
    with pytest.raises(RecipeError, match=r"unknown key `model.pooling`"):
        load_recipe("hello", ["model.pooling=mean"])


def test_a_task_that_is_nearly_known():
    with pytest.raises(RecipeError, match=r"did you mean 'tagging'\?\nmend: use one of these"):
        validate({**EXAMPLES, "task": "taging"}, "mine")
    with pytest.raises(RecipeError, match=r"`task` is missing\nmend: write `task: NAME`"):
        validate({"data": {}}, "mine")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.max_steps", "expected key.path=value"),
        ("=3", "expected key.path=value"),
        ("training..max_steps=3", "expected key.path=value"),
        ("seed.x=3", "`seed` is a single value here"),
        ("seed=[1", "the value is not YAML"),
        ("training.max_step=3", "did you mean `training.max_steps`"),
        ("training=3", "`training`: got 3"),
    ],
)
def test_overrides_that_are_wrong(override: str, message: str):
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe("hello", [override])
    assert str(caught.value).splitlines()[-1].startswith("mend: ")


def test_recipes_that_are_not_there(tmp_path: Path):
    with pytest.raises(UnknownNameError, match=r"did you mean 'hello'[^$]*a YAML file"):
        load_recipe("helo")
    with pytest.raises(DataError, match="no such file"):
        load_recipe(str(tmp_path / "mine.yaml"))
    with pytest.raises(RecipeError, match="where the recipe's name belongs"):
        load_recipe("data=x.txt")
    with pytest.raises(UnknownNameError):
        load_recipe("x" * 300)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML: line 1"),
        ("a: b: c", "is not YAML: line 1, column 5"),
        ("- 1\n- 2", "holds list, not keys"),
        ("just words", "holds str, not keys"),
        ("!!python/object:os.system {}", r"is not YAML: line 1[^$]*\nmend: leave out tags"),
        ("!!map text", "is not YAML"),
        ("seed: 1\ntask: a\nseed: 2", "the key `seed` stands in line 1 and again in line 3"),
        ("a: {b: 1, b: 2}", "the key `b` stands in line 1 and again in line 1"),
        ("[" * 5000, "is nested too deeply|is not YAML"),
        ("a: \x01", "is not YAML"),
    ],
)
def test_files_that_are_no_recipes(tmp_path: Path, text: str, message: str):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(str(path))
    assert str(caught.value).splitlines()[-1].startswith("mend: ")
