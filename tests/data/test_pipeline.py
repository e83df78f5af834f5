"""What is learned from the training part alone, and what becomes of malformed rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ostinato.data import DataError
from ostinato.data.batches import NO_TARGET, Example
from ostinato.data.frames import FrameOptions
from ostinato.data.labels import LabelSet
from ostinato.data.pipeline import (
    PartCounts,
    Pipeline,
    PipelineOptions,
    Scaling,
    Task,
    fingerprint,
)
from ostinato.data.readers import ReadOptions, read_rows
from ostinato.data.rows import LAST_TARGET, Malformed, Row
from ostinato.data.text import EMPTY_ID, UNKNOWN_ID, TextOptions


def options(task: Task, **changes: Any) -> PipelineOptions:
    target = None if task == "polyphony" else "y"
    return replace(PipelineOptions(task, "x", target, TextOptions(), FrameOptions()), **changes)


def rows(*pairs: tuple[object, object]) -> list[Row]:
    return [Row(f"line {n}", {"x": x, "y": y}) for n, (x, y) in enumerate(pairs, 1)]


def strictly(pipeline: Pipeline, part: Sequence[Row]) -> list[Example]:
    malformed = Malformed()
    examples = pipeline.examples(part, malformed)
    assert malformed.shown == []
    return examples


def complaints(pipeline: Pipeline, part: Sequence[Row]) -> list[str]:
    malformed = Malformed()
    pipeline.examples(part, malformed)
    return malformed.shown


TEXTS = rows(("the cat sat", "in"), ("the dog", "out"), ("", "in"), ("a cat", "out"))
TOKENS = rows(
    (["the", "cat"], ["D", "N"]), (["sat"], ["V"]), (("the", "dog", "sat"), ("D", "N", "V"))
)
ARRAYS = rows(
    ([[1, 2], [3, float("nan")]], 1.5), ([[5, 6]], 2.5), ([[None, 8], [9, 10], [11, 12]], -4)
)
ROLLS = [Row(f"piece {n}", {"x": np.eye(88, dtype=np.uint8)[n : n + 4]}) for n in range(3)]
CASES: dict[str, tuple[PipelineOptions, list[Row]]] = {
    "texts": (options("classification"), TEXTS),
    "labels": (
        options("multi-label"),
        rows(("a b", "p,q"), ("b c", ""), ("c", ["q", "r"]), ("d", None)),
    ),
    "jamo": (options("classification", text=TextOptions("jamo")), rows(("가나", 1), ("다", 0))),
    "pieces": (
        options("classification", text=TextOptions("bpe", 40)),
        rows(("low lower lowest", 1), ("new newer newest", 0)),
    ),
    "tags": (options("tagging"), TOKENS),
    "spelled tags": (options("tagging", spelling=True), TOKENS),
    "numbers of texts": (options("regression"), rows(("a", "1"), ("b", "2.5"))),
    "several numbers": (options("regression"), rows(("a", [1, 2]), ("b", [3, -4.5]))),
    "arrays": (options("regression"), ARRAYS),
    "tagged arrays": (options("tagging"), rows(([1, 2], ["u", "d"]), ([3.5], ["u"]))),
    "music": (options("polyphony"), ROLLS),
}


@pytest.mark.parametrize("case", CASES)
def test_saved_and_read_again(case: str):
    learned = Pipeline.learn(CASES[case][1], CASES[case][0])
    again = Pipeline.from_json(json.loads(json.dumps(learned.to_json())))
    assert (again.options, again.kind, again.labels) == (
        learned.options,
        learned.kind,
        learned.labels,
    )
    assert again.to_json() == learned.to_json()
    ours, theirs = (strictly(each, CASES[case][1]) for each in (again, learned))
    assert fingerprint(ours) == fingerprint(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.array_equal(mine.steps, other.steps, equal_nan=mine.steps.dtype != np.int64)
        assert mine.steps.dtype == other.steps.dtype
        assert mine.target is not None
        assert other.target is not None
        assert np.array_equal(mine.target, other.target)
        assert (mine.content, mine.labels, mine.place) == (other.content, other.labels, other.place)


def test_text_is_learned_from_the_training_part_alone():
    pipeline = Pipeline.learn(TEXTS, options("classification"))
    assert pipeline.kind == "text"
    assert pipeline.labels == LabelSet(("in", "out"))
    counts = PartCounts()
    dev = rows(("the bird sat", "in"), ("cat", "up"), ("cat", "up"))
    first, second, _ = pipeline.examples(dev, Malformed(), counts)
    assert first.steps.tolist().count(UNKNOWN_ID) == 1
    assert (int(first.target or -1), first.labels) == (-1, ("in",))
    assert second.target == NO_TARGET
    assert second.labels == ("up",)
    assert (counts.num_unseen_labels, list(counts.unseen_labels)) == (2, ["up"])
    assert counts.notes("dev") == (
        "dev: 20.0 % of the units are unknown",
        "dev: 2 targets with a label that training never has (up), always wrong",
    )


def test_an_empty_text_is_one_step_of_its_own():
    examples = strictly(Pipeline.learn(TEXTS, options("classification")), TEXTS)
    assert examples[2].steps.tolist() == [EMPTY_ID]
    assert examples[2].content == ""


def test_the_empty_documents_of_nsmc(ostinato_data: Path):
    files = {path.name: path for path in ostinato_data.rglob("ratings_*.txt*")}
    if not files:
        pytest.skip("needs NSMC")
    path = next(path for name, path in sorted(files.items()) if "test" in name)
    malformed = Malformed()
    found = list(read_rows(path, ReadOptions(format="tsv", quoting=False), malformed))
    empty = [row for row in found if not row.values["document"]]
    assert empty
    some = [*found[:200], *empty]
    pipeline = Pipeline.learn(
        some, replace(options("classification"), input="document", target="label")
    )
    counts = PartCounts()
    examples = pipeline.examples(some, malformed, counts)
    assert len(examples) == len(some)
    assert malformed.num_malformed == 0
    assert counts.text.num_empty >= len(empty)
    assert examples[-1].steps.tolist() == [EMPTY_ID]


def test_scales_are_those_of_training():
    pipeline = Pipeline.learn(ARRAYS, options("regression"))
    assert (pipeline.kind, pipeline.num_features) == ("frames", 2)
    known = [[1, 3, 5, 9, 11], [2, 6, 8, 10, 12]]
    assert pipeline.scaling is not None
    np.testing.assert_allclose(pipeline.scaling.mean, [np.mean(each) for each in known], rtol=1e-6)
    np.testing.assert_allclose(pipeline.scaling.scale, [np.std(each) for each in known], rtol=1e-6)
    assert pipeline.target_scaling is not None
    np.testing.assert_allclose(pipeline.target_scaling.mean, [0], atol=1e-7)
    np.testing.assert_allclose(pipeline.target_scaling.scale, [np.std([1.5, 2.5, -4])], rtol=1e-6)
    first, *_ = strictly(pipeline, ARRAYS)
    assert np.isnan(first.steps).tolist() == [[False, False], [False, True]]
    assert first.target is not None
    assert first.target.tolist() == [1.5]


def test_a_number_that_never_changes_has_scale_1():
    scaling = Scaling.of([np.full((3, 2), 0.1, np.float32), np.full((1, 2), np.nan)])
    assert scaling.scale.tolist() == [1, 1]
    np.testing.assert_allclose(scaling.mean, [0.1, 0.1])
    assert Scaling.of([np.full((2, 1), np.nan)]).mean.tolist() == [0]


def test_several_numbers_in_one_field():
    learned = options("regression", label_separator=";")
    pipeline = Pipeline.learn(rows(("a", "1;2"), ("b", "3; 4.5")), learned)
    (example,) = strictly(pipeline, rows(("a", "0.5;-1")))
    assert example.target is not None
    assert example.target.tolist() == [0.5, -1]


@pytest.mark.parametrize("separator", [None, "|"])
def test_any_number_of_labels(separator: str | None):
    mark = separator or ","
    part = rows(("a", f"p{mark} q"), ("b", ""), ("c", ["r", "q", "q"]), ("d", None), ("e", 0))
    pipeline = Pipeline.learn(part, options("multi-label", label_separator=separator))
    assert pipeline.labels == LabelSet(("0", "p", "q", "r"))
    examples = strictly(pipeline, part)
    assert [example.labels for example in examples] == [("p", "q"), (), ("r", "q"), (), ("0",)]
    targets = [example.target.tolist() for example in examples if example.target is not None]
    assert targets == [[0, 1, 1, 0], [0] * 4, [0, 0, 1, 1], [0] * 4, [1, 0, 0, 0]]
    counts = PartCounts()
    (other,) = pipeline.examples(rows(("a", f"p{mark}new")), Malformed(), counts)
    assert counts.num_unseen_labels == 1
    assert other.target is not None
    assert other.target.tolist() == [0, 1, 0, 0]
    assert other.labels == ("p", "new")


def test_music_predicts_the_next_step():
    (example, *_) = strictly(Pipeline.learn(ROLLS, options("polyphony")), ROLLS)
    roll = ROLLS[0].values["x"]
    assert example.target is not None
    assert np.array_equal(example.steps, roll[:-1])
    assert np.array_equal(example.target, roll[1:])


def test_tags_are_aligned_and_unseen_ones_are_no_target():
    pipeline = Pipeline.learn(TOKENS, options("tagging"))
    assert pipeline.labels == LabelSet(("D", "N", "V"))
    counts = PartCounts()
    (example,) = pipeline.examples(rows(("the new cat", "D X N")), Malformed(), counts)
    assert example.target is not None
    assert example.target.tolist() == [0, NO_TARGET, 1]
    assert example.labels == ("D", "X", "N")
    assert example.content == ("the", "new", "cat")
    assert counts.num_unseen_labels == 1


def test_what_is_cut_is_counted():
    short = TextOptions(max_length=2)
    pipeline = Pipeline.learn(TEXTS, options("classification", text=short))
    counts = PartCounts()
    lengths = [len(example) for example in pipeline.examples(TEXTS, Malformed(), counts)]
    assert lengths == [2, 2, 1, 2]
    assert "train: 1 text cut at 2 steps (1 unit lost)" in counts.notes("train")

    pipeline = Pipeline.learn(TOKENS, options("tagging", text=short, spelling=True))
    counts = PartCounts()
    *_, last = pipeline.examples(TOKENS, Malformed(), counts)
    assert last.target is not None
    assert last.spellings is not None
    # The label behind the cut is kept: it counts as missed.
    assert (len(last), len(last.target), len(last.labels), len(last.spellings)) == (2, 2, 3, 2)
    assert counts.notes("train") == ("train: 1 text cut at 2 steps (1 unit lost)",)

    frames = FrameOptions(max_length=2)
    tagged = rows(([1, 2, 3], "u d u"), ([4, 5], "d d"))
    pipeline = Pipeline.learn(tagged, options("tagging", frames=frames))
    counts = PartCounts()
    found = pipeline.examples(tagged, Malformed(), counts)
    assert [len(example) for example in found] == [2, 2]
    assert [len(example.labels) for example in found] == [3, 2]
    assert counts.num_cut == 1
    assert counts.notes("train") == ("train: 1 sequence cut at frames.max_length",)
    assert complaints(pipeline, rows(([4, 5], "d d u"), ([1, 2, 3], "u d"))) == [
        "line 1: 2 steps, but 3 tags",
        "line 2: 3 steps, but 2 tags",
    ]


def test_the_label_of_the_moment_before():
    part = [Row("a", {"x": [1.0], "y": "up", LAST_TARGET: "down"}), *rows(([2.0], "down"))]
    found = strictly(Pipeline.learn(part, options("classification")), part)
    assert [example.before for example in found] == ["down", None]


BAD: list[tuple[str, dict[str, object], str]] = [
    ("texts", {"y": "in"}, "the column `x` is missing; the columns are y"),
    ("texts", {"x": None, "y": "in"}, "the column `x` is missing"),
    ("texts", {"x": "a", "y": " "}, "the label is empty"),
    ("texts", {"x": "a"}, "the label is empty"),
    ("texts", {"x": "a", "y": ["in", "out"]}, "a list of labels"),
    ("texts", {"x": 5, "y": "in"}, "expected a text, got int"),
    ("texts", {"x": "a\ud800", "y": "in"}, "character 1 is a lone surrogate"),
    ("tags", {"x": ["a", "b"], "y": ["N"]}, "2 steps, but 1 tag"),
    ("tags", {"x": ["a"], "y": None}, "1 step, but 0 tags"),
    ("tags", {"x": ["a", "b"], "y": ["N", ""]}, "step 2 has no tag"),
    ("tags", {"x": [], "y": []}, "it holds no tokens"),
    ("tags", {"x": " ", "y": ""}, "it holds no tokens"),
    ("spelled tags", {"x": ["\udfff"], "y": ["N"]}, "lone surrogate"),
    ("arrays", {"x": [[1, 2, 3]], "y": 1}, "it has 3 numbers a step, expected 2"),
    ("arrays", {"x": [[1, 2], [3]], "y": 1}, "expected an array of numbers"),
    ("arrays", {"x": [[1, float("inf")]], "y": 1}, "it holds infinite numbers"),
    ("arrays", {"x": [], "y": 1}, "it holds no steps"),
    ("arrays", {"x": "hello", "y": 1}, "expected numbers, got 'hello'"),
    ("arrays", {"x": 7, "y": 1}, "expected a sequence, got the number 7"),
    ("arrays", {"x": [[1, 2]], "y": "many"}, "the target 'many' is no finite number"),
    ("arrays", {"x": [[1, 2]], "y": None}, "no finite number"),
    ("arrays", {"x": [[1, 2]], "y": "nan"}, "no finite number"),
    ("arrays", {"x": [[1, 2]], "y": 1e300}, "no finite number"),
    ("arrays", {"x": [[1, 2]], "y": [1, 2]}, "the target has 2 numbers, expected 1"),
    ("several numbers", {"x": "a", "y": 3}, "the target has 1 number, expected 2"),
    ("several numbers", {"x": "a", "y": []}, "no finite number"),
    ("tagged arrays", {"x": [1, 2], "y": ["u"]}, "2 steps, but 1 tag"),
    ("music", {"x": np.zeros((1, 88))}, "one step has no next one"),
]


@pytest.mark.parametrize(("case", "values", "said"), BAD)
def test_malformed_rows_are_named_and_learned_nothing_from(
    case: str, values: dict[str, object], said: str
):
    chosen, good = CASES[case]
    bad = Row("data.csv, line 9", values)
    pipeline = Pipeline.learn([good[0], bad, *good[1:]], chosen)
    clean = Pipeline.learn(good, chosen)
    assert pipeline.to_json() == clean.to_json()
    malformed = Malformed(0.9)
    examples = pipeline.examples([*good, bad], malformed)
    assert fingerprint(examples) == fingerprint(strictly(clean, good))
    (complaint,) = malformed.shown
    assert complaint.startswith("data.csv, line 9: ")
    assert said in complaint
    assert "mend" not in complaint


def test_nothing_usable_names_the_first_reason():
    with pytest.raises(DataError, match=r"learn from: line 1: the label is empty\nmend: check"):
        Pipeline.learn(rows(("a", ""), ("b", None)), options("classification"))
    with pytest.raises(DataError, match="holds no examples\nmend: "):
        Pipeline.learn([], options("classification"))


@pytest.mark.parametrize(
    ("key", "changes"), [("input", {"input": "X"}), ("target", {"target": "z"})]
)
def test_a_column_that_is_nowhere(key: str, changes: dict[str, str]):
    said = rf"no column '{changes[key]}' \(the columns are x, y\).*\nmend: "
    with pytest.raises(DataError, match=said):
        Pipeline.learn(TEXTS, replace(options("classification"), **changes))


def test_the_kind_is_that_of_most_inputs():
    part = rows((None, "a"), ([], "a"), ([], "b"), ("a", "a"), ([[1.0]], "a"), ([[2.0]], "b"))
    assert Pipeline.learn(part, options("classification")).kind == "frames"


def test_the_fingerprint_sees_every_change():
    part = list(TEXTS)
    changes = [
        part,
        part[::-1],
        rows(("the cat sat", "IN"), ("the dog", "OUT"), ("", "IN"), ("a cat", "OUT")),
        rows(("thy cat sat", "in"), ("thy dog", "out"), ("", "in"), ("a cat", "out")),
        rows(("the cat sat", "out"), *(tuple(row.values.values()) for row in part[1:])),
    ]
    found = {
        fingerprint(strictly(Pipeline.learn(each, options("classification")), each))
        for each in changes
    }
    assert len(found) == len(changes)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["Ann", "is", "here", "."], ["Bob", "is", "not", "here", "."]),
        (list("나 는"), list("Bob is not here.")),
        ("Ann is here .", ["Bob", "is", "not", "here."]),
    ],
)
def test_a_text_without_tags_is_cut_as_the_tokens_of_training_look(
    tokens: str | list[str], expected: list[str]
):
    tags = ["a", "b"] * 2
    num = len(tokens.split() if isinstance(tokens, str) else tokens)
    rows = [Row("row", {"x": tokens, "y": tags[:num]})]
    learned = Pipeline.learn(rows, options("tagging"))
    again = Pipeline.from_json(learned.to_json())
    row = Row("row", {"x": "Bob is not here."})
    assert list(again.example(row, PartCounts(), with_target=False).content or ()) == expected
