"""The forms in which estimators take sequences, and what becomes of them."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from sklearn.base import BaseEstimator

from ostinato.data import DataError
from ostinato.data.rows import Row
from ostinato.training.estimators.checks import are_all_texts, check_numbers, check_table

INPUT, TARGET = "x", "y"
_MOST_WORDS_OF_A_NAME = 2

Layout = Literal["texts", "tokens", "arrays", "table"]


class Sequences(NamedTuple):
    """What ``X`` holds.

    Attributes:
        values: texts, lists of tokens, or arrays ``[T]`` or ``[T, I]``.
        layout: which of them; table: the rows of a two-dimensional array are the sequences.
        num_features: columns of a table, or ``I`` of arrays; None for text.
    """

    values: list[Any]
    layout: Layout
    num_features: int | None


def read_sequences(estimator: BaseEstimator, X: Any, fitted: Layout | None = None) -> Sequences:
    """Find the sequences in ``X``.

    Args:
        estimator: for messages, and for what it remembers of tables.
        X: see ``SequenceClassifier``.
        fitted: the layout that it learned from; None while it learns.

    Raises:
        DataError: it is of no such form, or of another one than in ``fit``.
        TypeError: scikit-learn's, of sparse matrices and of objects that are no numbers.
    """
    found = _read(estimator, X, fitted)
    if fitted is not None and (fitted in _TEXT) != (found.layout in _TEXT):
        raise DataError(
            f"{type(estimator).__name__} learned from {fitted}, got {found.layout}\n"
            "mend: give what it was fitted with"
        )
    return found


_TEXT = ("texts", "tokens")


def _read(estimator: BaseEstimator, X: Any, fitted: Layout | None) -> Sequences:
    if isinstance(X, str | bytes):
        raise DataError("X is one text, expected several\nmend: put it into a list: [text]")
    if not (hasattr(X, "__array__") or hasattr(X, "tocsr") or _is_table(X)):
        return _listed(X)
    if not hasattr(X, "tocsr"):
        array: np.ndarray[Any, Any] = np.asarray(X)
        if array.dtype.kind in "OUT" and (of_text := _texts_in(array)) is not None:
            return of_text
        if array.ndim == 3:
            array = check_numbers(estimator, X)
            return Sequences(list(array), "arrays", array.shape[2])
    table = check_table(estimator, X, is_first=fitted is None, is_table=fitted == "table")
    return Sequences(list(table), "table", table.shape[1])


def _is_table(X: Any) -> bool:
    """Whether lists of numbers, all of one length, stand for the rows of a table."""
    if not isinstance(X, list | tuple):
        return False
    rows = cast("Sequence[Any]", X)
    if not rows or not all(isinstance(row, list | tuple) for row in rows):
        return False
    lengths = {len(row) for row in rows}
    return len(lengths) == 1 and all(isinstance(n, numbers.Number) for row in rows for n in row)


def _texts_in(array: np.ndarray[Any, Any]) -> Sequences | None:
    """Return the sequences of an array of texts, or of objects that are sequences."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    entries: list[object] = array.ravel().tolist()
    if array.ndim == 1 and entries and not any(np.isscalar(e) for e in entries if e is not None):
        return _listed(entries)
    if not entries or not are_all_texts(entries):
        return None
    if array.ndim == 1:
        return Sequences(entries, "texts", None)
    return Sequences(array.tolist(), "tokens", None) if array.ndim == 2 else None


def _listed(X: Any) -> Sequences:
    if not isinstance(X, Iterable):
        raise DataError(
            f"X is of type {type(X).__name__}, expected sequences\n"
            "mend: give a list of texts, of token lists or of arrays [T, I]"
        )
    values: list[Any] = list(cast("Iterable[Any]", X))
    if not values:
        raise DataError(
            "Found array with 0 sample(s) while a minimum of 1 is required.\n"
            "mend: give at least one sequence"
        )
    kinds: set[Layout] = {_kind(value, place) for place, value in enumerate(values)}
    if len(kinds) > 1:
        raise DataError(f"X mixes {' and '.join(sorted(kinds))}\nmend: give sequences of one kind")
    layout = kinds.pop()
    if layout == "arrays":
        return _arrays([np.asarray(value) for value in values])
    if layout == "tokens":
        values = [[str(token) for token in value] for value in values]
    return Sequences(values, layout, None)


def _arrays(values: list[np.ndarray[Any, Any]]) -> Sequences:
    sizes = [array.shape[1] if array.ndim > 1 else 1 for array in values]
    for place, size in enumerate(sizes):
        if size != sizes[0]:
            raise DataError(
                f"X[{place}] has {size} numbers a step, but X[0] has {sizes[0]}\n"
                "mend: give steps of one size"
            )
    return Sequences(values, "arrays", sizes[0])


def _kind(value: Any, place: int) -> Layout:
    if isinstance(value, str):
        return "texts"
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OUT":
        return _checked(cast("np.ndarray[Any, Any]", value), place)
    if not isinstance(value, Iterable):
        raise DataError(
            f"X[{place}] is {value!r}, expected a sequence\n"
            "mend: give a list of texts, of token lists or of arrays [T, I]; reshape your data if "
            "it is a single sequence: [sequence]"
        )
    entries: list[object] = list(cast("Iterable[object]", value))
    if entries and are_all_texts(entries):
        return "tokens"
    try:
        return _checked(np.asarray(value, np.float64), place)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"X[{place}] is neither a text, nor tokens, nor an array of numbers: {error}\n"
            "mend: give steps of equally many numbers each"
        ) from error


def _checked(array: np.ndarray[Any, Any], place: int) -> Layout:
    if array.dtype.kind == "c":
        raise DataError(
            f"Complex data not supported: X[{place}]\nmend: give real and imaginary part as two"
        )
    if not 1 <= array.ndim <= 2 or not array.size:
        raise DataError(
            f"X[{place}] has the shape {array.shape}, expected [T] or [T, I], T and I at least 1\n"
            "mend: give at least one step"
        )
    return "arrays"


def choose_unit(values: Sequence[Any], layout: Layout) -> str:
    """Return what one step of texts reads: characters of names and the like, else words."""
    if layout != "texts":
        return "words"
    num_words = sorted(len(text.split()) for text in values)
    return "characters" if num_words[len(num_words) // 2] <= _MOST_WORDS_OF_A_NAME else "words"


def rows_of(values: Sequence[Any], targets: Sequence[Any] | None = None) -> list[Row]:
    """Return sequences, and what is learned of them, as rows."""
    if targets is None:
        return [Row(f"X[{place}]", {INPUT: value}) for place, value in enumerate(values)]
    return [
        Row(f"X[{place}]", {INPUT: value, TARGET: target})
        for place, (value, target) in enumerate(zip(values, targets, strict=True))
    ]
