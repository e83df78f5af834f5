"""Spans against seqeval, on random tags."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report as reference_report
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as reference_scores
from seqeval.scheme import IOB2, IOBES, Entities

from ostinato.core.errors import OptionError
from ostinato.models.tag_schemes import Scheme
from ostinato.training.metrics.spans import span_counts, span_f1, spans_of

TAGS: dict[Scheme, list[str]] = {
    "BIO": ["O", "B-X", "I-X", "B-Y", "I-Y", "B", "I"],
    "BIOES": ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in "XY")],
    "IO": ["O", "I-X", "I-Y"],
}
STRICT = {"BIO": IOB2, "BIOES": IOBES}


def sequences(scheme: Scheme) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(TAGS[scheme]), max_size=9)


def schemes() -> st.SearchStrategy[Scheme]:
    return st.sampled_from(list(TAGS))


@given(st.data(), schemes())
def test_default_is_that_of_seqeval(data: st.DataObject, scheme: Scheme):
    tags = data.draw(sequences(scheme))
    expected = {(start, end + 1, kind) for kind, start, end in get_entities(tags)}
    assert spans_of(tags, scheme) == expected


@given(st.data(), st.sampled_from(list(STRICT)))
def test_strict_is_that_of_seqeval(data: st.DataObject, scheme: Scheme):
    tags = data.draw(sequences(scheme))
    entities = Entities([tags], STRICT[scheme]).entities[0]
    expected = {(entity.start, entity.end, entity.tag) for entity in entities}
    assert spans_of(tags, scheme, strict=True) == expected


@given(st.data(), schemes(), st.booleans())
def test_scores_are_those_of_seqeval(data: st.DataObject, scheme: Scheme, strict: bool):
    pairs = data.draw(st.lists(st.tuples(sequences(scheme), sequences(scheme)), min_size=1))
    predicted = [
        got[: len(expected)] + ["O"] * (len(expected) - len(got)) for got, expected in pairs
    ]
    target = [expected for _, expected in pairs]
    got = span_f1(predicted, target, scheme, strict=strict and scheme in STRICT)
    spans = [
        spans_of(tags, scheme, strict=strict and scheme in STRICT) for tags in [*predicted, *target]
    ]
    if not any(spans):
        assert got == {"span_precision": 0, "span_recall": 0, "span_f1": 0}
        return
    with warnings.catch_warnings(action="ignore"):
        if strict and scheme in STRICT:
            report = reference_report(
                target, predicted, mode="strict", scheme=STRICT[scheme], output_dict=True
            )
            expected = report["micro avg"]
            micro = [expected["precision"], expected["recall"], expected["f1-score"]]
        else:
            micro = list(reference_scores(target, predicted, average="micro")[:3])
            report = reference_report(target, predicted, output_dict=True)
    assert [got["span_precision"], got["span_recall"], got["span_f1"]] == pytest.approx(micro)
    kinds = {kind: row["f1-score"] for kind, row in report.items() if not kind.endswith(" avg")}
    assert {k.removeprefix("span_f1/"): v for k, v in got.items() if "/" in k} == pytest.approx(
        kinds
    )


def test_what_is_found_wrong_and_missed():
    predicted = [["B-X", "I-X", "O", "B-Y"], ["O", "O"]]
    target = [["B-X", "I-X", "O", "B-X"], ["B-Y", "I-Y"]]
    counts = span_counts(predicted, target, "BIO")
    assert {kind: table.tolist() for kind, table in counts.items()} == {
        "X": [[1, 0, 1], [0, 0, 0]],
        "Y": [[0, 1, 0], [0, 0, 1]],
    }
    scores = span_f1(predicted, target, "BIO")
    assert scores == pytest.approx(
        {
            "span_precision": 1 / 2,
            "span_recall": 1 / 3,
            "span_f1": 2 / 5,
            "span_f1/X": 2 / 3,
            "span_f1/Y": 0,
        }
    )


def test_a_stray_inside():
    tags = ["I-X", "I-X", "O", "B-Y", "I-X"]
    assert spans_of(tags, "BIO") == {(0, 2, "X"), (3, 4, "Y"), (4, 5, "X")}
    assert spans_of(tags, "BIO", strict=True) == {(3, 4, "Y")}


def test_a_tag_of_another_scheme():
    with pytest.raises(OptionError, match="'E-X' is not of the scheme BIO"):
        spans_of(["B-X", "E-X"], "BIO")
