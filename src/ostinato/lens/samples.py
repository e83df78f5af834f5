"""What a network is looked at with: the user's text, or what its run kept from learning."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

import torch

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.pipeline import PartCounts
from ostinato.data.rows import Row
from ostinato.data.wording import counted
from ostinato.lens.subject import ExampleSubject, Piece, Subject, WritingSubject
from ostinato.training.api import Run
from ostinato.training.errors import DivergedError
from ostinato.training.example_data import PartName, Source
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.recipe import LanguageModelRecipe

MOST_CHARACTERS: Final = 2000
"""Of a text; the work of a report stays bounded."""
MOST_STEPS: Final = 4000
"""Of any sequence."""
_COMPARED: Final = 50
"""Examples of which the longest is taken: short ones have little to remember."""
_MOST_EXAMPLES: Final = 500

Network = Run | Subject | str | os.PathLike[str]
"""What is looked into: a run, its folder, or a subject."""


@dataclass(frozen=True)
class Sample:
    """A sequence, and where it comes from.

    Attributes:
        piece: the sequence.
        origin: in words: ``the beginning of the held-out text``.
        value: what another network has to be given to read the same.
        notes: what was left out or lost, counted.
    """

    piece: Piece
    origin: str
    value: Any
    notes: tuple[str, ...] = ()


def sample_of(source: Network, value: Any = None, *, example: int | None = None) -> Sample:
    """Return what a network is to read.

    Args:
        source: a run, its folder, or a subject.
        value: a text, tokens, an array ``[T, I]``, or a piece; None for the held-out text of a
            language model, and for others an example of the dev part.
        example: which one, counted from 0; None for the longest of the first ones.

    Raises:
        DataError: the value cannot be read, or the run's data are gone.
        OptionError: the dev part has no such example.
        DivergedError: the network gives no finite numbers.
    """
    subject = Subject.open(source)
    if isinstance(value, Piece):
        sample = Sample(value, "what was given", None, value.notes)
    elif value is not None:
        sample = _given(subject, value)
    elif isinstance(subject, WritingSubject):
        sample = _held_out(subject)
    else:
        assert isinstance(subject, ExampleSubject)
        sample = _of_dev_part(subject, example)
    check_finite(subject, sample.piece)
    return sample


def check_finite(subject: Subject, piece: Piece) -> None:
    """Refuse a network that diverged.

    Raises:
        DivergedError: its scores are not finite numbers.
    """
    with torch.no_grad():
        scores = subject.scores(piece)
    if not bool(scores.isfinite().all()):
        raise DivergedError(
            f"{subject.name} gives numbers that are not finite: it diverged\n"
            "mend: look at its best checkpoint (checkpoint='best'), or train it with "
            "training.clip_grad_norm=1 and a smaller training.learning_rate"
        )


def _given(subject: Subject, value: Any) -> Sample:
    notes: list[str] = []
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        notes.append(
            f"only the first {MOST_CHARACTERS:,} of {counted(len(value), 'character')} were looked "
            "at"
        )
        value = value[:MOST_CHARACTERS]
    elif hasattr(value, "__len__") and not isinstance(value, str) and len(value) > MOST_STEPS:
        notes.append(f"only the first {MOST_STEPS:,} of {len(value):,} steps were looked at")
        value = value[:MOST_STEPS]
    piece = subject.piece(value)
    if not len(piece):
        raise DataError("nothing of the input is left to read\nmend: give a longer text")
    return Sample(piece, "the given text", value, (*notes, *piece.notes))


def _held_out(subject: WritingSubject) -> Sample:
    recipe = subject.recipe
    assert isinstance(recipe, LanguageModelRecipe)
    try:
        corpus = LanguageModelTask.from_recipe(recipe, torch.device("cpu")).corpus
    except DataError as error:
        # The reader of the data says how to mend it: a text in its place is another way.
        reason, mark, mend = str(error).rpartition("\nmend: ")
        known = f"{reason}{mark}{mend}; or" if mark else f"{mend}\nmend:"
        raise DataError(f"the text of {subject.name} is gone: {known} --text FILE") from error
    part = corpus.held_out
    text = corpus.vocabulary.decode(part.ids[: 4 * MOST_CHARACTERS])[:MOST_CHARACTERS]
    kind = "held-out" if corpus.is_held_out else "training"
    return Sample(
        subject.piece(text),
        f"the first {counted(len(text), 'character')} of the {kind} text",
        text,
        () if corpus.is_held_out else ("the run held no text out: this one was learned",),
    )


def several_of(subject: ExampleSubject, num_steps: int) -> list[Piece]:
    """Return the first examples of the dev part, until they have so many steps together."""
    _, rows = _dev_rows(subject)
    pieces: list[Piece] = []
    for row in rows[:_MOST_EXAMPLES]:
        pieces.append(subject.piece(row))
        num_steps -= len(pieces[-1])
        if num_steps <= 0:
            break
    return [piece for piece in pieces if len(piece)]


def _dev_rows(subject: ExampleSubject) -> tuple[str, list[Row]]:
    source = Source(subject.trained.recipe)
    part: PartName = "dev" if source.has("dev") else "train"
    return part, source.rows(part)


def _of_dev_part(subject: ExampleSubject, number: int | None) -> Sample:
    part, rows = _dev_rows(subject)
    chosen = ""
    if number is None:
        first = subject.trained.encode(rows[:_COMPARED])
        number = max(range(len(first)), key=lambda place: min(len(first[place]), MOST_STEPS))
        chosen = f", the longest of the first {len(first)}"
    if not 0 <= number < len(rows):
        raise OptionError(
            f"there is no example {number}: the {part} part has {len(rows):,}, counted from 0\n"
            f"mend: 0 to {len(rows) - 1}"
        )
    counts = PartCounts()
    (encoded,) = subject.trained.encode([rows[number]], counts)
    if len(encoded) > MOST_STEPS:
        raise OptionError(
            f"example {number} has {len(encoded):,} steps, more than {MOST_STEPS:,}\n"
            "mend: another example, or an array that is shorter"
        )
    piece = subject.piece_of(encoded, counts.notes("input"))
    return Sample(piece, f"example {number} of the {part} part{chosen}", rows[number], piece.notes)
