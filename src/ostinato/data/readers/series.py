"""Time series of the UCR and UEA archives: ``.ts`` files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ostinato.data.errors import DataError
from ostinato.data.readers.lines import Line, place_of, read_lines
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row

_LABELS = ("classlabel", "targetlabel")


@dataclass
class _Header:
    keys: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def is_true(self, key: str) -> bool:
        return self.keys.get(key, [""])[0].lower() == "true"

    def number(self, *keys: str) -> int | None:
        found = next((self.keys[key] for key in keys if self.keys.get(key)), None)
        return int(found[0]) if found and found[0].isdigit() else None

    @property
    def has_label(self) -> bool:
        return any(self.is_true(key) for key in _LABELS)

    @property
    def labels(self) -> list[str]:
        """The labels that occur, if the header lists them."""
        return self.keys.get("classlabel", [""])[1:] if self.is_true("classlabel") else []

    @property
    def num_dimensions(self) -> int | None:
        return 1 if self.is_true("univariate") else self.number("dimensions", "dimension")

    @property
    def length(self) -> int | None:
        return self.number("serieslength") if self.is_true("equallength") else None


def series_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield ``series``, float32 ``[T, I]`` with NaN for missing values, and ``label``.

    Args:
        path: the file.
        options: its encoding.
        malformed: is told of cases that are not as the header says.

    Raises:
        DataError: the file cannot be read, has no ``@data``, or has time stamps.
    """
    lines = read_lines(path, options.encoding)
    header = _read_header(path, lines)
    for line in lines:
        text = line.text.strip()
        if not line.problem and (not text or text.startswith("#")):
            continue
        place = place_of(path, line.number)
        try:
            yield Row(place, _case(line, header))
        except ValueError as error:
            malformed.report(place, str(error))


def _read_header(path: Path, lines: Iterator[Line]) -> _Header:
    header = _Header()
    for line in lines:
        words = line.text.split()
        if not words or words[0].startswith("#"):
            continue
        key = words[0].removeprefix("@").lower()
        if not words[0].startswith("@"):
            break
        if key == "data":
            if header.is_true("timestamps"):
                raise DataError(
                    f"{path} has time stamps, which are not read\n"
                    "mend: write the values alone, at equal distances: @timeStamps false"
                )
            return header
        header.keys[key] = words[1:]
    raise DataError(
        f"{path} has no @data line before its cases\n"
        "mend: give a .ts file: a header of @ lines, @data, then a case a line"
    )


def _case(line: Line, header: _Header) -> dict[str, object]:
    """Read one case.

    Raises:
        ValueError: says why it is malformed.
    """
    if line.problem:
        raise ValueError(line.problem)
    dimensions = line.text.strip().split(":")
    values: dict[str, object] = {}
    if header.has_label:
        values["label"] = label = dimensions.pop().strip()
        if header.labels and label not in header.labels:
            raise ValueError(f"label {label!r} is none of {', '.join(header.labels)}")
    expected = header.num_dimensions
    if not dimensions or (expected is not None and len(dimensions) != expected):
        raise ValueError(f"it has {len(dimensions)} dimensions, expected {expected or 'some'}")
    series = [_numbers(text) for text in dimensions]
    lengths = sorted({len(each) for each in series})
    if len(lengths) > 1:
        raise ValueError(f"its dimensions have {lengths[0]} to {lengths[-1]} values, not the same")
    if header.length is not None and lengths[0] != header.length:
        raise ValueError(f"it has {lengths[0]} steps, expected {header.length}")
    return {"series": np.stack(series, axis=1), **values}


def _numbers(text: str) -> npt.NDArray[np.float32]:
    fields = text.split(",")
    if "?" in text:
        fields = ["nan" if field.strip() == "?" else field for field in fields]
    return np.array(fields).astype(np.float32)
