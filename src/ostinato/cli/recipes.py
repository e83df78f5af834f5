"""``ostinato recipes``: the built-in recipes, and the data sets that recipes can name."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data.sets.catalogue import find_set, named_sets
from ostinato.data.sets.named_set import NamedSet
from ostinato.data.sets.remote import DATA_FOLDER, find
from ostinato.training.recipe_files import builtin_recipes, builtin_text, parse_recipe

_WIDTH_OF_PIPES = 160
_ENDS = {"max_minutes": "minute", "max_epochs": "epoch", "max_steps": "step"}


def recipes_command(name: str | None, *, data: bool) -> None:
    """Print a table of the recipes, one of them as it stands, or a table of the data sets."""
    if data:
        if name is not None:
            raise OptionError("--data lists all sets\nmend: leave the name of a recipe out")
        _print(_sets(), f"found in {DATA_FOLDER} or downloaded on first use; data.name=NAME")
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
        source: str = data.get("name") or ("its own" if "text" in data else "yours")
        table.add_row(name, raw["task"], source, _until(raw["training"]), what)
    return table


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
    """Return whether every file lies on this machine."""
    is_here = all(find(named.folder, name) is not None for name in named.files)
    return "yes" if is_here else "no"


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
