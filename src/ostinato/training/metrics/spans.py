"""Spans that tags mark, and how many are found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ostinato.models.tag_schemes import Scheme, check_tags, split_tag

Span = tuple[int, int, str]
Tags = Sequence[str]
Counts = npt.NDArray[np.int64]


def spans_of(tags: Tags, scheme: Scheme, *, strict: bool = False) -> set[Span]:
    """Return the spans of one sequence: first step, step behind the last, type.

    By default as the script conlleval and seqeval's default mode: ``I-`` or ``E-`` that has nothing
    to go on with opens a span, and what follows or breaks off ends it. Strict as seqeval's strict
    mode: a span counts only from its opening to its closing tag.

    Args:
        tags: one for each step.
        scheme: how they mark spans.
        strict: leave out what breaks the rules of the scheme.

    Raises:
        OptionError: a tag is not of the scheme.
    """
    spans: set[Span] = set()
    start, before, kind = 0, "O", ""
    for step, tag in enumerate((*tags, "O")):
        prefix, new_kind = _parts(tag, scheme)
        goes_on = before in "BI" and prefix in "IE" and new_kind == kind
        if goes_on:
            before = prefix
            continue
        if before != "O" and (not strict or _is_whole(tags[start], before, scheme)):
            spans.add((start, step, kind))
        start, before, kind = step, prefix, new_kind
    return spans


def span_counts(
    predicted: Sequence[Tags], target: Sequence[Tags], scheme: Scheme, *, strict: bool = False
) -> dict[str, Counts]:
    """Return for each type the found, the wrong and the missed spans of each sequence, ``[N, 3]``.

    Args:
        predicted: tags of each sequence.
        target: tags of each sequence.
        scheme: how they mark spans.
        strict: see ``spans_of``.

    Raises:
        OptionError: a tag is not of the scheme.
    """
    counts: dict[str, Counts] = {}
    for row, (got, expected) in enumerate(zip(predicted, target, strict=True)):
        found = spans_of(got, scheme, strict=strict)
        there = spans_of(expected, scheme, strict=strict)
        for column, spans in enumerate((found & there, found - there, there - found)):
            for _, _, kind in spans:
                if kind not in counts:
                    counts[kind] = np.zeros((len(target), 3), np.int64)
                counts[kind][row, column] += 1
    return dict(sorted(counts.items()))


def span_f1(
    predicted: Sequence[Tags], target: Sequence[Tags], scheme: Scheme, *, strict: bool = False
) -> dict[str, float]:
    """Return ``span_precision``, ``span_recall``, ``span_f1``, and ``span_f1/TYPE`` of each type.

    The first three are over the spans of all types together. What is not defined is 0.

    Args:
        predicted: tags of each sequence.
        target: tags of each sequence.
        scheme: how they mark spans.
        strict: see ``spans_of``.

    Raises:
        OptionError: a tag is not of the scheme.
    """
    by_kind = span_counts(predicted, target, scheme, strict=strict)
    totals = {kind: counts.sum(0) for kind, counts in by_kind.items()}
    found, wrong, missed = (int(n) for n in sum(totals.values(), np.zeros(3, np.int64)))
    return {
        "span_precision": _share(found, found + wrong),
        "span_recall": _share(found, found + missed),
        "span_f1": _share(2 * found, 2 * found + wrong + missed),
        **{
            f"span_f1/{kind}": _share(2 * int(hit), int(2 * hit + extra + lost))
            for kind, (hit, extra, lost) in totals.items()
        },
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@lru_cache(maxsize=4096)
def _parts(tag: str, scheme: Scheme) -> tuple[str, str]:
    check_tags((tag,), scheme)
    return split_tag(tag)


def _is_whole(first: str, last_prefix: str, scheme: Scheme) -> bool:
    """Whether a run of tags is a span from its opening to its closing tag."""
    opening = split_tag(first)[0]
    if scheme == "BIOES":
        return opening == "S" or (opening == "B" and last_prefix == "E")
    return opening == scheme[0]
