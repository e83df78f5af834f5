"""What a language model reads and writes: characters, bytes, or Hangul letters (jamo).

Each unit is one Unicode character of an inner string, so that everything above handles one kind
of thing: a byte is the character with its number, a syllable such as 한 becomes its letters
ㅎ ㅏ ㄴ as conjoining jamo. Decoding is incremental, because text is shown while it is generated.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import Literal, Protocol

from ostinato.data.errors import DataError

Unit = Literal["characters", "bytes", "jamo"]

# Unicode, chapter 3.12: the arithmetic of Hangul syllables.
_SYLLABLES, _LEADS, _VOWELS, _TAILS = 0xAC00, 0x1100, 0x1161, 0x11A7
_NUM_LEADS, _NUM_VOWELS, _NUM_TAILS = 19, 21, 28
_NUM_SYLLABLES = _NUM_LEADS * _NUM_VOWELS * _NUM_TAILS


class Decoder(Protocol):
    """Turns units back into text as they come."""

    def push(self, unit: str) -> str:
        """Take one unit; return the text that is now certain."""
        ...

    def flush(self) -> str:
        """Return what was held back."""
        ...


def to_units(text: str, unit: Unit) -> str:
    """Return ``text`` as a string of units.

    Raises:
        DataError: the text holds a lone surrogate, which has no bytes.
    """
    if unit == "jamo":
        return "".join(map(_letters, text))
    if unit == "bytes":
        try:
            # Undecodable bytes of a command line arrive as escapes: they are bytes again here.
            return text.encode("utf-8", "surrogateescape").decode("latin-1")
        except UnicodeEncodeError as error:
            raise DataError(
                f"character {error.start} is a lone surrogate ({text[error.start]!r})\n"
                "mend: give text that can be encoded as UTF-8"
            ) from error
    return text


def make_decoder(unit: Unit) -> Decoder:
    """Return a fresh decoder for one stream of units."""
    return {"characters": CharacterDecoder, "bytes": ByteDecoder, "jamo": JamoDecoder}[unit]()


def from_units(units: str, unit: Unit) -> str:
    """Return the text of a whole string of units."""
    decoder = make_decoder(unit)
    return "".join(map(decoder.push, units)) + decoder.flush()


class CharacterDecoder:
    """Characters stand for themselves."""

    def push(self, unit: str) -> str:
        """Return the character."""
        return unit

    def flush(self) -> str:
        """Nothing is ever held back."""
        return ""


class ByteDecoder:
    """UTF-8; a malformed sequence becomes the replacement character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, unit: str) -> str:
        """Return the characters that this byte completes."""
        return self._decoder.decode(unit.encode("latin-1"))

    def flush(self) -> str:
        """Return a replacement character for an incomplete sequence."""
        return self._decoder.decode(b"", final=True)


class JamoDecoder:
    """Composes letters into syllables; holds one back while another letter could still join it."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, unit: str) -> str:
        """Return what the letter before became, now that ``unit`` did not join it."""
        joined = unicodedata.normalize("NFC", self._held + unit)
        if self._held and len(joined) == 1:
            done, self._held = "", joined
        else:
            done, self._held = self._held, unit
        if self._held and not _may_grow(self._held):
            done, self._held = done + self._held, ""
        return done

    def flush(self) -> str:
        """Return the syllable or letter that was held back."""
        done, self._held = self._held, ""
        return done


def _letters(character: str) -> str:
    """Return the conjoining jamo of a Hangul syllable; any other character as it is."""
    index = ord(character) - _SYLLABLES
    if not 0 <= index < _NUM_SYLLABLES:
        return character
    lead, rest = divmod(index, _NUM_VOWELS * _NUM_TAILS)
    vowel, tail = divmod(rest, _NUM_TAILS)
    letters = chr(_LEADS + lead) + chr(_VOWELS + vowel)
    return letters + chr(_TAILS + tail) if tail else letters


def _may_grow(text: str) -> bool:
    """Whether a leading letter, or a syllable without a tail, waits for its next letter."""
    code = ord(text)
    if _LEADS <= code < _LEADS + _NUM_LEADS:
        return True
    index = code - _SYLLABLES
    return 0 <= index < _NUM_SYLLABLES and index % _NUM_TAILS == 0
