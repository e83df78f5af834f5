"""The conditional random field against all sequences of labels, one by one."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from ostinato.models.crf import LinearChainCRF
from ostinato.models.masking import NO_TARGET
from ostinato.models.tag_schemes import allowed_transitions
from tests.models.helpers import LABELS

LENGTHS = torch.tensor([3, 1, 0, 4, 2])
NUM_STEPS = 5
NUM_LABELS = len(LABELS)
TOLERANCE = {"atol": 1e-10, "rtol": 0}


def make(*, rules: bool) -> tuple[LinearChainCRF, Tensor]:
    torch.manual_seed(3)
    allowed = allowed_transitions(LABELS, "BIO") if rules else None
    crf = LinearChainCRF(NUM_LABELS, allowed=allowed).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_()
    scores = torch.randn(NUM_STEPS, len(LENGTHS), NUM_LABELS, dtype=torch.float64)
    scores[-1] = torch.nan
    return crf, scores


def score(crf: LinearChainCRF, scores: Tensor, row: int, path: tuple[int, ...]) -> Tensor:
    total = crf.start[path[0]] + crf.end[path[-1]]
    total = total + sum(scores[step, row, label] for step, label in enumerate(path))
    return total + sum((crf.transitions[a, b] for a, b in pairwise(path)), start=0 * total)


def keeps(path: tuple[int, ...]) -> bool:
    """The rules of BIO, from the labels alone: an inside needs its own type before it."""
    names = ["O", *(LABELS[label] for label in path)]
    return all(
        not after.startswith("I-") or before in (f"B-{after[2:]}", f"I-{after[2:]}")
        for before, after in pairwise(names)
    )


def paths(length: int, *, rules: bool) -> list[tuple[int, ...]]:
    every = product(range(NUM_LABELS), repeat=length)
    return [path for path in every if not rules or keeps(path)]


@pytest.mark.parametrize("rules", [False, True])
def test_the_sum_over_all_sequences_and_its_gradient(rules: bool):
    crf, scores = make(rules=rules)
    expected = torch.stack(
        [
            torch.stack(
                [score(crf, scores, row, path) for path in paths(int(length), rules=rules)]
            ).logsumexp(0)
            if length
            else scores.new_zeros(())
            for row, length in enumerate(LENGTHS)
        ]
    )
    got = crf.log_partition(scores, LENGTHS)
    torch.testing.assert_close(got, expected, **TOLERANCE)
    weights = torch.arange(1.0, 6.0, dtype=torch.float64)
    for ours, theirs in zip(
        torch.autograd.grad((got * weights).sum(), list(crf.parameters())),
        torch.autograd.grad((expected * weights).sum(), list(crf.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)


@pytest.mark.parametrize("rules", [False, True])
def test_the_best_sequence(rules: bool):
    crf, scores = make(rules=rules)
    got = crf.best_path(scores, LENGTHS)
    for row, length in enumerate(map(int, LENGTHS)):
        assert (got[length:, row] == NO_TARGET).all()
        if length:
            best = max(
                paths(length, rules=rules), key=lambda path: score(crf, scores, row, path).item()
            )
            assert tuple(got[:length, row].tolist()) == best


@pytest.mark.parametrize("rules", [False, True])
def test_marginals(rules: bool):
    crf, scores = make(rules=rules)
    with torch.inference_mode():
        got = crf.marginals(scores, LENGTHS)
    for row, length in enumerate(map(int, LENGTHS)):
        expected = torch.zeros(NUM_STEPS, NUM_LABELS, dtype=torch.float64)
        every = paths(length, rules=rules) if length else []
        if every:
            chances = torch.stack([score(crf, scores, row, path) for path in every]).softmax(0)
            for path, chance in zip(every, chances, strict=True):
                for step, label in enumerate(path):
                    expected[step, label] += chance.detach()
        torch.testing.assert_close(got[:, row], expected, **TOLERANCE)


@pytest.mark.parametrize("rules", [False, True])
def test_probabilities_of_all_sequences_sum_to_one(rules: bool):
    crf, scores = make(rules=rules)
    length = 3
    every = torch.tensor(paths(length, rules=rules)).T  # [T, number of paths]
    scores = scores[:length, :1].expand(-1, every.shape[1], -1)
    lengths = torch.full((every.shape[1],), length)
    total = crf.log_probability(scores, every, lengths).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total), **TOLERANCE)


def test_steps_without_a_target_are_summed_over():
    crf, scores = make(rules=True)
    targets = torch.tensor([[3], [NO_TARGET], [4], [99]])  # B-Y, any, I-Y, padding
    got = crf.log_probability(scores[:4, :1], targets, torch.tensor([3]))
    every = paths(3, rules=True)
    chances = torch.stack([score(crf, scores, 0, path) for path in every]).log_softmax(0)
    agreeing = [
        chance for path, chance in zip(every, chances, strict=True) if (path[0], path[2]) == (3, 4)
    ]
    torch.testing.assert_close(got[0], torch.stack(agreeing).logsumexp(0), **TOLERANCE)


def test_targets_that_no_label_between_could_join_can_be_learned():
    labels = ["O", "B-X", "I-X", "I-Y"]
    crf = LinearChainCRF(4, allowed=allowed_transitions(labels, "BIO"))
    scores = torch.zeros(3, 1, 4)
    targets = torch.tensor([[0], [NO_TARGET], [3]])
    got = crf.log_probability(scores, targets, torch.tensor([3]))
    torch.testing.assert_close(got.exp(), torch.tensor([1 / 16]))  # of 64, 4 have both targets


@pytest.mark.parametrize("broken", [(2, 0, 0), (0, 2, 2), (1, 4, 0)])
def test_targets_that_break_the_rules_can_be_learned(broken: tuple[int, ...]):
    crf, scores = make(rules=True)
    targets = torch.tensor(broken)[:, None]
    variable = scores[:3, :1].clone().requires_grad_()
    got = crf.log_probability(variable, targets, torch.tensor([3]))
    every = paths(3, rules=False)
    chances = torch.stack([score(crf, scores, 0, path) for path in every]).log_softmax(0)
    torch.testing.assert_close(got[0], chances[every.index(broken)], **TOLERANCE)
    got.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in crf.parameters())
    assert variable.grad is not None
    assert variable.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_forbidden_is_never_predicted(dtype: torch.dtype):
    crf = LinearChainCRF(NUM_LABELS, allowed=allowed_transitions(LABELS, "BIO")).to(dtype)
    scores = torch.zeros(3, 1, NUM_LABELS, dtype=dtype)
    scores[:, :, 2] = 1e8  # I-X wherever it may be, also as the first tag
    with torch.no_grad():
        crf.transitions[0, 2] = 1e9
        crf.start[2] = 1e9
    path = crf.best_path(scores, torch.tensor([3]))[:, 0].tolist()
    assert path == [1, 2, 2]
    marginals = crf.marginals(scores, torch.tensor([3]))
    assert marginals[0, 0, 2] == 0
    torch.testing.assert_close(marginals.sum(-1), torch.ones(3, 1, dtype=dtype))


def test_every_parameter_has_a_gradient_after_one_step():
    crf, scores = make(rules=True)
    lengths = torch.ones_like(LENGTHS)
    crf.log_probability(scores[:1], torch.zeros(1, 5, dtype=torch.int64), lengths).sum().backward()
    assert all(p.grad is not None for p in crf.parameters())
    assert crf.transitions.grad is not None
    assert not crf.transitions.grad.any()


def test_ends_of_bioes():
    labels = ["O", "B-X", "I-X", "E-X", "S-X"]
    crf = LinearChainCRF(5, allowed=allowed_transitions(labels, "BIOES"))
    scores = torch.zeros(3, 2, 5)
    scores[..., 2] = 9
    paths = crf.best_path(scores, torch.tensor([3, 1]))
    assert paths[:, 0].tolist() == [1, 2, 3]
    assert paths[0, 1].item() in (0, 4)


def test_large_scores_in_float32_have_finite_gradients():
    crf = LinearChainCRF(NUM_LABELS, allowed=allowed_transitions(LABELS, "BIO"))
    scores = (torch.randn(50, 4, NUM_LABELS) * 300).requires_grad_()
    targets = torch.randint(NUM_LABELS, (50, 4))
    loss = -crf.log_probability(scores, targets, torch.tensor([50, 3, 0, 20])).sum()
    loss.backward()
    assert loss.isfinite()
    assert loss > 0
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_a_new_one_is_a_softmax_of_each_step():
    torch.manual_seed(0)
    crf = LinearChainCRF(NUM_LABELS).double()
    scores = torch.randn(4, 2, NUM_LABELS, dtype=torch.float64)
    lengths = torch.tensor([4, 4])
    torch.testing.assert_close(crf.marginals(scores, lengths), scores.softmax(-1))
    assert torch.equal(crf.best_path(scores, lengths), scores.argmax(-1))
