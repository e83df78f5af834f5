"""What a network wrote, as text; free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.data.batches import Example
from ostinato.data.text.target import TargetEncoder
from ostinato.models.search import Hypothesis


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
