"""One class for a whole sequence, as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from ostinato.data import DataError
from ostinato.training.estimators.base import PooledEstimator
from ostinato.training.estimators.checks import (
    check_classes,
    check_lengths,
    require_targets,
    weights_of_classes,
)
from ostinato.training.estimators.forms import read_sequences


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceClassifier(ClassifierMixin, PooledEstimator):
    """A recurrent network that tells classes of sequences apart.

    ``X`` is a list of texts, of lists of tokens, or of arrays ``[T, I]`` or ``[T]``; or an array
    ``[B, T, I]``; or one ``[B, T]``, each row a sequence of single numbers, as lists of numbers of
    equal length are, too. NaN stands for a number that is missing.

    The weights of the epoch with the lowest loss on the held-out part are kept. Where that part
    would have fewer than five examples, all are learned from, and the training loss decides
    (``is_held_out_``).

    >>> from ostinato import SequenceClassifier
    >>> X = ["good", "very good", "bad", "very bad"] * 8
    >>> y = ["+", "+", "-", "-"] * 8
    >>> model = SequenceClassifier(hidden_size=8, learning_rate=0.05, unit="words", random_state=0)
    >>> model.fit(X, y).predict(["good", "bad"])
    array(['+', '-'], dtype='<U1')

    Attributes:
        classes_: the classes, sorted; the columns of ``predict_proba``.
        n_features_in_: numbers of a step, or columns of a two-dimensional ``X``; not set for text.
        n_iter_: passes over the training part.
        history_: of each evaluation the epoch, the scores, and the mean training loss before it.
        is_held_out_: whether the scores are of examples that were not learned from.
        recipe_: the resolved recipe.

    Args:
        cell: a name of ``ostinato cells``, or equations.
        hidden_size: ``H``, of each direction.
        num_layers: ``L``.
        bidirectional: read in both directions.
        pooling: how the steps become one vector: last, mean, max or attention.
        embedding_size: length of the vector of a unit of text, or ``"one-hot"``.
        unit: what one step of a text reads: words, characters, bytes, syllables, jamo, bpe,
            wordpiece, unigram or morphemes; auto: characters where most texts have one or two
            words, else words.
        vocabulary_size: at most so many different units.
        min_count: units that are rarer in training are unknown.
        lowercase: ignore case.
        max_length: steps; the rest is cut off. None: 512 of text, 20,000 of arrays.
        standardize: scale numbers to mean 0 and variance 1, as measured in training.
        dropout: of every layer's input and output.
        recurrent_dropout: of the recurrent products.
        layer_norm: normalize the pre-activations.
        learning_rate: the highest of its schedule, a cosine.
        weight_decay: of matrices, decoupled (AdamW).
        batch_size: sequences side by side.
        max_epochs: passes over the training part, at most.
        validation_fraction: share of the examples that chooses the weights; 0 for none.
        patience: epochs without progress after which it stops; None: never.
        class_weight: ``"balanced"``: rare classes count as much as frequent ones; or a number for
            each class.
        random_state: a whole number gives the same result each time; None another one.
        device: auto, cpu or cuda; predictions are made on the CPU.
        threads: of torch; None as it decides.
        verbose: print what happens.
    """

    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None

    _task: ClassVar[str] = "classification"

    classes_: npt.NDArray[Any] = field(init=False)

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from sequences and their classes.

        Args:
            X: ``B`` sequences; see the class.
            y: ``[B]``, their classes.

        Raises:
            DataError: ``X`` or ``y`` cannot be used.
            RecipeError: a parameter is out of range.
        """
        require_targets(self, y)
        read = read_sequences(self, X)
        targets = check_classes(y)
        check_lengths(read.values, targets)
        classes, numbers = np.unique(targets, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                "a classifier tells classes apart, but y holds one class only: "
                f"{classes[0]!r}\nmend: give examples of at least two classes"
            )
        weights = None
        if self.class_weight is not None:
            weights = weights_of_classes(self.class_weight, classes, targets)
        # Any object may be a class: the network knows them by number.
        self._fit(read, numbers.tolist(), classes=numbers, class_weights=weights)
        self.classes_ = classes
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each sequence: ``[B]``.

        Raises:
            DataError: a sequence cannot be read.
        """
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: ``[B, O]``, in the order of ``classes_``.

        Raises:
            DataError: a sequence cannot be read.
        """
        return np.stack(self._found(X).probabilities)
