"""What a network wrote, as text; free of torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ostinato.data.batches import Example
from ostinato.data.text import UNKNOWN_ID
from ostinato.data.text.target import TargetEncoder
from ostinato.models.search import Hypothesis
from ostinato.models.trie import Trie


def trie_of(target: TargetEncoder, texts: Iterable[str]) -> Trie:
    """Return the tree of texts, of which alone are written; those of unknown units are not.

    Args:
        target: of the pipeline.
        texts: each of units that stand alone, such as characters.
    """
    known = (target.beginning(text)[0] for text in dict.fromkeys(texts))
    return Trie((numbers for numbers in known if UNKNOWN_ID not in numbers), target.end)


@dataclass(frozen=True)
class Written:
    """A text that was written.

    Attributes:
        text: of its units.
        units: as they were written, without the end.
        numbers: of the units, in the vocabulary of the target and behind it.
        log_probability: of all units and the end, in nats.
        score: by which texts of one input are ordered.
        is_ended: whether it came to its end within the longest length.
    """

    text: str
    units: tuple[str, ...]
    numbers: tuple[int, ...]
    log_probability: float
    score: float
    is_ended: bool

    @classmethod
    def of(cls, target: TargetEncoder, example: Example, found: Hypothesis) -> Written:
        """Return what was found for an example.

        Args:
            target: of the pipeline.
            example: what was read: units may be copied from it.
            found: by ``search``.
        """
        return cls(
            target.text(found.tokens, example.copied),
            tuple(target.unit(number, example.copied) for number in found.tokens),
            found.tokens,
            found.log_probability,
            found.score,
            found.is_ended,
        )
