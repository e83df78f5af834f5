"""Copying, held against the equation of See et al. 2017 written out."""

from __future__ import annotations

import pytest
import torch

from ostinato.core.errors import ShapeError
from ostinato.models.pointer import Pointer

V, X = 4, 3
COPIED = torch.tensor([[1, 5, 1, -1], [-1, -1, -1, -1], [6, 4, 6, 6], [0, 2, -1, 3]])


@pytest.fixture
def parts():
    torch.manual_seed(0)
    pointer = Pointer(3).double()
    features, scores = torch.randn(4, 3).double(), torch.randn(4, 4).double()
    vocabulary = torch.randn(4, V).double().log_softmax(-1)
    return pointer, features, scores, vocabulary


def expected(pointer: Pointer, features, scores, vocabulary) -> torch.Tensor:
    found = torch.zeros(4, V + X, dtype=torch.float64)
    for row, units in enumerate(COPIED.tolist()):
        places = [s for s, unit in enumerate(units) if unit >= 0]
        share = torch.sigmoid(pointer.gate(features[row]))[0] if places else 1.0
        found[row, :V] = share * vocabulary[row].exp()
        attention = scores[row, places].exp() / scores[row, places].exp().sum()
        for place, weight in zip(places, attention, strict=True):
            found[row, units[place]] += (1 - share) * weight
    return found


def test_probabilities(parts):
    pointer, features, scores, vocabulary = parts
    copying = pointer(features, scores, COPIED)
    found = copying.all(vocabulary, X).exp()
    torch.testing.assert_close(found, expected(*parts))
    torch.testing.assert_close(found.sum(-1), torch.ones(4).double())
    for target in range(V + X):
        targets = torch.full((4,), target)
        rows = (target == COPIED).any(-1) if target >= V else torch.ones(4, dtype=torch.bool)
        known = vocabulary[:, min(target, V - 1)]
        each = copying.select(rows.nonzero()[:, 0]).of(targets[rows], known[rows], V)
        torch.testing.assert_close(each.exp(), found[rows, target])


def test_what_no_unit_of_the_source_is(parts):
    pointer, features, scores, vocabulary = parts
    copying = pointer(features, scores, COPIED)
    with pytest.raises(ShapeError, match="from V=4 on that is not among the units"):
        copying.of(torch.tensor([4, 0, 4, 0]), vocabulary[:, 0], V)


def test_gradients_are_finite_where_nothing_is_copied(parts):
    pointer, features, scores, vocabulary = parts
    scores.requires_grad_()
    copying = pointer(features, scores * 1e4, COPIED)
    copying.of(torch.tensor([3, 0, 6, 2]), vocabulary[:, 0], V).sum().backward()
    assert scores.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in pointer.parameters())


def test_a_source_without_steps(parts):
    pointer, features, scores, vocabulary = parts
    copying = pointer(features, scores[:, :0], COPIED[:, :0])
    torch.testing.assert_close(copying.all(vocabulary, 0), vocabulary)
    each = copying.of(torch.zeros(4, dtype=torch.int64), vocabulary[:, 0], V)
    torch.testing.assert_close(each, vocabulary[:, 0])
