"""What was unknown, empty or cut when texts were encoded."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.data.wording import counted


@dataclass
class EncodingCounts:
    """Counts over the texts of one part.

    Attributes:
        num_texts: texts encoded.
        num_units: units of them that are read.
        num_unknown: of those, units that are not in the vocabulary.
        num_empty: texts without any unit; they are read as one special step.
        num_truncated: texts that are cut.
        num_cut_units: units lost by that.
        max_length: where texts are cut; 0 as long as none was.
    """

    num_texts: int = 0
    num_units: int = 0
    num_unknown: int = 0
    num_empty: int = 0
    num_truncated: int = 0
    num_cut_units: int = 0
    max_length: int = 0

    def add(self, other: EncodingCounts) -> None:
        """Take the texts that ``other`` counted into account."""
        self.num_texts += other.num_texts
        self.num_units += other.num_units
        self.num_unknown += other.num_unknown
        self.num_empty += other.num_empty
        self.num_truncated += other.num_truncated
        self.num_cut_units += other.num_cut_units
        self.max_length = max(self.max_length, other.max_length)

    def notes(self, part: str) -> tuple[str, ...]:
        """Return sentences about what is worth knowing; none where all was read and known.

        Args:
            part: name of the part that was counted, such as ``dev``.
        """
        sentences: list[str] = []
        if self.num_unknown:
            sentences.append(
                f"{_percent(self.num_unknown, self.num_units)} of the units are unknown"
            )
        if self.num_truncated:
            sentences.append(
                f"{counted(self.num_truncated, 'text')} cut at {counted(self.max_length, 'step')} "
                f"({counted(self.num_cut_units, 'unit')} lost)"
            )
        if self.num_empty:
            sentences.append(f"{counted(self.num_empty, 'text')} without any unit")
        return tuple(f"{part}: {sentence}" for sentence in sentences)


def _percent(number: int, total: int) -> str:
    share = 100 * number / total
    return f"{share:.1f} %" if share >= 0.1 else "less than 0.1 %"
