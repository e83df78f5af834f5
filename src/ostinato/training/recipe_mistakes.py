"""Turn pydantic's list of mistakes into sentences with the mend."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from ostinato.training.recipe import Recipe


def explain_mistakes(error: ValidationError, name: str) -> str:
    """Turn pydantic's list of mistakes into one line each; one key is reported once."""
    lines: dict[str, str] = {}
    for mistake in error.errors(include_url=False):
        place = _known_part(mistake["loc"])
        if mistake["type"] == "extra_forbidden":
            place = ".".join(map(str, mistake["loc"]))
            lines[place] = f"unknown key `{place}`{_nearest(place)}"
        elif mistake["type"] == "missing":
            lines[place] = f"`{place}` is missing"
        elif mistake["type"] == "value_error":
            lines[place] = f"`{place}` {mistake['msg'].removeprefix('Value error, ')}"
        elif place in lines:
            lines[place] += f" or {_expected(mistake['msg'])}"
        else:
            got = repr(mistake["input"])
            got = got if len(got) <= 60 else f"{got[:60]}…"
            lines[place] = f"`{place}`: got {got}, expected {_expected(mistake['msg'])}"
    first, *rest = lines.values()
    return "\n".join([f"recipe {name}: {first}", *rest])


def _expected(message: str) -> str:
    message = message.removeprefix("Input should be ")
    return message.split(", unable to parse")[0]


def _known_part(location: tuple[int | str, ...]) -> str:
    """Return the key's path without the union branches that pydantic appends."""
    parts: list[str] = []
    model: type[BaseModel] | None = Recipe
    for part in location:
        if model is None:
            break
        parts.append(str(part))
        model = _section(field_type([*parts]))
    return ".".join(parts)


def _nearest(place: str) -> str:
    """Suggest a key of the same section first, then a key of that name anywhere."""
    section, _, key = place.rpartition(".")
    paths = _all_keys(Recipe)
    here = [path for path in paths if path.rpartition(".")[0] == section]
    for known in (here, paths):
        found = difflib.get_close_matches(key, map(_last, known), n=1, cutoff=0.6)
        if found:
            same = [f"`{path}`" for path in known if _last(path) == found[0]]
            return f"; did you mean {' or '.join(same)}?"
    return f"\nexpected one of: {', '.join(map(_last, here))}" if here else ""


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if section := _section(field.annotation):
            keys += _all_keys(section, f"{prefix}{name}.")
    return keys


def field_type(path: Sequence[str]) -> object:
    """Return the type of a key, or None where there is no such key."""
    kind: object = Recipe
    for part in path:
        model = _section(kind)
        field = model.model_fields.get(part) if model else None
        kind = field.annotation if field else None
    return kind


def _section(kind: object) -> type[BaseModel] | None:
    """Return the model of a key that is a section with keys of its own."""
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
