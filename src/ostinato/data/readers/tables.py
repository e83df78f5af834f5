"""Tables of text: columns between separators, quoted or not."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from ostinato.data.errors import DataError
from ostinato.data.readers.lines import Line, place_of, read_lines
from ostinato.data.readers.options import ReadOptions
from ostinato.data.rows import Malformed, Row
from ostinato.data.wording import counted

_SAMPLE = 100
# A quote that is open for longer was never meant to be closed.
_MOST_LINES = 1000
_LONGEST_NAME = 60
_SEPARATORS = {"csv": ",", "tsv": "\t"}
_OTHERS = (",", ";", "\t", "|")
# They stand in any text, so that they can part only what comes first from the rest.
_REST_OF_LINE = (" ", ":")
_OPEN = "a quote is opened and never closed; perhaps data.quoting=false"


def table_rows(path: Path, options: ReadOptions, malformed: Malformed) -> Iterator[Row]:
    """Yield the rows of a table: column name to text.

    Without ``options.header``, line 1 is a header if its fields are different from each other, not
    empty (but for one), no numbers, short, and none of them stands again in its column among the
    first lines. Without ``options.separator``, the format's own is taken unless the first lines
    have an equal number of fields with another only. Lines with nothing but spaces are skipped.

    Args:
        path: the file.
        options: how it is read.
        malformed: is told of rows with too few or too many fields, of bad quotes and bad text.

    Raises:
        DataError: the file cannot be read, or its header names a column twice.
    """
    lines = read_lines(path, options.encoding)
    sample = list(islice(lines, _SAMPLE))
    layout = _look(sample, options)
    if len(set(layout.columns)) < len(layout.columns):
        twice = Counter(layout.columns).most_common(1)[0][0]
        raise DataError(
            f"{path} has two columns of the name {twice!r}\n"
            "mend: name the columns: data.header=true data.columns=[…]"
        )
    records = _Records(chain(sample, lines), layout)
    if layout.has_header:
        next(records, None)
    for record in records:
        place = place_of(path, record.lines[0].number)
        problem = record.problem or _miscounted(record.fields, layout)
        if problem:
            malformed.report(place, problem)
            records.read_again(record.lines[1:])
        else:
            yield Row(place, dict(zip(layout.columns, record.fields, strict=True)))


@dataclass(frozen=True)
class _Layout:
    separator: str
    quoting: bool
    columns: tuple[str, ...] = ()
    has_header: bool = False

    @property
    def most_splits(self) -> int:
        """Cuts of one line; -1 for all that are possible."""
        is_rest = self.separator in _REST_OF_LINE
        return max(1, len(self.columns) - 1) if is_rest else -1

    @property
    def has_quotes(self) -> bool:
        return self.quoting and self.separator not in _REST_OF_LINE


@dataclass(frozen=True)
class _Record:
    lines: Sequence[Line]
    fields: list[str]
    problem: str = ""


class _Records:
    """Records of one or more lines."""

    def __init__(self, lines: Iterable[Line], layout: _Layout) -> None:
        self._lines = iter(lines)
        self._again: deque[Line] = deque()
        self._layout = layout

    def __iter__(self) -> Iterator[_Record]:
        return self

    def __next__(self) -> _Record:
        line = self._next_line()
        while not line.problem and not line.text.strip(" "):
            line = self._next_line()
        if line.problem:
            return _Record([line], [], line.problem)
        layout = self._layout
        if not layout.has_quotes or '"' not in line.text:
            return _Record([line], line.text.split(layout.separator, layout.most_splits))
        return self._quoted(line)

    def read_again(self, lines: Sequence[Line]) -> None:
        """Put lines back that stand behind a line which turned out to be malformed."""
        self._again.extendleft(reversed(lines))

    def _next_line(self) -> Line:
        return self._again.popleft() if self._again else next(self._lines)

    def _quoted(self, first: Line) -> _Record:
        lines, text = [first], first.text
        fields, problem = _parsed(text, self._layout.separator)
        while problem == _OPEN and (line := self._continuation(len(lines))):
            lines.append(line)
            text = f"{text}\n{line.text}"
            if '"' in line.text:
                fields, problem = _parsed(text, self._layout.separator)
        return _Record(lines, fields, problem)

    def _continuation(self, num_lines: int) -> Line | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None and (line.problem or num_lines == _MOST_LINES):
            self._again.appendleft(line)
            return None
        return line


def _parsed(text: str, separator: str) -> tuple[list[str], str]:
    """Return the fields of one record and what is wrong with its quotes."""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True)), ""
    except csv.Error as error:
        reason = str(error)
        return (
            [],
            _OPEN
            if reason == "unexpected end of data"
            else f"bad quotes ({reason}); perhaps data.quoting=false",
        )


def _miscounted(fields: Sequence[str], layout: _Layout) -> str:
    expected = len(layout.columns)
    if len(fields) == expected:
        return ""
    shown = {"\t": "a tab", " ": "a space"}.get(layout.separator, repr(layout.separator))
    return f"{counted(len(fields), 'field')} (by {shown}), expected {expected}"


def _look(sample: Sequence[Line], options: ReadOptions) -> _Layout:
    """Find out what the options leave open."""
    separator = options.separator
    if separator is None:
        separator = _find_separator(sample, options)
    elif not separator:
        raise DataError("data.separator is empty\nmend: give a character, or leave it out")
    separator = "\t" if separator == "\\t" else separator
    layout = _Layout(separator, options.quoting, options.columns or ())
    first, *others = _fields(sample, layout) or [[]]
    has_header = options.header
    if options.columns is not None:
        if has_header is None:
            has_header = tuple(first) == options.columns
        return _Layout(separator, options.quoting, options.columns, has_header)
    if separator in _REST_OF_LINE and has_header:
        return _Layout(separator, options.quoting, tuple(sample[0].text.split(separator)), True)
    if has_header is None:
        has_header = _is_header(first, others)
    if has_header:
        return _Layout(separator, options.quoting, tuple(name.strip() for name in first), True)
    # The first row may be a malformed one.
    widths = Counter(len(fields) for fields in [first, *others])
    names = tuple(f"column_{number}" for number in range(1, widths.most_common(1)[0][0] + 1))
    return _Layout(separator, options.quoting, names)


def _find_separator(sample: Sequence[Line], options: ReadOptions) -> str:
    expected = _SEPARATORS.get(options.format, ",")
    for separator in (expected, *_OTHERS):
        rows = _fields(sample, _Layout(separator, options.quoting))
        num_columns = len(options.columns or (rows[0] if rows else ()))
        if num_columns > 1 and sum(len(row) == num_columns for row in rows) * 2 > len(rows):
            return separator
    return expected


def _fields(sample: Sequence[Line], layout: _Layout) -> list[list[str]]:
    # The sample may end within a record.
    return [record.fields for record in _Records(sample, layout) if not record.problem]


def _is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    is_repeated = any(
        name == fields[place]
        for fields in others
        if len(fields) == len(first)
        for place, name in enumerate(first)
    )
    return (
        len(set(first)) == len(first)
        and sum(not name.strip() for name in first) <= (len(first) > 1)
        and not any(_is_number(name) or len(name) > _LONGEST_NAME for name in first)
        and not is_repeated
    )


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
