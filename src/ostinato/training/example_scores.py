"""What predictions of examples are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError, UnknownNameError
from ostinato.data.batches import NO_TARGET, Example
from ostinato.data.pipeline import Pipeline
from ostinato.models.tag_schemes import Scheme
from ostinato.training.metrics import per_example
from ostinato.training.metrics.classification import classification_scores, multi_label_scores
from ostinato.training.metrics.per_example import ExampleScores
from ostinato.training.metrics.regression import regression_scores
from ostinato.training.metrics.spans import span_f1
from ostinato.training.naive import Predictions
from ostinato.training.recipe import ExampleRecipe

_USUAL = {
    "classification": "accuracy",
    "multi-label": "micro_f1",
    "regression": "mse",
    "polyphony": "loss",
}
_POSSIBLE = {
    "classification": ("accuracy", "macro_f1", "f1", "loss"),
    "multi-label": ("micro_f1", "macro_f1", "accuracy", "loss"),
    "regression": ("mse", "mae", "loss"),
    "tagging": ("accuracy", "span_f1", "loss"),
    "polyphony": ("loss",),
}
_LOWER_IS_BETTER = ("loss", "mse", "mae")


class Metric(NamedTuple):
    """A score, by name."""

    name: str
    higher_is_better: bool


def deciding_metric(recipe: ExampleRecipe) -> Metric:
    """Return the score that chooses the weights.

    Raises:
        OptionError: the task has no such score, or what it needs is missing.
    """
    name, evaluation = recipe.evaluation.metric, recipe.evaluation
    if evaluation.scheme != "none" and recipe.task != "tagging":
        raise OptionError(
            f"evaluation.scheme is how tags mark spans, but the task is {recipe.task}\n"
            "mend: evaluation.scheme=none"
        )
    if name == "auto":
        usual = "span_f1" if evaluation.scheme != "none" else "accuracy"
        name = _USUAL.get(recipe.task, usual)
    possible = _POSSIBLE[recipe.task]
    if name not in possible:
        raise OptionError(
            f"evaluation.metric={name} is no score of the task {recipe.task}\n"
            f"mend: one of: auto, {', '.join(possible)}"
        )
    if name == "f1" and evaluation.positive is None:
        raise OptionError(
            "evaluation.metric=f1 is of one label, and evaluation.positive does not name it\n"
            "mend: evaluation.positive=LABEL, or evaluation.metric=macro_f1"
        )
    if name == "span_f1" and evaluation.scheme == "none":
        raise OptionError(
            "evaluation.metric=span_f1 needs to know how tags mark spans\n"
            "mend: evaluation.scheme=BIO"
        )
    return Metric(name, name not in _LOWER_IS_BETTER)


class Scorer:
    """Scores predictions of examples.

    Args:
        pipeline: that made the examples.
        scheme: how tags mark spans; none: tags are single.
        positive: the label that ``f1`` is of; None for no such score.

    Raises:
        UnknownNameError: ``positive`` is no label.
    """

    def __init__(self, pipeline: Pipeline, scheme: str, positive: str | None) -> None:
        self._task = pipeline.options.task
        self._labels = pipeline.labels
        self._scheme: Scheme | None = None if scheme == "none" else _as_scheme(scheme)
        self._positive = positive
        names = () if self._labels is None else self._labels.names
        if positive is not None and positive not in names:
            raise UnknownNameError("label", positive, names)

    def scores(self, examples: Sequence[Example], found: Predictions) -> dict[str, float]:
        """Return every score that the task has, by name; ``loss`` in nats a target."""
        task, scores = self._task, dict[str, float]()
        if found.losses is not None:
            scores["loss"] = _mean_loss(examples, found).value
        if task == "classification":
            assert self._labels is not None
            got, expected = self._single(found.labels), self._single_targets(examples)
            names = self._labels.names
            return scores | classification_scores(got, expected, names, self._positive)
        if task == "multi-label":
            return scores | multi_label_scores(*self._several(examples, found))
        if task == "regression":
            return scores | regression_scores(*_numbers(examples, found))
        if task == "tagging":
            scores["accuracy"] = self._tag_accuracy(examples, found).value
            if self._scheme is not None:
                targets = [example.labels for example in examples]
                scores |= span_f1(_complete(examples, found, "O"), targets, self._scheme)
        return scores

    def by_example(
        self, examples: Sequence[Example], found: Predictions
    ) -> dict[str, ExampleScores]:
        """Return, by name, what each example adds to the scores that can be resampled."""
        task, scores = self._task, list[ExampleScores]()
        if task == "classification":
            got, expected = self._single(found.labels), self._single_targets(examples)
            scores += [
                per_example.accuracy(got, expected),
                per_example.macro_f1(got, expected),
            ]
            if self._positive is not None:
                scores.append(per_example.f1(got, expected, self._number(self._positive)))
        elif task == "multi-label":
            got, expected = self._several(examples, found)
            scores += [
                per_example.micro_f1(got, expected),
                per_example.macro_label_f1(got, expected),
                per_example.accuracy((got == expected).all(1), np.ones(len(got), bool)),
            ]
        elif task == "regression":
            got, expected = _numbers(examples, found)
            scores += [per_example.mse(got, expected), per_example.mae(got, expected)]
        elif task == "tagging":
            scores.append(self._tag_accuracy(examples, found))
            if self._scheme is not None:
                targets = [example.labels for example in examples]
                scores.append(
                    per_example.span_f1(_complete(examples, found, "O"), targets, self._scheme)
                )
        if found.losses is not None:
            scores.append(_mean_loss(examples, found))
        return {score.name: score for score in scores}

    def _number(self, label: str) -> int:
        assert self._labels is not None
        return self._labels.number(label)

    def _single(self, labels: Sequence[tuple[str, ...]]) -> npt.NDArray[np.int64]:
        # A naive predictor may say what training does not have: it is of no class, and wrong.
        return np.array([self._number(label) for (label,) in labels], np.int64)

    def _single_targets(self, examples: Sequence[Example]) -> npt.NDArray[np.int64]:
        return self._single([(example.labels[0],) for example in examples])

    def _several(
        self, examples: Sequence[Example], found: Predictions
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        assert self._labels is not None
        # Labels that training does not have are a column each, which no predictor fills.
        unseen = sorted(
            {label for each in examples for label in each.labels} - set(self._labels.names)
        )
        columns = {name: place for place, name in enumerate((*self._labels.names, *unseen))}

        def table(rows: Sequence[Sequence[str]]) -> npt.NDArray[np.int64]:
            values = np.zeros((len(rows), len(columns)), np.int64)
            for place, labels in enumerate(rows):
                values[place, [columns[label] for label in labels]] = 1
            return values

        return table(found.labels), table([example.labels for example in examples])

    def _tag_accuracy(self, examples: Sequence[Example], found: Predictions) -> ExampleScores:
        numbers: dict[str, int] = {}

        def numbered(rows: Sequence[Sequence[str]]) -> list[npt.NDArray[np.int64]]:
            return [
                np.array([numbers.setdefault(tag, len(numbers)) for tag in tags]) for tags in rows
            ]

        expected = numbered([example.labels for example in examples])
        return per_example.tag_accuracy(numbered(_complete(examples, found, "")), expected)


def _complete(
    examples: Sequence[Example], found: Predictions, missing: str
) -> list[tuple[str, ...]]:
    """Return a tag for every step: those behind the end of a cut sequence were never found."""
    return [
        (*tags, *(missing,) * (len(example.labels) - len(tags)))
        for tags, example in zip(found.labels, examples, strict=True)
    ]


def _as_scheme(name: str) -> Scheme:
    match name:
        case "BIO" | "BIOES" | "IO":
            return name
        case _:
            raise UnknownNameError("scheme", name, ("BIO", "BIOES", "IO", "none"))


def _mean_loss(examples: Sequence[Example], found: Predictions) -> ExampleScores:
    assert found.losses is not None
    counts = np.array([_num_targets(example) for example in examples], np.float64)
    losses = np.where(counts > 0, found.losses, 0.0)
    return per_example.mean_loss(losses, counts)


def _num_targets(example: Example) -> int:
    """Return how many targets the loss of an example is the sum over."""
    target = example.target
    if target is None:
        return 0
    if target.ndim == 0:
        return int(target != NO_TARGET)
    if target.ndim == 1 and target.dtype == np.int64:
        return int((target != NO_TARGET).sum())
    return len(target) if target.ndim == 2 else 1


def _numbers(
    examples: Sequence[Example], found: Predictions
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    assert found.numbers is not None
    expected = np.stack([np.asarray(example.target, np.float64) for example in examples])
    return found.numbers, expected
