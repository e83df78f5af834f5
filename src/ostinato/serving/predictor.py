"""A network of examples as the server sees it: inputs to what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np

from ostinato.data.batches import Example
from ostinato.data.pipeline import PartCounts
from ostinato.lens.influence import influence_of
from ostinato.lens.subject import ExampleSubject
from ostinato.serving.errors import invalid
from ostinato.training.naive import Predictions
from ostinato.training.trained import TrainedExamples

Reads = Literal["text", "tokens", "arrays"]

_DIGITS = 6


class Predictor:
    """Labels, tags, or estimates; one thread at a time.

    Attributes:
        trained: the network.
        reads: what an input is.
    """

    def __init__(self, trained: TrainedExamples) -> None:
        self.trained = trained
        kinds: dict[str, Reads] = {"text": "text", "words": "tokens", "frames": "arrays"}
        self.reads: Reads = kinds[trained.pipeline.kind]

    @property
    def labels(self) -> list[str]:
        """Names of what is told apart; empty for numbers and notes."""
        labels = self.trained.pipeline.labels
        return [] if labels is None else list(labels.names)

    def predict(self, inputs: Sequence[Any], *, influence: bool = False) -> dict[str, Any]:
        """Return what the network says: see ``PredictAnswer``.

        Args:
            inputs: texts, lists of tokens, or arrays.
            influence: also which steps the decision comes from.

        Raises:
            DataError: an input cannot be read; it is named by its place.
        """
        notes: list[list[str]] = []
        examples: list[Example] = []
        for place, value in enumerate(inputs, 1):
            counts = PartCounts()
            examples += self.trained.encode([self.checked(value, place)], counts)
            notes.append(list(counts.notes("input")))
        found = self.trained.predict_examples(examples)
        predictions = [self._said(found, place, each) for place, each in enumerate(examples)]
        for place, (record, example) in enumerate(zip(predictions, examples, strict=True)):
            record["tokens"] = self._tokens(example)
            record["notes"] = notes[place]
            record["influence"] = self._influence(example) if influence else None
        return {"predictions": predictions, "labels": self.labels}

    def checked(self, value: Any, place: int = 1) -> Any:
        """Return an input that is of the kind that the network reads.

        Raises:
            RequestError: it is of another.
        """
        match self.reads:
            case "text":
                if not isinstance(value, str):
                    raise invalid(f"input {place}: the model reads texts", "send a string")
            case "tokens":
                tokens = cast("list[object]", value) if isinstance(value, list) else [None]
                is_list = all(isinstance(token, str) for token in tokens)
                if not (isinstance(value, str) or is_list):
                    raise invalid(
                        f"input {place}: the model reads tokens",
                        "send a list of strings, or a text",
                    )
            case "arrays":
                return _numbers(value, place)
        return cast("object", value)

    def _said(self, found: Predictions, place: int, example: Example) -> dict[str, Any]:
        record: dict[str, Any] = dict.fromkeys(
            ("label", "labels", "tags", "numbers", "probability", "probabilities")
        )
        task, names = self.trained.recipe.task, self.labels
        if task == "regression":
            assert found.numbers is not None
            record["numbers"] = [round(float(number), _DIGITS) for number in found.numbers[place]]
            return record
        chances = found.probabilities[place]
        if task == "polyphony":
            names = [str(number) for number in range(chances.shape[-1])]
        if task in ("tagging", "polyphony"):
            record["probabilities"] = [_by_name(names, step) for step in chances]
        else:
            record["probabilities"] = _by_name(names, chances)
        match task:
            case "classification":
                record["label"] = found.labels[place][0]
                record["probability"] = round(float(chances.max()), _DIGITS)
            case "multi-label":
                record["labels"] = list(found.labels[place])
            case "tagging":
                record["tags"] = list(found.labels[place][: len(example)])
            case _:
                pass
        return record

    def _tokens(self, example: Example) -> list[str]:
        content, encoder = example.content, self.trained.pipeline.encoder
        if content is None:
            return [str(step) for step in range(len(example))]
        if isinstance(content, str):
            assert encoder is not None
            return list(encoder.units(content)[: len(example)])
        return list(content)

    @cached_property
    def _subject(self) -> ExampleSubject | None:
        """The network as the lens sees it; None where no recurrent layer reads."""
        if not hasattr(self.trained.model, "encoder"):
            return None
        return ExampleSubject(self.trained.path.name, self.trained)

    def _influence(self, example: Example) -> list[float] | None:
        subject = self._subject
        if subject is None:
            return None
        found = influence_of(subject, subject.piece_of(example))
        return [round(float(value), _DIGITS) for value in found.influence]


def _by_name(names: Sequence[str], chances: Any) -> dict[str, float]:
    return {name: round(float(c), _DIGITS) for name, c in zip(names, chances, strict=True)}


def _numbers(value: Any, place: int) -> Any:
    """Return steps as an array; None in them is a missing number.

    Raises:
        RequestError: the value is no table of numbers.
    """
    if isinstance(value, str):
        return value
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise invalid(
            f"input {place}: the model reads arrays of numbers, all steps of one size",
            "send a list of steps, each a list of numbers",
        ) from error
    if array.ndim not in (1, 2) or not array.size:
        raise invalid(f"input {place}: no steps", "send a list of steps, each a list of numbers")
    return array
