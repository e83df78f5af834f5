"""Scores of predicted labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ostinato.core.errors import UnknownNameError

Numbers = npt.ArrayLike
Counts = npt.NDArray[np.int64]


def classification_scores(
    predicted: Numbers, target: Numbers, labels: Sequence[str], positive: str | None = None
) -> dict[str, float]:
    """Return ``accuracy``, ``macro_f1`` and, with ``positive``, the ``f1`` of that label.

    The macro mean is over the labels that occur, as target or prediction.

    Args:
        predicted: numbers of labels, ``[N]``; negative for labels that training does not have.
        target: numbers of labels, ``[N]``; negative for labels that training does not have. These
            are never right; those of the targets, and of the predictions, count as a label each.
        labels: the labels in the order of their numbers.
        positive: the label that ``f1`` is of.

    Raises:
        UnknownNameError: ``positive`` is not among the labels.
    """
    from torchmetrics.functional import classification

    if positive is not None and positive not in labels:
        raise UnknownNameError("label", positive, labels)
    got, expected, num_classes = _as_classes(predicted, target, len(labels))
    if not len(expected):
        return {}
    accuracy = classification.multiclass_accuracy(got, expected, num_classes, average="micro")
    each = classification.multiclass_f1_score(got, expected, num_classes, average="none")
    macro = classification.multiclass_f1_score(got, expected, num_classes, average="macro")
    scores = {"accuracy": accuracy.item(), "macro_f1": macro.item()}
    if positive is not None:
        scores["f1"] = each[labels.index(positive)].item()
    return scores


def multi_label_scores(predicted: Numbers, target: Numbers) -> dict[str, float]:
    """Return ``accuracy`` (all labels right), ``micro_f1`` and ``macro_f1``.

    Args:
        predicted: 0 or 1, ``[N, O]``.
        target: 0 or 1, ``[N, O]``.
    """
    from torchmetrics.functional import classification

    got = torch.as_tensor(np.asarray(predicted, np.int64))
    expected = torch.as_tensor(np.asarray(target, np.int64))
    if not len(expected):
        return {}
    num_labels = expected.shape[1]
    exact = classification.multilabel_exact_match(got, expected, num_labels)
    micro = classification.multilabel_f1_score(got, expected, num_labels, average="micro")
    macro = classification.multilabel_f1_score(got, expected, num_labels, average="macro")
    return {"accuracy": exact.item(), "micro_f1": micro.item(), "macro_f1": macro.item()}


def _as_classes(predicted: Numbers, target: Numbers, num_labels: int) -> tuple[Tensor, Tensor, int]:
    got, expected = np.asarray(predicted, np.int64), np.asarray(target, np.int64)
    missed = np.where(expected < 0, num_labels, expected)
    invented = np.where(got < 0, num_labels + 1, got)
    num_classes = max(num_labels, *(int(each.max(initial=-1)) + 1 for each in (missed, invented)))
    return torch.as_tensor(invented), torch.as_tensor(missed), num_classes
