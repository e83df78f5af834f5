"""A text, cut into a part to learn from and a held-out tail, as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ostinato.data.errors import DataError
from ostinato.data.units import Unit
from ostinato.data.vocabulary import Ids, Normalization, Vocabulary, normalize
from ostinato.data.wording import counted

# Shorter lines, such as `return None` or a speaker's name, recur in any text.
_LONG_LINE = 20


@dataclass(frozen=True)
class Part:
    """One part of a text.

    Attributes:
        ids: int64 ``[number of units]``.
        num_characters: Unicode characters of the same text.
    """

    ids: Ids
    num_characters: int

    @property
    def units_per_character(self) -> float:
        """More than 1 for bytes and jamo: a loss per unit times this is a loss per character."""
        return len(self.ids) / self.num_characters


@dataclass(frozen=True)
class Corpus:
    """A text as numbers.

    Attributes:
        vocabulary: the units of the *whole* text, so that the held-out part can be scored in full.
        train: the part to learn from.
        held_out: the tail; the training part itself where nothing is held out.
        num_unseen: held-out characters that never occur in the training part.
        repeated_share: share of the held-out characters that stand in long lines which the training
            part holds, too: there, a score rewards learning by heart.
        sha256: fingerprint of the normalized text.
    """

    vocabulary: Vocabulary
    train: Part
    held_out: Part
    num_unseen: int
    repeated_share: float
    sha256: str

    @property
    def is_held_out(self) -> bool:
        """Whether the scores are on text that the model has not seen."""
        return self.held_out is not self.train


def build_corpus(
    text: str,
    *,
    unit: Unit = "characters",
    normalization: Normalization = "NFC",
    held_out: float = 0.1,
    distinct_lines: bool = False,
    max_characters: int | None = None,
) -> Corpus:
    """Normalize, cut and encode ``text``.

    Args:
        text: any text.
        unit: what one number stands for.
        normalization: the Unicode form.
        held_out: the share of the characters, from the end, that is held out; 0 for none.
        distinct_lines: keep only the first of equal lines, so that none is in both parts.
        max_characters: use only the beginning.

    Raises:
        DataError: the text is too short to be cut in two.
    """
    text = normalize(text, normalization)
    if distinct_lines:
        text = "\n".join(dict.fromkeys(text.split("\n")))
    text = text[:max_characters]
    cut = len(text) - round(len(text) * held_out)
    if cut < 2 or (held_out and cut == len(text)):
        raise DataError(
            f"the text is too short: {counted(len(text), 'character')}, of which "
            f"data.held_out={held_out} leaves {cut} to learn from\nmend: give a longer text"
        )
    vocabulary = Vocabulary.of(text, unit, normalization)
    train = _part(vocabulary, text[:cut])
    tail = text[cut:]
    known = set(text[:cut])
    return Corpus(
        vocabulary=vocabulary,
        train=train,
        held_out=_part(vocabulary, tail) if tail else train,
        num_unseen=sum(character not in known for character in tail),
        repeated_share=_repeated_share(text[:cut], tail),
        sha256=_fingerprint([unit, str(held_out), text]),
    )


def _repeated_share(first: str, tail: str) -> float:
    known = set(first.split("\n"))
    lines = [line for line in tail.split("\n") if len(line) >= _LONG_LINE]
    return sum(len(line) for line in lines if line in known) / max(1, len(tail))


def _part(vocabulary: Vocabulary, text: str) -> Part:
    # A cut after normalization can leave marks that would compose anew: they stay as they are.
    exact = Vocabulary(vocabulary.unit, vocabulary.symbols, "none")
    return Part(exact.encode(text), len(text))


def _fingerprint(pieces: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def with_context(corpus: Corpus) -> Ids:
    """Return the held-out ids with the unit before them in front, so that each one is predicted."""
    if not corpus.is_held_out:
        return corpus.held_out.ids
    return np.concatenate([corpus.train.ids[-1:], corpus.held_out.ids])
