"""Scores of texts beside the right ones, as sums over examples.

BLEU (Papineni et al. 2002) and chrF (Popović 2015) are those of sacreBLEU (Post 2018), to the last
digit: its counts are kept for each example, so that any resample of the examples has a score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import MissingExtraError, UnknownNameError
from ostinato.training.metrics.per_example import ExampleScores, Sums, rate

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

Answers = Sequence[Sequence[str]]
"""Of each example, every right answer."""

BLEU_TOKENIZERS: Final = ("13a", "intl", "char", "zh", "none")
_MOST_WORDS: Final = 4
_MOST_LETTERS: Final = 6
_BETA: Final = 2


def bleu(got: Sequence[str], answers: Answers, tokenizer: str = "13a") -> ExampleScores:
    """Return BLEU of whole texts, 0 to 100, smoothed as sacreBLEU's default (``exp``).

    Args:
        got: of each example, what was written.
        answers: of each example, what is right; the one of the nearest length counts as such.
        tokenizer: that sacreBLEU cuts the texts with.

    Raises:
        UnknownNameError: there is no such tokenizer.
    """
    # The counts of a text by itself are those that it adds to the whole.
    metric = _bleu_metric(tokenizer, effective_order=True)
    rows: list[list[int]] = []
    for text, right in zip(got, answers, strict=True):
        found = metric.sentence_score(text, list(right))
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
    return ExampleScores("bleu", np.array(rows, np.int64), _bleu)


def _bleu(sums: Sums) -> Sums:
    """Return ``100 · BP · exp(mean log p_n)``; a precision of 0 is halved from one to the next."""
    length, right_length = sums[..., 0], sums[..., 1]
    counts, totals = sums[..., 2 : 2 + _MOST_WORDS], sums[..., 2 + _MOST_WORDS :]
    with np.errstate(divide="ignore", invalid="ignore"):
        penalty = np.where(length < right_length, np.exp(1 - right_length / length), 1.0)
        halved = 2.0 ** -np.cumsum((counts == 0) & (totals > 0), -1)
        precisions = np.where(counts > 0, counts, halved) / totals
        score = 100 * penalty * np.exp(np.log(precisions).mean(-1))
    # Without any word in common, or with texts too short for the longest run, it is 0.
    is_some = counts.any(-1) & (totals > 0).all(-1)
    return np.where(is_some, score, 0.0)


def bleu_signature(got: Sequence[str], answers: Answers, tokenizer: str = "13a") -> str:
    """Return how sacreBLEU says which BLEU this is."""
    metric = _bleu_metric(tokenizer)
    most = max(map(len, answers))
    # It knows None as an answer that is not there, which its types do not say.
    columns: Any = [[each[i] if i < len(each) else None for each in answers] for i in range(most)]
    metric.corpus_score(list(got), columns)
    return str(metric.get_signature())


def _bleu_metric(tokenizer: str, *, effective_order: bool = False) -> BLEU:
    if tokenizer not in BLEU_TOKENIZERS:
        raise UnknownNameError("tokenizer of BLEU", tokenizer, BLEU_TOKENIZERS)
    try:
        from sacrebleu.metrics.bleu import BLEU as Metric  # noqa: N811
    except ImportError as error:
        raise MissingExtraError("BLEU", "train") from error
    return Metric(tokenize=tokenizer, effective_order=effective_order)


def chrf(got: Sequence[str], answers: Answers) -> ExampleScores:
    """Return chrF2 of whole texts, 0 to 100: F of runs of one to six letters, without spaces.

    Args:
        got: of each example, what was written.
        answers: of each example, what is right; the one that scores best counts.
    """
    rows = [
        max((_letter_counts(text, each) for each in right), key=lambda row: float(_chrf(row)))
        for text, right in zip(got, answers, strict=True)
    ]
    return ExampleScores("chrf", np.stack(rows), _chrf)


def _letter_counts(text: str, right: str) -> Sums:
    """Return ``[K]``: for runs of each length, those written, those right, those in both."""
    rows: list[tuple[int, int, int]] = []
    for length in range(1, _MOST_LETTERS + 1):
        got, expected = _runs(text, length), _runs(right, length)
        # Runs count nothing where the right answer is too short to have any.
        num_got = got.total() if expected else 0
        rows.append((num_got, expected.total(), (got & expected).total()))
    return np.array(rows, np.float64).reshape(-1)


def _runs(text: str, length: int) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[i : i + length] for i in range(len(letters) - length + 1))


def _chrf(sums: Sums) -> Sums:
    got, expected, both = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    counts = (got > 0) & (expected > 0)
    number = np.maximum(counts.sum(-1), 1)
    precision = np.where(counts, both / np.maximum(got, 1), 0.0).sum(-1) / number
    recall = np.where(counts, both / np.maximum(expected, 1), 0.0).sum(-1) / number
    total = _BETA**2 * precision + recall
    return np.where(
        total > 0, 100 * (1 + _BETA**2) * precision * recall / np.where(total > 0, total, 1.0), 0.0
    )


def exact(got: Sequence[str], answers: Answers) -> ExampleScores:
    """Return the share of texts that are one of the right ones, but for white space."""
    return rate("exact", _are_right(got, answers))


def word_error(got: Sequence[str], answers: Answers) -> ExampleScores:
    """Return the share of texts that are none of the right ones: of a pronunciation, of words."""
    return rate("word_error", ~_are_right(got, answers), higher_is_better=False)


def _are_right(got: Sequence[str], answers: Answers) -> npt.NDArray[np.bool_]:
    return np.array(
        [
            text.split() in [each.split() for each in right]
            for text, right in zip(got, answers, strict=True)
        ]
    )


def unit_error(
    got: Sequence[str], answers: Answers, units: Callable[[str], Sequence[str]]
) -> ExampleScores:
    """Return how many units have to be put right, for each unit of the right answers.

    Args:
        got: of each example, what was written.
        answers: of each example, what is right; the one with the fewest mistakes counts.
        units: cuts a text: of a pronunciation, into its phonemes.
    """
    rows: list[tuple[int, int]] = []
    for text, right in zip(got, answers, strict=True):
        written = units(text)
        each = [(edits(written, expected), len(expected)) for expected in map(units, right)]
        rows.append(min(each, key=lambda pair: (pair[0], -pair[1])))
    mistakes, lengths = np.array(rows, np.float64).reshape(-1, 2).T
    return rate("unit_error", mistakes, lengths, higher_is_better=False)


def edits(got: Sequence[str], expected: Sequence[str]) -> int:
    """Return how many units have to be put in, left out or changed (Levenshtein 1966)."""
    numbers: dict[str, int] = {}
    first = np.array([numbers.setdefault(unit, len(numbers)) for unit in got], np.int64)
    second = np.array([numbers.setdefault(unit, len(numbers)) for unit in expected], np.int64)
    places = np.arange(len(second) + 1)
    row = places.copy()
    for number, unit in enumerate(first, 1):
        new = np.minimum(row[1:] + 1, row[:-1] + (second != unit))
        # Along a row each place costs one more than the one before: a running minimum of the rest.
        row = np.minimum.accumulate(np.concatenate([[number], new]) - places) + places
    return int(row[-1])
