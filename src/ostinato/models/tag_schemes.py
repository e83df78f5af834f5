"""How tags mark spans, and which tag may follow which; without torch.

``BIO`` (IOB2): ``B-`` opens a span, ``I-`` goes on. ``BIOES``: also ``E-`` ends one, ``S-`` is one.
``IO``: ``I-`` alone, so that neighbours of one type are one span. ``O`` lies outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ostinato.core.errors import OptionError

Scheme = Literal["BIO", "BIOES", "IO"]

_OPENS: Final[dict[str, str]] = {"BIO": "B", "BIOES": "BS", "IO": "I"}
_CLOSES: Final[dict[str, str]] = {"BIO": "BI", "BIOES": "ES", "IO": "I"}


@dataclass(frozen=True, slots=True)
class AllowedTransitions:
    """Which tags may begin, follow each other, and end.

    Attributes:
        start: ``[O]``, whether a sequence may begin with this tag.
        transitions: ``[O][O]``, from a tag to the next.
        end: ``[O]``, whether a sequence may end with this tag.
    """

    start: tuple[bool, ...]
    transitions: tuple[tuple[bool, ...], ...]
    end: tuple[bool, ...]


def split_tag(label: str) -> tuple[str, str]:
    """Return a tag's prefix and type: of ``B-PER`` ``B`` and ``PER``; ``_`` for no type."""
    prefix, _, kind = label.partition("-")
    return prefix, kind or "_"


def check_tags(labels: Sequence[str], scheme: Scheme) -> None:
    """Refuse labels that the scheme cannot read.

    Raises:
        OptionError: names the first.
    """
    for label in labels:
        prefix, _ = split_tag(label)
        if prefix not in scheme or len(prefix) != 1 or (prefix == "O" and label != "O"):
            known = ", ".join(letter if letter == "O" else f"{letter}-…" for letter in scheme)
            raise OptionError(
                f"the tag {label!r} is not of the scheme {scheme}: expected {known}\n"
                "mend: evaluation.scheme=none, or the scheme of these tags"
            )


def check_tag_set(labels: Sequence[str], scheme: Scheme) -> None:
    """Refuse all the tags of a task if they are not of the scheme.

    Raises:
        OptionError: the scheme cannot read one, or marks ends, and none of them does.
    """
    check_tags(labels, scheme)
    prefixes = {split_tag(label)[0] for label in labels}
    if scheme == "BIOES" and prefixes & set("BI") and not prefixes & set("ES"):
        raise OptionError(
            "evaluation.scheme=BIOES, but no tag begins with E- or S-: no span would ever end\n"
            "mend: evaluation.scheme=BIO"
        )


def allowed_transitions(labels: Sequence[str], scheme: Scheme) -> AllowedTransitions:
    """Return which tag may follow which.

    Args:
        labels: the tags, in the order of the scores.
        scheme: how they mark spans.

    Raises:
        OptionError: a label is not of the scheme, or no sequence of these labels keeps its rules.
    """
    check_tag_set(labels, scheme)
    tags = [split_tag(label) for label in labels]
    begins = tuple(prefix == "O" or prefix in _OPENS[scheme] for prefix, _ in tags)
    ends = tuple(prefix == "O" or prefix in _CLOSES[scheme] for prefix, _ in tags)
    follows = tuple(tuple(_may_follow(before, after, scheme) for after in tags) for before in tags)
    if not any(begins[i] and follows[i][i] and ends[i] for i in range(len(tags))):
        raise OptionError(
            f"no tag of {', '.join(labels) or 'none'} may stand alone in the scheme {scheme}\n"
            "mend: evaluation.scheme=none, or the scheme of these tags"
        )
    return AllowedTransitions(begins, follows, ends)


def _may_follow(before: tuple[str, str], after: tuple[str, str], scheme: Scheme) -> bool:
    """Whether a tag may follow: one goes on with what is open, or begins where nothing has to."""
    goes_on = after[0] not in "O" + _OPENS[scheme]
    if goes_on:
        return before[1] == after[1] and before[0] in "BI"
    return before[0] == "O" or before[0] in _CLOSES[scheme]
