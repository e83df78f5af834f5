"""scikit-learn's checks of inputs, with types, and with errors that name the mend."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import class_weight, multiclass, validation

from ostinato.data import DataError

Array = npt.NDArray[Any]

# The library says of few arguments what they are.
_validation: Any = validation
_multiclass: Any = multiclass
_class_weight: Any = class_weight
_NUMBERS = {"dtype": "numeric", "ensure_all_finite": "allow-nan"}


def check_fitted(estimator: BaseEstimator) -> None:
    """Refuse to use what has learned nothing.

    Raises:
        NotFittedError: scikit-learn's.
    """
    _validation.check_is_fitted(estimator)


def check_lengths(sequences: Sequence[Any], targets: Sequence[Any] | Array) -> None:
    """Refuse sequences and targets of different number.

    Raises:
        DataError: they are.
    """
    with _with_mend("give one target for each sequence"):
        _validation.check_consistent_length(sequences, targets)


def check_table(estimator: BaseEstimator, X: Any, *, is_first: bool, is_table: bool) -> Array:
    """Return numbers ``[B, T]``; NaN is allowed.

    Args:
        estimator: remembers the number and the names of the columns.
        X: a table.
        is_first: whether it is learned from.
        is_table: whether the estimator learned from a table, so that the columns have to agree.

    Raises:
        DataError: it holds something else, or other columns.
    """
    with _with_mend("give sequences in one of the forms of `fit`"):
        if is_first or is_table:
            return cast(
                "Array", _validation.validate_data(estimator, X, reset=is_first, **_NUMBERS)
            )
        return check_numbers(estimator, X)


def check_numbers(estimator: BaseEstimator, X: Any) -> Array:
    """Return numbers ``[B, T]`` or ``[B, T, I]``; NaN is allowed.

    Raises:
        DataError: it holds something else.
    """
    with _with_mend("give sequences in one of the forms of `fit`"):
        found = _validation.check_array(
            X, allow_nd=True, input_name="X", estimator=estimator, **_NUMBERS
        )
        return cast("Array", found)


def check_classes(y: Any) -> Array:
    """Return one class for each sequence: ``[B]``.

    Raises:
        DataError: it holds something else.
    """
    with _with_mend("give one class for each sequence"):
        _validation.assert_all_finite(np.asarray(y), input_name="y")
        _multiclass.check_classification_targets(y)
        return cast("Array", _validation.column_or_1d(y, warn=True))


def check_targets(estimator: BaseEstimator, y: Any) -> npt.NDArray[np.float64]:
    """Return finite numbers ``[B]`` or ``[B, O]``.

    Raises:
        DataError: it holds something else.
    """
    with _with_mend("give numbers [B] or [B, O]"):
        found = _validation.check_array(
            y, ensure_2d=False, dtype="numeric", input_name="y", estimator=estimator
        )
        return cast("Array", found).astype(np.float64)


def weights_of_classes(
    weights: Literal["balanced"] | Mapping[Any, float], classes: Array, y: Array
) -> list[float]:
    """Return how much each class counts, in the order of ``classes``.

    Raises:
        DataError: ``weights`` are neither ``"balanced"`` nor numbers of classes that there are.
    """
    with _with_mend('class_weight="balanced", a number for each class, or None'):
        found = _class_weight.compute_class_weight(weights, classes=classes, y=y)
        return cast("list[float]", found.tolist())


def require_targets(estimator: BaseEstimator, y: Any) -> None:
    """Refuse to learn from nothing.

    Raises:
        DataError: there are no targets.
    """
    if y is None:
        raise DataError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None\n"
            "mend: fit(X, y)"
        )


def are_all_texts(values: Iterable[object]) -> bool:
    """Whether every value is text."""
    return all(isinstance(value, str) for value in values)


@contextmanager
def _with_mend(mend: str) -> Generator[None]:
    """Keep scikit-learn's words, which its users know, and say what to do."""
    try:
        yield
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{error}\nmend: {mend}") from error
