"""What the estimators of examples share: parameters, and the way from them to a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from ostinato.core.errors import OptionError
from ostinato.data.pipeline import PartCounts
from ostinato.training.estimators.checks import check_fitted
from ostinato.training.estimators.fitting import (
    Fitted,
    Parts,
    check_count,
    evaluations,
    fit_examples,
    seed_of,
    split,
    warn_of_cuts,
)
from ostinato.training.estimators.forms import (
    INPUT,
    TARGET,
    Layout,
    Sequences,
    choose_unit,
    read_sequences,
    rows_of,
)
from ostinato.training.estimators.network import Network
from ostinato.training.estimators.saving import SavedEstimator
from ostinato.training.memory import MEMORY
from ostinato.training.naive import Predictions
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.recipe_files import validate

# Between evaluations nothing is written: a fit that is cut off leaves nothing to go on with.
NEVER = 1e9


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceEstimator(SavedEstimator, BaseEstimator):
    """Parameters of every estimator of examples; see ``SequenceClassifier``."""

    cell: str = "lstm"
    hidden_size: int = 128
    num_layers: int = 1
    bidirectional: bool = False
    embedding_size: int | Literal["one-hot"] = 128
    vocabulary_size: int = 20_000
    min_count: int = 1
    lowercase: bool = False
    max_length: int | None = None
    standardize: bool = True
    dropout: float = 0.1
    recurrent_dropout: float = 0.0
    layer_norm: bool = False
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    batch_size: int = 32
    max_epochs: int = 30
    validation_fraction: float = 0.1
    patience: int | None = 8
    random_state: Any = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    verbose: bool = False

    _task: ClassVar[str]
    # Steps that are read where no limit is given; None for what recipes say.
    _usual_length: ClassVar[int | None] = None

    n_iter_: int = field(init=False)
    history_: list[dict[str, float]] = field(init=False)
    is_held_out_: bool = field(init=False)
    _layout: Layout = field(init=False)
    _network: Network = field(init=False)

    def __sklearn_tags__(self) -> Any:
        tags = cast("Any", super()).__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    @property
    def recipe_(self) -> ExampleRecipe:
        """The resolved recipe that the network was trained by."""
        check_fitted(self)
        return cast("ExampleRecipe", self._network.recipe)

    def _fit(
        self,
        read: Sequences,
        targets: Sequence[Any],
        *,
        classes: npt.NDArray[np.int64] | None = None,
        class_weights: Sequence[float] | None = None,
    ) -> Self:
        """Learn from sequences and their targets."""
        seed = seed_of(self.random_state)
        parts = split(len(read.values), self._fraction(), seed, classes)
        recipe = self._recipe(read, parts, seed, is_weighted=class_weights is not None)
        fitted = fit_examples(
            recipe,
            rows_of(read.values, targets),
            parts,
            class_weights=class_weights,
            verbose=self.verbose,
        )
        self._layout = read.layout
        if read.num_features is not None:
            self.n_features_in_ = read.num_features
        self._keep(fitted)
        return self

    def _keep(self, fitted: Fitted) -> None:
        self._network = fitted.network
        self.n_iter_ = fitted.num_epochs
        self.history_ = fitted.history
        self.is_held_out_ = fitted.is_held_out

    def _found(self, X: Any) -> Predictions:
        """Predict; each sequence by itself, whatever stands beside it."""
        check_fitted(self)
        read = read_sequences(self, X, self._layout)
        counts = PartCounts()
        found = self._network.examples.predict(rows_of(read.values), counts)
        warn_of_cuts(counts)
        return found

    def _fraction(self) -> float:
        fraction = self.validation_fraction
        if 0 <= fraction < 1:
            return fraction
        raise OptionError(
            f"validation_fraction: got {fraction!r}, expected 0 or more, and less than 1\n"
            "mend: validation_fraction=0.1"
        )

    def _recipe(
        self, read: Sequences, parts: Parts, seed: int, *, is_weighted: bool
    ) -> ExampleRecipe:
        size = check_count("batch_size", self.batch_size)
        is_text = read.layout in ("texts", "tokens")
        length = self._usual_length if self.max_length is None else self.max_length
        limit = {} if length is None else {"max_length": length}
        raw: dict[str, Any] = {
            "task": self._task,
            "seed": seed,
            "data": {"name": MEMORY, "input": INPUT, "target": TARGET},
            "text": {
                "unit": self._unit(read) if is_text else "words",
                "vocabulary_size": self.vocabulary_size,
                "min_count": self.min_count,
                "lowercase": self.lowercase,
                **(limit if is_text else {}),
            },
            "frames": {"standardize": self.standardize, **({} if is_text else limit)},
            "model": {
                "cell": self.cell,
                "hidden_size": self.hidden_size,
                "num_layers": self.num_layers,
                "bidirectional": self.bidirectional,
                "dropout": self.dropout,
                "recurrent_dropout": self.recurrent_dropout,
                "layer_norm": self.layer_norm,
                **({"embedding_size": self.embedding_size} if is_text else {}),
                **self._model_section(),
            },
            "training": {
                "batch_size": size,
                "learning_rate": self.learning_rate,
                "weight_decay": self.weight_decay,
                "max_epochs": self.max_epochs,
                "checkpoint_seconds": NEVER,
                "device": self.device,
                "threads": self.threads,
                "class_weights": "balanced" if is_weighted else "none",
            },
            "evaluation": {
                **evaluations(-(-len(parts.train) // size), self.patience),
                **self._evaluation_section(),
            },
        }
        recipe = validate(plain(raw), f"of {type(self).__name__}")
        assert isinstance(recipe, ExampleRecipe)
        return recipe

    def _unit(self, read: Sequences) -> str:
        return choose_unit(read.values, read.layout)

    def _model_section(self) -> dict[str, Any]:
        return {}

    def _evaluation_section(self) -> dict[str, Any]:
        return {"metric": "loss"}


@dataclass(kw_only=True, eq=False, repr=False)
class PooledEstimator(SequenceEstimator):
    """Parameters of estimators that say one thing of a whole sequence."""

    pooling: Literal["last", "mean", "max", "attention"] = "last"
    unit: str = "auto"

    def _unit(self, read: Sequences) -> str:
        return super()._unit(read) if self.unit == "auto" else self.unit

    def _model_section(self) -> dict[str, Any]:
        return {"pooling": self.pooling}


def plain(value: Any) -> Any:
    """Return numbers of numpy, as a search over parameters gives them, as Python's."""
    match value:
        case dict():
            return {key: plain(each) for key, each in cast("dict[str, Any]", value).items()}
        case np.generic():
            return cast("Any", value).item()
        case _:
            return value
