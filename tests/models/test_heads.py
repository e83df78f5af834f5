"""What each head says against the formula that defines it."""

from __future__ import annotations

import math

import pytest
import torch

from ostinato.core.errors import OptionError
from ostinato.models.heads import (
    ClassificationHead,
    CRFTaggingHead,
    Head,
    MultiLabelHead,
    PolyphonyHead,
    RegressionHead,
    TaggingHead,
)

LENGTHS = torch.tensor([3, 1])


def test_classification():
    head = ClassificationHead(4, 3).eval()
    scores = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 5.0]])
    targets = torch.tensor([1, 0])
    probabilities = head.probabilities(scores, LENGTHS)
    assert probabilities[0].tolist() == pytest.approx(
        [math.exp(s) / (1 + math.exp(1) + math.exp(2)) for s in (1, 2, 0)]
    )
    expected = -math.log(probabilities[0, 1]) - math.log(probabilities[1, 0])
    assert head.loss(scores, targets, LENGTHS).item() == pytest.approx(expected)
    assert head.decode(scores, LENGTHS).tolist() == [1, 2]


def test_a_label_that_training_does_not_have_is_left_out():
    head = ClassificationHead(4, 3)
    scores = torch.randn(2, 3)
    loss = head.loss(scores, torch.tensor([2, -1]), LENGTHS)
    torch.testing.assert_close(loss, head.loss(scores[:1], torch.tensor([2]), LENGTHS[:1]))


def test_class_weights_and_smoothing_act_in_training_only():
    head = ClassificationHead(4, 3, class_weights=[1, 10, 3], label_smoothing=0.3)
    scores = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 5.0]])
    targets = torch.tensor([1, 0])
    logs = scores.log_softmax(-1)
    weights = torch.tensor([1.0, 10, 3])
    plain = -(logs[0, 1] + logs[1, 0])
    kept = -(10 * logs[0, 1] + 1 * logs[1, 0])
    spread = -(weights * logs).sum() / 3
    torch.testing.assert_close(head.loss(scores, targets, LENGTHS), 0.7 * kept + 0.3 * spread)
    torch.testing.assert_close(head.eval().loss(scores, targets, LENGTHS), plain)


def test_weights_for_other_classes():
    with pytest.raises(OptionError, match=r"shape \[2\] for 3 columns"):
        ClassificationHead(4, 3, class_weights=[1, 2])


def test_tagging_counts_targets_only():
    head = TaggingHead(4, 2)
    scores = torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[0.0, 3.0]] * 2, [[5.0, 0.0]] * 2])
    targets = torch.tensor([[1, 0], [-100, 1], [1, 99]])
    logs = scores.log_softmax(-1)
    expected = -(logs[0, 0, 1] + logs[0, 1, 0] + logs[2, 0, 1])
    torch.testing.assert_close(head.loss(scores, targets, LENGTHS), expected)
    assert head.decode(scores, LENGTHS).tolist() == [[1, 0], [1, -100], [0, -100]]


def test_tagging_without_a_single_target():
    head = TaggingHead(4, 2)
    scores = torch.randn(3, 2, 2, requires_grad=True)
    loss = head.loss(scores, torch.full((3, 2), -100), LENGTHS)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert not scores.grad.any()


def test_multi_label():
    head = MultiLabelHead(4, 2, class_weights=[1, 3])
    scores = torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    each = [math.log(2), math.log1p(math.exp(2)), math.log1p(math.exp(-1)), math.log(2)]
    weighted = each[0] + 3 * each[1] + each[2] + 3 * each[3]
    assert head.loss(scores, targets, LENGTHS).item() == pytest.approx(weighted)
    assert head.eval().loss(scores, targets, LENGTHS).item() == pytest.approx(sum(each))
    assert head.decode(scores, LENGTHS).tolist() == [[0, 1], [0, 0]]


def test_polyphony_is_nats_over_the_steps():
    head = PolyphonyHead(4, 88)
    scores = torch.zeros(3, 2, 88)
    targets = torch.randint(2, (3, 2, 88))
    # Four steps of 88 fair coins.
    assert head.loss(scores, targets, LENGTHS).item() == pytest.approx(4 * 88 * math.log(2))
    assert head.decode(scores + 1, LENGTHS).sum().item() == 4 * 88


def test_regression_learns_in_its_own_unit():
    head = RegressionHead(4, 2, mean=[1e6, 5], scale=[1e3, 0])
    scores = torch.tensor([[1.0, 2.0]])
    assert head.decode(scores, LENGTHS).tolist() == [[1e6 + 1e3, 7.0]]
    loss = head.loss(scores, torch.tensor([[1e6 - 1e3, 5.0]]), LENGTHS)
    assert loss.item() == pytest.approx(2**2 + 2**2)


@pytest.mark.parametrize(
    "head",
    [
        ClassificationHead(3, 4),
        TaggingHead(3, 4),
        CRFTaggingHead(3, 4),
        MultiLabelHead(3, 4),
        PolyphonyHead(3, 4),
        RegressionHead(3, 4),
    ],
    ids=lambda head: type(head).__name__,
)
def test_scores_of_half_precision_are_summed_in_float32(head: Head):
    with torch.autocast("cpu", torch.bfloat16):
        assert head(torch.randn(2, 3)).dtype == torch.float32
