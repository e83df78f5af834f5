"""Turn pydantic's list of mistakes into sentences with the mend."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ostinato.core.errors import nearest
from ostinato.training.recipe import RECIPES
from ostinato.training.recipe_parts import Recipe


def explain_task(raw: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the task, which decides what every other key means."""
    tasks = ", ".join(RECIPES)
    if "task" not in raw:
        return f"`task` is missing\nmend: write `task: NAME`, with NAME one of: {tasks}"
    task: object = raw["task"]
    if isinstance(task, str) and task in RECIPES:
        return None
    near = nearest(task, RECIPES) if isinstance(task, str) else None
    hint = f"; did you mean {near!r}?" if near else ""
    return f"`task`: got {task!r}, expected one of: {tasks}{hint}\nmend: use one of these"


def explain_mistakes(error: ValidationError, name: str, kind: type[Recipe]) -> str:
    """Turn pydantic's list of mistakes into a line and its mend each; one key is reported once."""
    lines: dict[str, str] = {}
    mends: dict[str, str] = {}
    for mistake in error.errors(include_url=False):
        place = _known_part(kind, mistake["loc"])
        if mistake["type"] == "extra_forbidden":
            place = ".".join(map(str, mistake["loc"]))
            lines[place] = f"unknown key `{place}`{_nearest(kind, place)}"
        elif mistake["type"] == "missing":
            lines[place] = f"`{place}` is missing"
            mends[place] = _mend(kind, place)
        elif mistake["type"] == "value_error":
            # It brings its own mend.
            subject = f"`{place}`" if place else "it"
            lines[place] = f"{subject} {mistake['msg'].removeprefix('Value error, ')}"
        elif place in lines:
            lines[place] += f" or {_expected(mistake['msg'])}"
        else:
            got = repr(mistake["input"])
            got = got if len(got) <= 60 else f"{got[:60]}…"
            lines[place] = f"`{place}`: got {got}, expected {_expected(mistake['msg'])}"
            mends[place] = _mend(kind, place)
    reports = [
        f"{line}\nmend: {mends[place]}" if place in mends else line for place, line in lines.items()
    ]
    return f"recipe {name}: " + "\n".join(reports)


def _mend(kind: type[Recipe], place: str) -> str:
    """Say what to write: keys of a section, or a value."""
    path = place.split(".")
    if section := section_of(field_type(kind, path)):
        return f"give it keys with values, such as {place}.{next(iter(section.model_fields))}"
    parent = section_of(field_type(kind, path[:-1]))
    assert parent is not None, f"`{place}` is in no section"
    field = parent.model_fields[path[-1]]
    if field.is_required():
        return f"write `{place}: {' or '.join(get_args(field.annotation))}`"
    default = json.dumps(field.default, ensure_ascii=False, default=str)
    return f"give such a value, or leave it out (default: {default})"


def _expected(message: str) -> str:
    message = message.removeprefix("Input should be ")
    if message.startswith("a valid dictionary"):
        return "keys with values"
    return re.split(", unable to parse|, got ", message)[0]


def _known_part(kind: type[Recipe], location: tuple[int | str, ...]) -> str:
    """Return the key's path without the union branches that pydantic appends."""
    parts: list[str] = []
    model: type[BaseModel] | None = kind
    for part in location:
        if model is None:
            break
        parts.append(str(part))
        model = section_of(field_type(kind, parts))
    return ".".join(parts)


def _nearest(kind: type[Recipe], place: str) -> str:
    """Suggest a key of the same section first, then a key of that name anywhere."""
    section, _, key = place.rpartition(".")
    paths = _all_keys(kind)
    here = [path for path in paths if path.rpartition(".")[0] == section]
    for known in (here, paths):
        near = nearest(key, map(_last, known))
        if near is not None:
            same = [f"`{path}`" for path in known if _last(path) == near]
            return f"; did you mean {' or '.join(same)}?\nmend: use that, or leave it out"
    return f"\nexpected one of: {', '.join(map(_last, here))}\nmend: use one of these"


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if section := section_of(field.annotation):
            keys += _all_keys(section, f"{prefix}{name}.")
    return keys


def field_type(kind: type[Recipe], path: Sequence[str]) -> object:
    """Return the type of a key, or None where a recipe of this kind has no such key."""
    found: object = kind
    for part in path:
        model = section_of(found)
        field = model.model_fields.get(part) if model else None
        found = field.annotation if field else None
    return found


def section_of(kind: object) -> type[BaseModel] | None:
    """Return the model of a key that is a section with keys of its own, or may be none."""
    kinds = get_args(kind) if get_origin(kind) is types.UnionType else (kind,)
    found = [each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)]
    return found[0] if found else None
