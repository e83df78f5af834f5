"""Which tag may follow which."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from seqeval.scheme import IOB2, IOBES, Entities

from ostinato.core.errors import OptionError
from ostinato.models.tag_schemes import Scheme, allowed_transitions, split_tag


def test_parts_of_a_tag():
    assert split_tag("B-PER") == ("B", "PER")
    assert split_tag("I-a-b") == ("I", "a-b")
    assert split_tag("I") == ("I", "_")
    assert split_tag("O") == ("O", "_")


@pytest.mark.parametrize(
    ("scheme", "labels", "reference"),
    [
        ("BIO", ["O", "B-X", "I-X", "B-Y", "I-Y"], IOB2),
        ("BIOES", ["O", "B-X", "I-X", "E-X", "S-X", "I-Y", "E-Y"], IOBES),
    ],
)
def test_allowed_is_what_a_strict_reader_reads_whole(
    scheme: Scheme, labels: list[str], reference: type
):
    """All tags but O belong to a span of the strict reference, exactly if the rules are kept."""
    rules = allowed_transitions(labels, scheme)
    for path in product(range(len(labels)), repeat=3):
        tags = [labels[label] for label in path]
        read = Entities([tags], reference).entities[0]
        covered = sum(entity.end - entity.start for entity in read)
        is_whole = covered == sum(tag != "O" for tag in tags)
        keeps = (
            rules.start[path[0]]
            and all(rules.transitions[a][b] for a, b in pairwise(path))
            and rules.end[path[-1]]
        )
        assert keeps == is_whole, tags


def test_everything_is_allowed_in_io():
    rules = allowed_transitions(["O", "I-X", "I-Y"], "IO")
    assert all(rules.start)
    assert all(map(all, rules.transitions))
    assert all(rules.end)


@pytest.mark.parametrize("label", ["PER", "E-PER", "BI-PER", "", "O-PER"])
def test_a_tag_of_no_scheme(label: str):
    with pytest.raises(
        OptionError, match=r"is not of the scheme BIO(.|\n)*mend: evaluation.scheme"
    ):
        allowed_transitions(["O", label], "BIO")


@pytest.mark.parametrize(
    ("scheme", "labels"), [("BIO", ["I-X"]), ("BIOES", ["B-X", "I-X", "E-X"]), ("IO", [])]
)
def test_tags_that_cannot_make_a_sequence_of_every_length(scheme: Scheme, labels: list[str]):
    with pytest.raises(OptionError, match="may stand alone"):
        allowed_transitions(labels, scheme)
