"""``ostinato recipes``: the built-in recipes, and the data sets that recipes can name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data.sets.catalogue import find_set, named_sets
from ostinato.data.sets.named_set import NamedSet
from ostinato.data.sets.remote import DATA_FOLDER, find
from ostinato.training.recipe import RECIPES
from ostinato.training.recipe_files import builtin_recipes, builtin_text, parse_recipe
from ostinato.training.recipe_mistakes import section_of

_WIDTH_OF_PIPES = 160
_ENDS = {"max_minutes": "minute", "max_epochs": "epoch", "max_steps": "step"}


def recipes_command(name: str | None, *, data: bool, keys: str | None) -> None:
    """Print a table of the recipes, one of them as it stands, the data sets, or a task's keys.

    Args:
        name: of a recipe; None for all.
        data: the sets in their place.
        keys: a task, of whose recipes the keys are listed instead.
    """
    if keys is not None:
        if data or name is not None:
            raise OptionError("--keys lists those of a task\nmend: leave the rest out")
        if keys not in RECIPES:
            raise UnknownNameError("task", keys, RECIPES)
        _print(_keys(RECIPES[keys]), "on the command line: key=value; `ostinato check` shows all")
    elif data:
        if name is not None:
            raise OptionError("--data lists all sets\nmend: leave the name of a recipe out")
        note = f"found in {DATA_FOLDER} or downloaded on first use; data.name=NAME"
        _print(_sets(), f"{note}\nby hand: no public file holds it as it is used; see source")
    elif name is not None:
        if name not in builtin_recipes():
            raise UnknownNameError("recipe", name, builtin_recipes())
        print(builtin_text(name), end="")
    else:
        _print(_recipes(), "as it stands: ostinato recipes NAME; learn: ostinato train NAME")


def _recipes() -> Table:
    table = _table("name", "task", "data", "until", "what it does")
    for name in builtin_recipes():
        text = builtin_text(name)
        raw = parse_recipe(text, name)
        what = text.partition("\n")[0].removeprefix("#").strip()
        data: dict[str, Any] = raw.get("data") or {}
        own = "its own" if "text" in data else "made" if "made" in data else "yours"
        source: str = data.get("name") or own
        table.add_row(name, raw["task"], source, _until(raw["training"]), what)
    return table


def _keys(recipe: type[BaseModel]) -> Table:
    """Return every key with its default and its meaning."""
    table = _table("key", "default", "meaning")
    for section, field in recipe.model_fields.items():
        for key, each in _fields(section, field):
            choices = ", ".join(str(choice) for choice in _choices(each.annotation))
            meaning = each.description or ("what is learned" if key == "task" else "")
            table.add_row(key, _default(each), "; ".join(filter(None, (meaning, choices))))
    return table


def _fields(name: str, field: FieldInfo) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the keys of a section, and of those in it."""
    section = section_of(field.annotation)
    if section is not None:
        for key, each in section.model_fields.items():
            yield from _fields(f"{name}.{key}", each)
    else:
        yield name, field


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values that a key may have, where they are few."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(choice for part in get_args(annotation) for choice in _choices(part))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    return "" if value in ({}, []) else json.dumps(value, ensure_ascii=False).strip('"')


def _until(training: dict[str, Any]) -> str:
    """Return what ends the run."""
    ends = [
        f"{training[key]:g} {unit}{'' if training[key] == 1 else 's'}"
        for key, unit in _ENDS.items()
        if training.get(key) is not None
    ]
    return " or ".join(ends)


def _sets() -> Table:
    table = _table("name", "task", "size", "here", "licence", "source", "what it holds")
    for name in named_sets():
        named = find_set(name)
        size = sum(file.size for file in named.files.values())
        table.add_row(
            name,
            named.task,
            _megabytes(size),
            _found(named),
            named.licence,
            named.source.partition("@")[0],
            named.title,
        )
    return table


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _found(named: NamedSet) -> str:
    """Return whether every file lies on this machine, or can be downloaded."""
    missing = [name for name in named.files if find(named.folder, name) is None]
    if not missing:
        return "yes"
    return "no" if all(named.files[name].url for name in missing) else "no, by hand"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names[:-1]:
        wraps = name in ("licence", "source")
        table.add_column(name, no_wrap=not wraps, overflow="fold")
    table.add_column(names[-1])
    return table


def _print(table: Table, hint: str) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_PIPES
    console.print(table)
    console.print(f"\n{hint}")
