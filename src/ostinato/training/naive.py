"""Naive predictors of examples: what a model must beat to have learned anything from the order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ostinato.data.batches import Example
from ostinato.data.pipeline import Pipeline

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """What a predictor says of ``N`` examples.

    Attributes:
        labels: of each example: one label, any number, or one for each step; empty for numbers.
        probabilities: of each example, in the order of the labels of the task; ``[O]``, or
            ``[T, O]`` for aligned tasks; empty where the predictor has none.
        numbers: ``[N, O]`` of a regression.
        losses: ``[N]`` in nats, the sum over each example's targets; None where it has none.
    """

    labels: Sequence[tuple[str, ...]] = ()
    probabilities: Sequence[Numbers] = ()
    numbers: Numbers | None = None
    losses: Numbers | None = None


def baselines(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> dict[str, Predictions]:
    """Return what naive predictors, learned from ``train``, say of ``scored``, by name.

    - classification: the most frequent label; a bag of units (or the mean and deviation of the
      steps) under logistic regression, which knows no order; the label before, where known.
    - multi-label: the labels that most examples have; the same bag, each label by itself.
    - regression: the mean; the same bag under ridge regression.
    - tagging: the most frequent tag; for words, each word's most frequent tag.
    - polyphony: each note by its frequency; each note by itself one step before.
    """
    task = pipeline.options.task
    if task == "polyphony":
        return {"frequency": _notes(train, scored, order=0), "bigram": _notes(train, scored, 1)}
    if task == "regression":
        return _numbers(pipeline, train, scored)
    if task == "tagging":
        return _tags(train, scored)
    if task == "multi-label":
        return _several(pipeline, train, scored)
    most = Counter(example.labels[0] for example in train).most_common(1)[0][0]
    found = {"majority": Predictions([(most,)] * len(scored))}
    if all(example.before is not None for example in scored):
        found["persistence"] = Predictions([(example.before or "",) for example in scored])
    name, predict = _bag(pipeline, train)
    known = np.array([example.labels[0] for example in train])
    found[name] = Predictions([(str(label),) for label in predict(known, scored)])
    return found


def _bag(
    pipeline: Pipeline, train: Sequence[Example]
) -> tuple[str, Callable[[npt.NDArray[Any], Sequence[Example]], npt.NDArray[Any]]]:
    """Return the name of the bag, and a function that learns a label from it and predicts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline as Steps
    from sklearn.preprocessing import StandardScaler

    is_text = pipeline.encoder is not None
    inputs = _features(pipeline, train)

    def predict(targets: npt.NDArray[Any], scored: Sequence[Example]) -> npt.NDArray[Any]:
        if len(set(targets.tolist())) < 2:
            return np.repeat(targets[:1], len(scored))
        model: Any = LogisticRegression(max_iter=2000)
        if not is_text:
            model = Steps([("scale", StandardScaler()), ("model", model)])
        model.fit(inputs, targets)
        return model.predict(_features(pipeline, scored))

    return _bag_name(pipeline), predict


def _bag_name(pipeline: Pipeline) -> str:
    return f"bag of {pipeline.unit_name}" if pipeline.encoder is not None else "mean and deviation"


def _features(pipeline: Pipeline, examples: Sequence[Example]) -> Any:
    """Return which units occur, sparse ``[N, V]``; of arrays, means and deviations ``[N, 2 I]``."""
    if pipeline.encoder is None:
        rows = [np.nan_to_num(example.steps.astype(np.float64)) for example in examples]
        return np.stack([np.concatenate([row.mean(0), row.std(0)]) for row in rows])
    from scipy.sparse import csr_matrix

    units = [np.unique(example.steps) for example in examples]
    ends = np.cumsum([0, *map(len, units)])
    columns = np.concatenate(units)
    return csr_matrix(
        (np.ones(len(columns)), columns, ends),
        shape=(len(examples), pipeline.encoder.num_symbols),
    )


def _several(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> dict[str, Predictions]:
    assert pipeline.labels is not None
    names = pipeline.labels.names
    known = np.stack([example.target for example in train if example.target is not None])
    most = tuple(name for name, share in zip(names, known.mean(0), strict=True) if share > 0.5)
    name, predict = _bag(pipeline, train)
    found = np.stack([predict(known[:, place], scored) for place in range(len(names))], axis=1)
    labels = [tuple(n for n, on in zip(names, row, strict=True) if on) for row in found]
    return {"majority": Predictions([most] * len(scored)), name: Predictions(labels)}


def _numbers(
    pipeline: Pipeline, train: Sequence[Example], scored: Sequence[Example]
) -> dict[str, Predictions]:
    from sklearn.linear_model import Ridge

    known = np.stack([example.target for example in train if example.target is not None])
    mean = np.repeat(known.mean(0)[None], len(scored), axis=0).astype(np.float64)
    model: Any = Ridge()
    model.fit(_features(pipeline, train), known)
    found = np.asarray(model.predict(_features(pipeline, scored)), np.float64)
    bag = Predictions(numbers=found.reshape(len(scored), -1))
    return {"mean": Predictions(numbers=mean), _bag_name(pipeline): bag}


def _tags(train: Sequence[Example], scored: Sequence[Example]) -> dict[str, Predictions]:
    every = Counter(tag for example in train for tag in example.labels)
    most = every.most_common(1)[0][0]
    found = {"majority": Predictions([(most,) * len(example.labels) for example in scored])}
    if train[0].content is not None:
        by_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for example in train:
            # What is behind the cut of a long sequence has a tag, but is not read.
            for word, tag in zip(example.content or (), example.labels, strict=False):
                by_word[word][tag] += 1
        usual = {word: tags.most_common(1)[0][0] for word, tags in by_word.items()}
        found["usual tag of the word"] = Predictions(
            [tuple(usual.get(word, most) for word in example.content or ()) for example in scored]
        )
    return found


def _notes(train: Sequence[Example], scored: Sequence[Example], order: int) -> Predictions:
    """Predict each note from nothing, or from itself one step before (add-one)."""
    num_notes: int = train[0].steps.shape[1]
    counts = np.ones((2, num_notes, 2))  # [before, note, now]
    for example in train:
        before, now = _steps(example, order)
        for value in (0, 1):
            counts[value, :, 1] += ((before == value) & now).sum(0)
            counts[value, :, 0] += ((before == value) & ~now).sum(0)
    if not order:
        counts[1] = counts[0]
    logs = np.log(counts / counts.sum(-1, keepdims=True))  # [before, note, now]
    notes = np.arange(num_notes)
    losses: list[float] = []
    for example in scored:
        before, now = _steps(example, order)
        losses.append(-float(logs[before.astype(int), notes, now.astype(int)].sum()))
    return Predictions(losses=np.array(losses))


def _steps(example: Example, order: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    assert example.target is not None
    now = example.target > 0.5
    return (example.steps > 0.5 if order else np.zeros_like(now)), now
