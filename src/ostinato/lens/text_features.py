"""What stands at each place of a text: inside quotes, near the line's end, a vowel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_QUOTES: Final = {'"': '"', "“": "”", "«": "»", "『": "』", "「": "」"}
_BRACKETS: Final = {"(": ")", "[": "]", "{": "}"}
_CLOSING: Final = frozenset(_BRACKETS.values())
_NEAR: Final = 5
"""Characters before a line's end that are near it."""
_TAILS: Final = range(0x11A8, 0x11C3)
_SYLLABLES: Final = range(0xAC00, 0xD7A4)


@dataclass(frozen=True)
class Feature:
    """One property of a text.

    Attributes:
        name: in words.
        values: a number for each step ``[T]``; 0 and 1 for a property that is there or not.
    """

    name: str
    values: Numbers

    @property
    def is_binary(self) -> bool:
        """Whether it is there or not, rather than a count."""
        return bool(np.isin(self.values, (0.0, 1.0)).all())


def text_features(units: Sequence[str]) -> list[Feature]:
    """Return every known feature of a text, at the unit that each step reads.

    >>> found = {feature.name: feature.values for feature in text_features(list('a "b" 1'))}
    >>> found["inside quotes"].tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    >>> found["digit"].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]

    Args:
        units: what each step reads: characters, letters of Hangul, bytes, or words.
    """
    features = [
        *(Feature(name, _each(units, test)) for name, test in _TESTS.items()),
        Feature("after a space", _after_space(units)),
        Feature("inside quotes", _inside_quotes(units)),
        Feature("depth of brackets", _depth(units)),
        Feature("inside a comment", _inside_comment(units)),
        *_of_lines(units),
        Feature("position in the word", _since(units, _is_no_letter)),
    ]
    return [Feature(f.name, f.values) for f in features]


def _each(units: Sequence[str], test: Callable[[str], bool]) -> Numbers:
    return np.array([float(test(unit)) for unit in units])


def _has_tail(unit: str) -> bool:
    """Whether a unit is a Hangul tail, or a syllable that has one."""
    last = ord(unit[-1:] or " ")
    return last in _TAILS or (last in _SYLLABLES and (last - 0xAC00) % 28 > 0)


def _is_hangul(unit: str) -> bool:
    first = ord(unit[:1] or " ")
    return first in _SYLLABLES or 0x1100 <= first <= 0x11FF


def _is_no_letter(unit: str) -> bool:
    return not any(character.isalpha() for character in unit)


_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "space": lambda unit: unit.isspace() and "\n" not in unit,
    "line end": lambda unit: "\n" in unit,
    "digit": lambda unit: any(character.isdigit() for character in unit),
    "upper case": lambda unit: unit[:1].isupper(),
    "Latin vowel": lambda unit: len(unit) == 1 and unit in "aeiouAEIOU",
    "punctuation": lambda unit: bool(unit) and unit[0] in ".,;:!?",
    "Hangul": _is_hangul,
    "Hangul final consonant": _has_tail,
}


def _after_space(units: Sequence[str]) -> Numbers:
    before = ["\n", *units[:-1]]
    return np.array(
        [float(b.isspace() and not u.isspace()) for b, u in zip(before, units, strict=True)]
    )


def _inside_quotes(units: Sequence[str]) -> Numbers:
    """Return where a quotation is open; an empty line closes what was forgotten."""
    closing, before = "", ""
    found = np.zeros(len(units))
    for step, unit in enumerate(units):
        if closing:
            found[step] = 1.0
            if unit == closing or (unit == "\n" and before == "\n"):
                closing = ""
        elif unit in _QUOTES:
            closing = _QUOTES[unit]
        before = unit
    return found


def _depth(units: Sequence[str]) -> Numbers:
    """Return how many brackets are open; what closes too much closes nothing."""
    depth = 0
    found = np.zeros(len(units))
    for step, unit in enumerate(units):
        if unit in _BRACKETS:
            depth += 1
        found[step] = depth
        if unit in _CLOSING:
            depth = max(0, depth - 1)
    return found


def _inside_comment(units: Sequence[str]) -> Numbers:
    """Return where a comment runs: from ``#`` or ``//`` to the line's end, and in ``/* */``."""
    found = np.zeros(len(units))
    open_until, before = "", ""
    for step, unit in enumerate(units):
        pair = before[-1:] + unit[:1]
        if open_until:
            found[step] = float(unit != "\n" or open_until != "\n")
            if open_until in (unit, pair):
                open_until = ""
        elif unit.startswith("#") or pair == "//":
            open_until, found[step] = "\n", 1.0
        elif pair == "/*":
            open_until, found[step] = "*/", 1.0
        before = unit
    return found


def _of_lines(units: Sequence[str]) -> list[Feature]:
    """Return what depends on where the lines begin and end."""
    position, indentation = np.zeros(len(units)), np.zeros(len(units))
    near = np.zeros(len(units))
    start, indent, is_leading = 0, 0, True
    for step, unit in enumerate(units):
        position[step] = step - start
        if is_leading and unit.isspace() and unit != "\n":
            indent += 4 if unit == "\t" else len(unit)
        else:
            is_leading = False
        indentation[step] = indent
        if unit == "\n":
            # Of a short line every place would be near its end.
            if step - start > 4 * _NEAR:
                near[step - _NEAR : step] = 1.0
            start, indent, is_leading = step + 1, 0, True
    return [
        Feature("position in the line", position),
        Feature("indentation of the line", indentation),
        Feature(f"at most {_NEAR} before the line's end", near),
    ]


def _since(units: Sequence[str], is_break: Callable[[str], bool]) -> Numbers:
    """Return how many steps lie behind the last break."""
    found = np.zeros(len(units))
    count = 0
    for step, unit in enumerate(units):
        count = 0 if is_break(unit) else count + 1
        found[step] = count
    return found
