"""What networks write does not depend on what is beside it; traces agree with losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ostinato.data.batches import Example
from ostinato.data.pipeline import PartCounts
from ostinato.data.rows import Row
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.training.recipe_files import validate
from ostinato.training.session import train
from ostinato.training.trained_writer import TrainedWriter, load_writer
from ostinato.training.writing import losses, tell_units, trace, write
from ostinato.training.writing_model import decoding_options
from tests.training.writing_helpers import raw_pairs, tiny_pairs

CPU = torch.device("cpu")
KINDS: dict[str, dict[str, Any]] = {
    "attention": {},
    "context": {"decoder": {"attention": "none"}},
    "feeding": {"decoder": {"attention": "bahdanau", "input_feeding": True}},
    "pointer": {"decoder": {"pointer": True}, "model": {"cell": "lstm"}},
}
METHODS: list[dict[str, Any]] = [
    {"method": "greedy"},
    {"method": "sample", "seed": 3, "temperature": 1.3},
    {"method": "sample", "seed": 3, "top_k": 4, "num_best": 3},
    {"method": "beam", "beam_size": 4, "num_best": 2},
]


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("writer")
    train(tiny_pairs(folder, 150, **KINDS[request.param]), folder / "run")
    return load_writer(folder / "run")


def examples_of(trained: TrainedWriter) -> list[Example]:
    texts = ["a b c", "f", "c c c c c", "zoe a", "d e f a b", "b a", "q r s"]
    pipeline = trained.pipeline
    rows = [{"x": text, "y": text.upper()} for text in texts]
    return [pipeline.example(Row(row["x"], row), PartCounts()) for row in rows]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_texts_whichever_the_batch(trained: TrainedWriter, method: dict[str, Any]):
    examples = examples_of(trained)
    options = DecodingOptions(max_length=12, **method)
    model, pipeline = trained.model, trained.pipeline
    found = [write(model, pipeline, examples, options, size, CPU) for size in (1, 3, 7)]
    for other in found[1:]:
        for ours, theirs in zip(found[0], other, strict=True):
            assert [each.tokens for each in ours] == [each.tokens for each in theirs]
            np.testing.assert_allclose(
                [each.log_probability for each in ours],
                [each.log_probability for each in theirs],
                rtol=1e-5,
                atol=1e-5,
            )
    never = {*pipeline.target.never_written, pipeline.target.end}
    assert not any(never & {*each.tokens} for best in found[0] for each in best)


def test_what_is_drawn_depends_on_the_number_of_an_example(trained: TrainedWriter):
    examples = examples_of(trained)
    options = DecodingOptions(method="sample", max_length=12, temperature=1.5)
    whole = write(trained.model, trained.pipeline, examples, options, 4, CPU)
    part = write(trained.model, trained.pipeline, examples[4:], options, 4, CPU, numbers=[4, 5, 6])
    assert [each[0].tokens for each in part] == [each[0].tokens for each in whole[4:]]


@pytest.mark.parametrize("method", METHODS[:2])
def test_units_are_told_one_by_one(trained: TrainedWriter, method: dict[str, Any]):
    examples = examples_of(trained)
    for most in (1, 2, 12):
        options = DecodingOptions(max_length=most, **method)
        whole = write(trained.model, trained.pipeline, examples, options, 4, CPU)
        for number, (example, expected) in enumerate(zip(examples, whole, strict=True)):
            told: list[int] = []
            tell_units(trained.model, trained.pipeline, example, options, number, told.append)
            assert tuple(told) == expected[0].tokens


def test_the_loss_is_that_of_each_text_by_itself(trained: TrainedWriter):
    examples = examples_of(trained)
    together = losses(trained.model, examples, 7, CPU)
    alone = np.concatenate([losses(trained.model, [each], 1, CPU) for each in examples])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_a_teacher_forced_trace_sums_to_the_loss(trained: TrainedWriter):
    examples = examples_of(trained)
    found = trace(trained.model, trained.pipeline, examples, 3, CPU, is_forced=True)
    sums = [each.losses.sum() for each in found]
    np.testing.assert_allclose(sums, losses(trained.model, examples, 7, CPU), rtol=1e-4)
    assert [len(each.numbers) for each in found] == [
        len(each.target) for each in examples if each.target is not None
    ]


def test_a_free_trace_follows_what_is_written_greedily(trained: TrainedWriter):
    examples = examples_of(trained)
    found = trace(trained.model, trained.pipeline, examples, 3, CPU, is_forced=False)
    options = DecodingOptions(method="greedy", max_length=20)
    written = write(trained.model, trained.pipeline, examples, options, 3, CPU)
    for each, (text,) in zip(found, written, strict=True):
        shared = min(len(each.numbers), len(text.tokens))
        assert each.numbers[:shared].tolist() == list(text.tokens[:shared])


def test_the_first_unit_is_the_same_with_and_without_the_right_one(trained: TrainedWriter):
    examples = examples_of(trained)
    forced, free = (
        trace(trained.model, trained.pipeline, examples, 3, CPU, is_forced=is_forced)
        for is_forced in (True, False)
    )
    assert [e.losses[0] for e in forced] == [e.losses[0] for e in free]


def test_a_text_goes_on_for_twice_as_long_as_any_of_training(trained: TrainedWriter):
    assert trained.pipeline.longest_target == 6
    assert trained.options().max_length == 12
    assert trained.options(["decoding.max_length=3"]).max_length == 3
    (best,) = trained.write(["a b c d e"], trained.options(["decoding.min_length=4"]))
    assert len(best[0].units) >= 4


def test_options_are_named_as_the_recipe_names_them():
    raw: dict[str, Any] = {"method": "sample", "top_k": 5, "seed": 9, "max_length": 7}
    recipe = validate(raw_pairs(Path("x"), decoding=raw), "r")
    pipeline: Any = None
    options = decoding_options(recipe.decoding, pipeline)  # type: ignore[attr-defined]
    assert (options.method, options.top_k, options.seed, options.max_length) == ("sample", 5, 9, 7)


def test_evaluation_leaves_the_mode_of_the_model_alone(trained: TrainedWriter):
    model: EncoderDecoder = trained.model
    for is_training in (True, False):
        model.train(is_training)
        losses(model, examples_of(trained), 3, CPU)
        assert model.training == is_training
    model.eval()
