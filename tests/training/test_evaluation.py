"""The held-out score does not depend on how the text is cut into windows."""

from __future__ import annotations

import math

import pytest
import torch

from ostinato.data import Unit, with_context
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import LanguageModelTask
from tests.training.helpers import TEXT, tiny

NEVER = StopRequest()


def task_of(**changes: object) -> LanguageModelTask:
    return LanguageModelTask.from_recipe(tiny(**changes), torch.device("cpu"))


@pytest.mark.parametrize("unit", ["characters", "bytes", "jamo"])
@pytest.mark.parametrize("held_out", [0.0, 0.2])
def test_windows_are_the_whole(unit: Unit, held_out: float):
    data = {"text": TEXT + "한글 문장입니다. " * 10, "unit": unit, "held_out": held_out}
    task = task_of(data=data, evaluation={"batch_size": 1, "window": 7})
    model = task.build_model()
    ids = torch.as_tensor(with_context(task.corpus))
    with torch.no_grad():
        model.eval()
        logits, _ = model(ids[:-1, None])
        nats = torch.nn.functional.cross_entropy(logits[:, 0].double(), ids[1:]).item()
    scores = task.evaluate(model, NEVER)
    assert scores["loss"] == pytest.approx(nats, rel=1e-6)
    characters = task.corpus.held_out.num_characters
    units = len(task.corpus.held_out.ids)
    assert scores["bits_per_character"] == pytest.approx(nats / math.log(2) * units / characters)


def test_a_score_that_learning_by_heart_would_raise_is_noted():
    data = {"text": TEXT, "held_out": 0.4}
    assert any("data.distinct_lines=true" in note for note in task_of(data=data).notes())
    text = "".join(chr(code) for code in range(256, 512))
    data = {"text": f"{text}\n{text[::-1]}\n", "held_out": 0.5}
    assert not any("distinct_lines" in note for note in task_of(data=data).notes())


def test_the_score_is_the_same_every_time_and_leaves_the_model_as_it_was():
    task = task_of(model={"dropout": 0.5})
    model = task.build_model().train()
    state = torch.get_rng_state()
    assert task.evaluate(model, NEVER) == task.evaluate(model, NEVER)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_sample_depends_on_seed_and_step_only():
    task = task_of(sample={"length": 30, "temperature": 1.0})
    model = task.build_model()
    state = torch.get_rng_state()
    first = task.sample(model, 3, NEVER)
    assert len(first) == 30
    assert task.sample(model, 3, NEVER) == first
    assert task.sample(model, 4, NEVER) != first
    assert torch.equal(torch.get_rng_state(), state)


def test_padding_is_no_target():
    task = task_of(training={"batch_size": 3, "tbptt_steps": 50})
    counts = [task.batches(step)[0].num_targets for step in range(task.steps_per_epoch)]
    assert sum(counts) == len(task.corpus.train.ids) - 1
