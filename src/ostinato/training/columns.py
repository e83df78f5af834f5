"""What a column of a stranger's file seems to be: text, labels, numbers, dates, sequences."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal, cast

import numpy as np

from ostinato.data import DataError
from ostinato.data.frames import FrameOptions, frames_of, numbers_in
from ostinato.data.missing import is_missing

Kind = Literal["text", "tokens", "array", "empty", "other"]

_MOSTLY = 0.95
_MANY_NUMBERS = 20
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")
# Two are a place or a range rather than a course of time.
_FEWEST_STEPS: Final = 3
_DATE = re.compile(
    r"(\d{4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}:\d{2})\b.*"
)
_ID_NAME = re.compile(r"(?i)(.*[_\W])?(id|idx|index|uuid|guid|no|nr|num|번호|순번|아이디)\W*|.*ID")
_TARGET_NAMES: Final = (
    *("label", "labels", "class", "target", "category", "categories", "sentiment", "tag", "tags"),
    *("y", "score", "rating", "polarity", "intent", "topic", "genre", "stars", "emotion", "output"),
    *("라벨", "레이블", "정답", "분류", "범주", "카테고리", "감성", "감정", "주제", "점수", "평점"),
    *("별점", "긍부정"),
)
_INPUT_NAMES: Final = (
    *("text", "sentence", "document", "review", "message", "content", "comment", "tweet", "body"),
    *("title", "utterance", "question", "q", "input", "name", "tokens", "words"),
    *("문장", "내용", "본문", "텍스트", "리뷰", "댓글", "메시지", "발화", "질문", "제목", "이름"),
)


@dataclass(frozen=True)
class Shape:
    """An array, by its shape; its numbers are not kept."""

    sizes: tuple[int, ...]


Value = str | tuple[str, ...] | Shape
"""Text, a list of words or labels, or the shape of an array."""


def value_of(raw: object) -> Value | None:
    """Return what a cell of a table holds; None where it is empty or of no use."""
    match raw:
        case str():
            return raw if raw.strip() else None
        case bool() | int() | float() | date():
            return None if is_missing(raw) else str(raw)
        case np.ndarray():
            return Shape(cast("np.ndarray[tuple[int, ...], np.dtype[np.generic]]", raw).shape)
        case list() | tuple():
            return _listed(cast("Sequence[object]", raw))
        case _:
            return None


def _listed(values: Sequence[object]) -> Value | None:
    # Whole numbers in a list may number the tags of words.
    if all(isinstance(value, str | int) for value in values):
        return tuple(map(str, values))
    try:
        return Shape(np.asarray(values, np.float32).shape)
    except (TypeError, ValueError):
        return None


@dataclass
class Column:
    """The values of one column.

    Attributes:
        name: as the file has it.
        values: of every row; None where it is empty.
    """

    name: str
    values: list[Value | None] = field(default_factory=list[Value | None])

    @cached_property
    def kind(self) -> Kind:
        """What most values are."""
        kinds: Counter[Kind] = Counter(
            _KINDS[type(value)] for value in self.values if value is not None
        )
        return kinds.most_common(1)[0][0] if kinds else "empty"

    @cached_property
    def texts(self) -> list[str]:
        """The values that are text, without white space around them."""
        return [value.strip() for value in self.values if isinstance(value, str)]

    @cached_property
    def lists(self) -> list[tuple[str, ...]]:
        """The values that are lists."""
        return [value for value in self.values if isinstance(value, tuple)]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each text, or each entry of lists, occurs."""
        if self.kind == "tokens":
            return Counter(entry for entries in self.lists for entry in entries)
        return Counter(self.texts)

    @property
    def num_empty(self) -> int:
        """Rows without a value."""
        return sum(value is None for value in self.values)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        if self.kind != "text":
            return False
        return _are_most(_is_number(text) for text in self.texts)

    @cached_property
    def is_measured(self) -> bool:
        """Whether the values are numbers of which there are many: to estimate, not to name."""
        if not self.is_numeric or len(self.counts) <= 2:
            return False
        is_whole = all(_is_whole(text) for text in self.texts)
        return len(self.counts) > (_MANY_NUMBERS if is_whole else min(10, len(self.texts) // 2))

    @cached_property
    def is_series(self) -> bool:
        """Whether the values are texts of several numbers each."""
        return self.kind == "text" and _are_most(_is_series(text) for text in self.texts)

    @cached_property
    def is_date(self) -> bool:
        """Whether the values are dates or times."""
        return self.kind == "text" and _are_most(bool(_DATE.fullmatch(t)) for t in self.texts)

    @cached_property
    def is_id(self) -> bool:
        """Whether the values number the rows, or name them."""
        if self.kind != "text" or len(self.counts) < len(self.texts):
            return False
        if _ID_NAME.fullmatch(self.name.strip()):
            return True
        numbers = [int(text) for text in self.texts if text.isdecimal()]
        is_rising = all(b - a == 1 for a, b in pairwise(numbers))
        return len(numbers) == len(self.texts) > 2 and is_rising

    @cached_property
    def mean_length(self) -> float:
        """Characters of a text."""
        return sum(map(len, self.texts)) / max(1, len(self.texts))

    @property
    def target_rank(self) -> int | None:
        """Place of the name among those that targets have; None if it is none of them."""
        return _rank(self.name, _TARGET_NAMES)

    @property
    def input_rank(self) -> int | None:
        """Place of the name among those that inputs have; None if it is none of them."""
        return _rank(self.name, _INPUT_NAMES)

    @cached_property
    def is_readable(self) -> bool:
        """Whether the values can be read step by step: text, words, or arrays."""
        if self.kind in ("tokens", "array"):
            return True
        if self.kind != "text" or self.is_numeric or self.is_date or self.is_id:
            return False
        num_words = sum(len(text.split()) for text in self.texts) / len(self.texts)
        is_varied = len(self.counts) >= 0.2 * len(self.texts)
        return is_varied or (num_words >= 3 and len(self.counts) > _MANY_NUMBERS)

    def has_few_labels(self, most: int) -> bool:
        """Whether the values are two labels, or more, up to a number."""
        if self.kind != "text" or self.is_date or self.is_id or self.is_measured:
            return False
        return 2 <= len(self.counts) <= max(2, most)

    def describe(self) -> str:
        """Return what the column holds, in a few words."""
        match self.kind:
            case "empty":
                return "empty"
            case "array":
                return "arrays"
            case "tokens":
                return f"lists of {len(self.counts):,} different entries"
            case "other":
                return "of no use"
            case "text" if self.is_date:
                return "dates"
            case "text" if self.is_id:
                return "numbers the rows"
            case "text" if self.is_series:
                return "series of numbers"
            case "text" if self.is_numeric:
                return f"{len(self.counts):,} different numbers"
            case "text":
                return f"{len(self.counts):,} different texts"


_KINDS: Final[dict[type, Kind]] = {str: "text", tuple: "tokens", Shape: "array"}


def separator_of_labels(column: Column) -> str | None:
    """Return what stands between several labels in one field; None where each has one label."""
    for separator in ("|", ";", ",", "#"):
        joined = [text for text in column.texts if separator in text]
        parts = Counter(part.strip() for text in column.texts for part in text.split(separator))
        is_recombined = len(parts) < len(column.counts) and len(parts) <= 0.2 * len(column.texts)
        if len(joined) >= 0.05 * len(column.texts) and is_recombined and "" not in parts:
            return separator
    return None


def are_parallel(words: Column, tags: Column) -> bool:
    """Whether every row has as many tags as words, and there are fewer kinds of tags."""
    pairs = [
        (_entries(a), _entries(b))
        for a, b in zip(words.values, tags.values, strict=True)
        if a is not None and b is not None
    ]
    if not pairs or any(len(a) != len(b) for a, b in pairs) or max(len(a) for a, _ in pairs) < 2:
        return False
    num_words = len({word for a, _ in pairs for word in a})
    num_tags = len({tag for _, b in pairs for tag in b})
    return 2 <= num_tags < num_words


def _entries(value: Value) -> Sequence[str]:
    if isinstance(value, Shape):
        return ()
    return value.split() if isinstance(value, str) else value


def _is_series(text: str) -> bool:
    """Whether a text is several numbers, and not one in groups of digits."""
    if _GROUPED.fullmatch(text.strip()):
        return False
    try:
        return len(frames_of(numbers_in(text), FrameOptions())) >= _FEWEST_STEPS
    except DataError:
        return False


def _rank(name: str, known: Sequence[str]) -> int | None:
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word]
    for rank, each in enumerate(known):
        if each in words:
            return rank
    return None


def _are_most(answers: Iterable[bool]) -> bool:
    listed = list(answers)
    return bool(listed) and sum(listed) >= _MOSTLY * len(listed)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_whole(text: str) -> bool:
    return _is_number(text) and float(text) == int(float(text))
