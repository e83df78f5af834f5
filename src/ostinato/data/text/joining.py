"""From the units of a text back to the text, one after another: it is shown while it is written."""

from __future__ import annotations

from collections.abc import Callable

from ostinato.data.errors import DataError
from ostinato.data.text.options import SPECIAL_SYMBOLS, TextOptions
from ostinato.data.text.subwords import AFTER_SPACE, INSIDE
from ostinato.data.units import CharacterDecoder, Decoder, make_decoder

_CLOSING = frozenset(".,;:!?%)]}»”’…。、！？）」』")
_OPENING = frozenset("([{«“„‘¿¡$€£#@（「『")
_BOTH = frozenset("/")
_QUOTES = frozenset("\"'`")


def make_joiner(options: TextOptions) -> Decoder:
    """Return what joins the units of one text.

    Characters, syllables, letters, bytes and pieces give the text back as it was, but for white
    space. Words have lost the spaces beside punctuation, which are put as English and Korean have
    them: before a word, not before what closes, not after what opens.

    Raises:
        DataError: the unit cannot be joined again.
    """
    make = _JOINERS.get(options.unit)
    if make is None:
        raise DataError(
            f"unit={options.unit} cuts a text into what no text can be joined from again\n"
            "mend: target_text.unit=bpe, syllables, jamo, characters or words"
        )
    return make()


class _Guarded:
    """Letters or bytes, among which a special symbol stands for itself."""

    def __init__(self, inner: Decoder, of_unit: Callable[[str], str] = str) -> None:
        self._inner = inner
        self._of_unit = of_unit

    def push(self, unit: str) -> str:
        if unit in SPECIAL_SYMBOLS:
            return self.flush() + unit
        return self._inner.push(self._of_unit(unit))

    def flush(self) -> str:
        return self._inner.flush()


class _PieceJoiner(CharacterDecoder):
    """Pieces that say themselves where a word begins."""

    def __init__(self) -> None:
        self._is_first = True

    def push(self, unit: str) -> str:
        text = unit.replace(AFTER_SPACE, " ")
        text = text.removeprefix(" ") if self._is_first else text
        self._is_first = self._is_first and not text
        return text


class _WordJoiner(CharacterDecoder):
    """Words and punctuation, with a space between most of them."""

    def __init__(self) -> None:
        # As after an opening bracket: nothing stands before the first word.
        self._is_open = True
        self._open_quotes: set[str] = set()

    def push(self, unit: str) -> str:
        kind = unit[:1] if not any(map(str.isalnum, unit)) else ""
        is_closing, is_opening = kind in _CLOSING, kind in _OPENING
        if kind in _BOTH:
            is_closing = is_opening = True
        elif unit in _QUOTES:
            is_closing = unit in self._open_quotes
            is_opening = not is_closing
            self._open_quotes ^= {unit}
        elif unit in "„“" and (unit == "„" or "„" in self._open_quotes):
            # In German the second closes what the first opens.
            is_closing, is_opening = unit == "“", unit == "„"
            self._open_quotes ^= {"„"}
        space = "" if self._is_open or (is_closing and kind) else " "
        self._is_open = bool(kind) and is_opening
        return space + unit


class _WordPieceJoiner(_WordJoiner):
    """Words of which later pieces are marked."""

    def push(self, unit: str) -> str:
        if len(unit) > len(INSIDE) and unit.startswith(INSIDE):
            self._is_open = False
            return unit.removeprefix(INSIDE)
        return super().push(unit)


def _byte(unit: str) -> str:
    return chr(int(unit, 16))


_JOINERS: dict[str, Callable[[], Decoder]] = {
    "characters": CharacterDecoder,
    "syllables": CharacterDecoder,
    "jamo": lambda: _Guarded(make_decoder("jamo")),
    "bytes": lambda: _Guarded(make_decoder("bytes"), _byte),
    "bpe": _PieceJoiner,
    "unigram": _PieceJoiner,
    "wordpiece": _WordPieceJoiner,
    "words": _WordJoiner,
}
