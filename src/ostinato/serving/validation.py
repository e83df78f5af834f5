"""What is wrong with the fields of a request, in sentences: what was got, and what is expected."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from ostinato.serving.errors import RequestError, invalid

_MOST_MISTAKES: Final = 20
_MOST_SHOWN: Final = 60
_SEND_JSON: Final = "send JSON with Content-Type: application/json"

Mistake = Mapping[str, Any]


def invalid_fields(found: Sequence[Mistake]) -> RequestError:
    """Return the error of what does not validate.

    Args:
        found: errors of pydantic.
    """
    if any(each["type"] == "json_invalid" for each in found):
        return invalid("the body is not JSON", _SEND_JSON)
    details = [_detail(each) for each in found[:_MOST_MISTAKES]]
    first = details[0]
    where = first["field"] or "the body"
    return invalid(f"{where}: {first['message']}", first["mend"], details)


def _detail(mistake: Mistake) -> dict[str, str]:
    field, kind = _field(mistake), str(mistake["type"])
    if kind == "missing":
        message, mend = "got nothing, expected a value: the field is missing", f"send {field}"
        if not field:
            message, mend = "got nothing, expected JSON", _SEND_JSON
    elif kind == "extra_forbidden":
        message = f"got {shown(mistake['input'])}, expected no field of this name"
        mend = "leave it out; see /openapi.json for the fields that there are"
    else:
        expected = _expected(kind, cast("Mapping[str, Any]", mistake.get("ctx") or {}))
        message = f"got {shown(mistake['input'])}, expected {expected}"
        mend = _mend(field, kind, expected)
    return {"field": field, "message": message, "mend": mend}


def _field(mistake: Mistake) -> str:
    """Return where a mistake stands, without the names of kinds and of keys that pydantic adds."""
    parts = [str(part) for part in mistake["loc"][1:]]
    return ".".join(part for part in parts if not part.startswith(("<", "[")))


def _mend(field: str, kind: str, expected: str) -> str:
    if not field:
        return _SEND_JSON
    if field == "equations" and kind == "string_too_short":
        return "type an equation, such as h = tanh(W @ h + U @ x)"
    if kind == "finite_number":
        return "send finite numbers, and null where one is missing"
    if kind in ("string_too_long", "too_long"):
        return "send a shorter one, or several, one after another"
    return f"send {expected}"


def _expected(kind: str, limits: Mapping[str, Any]) -> str:
    if kind in _BY_LIMITS:
        return _BY_LIMITS[kind](limits)
    return _BY_KIND.get(kind, "what /openapi.json describes")


_BY_KIND: Final[Mapping[str, str]] = {
    "string_type": "a string",
    "string_unicode": "a string without lone surrogates",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number, or null where numbers may be missing",
    "finite_number": "a finite number; null where one is missing",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "union_tag_not_found": "a text, a list of tokens, or a list of numbers or of lists of them",
}
_BY_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda limits: f"a number above {_plain(limits['gt'])}",
    "greater_than_equal": lambda limits: f"a number that is at least {_plain(limits['ge'])}",
    "less_than": lambda limits: f"a number below {_plain(limits['lt'])}",
    "less_than_equal": lambda limits: f"a number that is at most {_plain(limits['le'])}",
    "string_too_long": lambda limits: f"at most {_counted(limits['max_length'], 'character')}",
    "string_too_short": lambda limits: f"at least {_counted(limits['min_length'], 'character')}",
    "too_long": lambda limits: f"at most {_counted(limits['max_length'], 'element')}",
    "too_short": lambda limits: f"at least {_counted(limits['min_length'], 'element')}",
    "literal_error": lambda limits: str(limits["expected"]),
}


def shown(value: object) -> str:
    """Return a value in few words: JSON where it is short, otherwise its beginning and its size.

    >>> shown("a" * 100)
    '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" (100 characters)'
    """
    match value:
        case str():
            text = json.dumps(value[:_MOST_SHOWN], ensure_ascii=False)
            if len(value) <= _MOST_SHOWN:
                return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"
            return (
                f'{json.dumps(value[:40], ensure_ascii=False)[:-1]}…" ({len(value):,} characters)'
            )
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case bool() | None | int() | float():
            return _cut(json.dumps(value)) if not _is_huge(value) else "a number of many digits"
        case list():
            return f"a list of {_counted(len(cast('list[object]', value)), 'element')}"
        case dict():
            return f"an object of {_counted(len(cast('dict[str, object]', value)), 'field')}"
        case bytes():
            return f"a body of {_counted(len(value), 'byte')} that is not declared as JSON"
        case _:
            return "something else"


def _is_huge(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > 1024


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _plain(number: float) -> str:
    return str(number)
