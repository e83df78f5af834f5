"""Lines as documents of their own: their order, their ends, and a state that starts afresh."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from ostinato.core.errors import OptionError
from ostinato.data import PADDING, DataError, Unit, build_corpus
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import LanguageModelTask
from tests.training.helpers import tiny

NAMES = [
    a + b + c
    for a, b, c in itertools.product(
        ("an", "be", "한글", "do"), ("na", "lla", "mo"), ("s", "", "ria", "t")
    )
]
TEXT = "\n".join(NAMES) + "\n\n"
NEVER = StopRequest()


def task_of(**changes: dict[str, object]) -> LanguageModelTask:
    data = {"text": TEXT, "documents": "lines", "held_out": 0.25, "tested": 0.125}
    recipe = tiny(
        **{
            **changes,
            "data": {**data, **changes.get("data", {})},
            "model": {"dropout": 0.0, "recurrent_dropout": 0.0},
        }
    )
    return LanguageModelTask.from_recipe(recipe, torch.device("cpu"))


def lines(task: LanguageModelTask, ids: object) -> list[str]:
    return task.corpus.vocabulary.decode(ids).split("\n")[:-1]


def test_documents_are_dealt_to_the_parts_once_each():
    corpus = task_of().corpus
    parts = [corpus.train, corpus.held_out, corpus.tested]
    assert [len(part.starts) for part in parts] == [30, 12, 6]
    found = [name for part in parts for name in lines(task_of(), part.ids)]
    assert sorted(found) == sorted(NAMES)
    assert found != NAMES
    assert task_of().corpus.sha256 == corpus.sha256
    assert lines(task_of(seed=1), task_of(seed=1).corpus.tested.ids) != lines(
        task_of(), corpus.tested.ids
    )


def test_each_epoch_has_an_order_of_its_own_and_every_target_once():
    task = task_of(training={"tbptt_steps": 5, "batch_size": 3})
    epochs = []
    for epoch in (0, 1, 0):
        windows = [
            task.batches(epoch * task.steps_per_epoch + i)[0].window
            for i in range(task.steps_per_epoch)
        ]
        targets = np.concatenate([window.targets for window in windows])
        resets = np.concatenate([window.resets for window in windows])
        inputs = np.concatenate([window.inputs for window in windows])
        end = task.corpus.vocabulary.encode("\n")[0]
        np.testing.assert_array_equal(
            resets[targets != PADDING], (inputs == end)[targets != PADDING]
        )
        stream = targets.T[targets.T != PADDING]
        assert sorted(lines(task, stream)) == sorted(lines(task, task.corpus.train.ids))
        epochs.append(lines(task, stream))
    assert epochs[0] == epochs[2]
    assert epochs[0] != epochs[1]


def test_a_document_does_not_feel_the_one_before():
    task = task_of(training={"tbptt_steps": 40, "batch_size": 1})
    model = task.build_model()
    (batch,) = task.batches(0)
    found = float(task.loss(model, batch, None).loss_sum.detach())
    window = batch.window
    expected = 0.0
    cuts = [*np.flatnonzero(window.resets[:, 0]), len(window.inputs)]
    assert len(cuts) > 4
    for start, end in itertools.pairwise(cuts):
        with torch.no_grad():
            logits, _ = model(torch.as_tensor(window.inputs[start:end]))
        targets = torch.as_tensor(window.targets[start:end, 0])
        expected += float(functional.cross_entropy(logits[:, 0], targets, reduction="sum"))
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("unit", ["characters", "bytes", "jamo"])
@pytest.mark.parametrize("window", [3, 100])
def test_the_score_is_that_of_the_documents_one_by_one(unit: Unit, window: int):
    task = task_of(data={"unit": unit}, evaluation={"batch_size": 5, "window": window})
    model = task.build_model().eval()
    for part, scores in (
        (task.corpus.held_out, task.evaluate(model, NEVER)),
        (task.corpus.tested, task.evaluate_test(model, NEVER)),
    ):
        nats = 0.0
        for name in lines(task, part.ids):
            ids = torch.as_tensor(task.corpus.vocabulary.encode(f"\n{name}\n"))
            with torch.no_grad():
                logits, _ = model(ids[:-1, None])
            nats += float(functional.cross_entropy(logits[:, 0], ids[1:], reduction="sum"))
        assert scores["loss"] == pytest.approx(nats / len(part.ids), rel=1e-5)
        assert scores["nats_per_character"] == pytest.approx(nats / part.num_characters, rel=1e-5)


def test_the_tested_part_of_a_whole_text():
    corpus = build_corpus("abcdefghij" * 2, held_out=0.2, tested=0.1)
    decode = corpus.vocabulary.decode
    assert decode(corpus.train.ids) == "abcdefghijabcd"
    assert decode(corpus.held_out.ids) == "efgh"
    assert decode(corpus.tested.ids) == "ij"
    with pytest.raises(DataError, match=r"and data.tested=0.01 leave 8 to learn from"):
        build_corpus("abcdefghij", held_out=0.2, tested=0.01)


def test_nothing_is_kept_for_a_test():
    task = task_of(data={"tested": 0.0})
    with pytest.raises(OptionError, match=r"data.tested=0\nmend: train with a share"):
        task.evaluate_test(task.build_model(), NEVER)
