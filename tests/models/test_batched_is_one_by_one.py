"""Every model: a ragged batch, with garbage as padding, gives what its rows give one by one."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from ostinato.models.sequence_model import SequenceModel
from tests.models.helpers import LENGTHS, Batch, batch, build

TOLERANCE = 1e-10

WAYS: list[dict[str, object]] = [
    {},
    {"bidirectional": True, "num_layers": 2},
    {"residual": True, "num_layers": 3},
    {"bidirectional": True, "residual": True, "num_layers": 2, "cell": "lstm"},
]
READERS: list[tuple[str, dict[str, object]]] = [
    ("tokens", {}),
    ("tokens", {"embedding_size": "one-hot"}),
    ("words", {"spelling": "none"}),
    ("words", {"spelling": "cnn"}),
    ("words", {"spelling": "rnn"}),
    ("frames", {}),
    ("frames", {"projection_size": 3}),
    ("frames", {"pictures": "cnn", "projection_size": 3}),
]
POOLINGS = ("last", "mean", "max", "attention")
ALIGNED: list[tuple[str, dict[str, object]]] = [
    ("tagging", {}),
    ("tagging", {"crf": True}),
    ("polyphony", {}),
]

MANY_TO_ONE = [
    (kind, "classification", {**reader, **way, "pooling": pooling})
    for (kind, reader), way, pooling in product(READERS, WAYS, POOLINGS)
]
MANY_TO_MANY = [
    (kind, target, {**reader, **way, **head})
    for (kind, reader), way, (target, head) in product(READERS, WAYS, ALIGNED)
    if not (target == "polyphony" and way.get("bidirectional"))
]
OTHERS = [
    *((kind, "multi-label", reader) for kind, reader in READERS),
    *((kind, "regression", reader) for kind, reader in READERS),
    *(
        (kind, target, {**reader, **head, "shape": "one-to-one"})
        for (kind, reader), (target, head) in product(
            READERS, [*ALIGNED, ("classification", {}), ("regression", {})]
        )
    ),
    *(
        ("words", "tagging", {"cell": cell, "crf": True, "bidirectional": True, "engine": engine})
        for cell, engine in product(
            ("lstm_projected", "jordan", "slstm", "mingru"), ("eager", "auto")
        )
    ),
]


def named(values: tuple[str, str, dict[str, object]]) -> str:
    kind, target, given = values
    return "-".join([kind, target, *(f"{key}={value}" for key, value in given.items())])


def gradients(model: SequenceModel, batches: list[Batch]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    total = torch.stack([model(b.inputs, b.lengths, b.targets) for b in batches]).sum()
    total.backward()
    return total.detach(), {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
    }


@pytest.mark.parametrize("values", [*MANY_TO_ONE, *MANY_TO_MANY, *OTHERS], ids=named)
def test_scores_loss_and_gradients(values: tuple[str, str, dict[str, object]]):
    kind, target, given = values
    model = build(kind, target, **given)
    whole = batch(kind, target)
    rows = [whole.row(index) for index in range(len(LENGTHS))]

    scores = model(whole.inputs, whole.lengths)
    decoded = model.head.decode(scores, whole.lengths)
    probabilities = model.head.probabilities(scores, whole.lengths)
    for index, row in enumerate(rows):
        alone = model(row.inputs, row.lengths)
        mine = (slice(LENGTHS[index]), [index]) if model.head.is_aligned else [index]
        torch.testing.assert_close(scores[mine], alone, atol=TOLERANCE, rtol=0)
        assert torch.equal(decoded[mine], model.head.decode(alone, row.lengths)) or (
            target == "regression"
        )
        torch.testing.assert_close(
            probabilities[mine],
            model.head.probabilities(alone, row.lengths),
            atol=TOLERANCE,
            rtol=0,
        )

    loss, grads = gradients(model, [whole])
    expected_loss, expected = gradients(model, rows)
    torch.testing.assert_close(loss, expected_loss, atol=TOLERANCE, rtol=0)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], atol=TOLERANCE, rtol=0, msg=name)
    assert any(grad.abs().max() > 1e-3 for grad in grads.values())
