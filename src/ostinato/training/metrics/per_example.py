"""Scores as sums over examples, so that they can be computed of any sample of the examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ostinato.models.tag_schemes import Scheme
from ostinato.training.metrics.spans import Tags, span_counts

Table = npt.NDArray[np.generic]
Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ExampleScores:
    """What each example adds, and the score that the sums give.

    Attributes:
        name: of the score.
        table: ``[N, K]``, K numbers of each example.
        score: from sums over examples ``[..., K]`` to scores ``[...]``.
        higher_is_better: whether it is.
    """

    name: str
    table: Table
    score: Callable[[Sums], Sums]
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        assert self.table.ndim == 2
        assert len(self.table), "no examples, no score"

    @property
    def value(self) -> float:
        """The score of all examples."""
        return float(self.score(self.table.sum(0, dtype=np.float64)))


def pool(scores: Sequence[ExampleScores]) -> ExampleScores | None:
    """Return the score of several sets of examples as of one.

    Args:
        scores: the same of each set.

    Returns:
        None where the sets may count different things: those of an F1 are their own labels.
    """
    first = scores[0]
    if not all(each.score is _ratio for each in scores):
        return None
    table = np.concatenate([each.table for each in scores])
    return ExampleScores(first.name, table, _ratio, first.higher_is_better)


def accuracy(predicted: npt.ArrayLike, target: npt.ArrayLike) -> ExampleScores:
    """Return the share of examples that are right.

    Args:
        predicted: numbers of labels, ``[N]``; what is negative is never right.
        target: numbers of labels, ``[N]``.
    """
    got = np.asarray(predicted)
    is_right = (got == np.asarray(target)) & (got >= 0)
    return ExampleScores("accuracy", _with_ones(is_right), _ratio)


def tag_accuracy(
    predicted: Sequence[npt.ArrayLike], target: Sequence[npt.ArrayLike]
) -> ExampleScores:
    """Return the share of steps that are right, over sequences; negative targets do not count."""
    rows: list[tuple[int, int]] = []
    for got, expected in zip(predicted, target, strict=True):
        is_target = np.asarray(expected) >= 0
        is_right = is_target & (np.asarray(got) == np.asarray(expected))
        rows.append((int(is_right.sum()), int(is_target.sum())))
    return ExampleScores("accuracy", np.array(rows).reshape(-1, 2), _ratio)


def f1(predicted: npt.ArrayLike, target: npt.ArrayLike, positive: int) -> ExampleScores:
    """Return the F1 of one label.

    Args:
        predicted: numbers of labels, ``[N]``.
        target: numbers of labels, ``[N]``.
        positive: the number of the label.
    """
    table = _label_counts(np.asarray(predicted), np.asarray(target), np.array([positive]))
    return ExampleScores("f1", table, _mean_f1)


def macro_f1(predicted: npt.ArrayLike, target: npt.ArrayLike) -> ExampleScores:
    """Return the mean F1 of the labels that occur, as target or prediction.

    Args:
        predicted: numbers of labels, ``[N]``; what is negative is never right.
        target: numbers of labels, ``[N]``; negative for one that training does not have.
    """
    expected = np.maximum(np.asarray(target), -1)
    got = np.asarray(predicted)
    got = np.where(got < 0, -2, got)
    table = _label_counts(got, expected, np.union1d(got, expected))
    return ExampleScores("macro_f1", table, _mean_f1)


def micro_f1(predicted: npt.ArrayLike, target: npt.ArrayLike) -> ExampleScores:
    """Return the F1 over all labels together, of 0 and 1, ``[N, O]``."""
    got, expected = np.asarray(predicted) > 0, np.asarray(target) > 0
    counts = [(got & expected).sum(1), (got & ~expected).sum(1), (~got & expected).sum(1)]
    return ExampleScores("micro_f1", np.stack(counts, 1), _mean_f1)


def macro_label_f1(predicted: npt.ArrayLike, target: npt.ArrayLike) -> ExampleScores:
    """Return the mean F1 of all labels, each by itself, of 0 and 1, ``[N, O]``; absent: 0."""
    got, expected = np.asarray(predicted) > 0, np.asarray(target) > 0
    counts = np.stack([got & expected, got & ~expected, ~got & expected], 2)
    table = counts.reshape(len(got), -1).astype(np.uint8)
    return ExampleScores("macro_f1", table, lambda sums: _each_f1(sums)[0].mean(-1))


def span_f1(
    predicted: Sequence[Tags], target: Sequence[Tags], scheme: Scheme, *, strict: bool = False
) -> ExampleScores:
    """Return the F1 of the spans of all types together; see ``spans.span_f1``.

    Raises:
        OptionError: a tag is not of the scheme.
    """
    by_kind = span_counts(predicted, target, scheme, strict=strict)
    table = sum(by_kind.values(), np.zeros((len(target), 3), np.int64))
    return ExampleScores("span_f1", table, _mean_f1)


def mean_loss(
    loss: npt.ArrayLike, num_targets: npt.ArrayLike | None = None, name: str = "loss"
) -> ExampleScores:
    """Return the loss of a target, in nats.

    Args:
        loss: of each example, summed over its targets, ``[N]``.
        num_targets: of each example, ``[N]``; None for one.
        name: of the score.
    """
    return ExampleScores(name, _per_target(loss, num_targets), _ratio, higher_is_better=False)


def rate(
    name: str,
    part: npt.ArrayLike,
    whole: npt.ArrayLike | None = None,
    *,
    higher_is_better: bool = True,
) -> ExampleScores:
    """Return a sum for each of another, such as mistakes for each unit.

    Args:
        name: of the score.
        part: of each example, ``[N]``.
        whole: of each example, ``[N]``; None for one.
        higher_is_better: whether it is.
    """
    return ExampleScores(name, _per_target(part, whole), _ratio, higher_is_better)


def perplexity(loss: npt.ArrayLike, num_targets: npt.ArrayLike | None = None) -> ExampleScores:
    """Return ``exp`` of the loss of a target; arguments as of ``mean_loss``."""
    table = _per_target(loss, num_targets)
    return ExampleScores(
        "perplexity", table, lambda sums: np.exp(_ratio(sums)), higher_is_better=False
    )


def mean_of(name: str, values: npt.ArrayLike, *, higher_is_better: bool = True) -> ExampleScores:
    """Return the mean of a number that each example has, ``[N]``."""
    table = _with_ones(np.asarray(values, np.float64))
    return ExampleScores(name, table, _ratio, higher_is_better)


def mse(predicted: npt.ArrayLike, target: npt.ArrayLike) -> ExampleScores:
    """Return the mean squared error of numbers ``[N]`` or ``[N, O]``."""
    errors = _by_example(_difference(predicted, target) ** 2)
    return mean_of("mse", errors, higher_is_better=False)


def mae(predicted: npt.ArrayLike, target: npt.ArrayLike) -> ExampleScores:
    """Return the mean absolute error of numbers ``[N]`` or ``[N, O]``."""
    errors = _by_example(np.abs(_difference(predicted, target)))
    return mean_of("mae", errors, higher_is_better=False)


def _difference(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Sums:
    return np.asarray(predicted, np.float64) - np.asarray(target, np.float64)


def _by_example(errors: Sums) -> Sums:
    return errors.reshape(len(errors), -1).mean(1)


def _with_ones(values: npt.NDArray[np.generic]) -> Table:
    return np.stack([values, np.ones(len(values))], 1)


def _per_target(loss: npt.ArrayLike, num_targets: npt.ArrayLike | None) -> Table:
    losses = np.asarray(loss, np.float64)
    counts = np.ones(len(losses)) if num_targets is None else np.asarray(num_targets, np.float64)
    return np.stack([losses, counts], 1)


def _label_counts(got: Table, expected: Table, labels: Table) -> Table:
    """Return for each label whether an example finds, invents or misses it, ``[N, 3C]``."""
    is_got = got[:, None] == labels
    is_expected = expected[:, None] == labels
    counts = [is_got & is_expected, is_got & ~is_expected, ~is_got & is_expected]
    return np.stack(counts, 2).reshape(len(got), -1).astype(np.uint8)


def _ratio(sums: Sums) -> Sums:
    """Return the first sum for each of the second; NaN where there is none."""
    part, whole = sums[..., 0], sums[..., 1]
    return np.where(whole > 0, part / np.maximum(whole, 1e-300), np.nan)


def _mean_f1(sums: Sums) -> Sums:
    """Return the mean F1 of the labels that occur; 0 where none does."""
    each, occurs = _each_f1(sums)
    return each.sum(-1) / np.maximum(occurs.sum(-1), 1)


def _each_f1(sums: Sums) -> tuple[Sums, npt.NDArray[np.bool_]]:
    """Return ``2 tp / (2 tp + fp + fn)`` of each label, and whether it occurs."""
    hit, extra, lost = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 3), -1, 0)
    total = 2 * hit + extra + lost
    return 2 * hit / np.maximum(total, 1), total > 0
