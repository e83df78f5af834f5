"""Numbers for a whole sequence, as a scikit-learn regressor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from ostinato.training.estimators.base import PooledEstimator
from ostinato.training.estimators.checks import check_lengths, check_targets, require_targets
from ostinato.training.estimators.forms import read_sequences


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(RegressorMixin, PooledEstimator):
    """A recurrent network that estimates numbers of sequences.

    Targets are scaled to mean 0 and variance 1 while it learns. The weights of the epoch with the
    lowest squared error on the held-out part are kept.

    >>> import numpy as np
    >>> from ostinato import SequenceRegressor
    >>> X = np.linspace(0, 1, 120).reshape(40, 3)
    >>> model = SequenceRegressor(hidden_size=8, learning_rate=0.02, random_state=0)
    >>> bool(model.fit(X, X.sum(1)).score(X, X.sum(1)) > 0.9)
    True

    Attributes:
        n_features_in_: numbers of a step, or columns of a two-dimensional ``X``; not set for text.
        n_iter_: passes over the training part.
        history_: of each evaluation the epoch, the scores, and the mean training loss before it.
        is_held_out_: whether the scores are of examples that were not learned from.
        recipe_: the resolved recipe.

    ``X`` and the parameters are those of ``SequenceClassifier``, but ``class_weight``.
    """

    _task: ClassVar[str] = "regression"

    _is_column: bool = field(init=False)

    def __sklearn_tags__(self) -> Any:
        tags = cast("Any", super()).__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from sequences and their numbers.

        Args:
            X: ``B`` sequences; see the class.
            y: ``[B]``, or ``[B, O]`` for several numbers each.

        Raises:
            DataError: ``X`` or ``y`` cannot be used.
            RecipeError: a parameter is out of range.
        """
        require_targets(self, y)
        read = read_sequences(self, X)
        targets = check_targets(self, y)
        check_lengths(read.values, targets)
        self._fit(read, targets.tolist())
        self._is_column = targets.ndim == 1
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the numbers of each sequence: ``[B]``, or ``[B, O]`` where ``y`` had columns.

        Raises:
            DataError: a sequence cannot be read.
        """
        numbers = self._found(X).numbers
        assert numbers is not None
        return numbers[:, 0] if self._is_column else numbers

    def _evaluation_section(self) -> dict[str, Any]:
        return {"metric": "mse"}
