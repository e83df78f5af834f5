"""JSON: an object a line, or a list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, cast

from ostinato.data.errors import DataError
from ostinato.data.readers.lines import Line, place_of, read_lines
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row


def json_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield an object for each line, or each object of one list; empty lines are skipped.

    Args:
        path: the file.
        options: its encoding.
        malformed: is told of what is not an object.

    Raises:
        DataError: the file cannot be read, or its list is not JSON.
    """
    lines = (line for line in read_lines(path, options.encoding) if line.text or line.problem)
    first = next(lines, Line(1, ""))
    rest = chain([first], lines)
    if first.text.lstrip().startswith("["):
        items = _listed(path, "\n".join(line.text for line in rest))
        found = ((f"{path.name}, item {number:,}", item) for number, item in enumerate(items, 1))
    else:
        found = _objects(path, rest, malformed)
    for place, item in found:
        if isinstance(item, dict):
            yield Row(place, cast("dict[str, Any]", item))
        else:
            malformed.report(place, f"expected an object {{…}}, got {type(item).__name__}")


def _objects(
    path: Path, lines: Iterator[Line], malformed: Malformed
) -> Iterator[tuple[str, object]]:
    for line in lines:
        place = place_of(path, line.number)
        if line.problem:
            malformed.report(place, line.problem)
            continue
        if not line.text.strip():
            continue
        try:
            item = json.loads(line.text)
        except json.JSONDecodeError as error:
            malformed.report(place, f"not JSON: {error.msg} at column {error.colno}")
        except RecursionError:
            malformed.report(place, "not JSON that can be read: nested too deeply")
        else:
            yield place, item


def _listed(path: Path, text: str) -> list[object]:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f"{path} begins as a list of JSON, but cannot be read: {error}\n"
            "mend: write one object a line, or a list of objects [{…}, {…}]"
        ) from error
