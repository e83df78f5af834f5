"""Turn pydantic's list of mistakes into sentences with the mend."""

from __future__ import annotations

import difflib
from typing import Any, cast

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
            lines[place] = f"`{place}` {mistake['ctx']['error']}"
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
    annotation: Any = Recipe
    for part in location:
        if not is_section(annotation):
            break
        parts.append(str(part))
        field = annotation.model_fields.get(str(part))
        annotation = field.annotation if field else None
    return ".".join(parts)


def _nearest(place: str) -> str:
    """Suggest a key of the same section first, then a key of that name anywhere."""
    section, _, key = place.rpartition(".")
    paths = _all_keys(Recipe)
    here = {_last(path): path for path in paths if path.rpartition(".")[0] == section}
    for known in (here, {_last(path): path for path in paths}):
        found = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
        if found:
            return f"; did you mean `{known[found[0]]}`?"
    return f"\nexpected one of: {', '.join(here)}" if here else ""


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if is_section(field.annotation):
            keys += _all_keys(cast("type[BaseModel]", field.annotation), f"{prefix}{name}.")
    return keys


def is_section(annotation: object) -> bool:
    """Whether a field's type is a section with keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
