"""Networks that write: padding, single steps, gradients, free running."""

from __future__ import annotations

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError
from tests.models.writing_helpers import (
    END,
    LENGTHS,
    NUM_SYMBOLS,
    START,
    TARGET_LENGTHS,
    Batch,
    batch,
    build,
    by_steps,
    gradients,
)

TOLERANCE = 1e-10

ATTENTIONS: list[dict[str, object]] = [
    {"attention": "none"},
    {"attention": "none", "context": "start"},
    {"attention": "dot"},
    {"attention": "general"},
    {"attention": "concat"},
    {"attention": "bahdanau"},
    {"attention": "general", "input_feeding": True},
    {"attention": "concat", "input_feeding": True},
    {"attention": "bahdanau", "input_feeding": True},
    {"attention": "general", "pointer": True},
    {"attention": "bahdanau", "pointer": True, "input_feeding": True},
]
WAYS: list[dict[str, object]] = [
    {},
    {"bidirectional": True, "hidden_size": 3, "decoder_hidden_size": 6, "num_layers": 2},
    {"cell": "lstm", "residual": True, "num_layers": 3},
    {"tied": True, "embedding_size": 6},
]
OTHERS: list[dict[str, object]] = [
    {"cell": "lstm", "decoder_cell": "gru", "num_layers": 1, "decoder_num_layers": 2},
    {"cell": "elman", "decoder_cell": "slstm", "num_layers": 3, "decoder_num_layers": 1},
    {"cell": "lstm_projected", "output_size": 4, "attention": "dot"},
    {"cell": "jordan", "input_feeding": True, "output_size": 3},
    {"cell": "gru", "layer_norm": True},
    {"cell": "lstm", "engine": "eager", "input_feeding": True},
    {"cell": "lstm", "start": "chrono", "start_steps": 9},
    {"decoder_embedding_size": "one-hot"},
    {"cell": "h = tanh(W @ h + A @ (B @ x))", "sizes": {"B": 3}},
    {"decoder_cell": "h = tanh(W @ h + U @ x); y = V @ h", "decoder_output_size": 2},
]
CELLS: list[dict[str, object]] = [
    {"cell": cell, "embedding_size": 6, "attention": "none", "context": "start"}
    for cell in cells.names()
]
ALL = [
    *(("tokens", {**kind, **way}) for kind in ATTENTIONS for way in WAYS),
    *(("tokens", given) for given in (*OTHERS, *CELLS)),
    *(
        (source, {**kind, "decoder_hidden_size": 6, "hidden_size": 6})
        for source in ("frames", "pictures")
        for kind in ATTENTIONS
        if not (source == "pictures" and "pointer" in kind)
    ),
]
# Two directions of 3 are as wide as a decoder of 6, so that `dot` fits too.


def named(values: tuple[str, dict[str, object]]) -> str:
    source, given = values
    return "-".join([source, *(f"{key}={value}" for key, value in given.items())])


@pytest.mark.parametrize("values", ALL, ids=named)
def test_batched_is_one_by_one_and_step_by_step(values: tuple[str, dict[str, object]]):
    source, given = values
    model = build(source, **given)
    whole = batch(source, copied="pointer" in given)
    rows = whole.rows()

    found = model.log_probabilities(*whole.arguments, **whole.options)
    torch.testing.assert_close(by_steps(model, whole), found, atol=TOLERANCE, rtol=0)
    for index, row in enumerate(rows):
        alone = model.log_probabilities(*row.arguments, **row.options)
        length = len(row.targets)
        torch.testing.assert_close(found[:length, [index]], alone, atol=TOLERANCE, rtol=0)
        assert not found[length:, index].any()

    loss, grads = gradients(model, [whole])
    expected_loss, expected = gradients(model, rows)
    torch.testing.assert_close(loss, -found.sum(), atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(loss, expected_loss, atol=TOLERANCE, rtol=0)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], atol=TOLERANCE, rtol=0, msg=name)
        assert grad.abs().max() > 1e-9, f"no gradient reaches {name}"
