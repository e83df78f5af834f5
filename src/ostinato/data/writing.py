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


def written(vocabulary: Vocabulary, ids: Ids, length: int, drawn: Iterator[int]) -> Iterator[str]:
    """Yield the prompt and then what is drawn, in pieces.

    Args:
        vocabulary: of the units.
        ids: the prompt.
        length: characters to write after it.
        drawn: the units that follow; no more are taken than needed.
    """
    decoder = vocabulary.decoder()
    units = [vocabulary.symbols[int(i)] for i in ids]
    prompt = "".join(map(decoder.push, units))
    # A last syllable that could still gain a tail is held back, and counts with the prompt.
    num_left = length + len(from_units("".join(units), vocabulary.unit)) - len(prompt)
    yield prompt if length else prompt + decoder.flush()
    while length and num_left > 0:
        piece = decoder.push(vocabulary.symbols[next(drawn)])[:num_left]
        num_left -= len(piece)
        if piece:
            yield piece
