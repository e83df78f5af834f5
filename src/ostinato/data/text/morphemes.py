"""Morphemes of Korean, by the analyser Kiwi."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from ostinato.core.errors import MissingExtraError

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token


def split_morphemes(text: str) -> list[str]:
    """Return the morphemes of ``text`` as ``form/tag``.

    The tag tells homographs apart: 나 is a pronoun (``나/NP``), a verb (``나/VV``) or an ending.
    White space is no morpheme. The best analysis is a function of the text alone.

    Raises:
        MissingExtraError: the analyser is not installed.
    """
    tokens = cast("list[Token]", _analyser().tokenize(text))
    return [f"{token.form}/{token.tag}" for token in tokens]


@cache
def _analyser() -> Kiwi:
    """Load the analyser once: it takes seconds."""
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise MissingExtraError("unit=morphemes", "korean") from error
    return Kiwi(num_workers=1)
