"""A text, cut into a part to learn from and parts that are held out, as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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
        starts: int64 ``[number of documents]``, where each begins; None for one text.
    """

    ids: Ids
    num_characters: int
    starts: Ids | None = None

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
        held_out: what follows; the training part itself where nothing is held out.
        tested: the last part, for one test at the end; None where nothing is kept for it.
        num_unseen: held-out characters that never occur in the training part.
        repeated_share: share of the held-out characters that stand in long lines which the training
            part holds, too: there, a score rewards learning by heart.
        sha256: fingerprint of the normalized text.
        begins_held_out: whether the held-out part is the beginning of the text.
    """

    vocabulary: Vocabulary
    train: Part
    held_out: Part
    tested: Part | None
    num_unseen: int
    repeated_share: float
    sha256: str
    begins_held_out: bool = False

    @property
    def is_held_out(self) -> bool:
        """Whether the scores are on text that the model has not seen."""
        return self.held_out is not self.train


def build_corpus(
    text: str,
    *,
    unit: Unit = "characters",
    normalization: Normalization = "NFC",
    documents: Literal["whole", "lines"] = "whole",
    held_out: float = 0.1,
    held_out_at: Literal["end", "start"] = "end",
    tested: float = 0.0,
    distinct_lines: bool = False,
    max_characters: int | None = None,
    seed: int = 0,
) -> Corpus:
    """Normalize, cut and encode ``text``.

    Args:
        text: any text.
        unit: what one number stands for.
        normalization: the Unicode form.
        documents: ``lines`` makes of each line that is not empty, with its end, a text of its own;
            they are shuffled before they are dealt to the parts.
        held_out: the share of the characters, or documents, that is held out; 0 for none.
        held_out_at: of a whole text, whether that is its end, before the test, or its start.
        tested: the share at the end, for a test; 0 for none.
        distinct_lines: keep only the first of equal lines, so that none is in both parts.
        max_characters: use only the beginning.
        seed: of the order of documents.

    Raises:
        DataError: the text is too short to be cut.
    """
    text = normalize(text, normalization)
    if distinct_lines:
        text = "\n".join(dict.fromkeys(text.split("\n")))
    text = text[:max_characters]
    options = [unit, str(held_out)]
    if documents == "whole":
        cut, last = _cuts(len(text), held_out, tested, "character")
        pieces = [[text[:cut]], [text[cut:last]], [text[last:]]]
        if held_out_at == "start":
            pieces[:2] = [[text[last - cut : last]], [text[: last - cut]]]
            options.append(held_out_at)
    else:
        lines = [f"{line}\n" for line in text.split("\n") if line]
        cut, last = _cuts(len(lines), held_out, tested, "document")
        order = np.random.default_rng(seed).permutation(len(lines))
        lines = [lines[int(place)] for place in order]
        pieces = [lines[:cut], lines[cut:last], lines[last:]]
        options += [documents, str(seed)]
    if tested:
        options.append(f"tested {tested}")
    first, tail, rest = ("".join(piece) for piece in pieces)
    vocabulary = Vocabulary.of(first + tail + rest, unit, normalization)
    parts = [_part(vocabulary, piece, are_documents=documents != "whole") for piece in pieces]
    known = set(first)
    return Corpus(
        vocabulary=vocabulary,
        train=parts[0],
        held_out=parts[1] if tail else parts[0],
        tested=parts[2] if rest else None,
        num_unseen=sum(character not in known for character in tail),
        repeated_share=_repeated_share(first, tail),
        sha256=_fingerprint([*options, text]),
        begins_held_out=documents == "whole" and held_out_at == "start" and bool(tail),
    )


def other_part(corpus: Corpus, text: str, documents: Literal["whole", "lines"]) -> Part:
    """Return another text as a part of the corpus, normalized and cut as its own.

    Raises:
        DataError: a character is not in the vocabulary.
    """
    text = normalize(text, corpus.vocabulary.normalization)
    if documents == "whole":
        return _part(corpus.vocabulary, [text], are_documents=False)
    lines = [f"{line}\n" for line in text.split("\n") if line]
    return _part(corpus.vocabulary, lines, are_documents=True)


def _cuts(num: int, held_out: float, tested: float, kind: str) -> tuple[int, int]:
    """Return where the part to learn from, and the held-out one, end."""
    last = num - round(num * tested)
    cut = last - round(num * held_out)
    fewest = 2 if kind == "character" else 1
    if cut < fewest or (held_out and cut == last) or (tested and last == num):
        also = f" and data.tested={tested}" if tested else ""
        verb = "leave" if tested else "leaves"
        raise DataError(
            f"the text is too short: {counted(num, kind)}, of which data.held_out={held_out}{also} "
            f"{verb} {cut} to learn from\nmend: give a longer text"
        )
    return cut, last


def _repeated_share(first: str, tail: str) -> float:
    known = set(first.split("\n"))
    lines = [line for line in tail.split("\n") if len(line) >= _LONG_LINE]
    return sum(len(line) for line in lines if line in known) / max(1, len(tail))


def _part(vocabulary: Vocabulary, documents: list[str], *, are_documents: bool) -> Part:
    # A cut after normalization can leave marks that would compose anew: they stay as they are.
    exact = Vocabulary(vocabulary.unit, vocabulary.symbols, "none")
    ids = [exact.encode(document) for document in documents]
    lengths = np.array([len(each) for each in ids], np.int64)
    return Part(
        np.concatenate([*ids, np.empty(0, np.int64)]),
        sum(map(len, documents)),
        np.cumsum(lengths) - lengths if are_documents else None,
    )


def _fingerprint(pieces: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def with_context(corpus: Corpus, part: Part | None = None) -> Ids:
    """Return ids with the unit before them in front, so that each one is predicted.

    Args:
        corpus: the text.
        part: of it; default the held-out one.
    """
    part = corpus.held_out if part is None else part
    if part.starts is not None:
        return np.concatenate([[document_end(corpus)], part.ids])
    if part is corpus.train:
        return part.ids
    begins = part is corpus.held_out and corpus.begins_held_out
    if not begins and (part is corpus.held_out or part is corpus.tested):
        is_behind_train = part is corpus.held_out or corpus.begins_held_out
        before = corpus.train if is_behind_train else corpus.held_out
        return np.concatenate([before.ids[-1:], part.ids])
    # Another text begins as this one does, or as a line.
    has_lines = "\n" in corpus.vocabulary.symbols
    start = [document_end(corpus)] if has_lines else corpus.train.ids[:1]
    return np.concatenate([start, part.ids])


def document_end(corpus: Corpus) -> int:
    """Return the number of a line end, which stands after a document and before the next."""
    (end,) = corpus.vocabulary.encode("\n").tolist()
    return end
