"""A language model of any cell."""

from __future__ import annotations

import math

import pytest
import torch

from ostinato import cells
from ostinato.core.errors import OptionError
from ostinato.models.language_model import LanguageModel

IDS = torch.tensor([[1, 2], [0, 4], [3, 3], [2, 1], [4, 0]])  # [T, B]


def make(cell: str = "lstm", **options: object) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(5, cells.get(cell), 6, **{"embedding_size": 6, **options}).double()


@pytest.mark.parametrize("name", cells.names())
def test_every_cell_learns_and_streams(name: str):
    model = make(name)
    whole, end = model(IDS)
    assert whole.shape == (5, 2, 5)
    whole.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())

    first, state = model(IDS[:2])
    second, state = model(IDS[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for key, value in end.items():
        torch.testing.assert_close(state[key], value)

    state = None
    for step, ids in enumerate(IDS):
        logits, state = model.step(ids, state)
        torch.testing.assert_close(logits, whole[step])


def test_one_hot_vectors():
    model = make(embedding_size=None)
    assert model.embedding is None
    assert model.recurrent.input_size == 5
    assert model(IDS)[0].shape == (5, 2, 5)


def test_a_tied_head_is_the_embedding():
    model = make(tied=True)
    assert model.embedding is not None
    assert model.head.weight is model.embedding.weight
    # A new model should be unsure: its loss is near log(V).
    loss = torch.nn.functional.cross_entropy(model(IDS)[0].flatten(0, 1), IDS.flatten())
    assert abs(loss.item() - math.log(5)) < 0.5


@pytest.mark.parametrize("embedding_size", [None, 4])
def test_a_tied_head_needs_the_right_embedding(embedding_size: int | None):
    with pytest.raises(OptionError, match=r"mend: embedding_size=6"):
        make(tied=True, embedding_size=embedding_size)


def test_dropout_acts_in_training_only():
    model = make(dropout=0.5, num_layers=2)
    assert not torch.equal(model(IDS)[0], model(IDS)[0])
    model.eval()
    assert torch.equal(model(IDS)[0], model(IDS)[0])


def test_unrolled_is_what_the_network_does():
    model = make("elman")
    hidden, probabilities = model.unrolled(IDS[:, 0])
    logits, state = model(IDS[:, :1])
    torch.testing.assert_close(probabilities, logits[:, 0].softmax(-1))
    torch.testing.assert_close(hidden[-1], state["h"][0, 0])


def test_a_projected_output_is_as_wide_as_asked():
    assert make("lstm_projected").head.in_features == 6
    assert make("lstm_projected", output_size=3).head.in_features == 3
