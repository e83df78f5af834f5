"""A language model with the interface of scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator

from ostinato.core.errors import OptionError
from ostinato.data import DataError, Vocabulary
from ostinato.data.vocabulary import Ids
from ostinato.training.estimators.base import NEVER, plain
from ostinato.training.estimators.checks import check_fitted
from ostinato.training.estimators.fitting import evaluations, run_in_memory, seed_of
from ostinato.training.estimators.network import Network
from ostinato.training.estimators.saving import SavedEstimator
from ostinato.training.generate import generate
from ostinato.training.language_model import LanguageModelTask
from ostinato.training.memory import MEMORY
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_files import validate
from ostinato.training.workers import Workers

# Steps whose distributions are held at once.
_WINDOW = 256


class _Text(NamedTuple):
    """What ``X`` holds: documents, each with the state afresh, or one text."""

    documents: list[str]
    are_lines: bool

    @property
    def whole(self) -> str:
        return "\n".join(self.documents)


@dataclass(kw_only=True, eq=False, repr=False)
class LanguageModel(SavedEstimator, BaseEstimator):
    """A recurrent network that predicts the next unit of a text, and writes.

    ``X`` is one text, or a list of texts. Texts without line ends are documents, at each of which
    the state starts afresh; those with line ends are read as one text, one after the other.

    The weights of the epoch with the fewest bits per character on the held-out part are kept.

    >>> from ostinato import LanguageModel
    >>> model = LanguageModel(hidden_size=16, learning_rate=0.02, batch_size=4, random_state=0)
    >>> model = model.fit("to be or not to be. " * 60)
    >>> model.predict(["to b"])
    array(['e'], dtype='<U1')
    >>> model.generate("or n", length=6, temperature=0)
    'or not to '

    Attributes:
        vocabulary_: the units that are known.
        n_iter_: passes over the training part.
        history_: of each evaluation the epoch, the scores, and the mean training loss before it.
        is_held_out_: whether the scores are of text that was not learned from.
        recipe_: the resolved recipe.

    Args:
        cell: a name of ``ostinato cells``, or equations.
        hidden_size: ``H``.
        num_layers: ``L``.
        embedding_size: length of a unit's vector, or ``"one-hot"``.
        tied: share the matrix of embedding and softmax.
        unit: what one step reads and predicts: characters, bytes or jamo. With bytes, no character
            is unknown.
        normalization: Unicode normal form: NFC, NFKC or none.
        dropout: of every layer's input and output.
        recurrent_dropout: of the recurrent products.
        layer_norm: normalize the pre-activations.
        learning_rate: the highest of its schedule, a cosine.
        weight_decay: of matrices, decoupled (AdamW).
        batch_size: streams of text side by side.
        tbptt_steps: steps that gradients flow back through.
        max_epochs: passes over the training part, at most.
        validation_fraction: share of the text, or of the documents, that chooses the weights.
        patience: epochs without progress after which it stops; None: never.
        random_state: a whole number gives the same result each time; None another one.
        device: auto, cpu or cuda; it writes and scores on the CPU.
        threads: of torch; None as it decides.
        verbose: print what happens.
    """

    cell: str = "lstm"
    hidden_size: int = 256
    num_layers: int = 1
    embedding_size: int | Literal["one-hot"] = 128
    tied: bool = False
    unit: Literal["characters", "bytes", "jamo"] = "characters"
    normalization: Literal["NFC", "NFKC", "none"] = "NFC"
    dropout: float = 0.1
    recurrent_dropout: float = 0.0
    layer_norm: bool = False
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    batch_size: int = 32
    tbptt_steps: int = 64
    max_epochs: int = 20
    validation_fraction: float = 0.1
    patience: int | None = 8
    random_state: Any = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    verbose: bool = False

    n_iter_: int = field(init=False)
    history_: list[dict[str, float]] = field(init=False)
    is_held_out_: bool = field(init=False)
    _network: Network = field(init=False)

    def __sklearn_tags__(self) -> Any:
        tags = cast("Any", super()).__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        return tags

    @property
    def recipe_(self) -> LanguageModelRecipe:
        """The resolved recipe that the network was trained by."""
        check_fitted(self)
        return cast("LanguageModelRecipe", self._network.recipe)

    @property
    def vocabulary_(self) -> Vocabulary:
        """The units that are known."""
        check_fitted(self)
        return self._network.writer.vocabulary

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: ARG002
        """Learn from texts.

        Args:
            X: one text, or several; see the class.
            y: is not looked at.

        Raises:
            DataError: the text is too short, or is none.
            RecipeError: a parameter is out of range.
        """
        text = _read(X)
        recipe = self._recipe(text)
        device = Workers.join(recipe.training).device
        task = LanguageModelTask.of_text(recipe, text.whole, device)
        rhythm = evaluations(task.steps_per_epoch, self.patience)
        recipe = recipe.model_copy(
            update={"evaluation": recipe.evaluation.model_copy(update=rhythm)}
        )
        is_held_out = task.corpus.is_held_out
        fitted = run_in_memory(recipe, task, verbose=self.verbose, is_held_out=is_held_out)
        self._network = fitted.network
        self.n_iter_ = fitted.num_epochs
        self.history_ = fitted.history
        self.is_held_out_ = is_held_out
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likeliest unit after each text: ``[B]``.

        Raises:
            DataError: a text has a character that is not known.
        """
        symbols = np.array(list(self.vocabulary_.symbols))
        return symbols[self.predict_proba(X).argmax(1)]

    @torch.no_grad()
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each unit after each text: ``[B, V]``.

        Raises:
            DataError: a text has a character that is not known.
        """
        check_fitted(self)
        documents = _read(X).documents
        found: list[npt.NDArray[np.float64]] = []
        for document in documents:
            ids = self._encoded(document)
            *_, logits = self._logits(ids)
            found.append(logits[-1].double().softmax(-1).numpy())
        return np.stack(found)

    def score(self, X: Any, y: None = None) -> float:  # noqa: ARG002
        """Return the negative bits per character, so that more is better.

        Every character is predicted from those before it; a document that is a line of its own
        also has to be ended.

        Raises:
            DataError: a text has a character that is not known.
        """
        nats, num_characters = self._nats(X)
        return -nats / num_characters / math.log(2)

    def perplexity(self, X: Any) -> float:
        """Return among how many equally likely characters the model would be as uncertain.

        Raises:
            DataError: a text has a character that is not known.
        """
        return 2 ** -self.score(X)

    def generate(
        self,
        prompt: str | None = None,
        *,
        length: int = 200,
        temperature: float = 0.8,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> str:
        """Return the prompt and what the model writes after it.

        Args:
            prompt: None for the beginning of a line.
            length: characters to write.
            temperature: 1 draws as the model says, less is more careful, 0 takes the most likely.
            top_p: draw from the smallest set of units that holds this share of the probability.
            seed: the same seed writes the same text; None for another one each time.

        Raises:
            DataError: the prompt has a character that is not known.
            OptionError: a setting is out of range.
        """
        check_fitted(self)
        trained = self._network.writer
        pieces = generate(
            trained.model,
            trained.vocabulary,
            trained.start if prompt is None else prompt,
            length=length,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
            document_end=trained.document_end,
        )
        text = "".join(pieces)
        return text.removeprefix("\n") if prompt is None else text

    @torch.no_grad()
    def _nats(self, X: Any) -> tuple[float, int]:
        check_fitted(self)
        text = _read(X)
        if self.recipe_.data.documents == "lines":
            lines = text.documents if text.are_lines else text.whole.split("\n")
            ended = [f"{line}\n" for line in lines if line]
        else:
            ended = text.documents if text.are_lines else [text.whole]
        nats, num_characters = 0.0, 0
        for document in ended:
            ids = self._encoded(document)
            place = 1
            for logits in self._logits(ids[:-1]):
                chances = logits.double().log_softmax(-1)
                expected = torch.as_tensor(ids[place : place + len(logits)])
                nats -= float(chances.gather(1, expected[:, None]).sum())
                place += len(logits)
            num_characters += len(document)
        return nats, num_characters

    def _encoded(self, text: str) -> Ids:
        """Return the numbers of the units, behind what stands before a text."""
        trained = self._network.writer
        try:
            ids = trained.vocabulary.encode(text)
        except DataError as error:
            reason, _, known = str(error).partition("\nmend: ")
            raise DataError(f"{reason}\nmend: {known}; or fit with unit='bytes'") from error
        return np.concatenate([trained.vocabulary.encode(trained.start)[-1:], ids])

    def _logits(self, ids: Ids) -> Iterator[torch.Tensor]:
        """Yield the logits after each unit, window by window: ``[T, V]``."""
        model, state = self._network.writer.model, None
        for start in range(0, len(ids), _WINDOW):
            window = torch.as_tensor(ids[start : start + _WINDOW])[:, None]
            logits, state = model(window, state)
            yield logits[:, 0]

    def _recipe(self, text: _Text) -> LanguageModelRecipe:
        fraction = self.validation_fraction
        if not 0 <= fraction <= 0.5:
            raise OptionError(
                f"validation_fraction: got {fraction!r}, expected 0 to 0.5\n"
                "mend: validation_fraction=0.1"
            )
        num = len(text.documents) if text.are_lines else len(text.whole)
        raw: dict[str, Any] = {
            "task": "language-model",
            "seed": seed_of(self.random_state),
            "data": {
                "name": MEMORY,
                "unit": self.unit,
                "normalization": self.normalization,
                "documents": "lines" if text.are_lines else "whole",
                "held_out": fraction if round(num * fraction) >= 1 else 0.0,
            },
            "model": {
                "cell": self.cell,
                "hidden_size": self.hidden_size,
                "num_layers": self.num_layers,
                "embedding_size": self.embedding_size,
                "tied": self.tied,
                "dropout": self.dropout,
                "recurrent_dropout": self.recurrent_dropout,
                "layer_norm": self.layer_norm,
            },
            "training": {
                "batch_size": self.batch_size,
                "tbptt_steps": self.tbptt_steps,
                "learning_rate": self.learning_rate,
                "weight_decay": self.weight_decay,
                "max_epochs": self.max_epochs,
                "checkpoint_seconds": NEVER,
                "device": self.device,
                "threads": self.threads,
            },
            "evaluation": {"patience": self.patience},
            "sample": {"length": 0},
        }
        recipe = validate(plain(raw), f"of {type(self).__name__}")
        assert isinstance(recipe, LanguageModelRecipe)
        return recipe


def _read(X: Any) -> _Text:
    if isinstance(X, str):
        documents = [X]
    elif isinstance(X, Iterable):
        documents = list(cast("Iterable[Any]", X))
    else:
        documents = []
    wrong = next((each for each in documents if not isinstance(each, str)), None)
    if wrong is not None or not any(documents):
        got = f"an entry of type {type(wrong).__name__}" if wrong is not None else "no text"
        raise DataError(f"X holds {got}, expected texts\nmend: give a text, or a list of texts")
    texts = [str(each) for each in documents]
    are_lines = not isinstance(X, str) and all("\n" not in each for each in texts)
    return _Text([each for each in texts if each] if are_lines else texts, are_lines)
