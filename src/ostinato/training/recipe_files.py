"""Find a recipe by name or path, change single keys, and validate the whole."""

from __future__ import annotations

import copy
import shlex
import types
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin

import yaml
from pydantic import ValidationError

from ostinato.core.errors import UnknownNameError
from ostinato.data import is_file, read_text
from ostinato.training.errors import RecipeError
from ostinato.training.recipe import recipe_class
from ostinato.training.recipe_mistakes import explain_mistakes, explain_task, field_type, section_of
from ostinato.training.recipe_parts import Recipe, SourceRecipe

_FOLDER = resources.files("ostinato.training") / "recipes"
_SUFFIXES = (".yaml", ".yml")


def builtin_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    return tuple(
        sorted(
            entry.name.removesuffix(".yaml")
            for entry in _FOLDER.iterdir()
            if entry.name.endswith(".yaml")
        )
    )


def builtin_text(name: str) -> str:
    """Return a built-in recipe as it is written, with its comments."""
    return (_FOLDER / f"{name}.yaml").read_text("utf-8")


def load_recipe(source: str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a built-in recipe or a YAML file, apply ``key.path=value``, and validate.

    Args:
        source: a built-in name, or the path of a YAML file.
        overrides: changes; the values are YAML. ``data=FILE`` names the data alone.

    Raises:
        UnknownNameError: neither a built-in name nor a file.
        RecipeError: not YAML, a wrong key, or a wrong value; the nearest right key is named.
    """
    name, text = _find(source)
    try:
        raw = parse_recipe(text, name)
    except RecipeError as error:
        if name in builtin_recipes() or Path(name).suffix in _SUFFIXES:
            raise
        reason = str(error).partition("\nmend: ")[0]
        raise RecipeError(
            f"{reason}\n"
            f"mend: to train on it as a text: ostinato train text data={shlex.quote(name)}"
        ) from error
    return validate(changed(raw, overrides), name)


def changed(raw: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Return nested dictionaries with ``key.path=value`` applied.

    Raises:
        RecipeError: an override is not of this form.
    """
    copied = copy.deepcopy(dict(raw))
    for override in overrides:
        _override(copied, override)
    return copied


def _find(source: str) -> tuple[str, str]:
    path = Path(source)
    names = builtin_recipes()
    if source in names:
        return source, builtin_text(source)
    if is_file(path) or path.suffix in _SUFFIXES or len(path.parts) > 1:
        return source, read_text(path)
    if "=" in source:
        raise RecipeError(
            f"got {source!r} where the recipe's name belongs\n"
            f"mend: ostinato train RECIPE {source}, with RECIPE one of: {', '.join(names)}"
        )
    raise UnknownNameError("recipe", source, [*names, "a YAML file"])


def parse_recipe(text: str, name: str) -> dict[str, Any]:
    """Read YAML into nested dictionaries.

    Raises:
        RecipeError: it is not YAML, or not a mapping.
    """
    try:
        # A loader of safe content: ruff knows yaml's own names only.
        raw: object = yaml.load(text, Loader=_Loader)  # noqa: S506
    except _DuplicateKeyError as error:
        raise RecipeError(f"recipe {name}: {error}\nmend: keep one of them") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"recipe {name} is not YAML: {_yaml_place(error)}") from error
    except RecursionError as error:
        raise RecipeError(
            f"recipe {name} is nested too deeply to be a recipe\n"
            "mend: sections with keys are all that it holds"
        ) from error
    if not isinstance(raw, dict):
        raise RecipeError(
            f"recipe {name} holds {type(raw).__name__}, not keys with values\n"
            "mend: start from a built-in one: lines such as `task: language-model`"
        )
    return cast("dict[str, Any]", raw)


def _yaml_place(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{str(error).splitlines()[0]}\nmend: give a plain text file"
    mark = error.problem_mark
    mend = f"check indentation and colons around line {mark.line + 1}"
    if isinstance(error, yaml.constructor.ConstructorError):
        mend = "leave out tags such as `!!…`: numbers, text, lists and keys are all it may hold"
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}\nmend: {mend}"


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        example = "training.learning_rate=0.001"
        if not equals and is_file(Path(override)):
            example = f"data={shlex.quote(override)}"
        raise RecipeError(f"got {override!r}, expected key.path=value\nmend: write it as {example}")
    if path == ["data"]:
        kept = raw.get("data")
        # One source takes the place of another; how it is read stays.
        old = cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
        sources = _sources(recipe_class(raw))
        raw["data"] = {**{k: v for k, v in old.items() if k not in sources}, sources[0]: value}
        return
    section = raw
    for part in path[:-1]:
        inner = section.get(part)
        if part == "data" and isinstance(inner, str):
            inner = {_sources(recipe_class(raw))[0]: inner}
        if inner is None:
            inner = {}
        if not isinstance(inner, dict):
            raise RecipeError(
                f"`{key}`: `{part}` is a single value here, not a section\n"
                f"mend: leave out what follows `{part}.`"
            )
        section[part] = inner
        section = cast("dict[str, Any]", inner)
    is_text = _is_text(field_type(recipe_class(raw), path), value)
    section[path[-1]] = value if is_text else _parse_value(override, value)


def _is_text(annotation: object, value: str) -> bool:
    """Whether a key takes text, so that ``sample.prompt=12`` stays text and is not a number."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    kinds = get_args(annotation) if is_union else (annotation,)
    takes_several = any(get_origin(kind) in (list, dict) for kind in kinds)
    if takes_several and value.lstrip().startswith(("[", "{")):
        return False
    if value == "null" and types.NoneType in kinds:
        return False
    return any(kind in (str, Path) for kind in kinds)


def _parse_value(override: str, value: str) -> object:
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError(f"got {override!r}: the value is not YAML\nmend: quote it") from error


def validate(raw: Mapping[str, Any], name: str) -> Recipe:
    """Turn nested dictionaries into a recipe.

    Raises:
        RecipeError: every wrong key and value, with the nearest right key.
    """
    mistake = explain_task(raw)
    if mistake:
        raise RecipeError(f"recipe {name}: {mistake}")
    raw = dict(raw)
    kind = recipe_class(raw)
    if isinstance(raw.get("data"), str):
        raw["data"] = {_sources(kind)[0]: raw["data"]}
    if raw.get("data") is None:
        raw["data"] = {}
    try:
        recipe = kind.model_validate(raw)
    except ValidationError as error:
        raise RecipeError(explain_mistakes(error, name, kind)) from error
    data = recipe.data.with_paths(lambda path: path.expanduser().absolute())
    return recipe.model_copy(update={"data": data})


def _sources(kind: type[Recipe]) -> tuple[str, ...]:
    """Return the keys that name the data of recipes of a kind, the key of a file first."""
    section = section_of(field_type(kind, ["data"]))
    assert section is not None, "every recipe has data"
    assert issubclass(section, SourceRecipe)
    return section.sources


def dump_recipe(recipe: Recipe) -> str:
    """Return the resolved recipe as YAML that ``parse_recipe`` and ``validate`` read back."""
    return yaml.dump(
        recipe.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True
    )


class _DuplicateKeyError(Exception):
    """A key stands twice in one mapping, where YAML's reader would take the last in silence."""


class _Loader(yaml.SafeLoader):
    """Reads plain data, and each key once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in lines:
                raise _DuplicateKeyError(
                    f"the key `{key.value}` stands in line {lines[key.value]} and again in line "
                    f"{line}"
                )
            lines[key.value] = line
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines, such as equations, as a block."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text.strip("\n") else None
    # PyYAML's own types leave the value open.
    untyped: Any = dumper
    return untyped.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
