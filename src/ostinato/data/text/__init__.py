"""From texts to numbers: how a text is cut into steps, and which number each step has."""

from ostinato.data.text.counts import EncodingCounts
from ostinato.data.text.encoder import TextEncoder
from ostinato.data.text.options import EMPTY_ID, PADDING_ID, UNKNOWN_ID, TextOptions
from ostinato.data.text.spelling import SpellingEncoder
from ostinato.data.text.target import TargetEncoder

__all__ = [
    "EMPTY_ID",
    "PADDING_ID",
    "UNKNOWN_ID",
    "EncodingCounts",
    "SpellingEncoder",
    "TargetEncoder",
    "TextEncoder",
    "TextOptions",
]
