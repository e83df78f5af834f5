"""Rows of texts that become other texts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ostinato.data.batches import NO_TARGET, make_batch
from ostinato.data.errors import DataError
from ostinato.data.frames import FrameOptions
from ostinato.data.pipeline import PartCounts, Pipeline, PipelineOptions, fingerprint
from ostinato.data.rows import ALSO, Malformed, Row
from ostinato.data.text import TextOptions

ROWS = [
    {"x": "a b c", "y": "C B A"},
    {"x": "c", "y": "C", ALSO: ["c", "C"]},
    {"x": "b b", "y": "B B"},
]


def options(**changes: Any) -> PipelineOptions:
    given: dict[str, Any] = {
        "task": "text-to-text",
        "input": "x",
        "target": "y",
        "text": TextOptions(unit="words"),
        "frames": FrameOptions(),
        "target_text": TextOptions(unit="words"),
    }
    return PipelineOptions(**{**given, **changes})


def rows(*values: dict[str, Any]) -> list[Row]:
    return [Row(f"line {number}", each) for number, each in enumerate(values, 1)]


def learned(*values: dict[str, Any], **changes: Any) -> Pipeline:
    return Pipeline.learn(rows(*(values or ROWS)), options(**changes))


def test_a_pair_is_numbers_of_both_sides_and_every_right_answer():
    pipeline = learned()
    example = pipeline.example(rows(*ROWS)[1], PartCounts())
    assert pipeline.target is not None
    assert example.target is not None
    assert pipeline.target.text(example.target) == "C"
    assert example.target[-1] == pipeline.target.end
    assert example.labels == ("C", "c")
    assert example.content == "c"
    assert example.copies is None


def test_right_answers_stand_in_a_column_or_in_a_list():
    pipeline = learned(also="others")
    row = Row("r", {"x": "a", "y": ["A", "B"], "others": ["C", "", "A"]})
    assert pipeline.example(row, PartCounts()).labels == ("A", "B", "C")


def test_batches_pad_both_sides():
    pipeline = learned(copies=True)
    examples = pipeline.examples(rows(*ROWS), Malformed())
    batch = make_batch(examples, [0, 1, 2])
    assert batch.inputs["ids"].shape == batch.inputs["copies"].shape == (3, 3)
    assert batch.inputs["copies"][1:, 1].tolist() == [-1, -1]
    assert batch.targets is not None
    assert batch.targets.shape == (4, 3)
    assert batch.targets[2:, 1].tolist() == [NO_TARGET, NO_TARGET]
    assert (batch.num_targets, batch.num_items) == (4 + 2 + 3, 6)
    shares = [batch.share(index, 2) for index in range(2)]
    assert [share.num_targets for share in shares] == [7, 2]
    np.testing.assert_array_equal(shares[0].inputs["copies"], batch.inputs["copies"][:, ::2])


def test_units_that_only_the_source_has_are_copied():
    pipeline = learned(copies=True)
    row = Row("r", {"x": "a Zoe b", "y": "B Zoe"})
    example = pipeline.example(row, PartCounts())
    assert pipeline.target is not None
    first = pipeline.target.num_symbols
    assert example.copied == ("a", "Zoe", "b")
    assert example.copies is not None
    assert example.copies.tolist() == [first, first + 1, first + 2]
    assert example.target is not None
    assert example.target.tolist()[1] == first + 1
    assert pipeline.target.text(example.target, example.copied) == "B Zoe"


@pytest.mark.parametrize("unit", ["words", "bpe", "jamo"])
def test_json_and_back(unit: str):
    changes = {
        "text": TextOptions(unit=unit, vocabulary_size=300),
        "target_text": TextOptions(unit=unit, vocabulary_size=300, max_length=7),
        "copies": unit == "words",
        "also": "z",
    }
    pipeline = learned(**changes)
    again = Pipeline.from_json(json.loads(json.dumps(pipeline.to_json())))
    both = [each.examples(rows(*ROWS), Malformed()) for each in (pipeline, again)]
    assert fingerprint(both[0]) == fingerprint(both[1])
    assert again.options == pipeline.options


def test_older_pipelines_are_read():
    data = Pipeline.learn(
        rows({"x": "a", "y": "p"}, {"x": "b", "y": "q"}),
        options(task="classification", target_text=None),
    ).to_json()
    for key in ("target", "longest", "longest_target"):
        del data[key]
    for key in ("target_text", "also", "copies"):
        del data["options"][key]
    assert Pipeline.from_json(data).target is None


def test_other_answers_are_another_fingerprint():
    pipeline = learned()
    first = pipeline.examples(rows(*ROWS), Malformed())
    other = pipeline.examples(rows(ROWS[0], {"x": "c", "y": "C"}, ROWS[2]), Malformed())
    assert fingerprint(first) != fingerprint(other)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"x": " ", "y": "A"}, "nothing to read"),
        ({"x": "a", "y": ""}, "nothing to write"),
        ({"x": "a"}, "nothing to write"),
        ({"x": "a", "y": []}, "nothing to write"),
        ({"x": "a", "y": "\ud800"}, "lone surrogate"),
        ({"y": "A"}, "column `x` is missing"),
    ],
)
def test_half_a_pair_is_malformed(row: dict[str, Any], reason: str):
    pipeline = learned()
    with pytest.raises(DataError, match=reason):
        pipeline.example(Row("r", row), PartCounts())
    malformed = Malformed(0.5)
    assert len(pipeline.examples(rows(*ROWS, row), malformed)) == 3
    assert malformed.num_malformed == 1


def test_an_empty_text_is_read_where_nothing_is_learned():
    pipeline, counts = learned(), PartCounts()
    example = pipeline.example(Row("r", {"x": ""}), counts, with_target=False)
    assert len(example) == 1
    assert counts.notes("input") == ("input: 1 text without any unit",)


def test_what_is_longer_than_any_of_training_is_counted():
    pipeline = Pipeline.from_json({**learned().to_json(), "longest": 2})
    counts = PartCounts()
    for text in ("a b", "a b c", "a a a a"):
        pipeline.example(Row("r", {"x": text}), counts, with_target=False)
    (note,) = counts.notes("input")
    assert note.startswith("input: 2 inputs longer than any of training (2 steps)")


def test_cut_targets_and_unknown_units_are_told_of_each_side():
    pipeline = learned(target_text=TextOptions(unit="words", max_length=2))
    counts = PartCounts()
    pipeline.examples(rows({"x": "a z", "y": "A Z C"}), Malformed(), counts)
    assert counts.notes("dev") == (
        "dev: 50.0 % of the units are unknown",
        "dev, to be written: 50.0 % of the units are unknown",
        "dev, to be written: 1 text cut at 2 steps (1 unit lost)",
    )


def test_arrays_become_texts():
    made = [{"x": [[0.0, 1.0]] * n, "y": "x" * n} for n in (2, 3, 4)]
    pipeline = learned(*made, target_text=TextOptions(unit="characters"))
    assert (pipeline.kind, pipeline.num_features) == ("frames", 2)
    examples = pipeline.examples(rows(*made), Malformed())
    assert [len(example) for example in examples] == [2, 3, 4]
    assert [len(example.target) for example in examples if example.target is not None] == [3, 4, 5]
