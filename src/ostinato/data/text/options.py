"""How a text becomes steps, and the numbers that mean the same in every vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ostinato.core.errors import UnknownNameError
from ostinato.data.errors import DataError
from ostinato.data.vocabulary import Normalization, normalize

PADDING_ID = 0
UNKNOWN_ID = 1
# The only step of a text without any unit, so that every text has at least one step.
EMPTY_ID = 2
SPECIAL_SYMBOLS = ("<padding>", "<unknown>", "<empty>")
NUM_SPECIAL = len(SPECIAL_SYMBOLS)

SUBWORD_UNITS = ("bpe", "wordpiece", "unigram")
TEXT_UNITS = (
    "words",
    "characters",
    "bytes",
    "syllables",
    "jamo",
    "morphemes",
    *SUBWORD_UNITS,
)
NUMBERS = "numbers"
_FORMS = get_args(Normalization)


@dataclass(frozen=True)
class TextOptions:
    """How a text becomes steps.

    Attributes:
        unit: what one step reads:

            - ``words``: see ``split_words``.
            - ``characters``: code points after normalization, every space among them. An accent
              that has no composed form, and each part of a joined emoji, is a step of its own.
            - ``syllables``: characters, always composed (NFC), with a run of white space as one
              space and none at either end: a Hangul syllable is one step however it was typed.
            - ``jamo``: the letters of Hangul syllables; other characters as they are.
            - ``bytes``: UTF-8; nothing is ever unknown.
            - ``bpe``, ``wordpiece``, ``unigram``: pieces of words, learned in training.
            - ``morphemes``: of Korean, as ``form/tag``.
            - ``numbers``: ``0.1 0.2`` is an array, not a text; see ``frames.numbers_in``.
        vocabulary_size: at most so many numbers, the three special ones included.
        min_count: units that are rarer in training are unknown.
        lowercase: ignore case.
        normalization: Unicode form that text is brought to first: NFC, NFKC or none.
        max_length: steps; the rest of a text is cut off.

    Raises:
        UnknownNameError: of a unit or a normal form.
        DataError: a number that leaves nothing to read.
    """

    unit: str = "words"
    vocabulary_size: int = 20_000
    min_count: int = 1
    lowercase: bool = False
    normalization: Normalization = "NFC"
    max_length: int = 512

    def __post_init__(self) -> None:
        if self.unit not in (*TEXT_UNITS, NUMBERS):
            raise UnknownNameError("unit", self.unit, (*TEXT_UNITS, NUMBERS))
        if self.normalization not in _FORMS:
            raise UnknownNameError("normalization", self.normalization, _FORMS)
        least = NUM_SPECIAL + (256 if self.unit == "bytes" else 1)
        if self.vocabulary_size < least:
            raise DataError(
                f"vocabulary_size={self.vocabulary_size} is too small for unit={self.unit}: "
                f"{NUM_SPECIAL} numbers are for padding, unknown units and empty texts\n"
                f"mend: set vocabulary_size to {least} or more"
            )
        if self.min_count < 1 or self.max_length < 1:
            raise DataError(
                f"got min_count={self.min_count} and max_length={self.max_length}\n"
                "mend: set both to 1 or more"
            )


def normalized(text: str, options: TextOptions) -> str:
    """Bring ``text`` to the normal form and case that ``options`` ask for.

    Raises:
        DataError: the text holds a lone surrogate, which is no character.
    """
    text = normalize(text, options.normalization)
    if options.lowercase:
        # The small letter of a composed one may be decomposed.
        text = normalize(text.lower(), options.normalization)
    if options.unit != "bytes":
        refuse_surrogates(text)
    return text


def refuse_surrogates(text: str) -> None:
    """Refuse what no file of text can hold.

    Raises:
        DataError: names the place.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"character {error.start} is a lone surrogate ({text[error.start]!r})\n"
            "mend: give text that can be encoded as UTF-8"
        ) from error
