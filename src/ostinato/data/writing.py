"""Text out of what a model draws, unit by unit, as it becomes certain."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ostinato.core.errors import OptionError
from ostinato.data.units import from_units
from ostinato.data.vocabulary import Ids, Vocabulary


def check_settings(prompt: str, length: int, temperature: float, top_p: float) -> None:
    """Refuse what nothing can be written with.

    Raises:
        OptionError: a setting is out of range.
    """
    if not prompt:
        raise OptionError("the prompt is empty\nmend: give at least one character")
    if length < 0:
        raise OptionError(
            f"length: got {length}, expected 0 or more\nmend: give the characters to write"
        )
    if not 0 <= temperature < math.inf:
        raise OptionError(
            f"temperature: got {temperature}, expected 0 (the most likely) or more (1: as learned)"
            "\nmend: give a number such as 0.8"
        )
    if not 0 < top_p <= 1:
        raise OptionError(
            f"top_p: got {top_p}, expected more than 0 and at most 1 (1: keep all)\n"
            "mend: give a number such as 0.9"
        )


class Writing:
    """What is written after a prompt, from units that come one by one.

    Args:
        vocabulary: of the units.
        ids: the prompt.
        length: characters to write after it.

    Attributes:
        prompt: what of it is certain: a last syllable that could still gain a tail is held back,
            and comes with the first piece.
        num_left: characters that are still to come, those of the prompt's held syllable included.
    """

    def __init__(self, vocabulary: Vocabulary, ids: Ids, length: int) -> None:
        self._symbols = vocabulary.symbols
        self._decoder = vocabulary.decoder()
        units = [self._symbols[int(i)] for i in ids]
        certain = "".join(map(self._decoder.push, units))
        held = len(from_units("".join(units), vocabulary.unit)) - len(certain)
        self.num_left = length + held if length else 0
        self.prompt = certain if length else certain + self._decoder.flush()

    def push(self, unit: int) -> str:
        """Return the characters that become certain with the next unit, at most ``num_left``."""
        piece = self._decoder.push(self._symbols[unit])[: self.num_left]
        self.num_left -= len(piece)
        return piece


def written(vocabulary: Vocabulary, ids: Ids, length: int, drawn: Iterator[int]) -> Iterator[str]:
    """Yield the prompt and then what is drawn, in pieces.

    Args:
        vocabulary: of the units.
        ids: the prompt.
        length: characters to write after it.
        drawn: the units that follow; no more are taken than needed.
    """
    writing = Writing(vocabulary, ids, length)
    yield writing.prompt
    while writing.num_left > 0:
        if piece := writing.push(next(drawn)):
            yield piece
