"""A tag for every step of a sequence, with the interface of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import numpy.typing as npt

from ostinato.data import DataError
from ostinato.training.estimators.base import SequenceEstimator
from ostinato.training.estimators.checks import are_all_texts, check_lengths, require_targets
from ostinato.training.estimators.forms import Sequences, read_sequences
from ostinato.training.metrics.spans import span_f1


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTagger(SequenceEstimator):
    """A recurrent network that says something of every step.

    ``X`` is a list of lists of tokens, of texts with spaces between the tokens, or of arrays
    ``[T, I]`` or ``[T]``; or an array. ``y`` has as many tags for each sequence as it has steps.

    The weights of the epoch with the best ``score`` on the held-out part are kept.

    >>> from ostinato import SequenceTagger
    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps"], ["the", "cat", "barks"]] * 8
    >>> y = [["DET", "NOUN", "VERB"]] * 24
    >>> model = SequenceTagger(hidden_size=8, learning_rate=0.05, random_state=0)
    >>> model.fit(X, y).predict([["a", "dog", "sleeps"]])
    [['DET', 'NOUN', 'VERB']]

    Attributes:
        classes_: the tags, in the order of the columns of ``predict_proba``.
        n_features_in_: numbers of a step; not set for text.
        n_iter_: passes over the training part.
        history_: of each evaluation the epoch, the scores, and the mean training loss before it.
        is_held_out_: whether the scores are of examples that were not learned from.
        recipe_: the resolved recipe.

    Args:
        crf: tags depend on the tag before.
        spelling: how the letters of words are read beside the words: none, cnn or rnn.
        spelling_size: length of what is read from a word's letters.
        character_size: length of a letter's vector.
        scheme: how tags mark spans: BIO, BIOES, IO, or none: tags are single.

    The other parameters are those of ``SequenceClassifier``.
    """

    crf: bool = False
    spelling: Literal["none", "cnn", "rnn"] = "none"
    spelling_size: int = 64
    character_size: int = 32
    scheme: Literal["BIO", "BIOES", "IO", "none"] = "none"

    _task: ClassVar[str] = "tagging"
    # Every step is to have a tag.
    _usual_length: ClassVar[int | None] = 1_000_000

    classes_: list[Any] = field(init=False)

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from sequences and their tags.

        Args:
            X: ``B`` sequences; see the class.
            y: of each sequence, a tag for each step.

        Raises:
            DataError: ``X`` or ``y`` cannot be used.
            RecipeError: a parameter is out of range.
        """
        require_targets(self, y)
        read = self._read(X)
        targets = _tags(y)
        check_lengths(read.values, targets)
        named: dict[str, Any] = {}
        for tag in (tag for tags in targets for tag in tags):
            if named.setdefault(str(tag), tag) != tag:
                raise DataError(
                    f"the tags {tag!r} and {named[str(tag)]!r} are written alike\n"
                    "mend: give tags of one type"
                )
        self._fit(read, [[str(tag) for tag in tags] for tags in targets])
        labels = self._network.examples.pipeline.labels
        assert labels is not None
        self.classes_ = [named[name] for name in labels.names]
        return self

    def predict(self, X: Any) -> list[list[Any]]:
        """Return a tag for each step of each sequence.

        Raises:
            DataError: a sequence cannot be read.
        """
        found = self._found(self._split(X)).labels
        named = {str(tag): tag for tag in self.classes_}
        return [[named[name] for name in names] for names in found]

    def predict_proba(self, X: Any) -> list[npt.NDArray[np.float64]]:
        """Return of each sequence the probabilities of each step: ``[T, O]``.

        Raises:
            DataError: a sequence cannot be read.
        """
        return list(self._found(self._split(X)).probabilities)

    def score(self, X: Any, y: Any) -> float:
        """Return the share of the steps that are right, or with a ``scheme`` the F1 of the spans.

        Raises:
            DataError: ``X`` or ``y`` cannot be used.
        """
        found, expected = self.predict(X), _tags(y)
        check_lengths(found, expected)
        for place, (got, right) in enumerate(zip(found, expected, strict=True)):
            if len(got) != len(right):
                raise DataError(
                    f"X[{place}] has {len(got)} steps, but y[{place}] has {len(right)} tags\n"
                    "mend: give every step one tag"
                )
        if self.scheme != "none":
            got, right = ([list(map(str, tags)) for tags in each] for each in (found, expected))
            return span_f1(got, right, self.scheme)["span_f1"]
        pairs = [
            pair for each in zip(found, expected, strict=True) for pair in zip(*each, strict=True)
        ]
        return sum(got == right for got, right in pairs) / max(1, len(pairs))

    def _read(self, X: Any) -> Sequences:
        return read_sequences(self, self._split(X))

    def _split(self, X: Any) -> Any:
        """Return texts as lists of tokens."""
        if isinstance(X, str) or not isinstance(X, Sequence):
            return X
        values = cast("Sequence[Any]", X)
        if values and are_all_texts(values):
            return [value.split() for value in values]
        return values

    def _model_section(self) -> dict[str, Any]:
        return {
            "crf": self.crf,
            "spelling": self.spelling,
            "spelling_size": self.spelling_size,
            "character_size": self.character_size,
        }

    def _evaluation_section(self) -> dict[str, Any]:
        return {"scheme": self.scheme}


def _tags(y: Any) -> list[list[Any]]:
    if isinstance(y, str) or not isinstance(y, Iterable):
        raise DataError(
            f"y is of type {type(y).__name__}, expected a list of tags for each sequence\n"
            "mend: give [[tag, …], …]"
        )
    found: list[list[Any]] = []
    for place, tags in enumerate(cast("Iterable[Any]", y)):
        if not isinstance(tags, Iterable):
            raise DataError(
                f"y[{place}] is {tags!r}, expected a list of tags\nmend: give every step one tag"
            )
        listed = tags.split() if isinstance(tags, str) else list(cast("Iterable[Any]", tags))
        found.append([tag.item() if isinstance(tag, np.generic) else tag for tag in listed])
    return found
