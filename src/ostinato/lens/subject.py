"""A trained network that is looked into, whatever its task: one text or array at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.data import DataError, Vocabulary
from ostinato.data.batches import Example, make_batch
from ostinato.data.pipeline import PartCounts
from ostinato.data.units import from_units
from ostinato.equations import Cell
from ostinato.models.aligned import Aligned
from ostinato.models.language_model import LanguageModel
from ostinato.models.sequence_model import SequenceModel
from ostinato.nn.layer import SequenceLayer
from ostinato.training.api import Run, load_run
from ostinato.training.example_task import tensors
from ostinato.training.kinds import kind_of, refuse
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_parts import Recipe
from ostinato.training.run_files import Which
from ostinato.training.session import Trained, load_trained
from ostinato.training.trained import TrainedExamples, load_examples

Shape = Literal["language model", "aligned", "many to one"]


@dataclass(frozen=True)
class Piece:
    """One sequence as a network reads it.

    Attributes:
        units: what each of the T steps reads, in words.
        inputs: name to tensor, time first, for one row.
        targets: int64 ``[T]``, the unit after each step of a language model, -100 where there is
            none; None for other networks.
        resets: bool ``[T, 1]``, where the state starts afresh; None where it never does.
        notes: sentences about what of the input was lost.
    """

    units: tuple[str, ...]
    inputs: Mapping[str, Tensor]
    targets: Tensor | None = None
    resets: Tensor | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.units)


class Subject:
    """A network in evaluation mode, and everything that its inputs go through.

    Attributes:
        name: of its folder.
        recipe: that it was trained by.
        shape: when it says something: of the next unit, at every step, or at the end.
        model: the whole network, on the CPU.
        body: the part of it that holds the recurrent layers.
        layers: the recurrent layers, from the input on; each may be a stack.
        labels: what the numbers of the output stand for; empty for numbers without names.
    """

    name: str
    recipe: Recipe
    shape: Shape
    model: nn.Module
    body: nn.Module
    layers: tuple[SequenceLayer, ...]
    labels: tuple[str, ...]

    def __init__(self, name: str, recipe: Recipe, model: nn.Module, body: nn.Module) -> None:
        self.name, self.recipe, self.model, self.body = name, recipe, model.eval(), body
        self.layers = tuple(m for m in body.modules() if isinstance(m, SequenceLayer))

    @staticmethod
    def open(run: Run | Subject | str | os.PathLike[str], checkpoint: Which = "best") -> Subject:
        """Open a run folder, a saved model, or what ``ost.train`` and ``ost.load_run`` return.

        Args:
            run: what is looked into.
            checkpoint: which weights of a folder.

        Raises:
            RunError: there is no run.
            OptionError: the network has no recurrent layer.
        """
        if isinstance(run, Subject):
            return run
        opened = run if isinstance(run, Run) else load_run(run, checkpoint)
        if not kind_of(opened.recipe).is_looked_into:
            raise refuse(opened.path, opened.recipe, "the lens")
        if isinstance(opened.recipe, LanguageModelRecipe):
            return WritingSubject(
                opened.path.name, opened.recipe, load_trained(opened.path, checkpoint)
            )
        trained = load_examples(opened.path, checkpoint)
        if not hasattr(trained.model, "encoder"):
            raise OptionError(
                f"the network of {opened.path} has no recurrent layer, so no memory to look into "
                "(model.shape=one-to-one)\nmend: train it with model.shape=recurrent"
            )
        return ExampleSubject(opened.path.name, trained)

    @property
    def cell(self) -> Cell:
        """The cell of the recurrent layers."""
        return self.layers[0].cell

    def piece(self, value: Any) -> Piece:
        """Encode a text, a list of tokens, or an array ``[T, I]``.

        Raises:
            DataError: it cannot be read, or is empty.
        """
        raise NotImplementedError

    def scores(self, piece: Piece) -> Tensor:
        """Run the network: logits ``[T, 1, V]``, scores ``[T, 1, O]``, or ``[1, O]`` at the end."""
        raise NotImplementedError

    def probabilities(self, scores: Tensor, piece: Piece) -> Tensor:
        """Return what scores say: ``[T, V]``, ``[T, O]`` or ``[1, O]``; of numbers, themselves."""
        raise NotImplementedError

    def decision(self, scores: Tensor, piece: Piece, step: int) -> Tensor:
        """Return the scalar that is traced back: the loss, or the score of what is decided.

        Of a language model it is the loss in nats of the unit after ``step``; of other networks the
        score of the likeliest label at ``step`` (at the end where nothing is said before), of
        numbers their sum: a loss would hide the memory of a network that is sure.
        """
        raise NotImplementedError

    @contextmanager
    def inputs_of_layers(self) -> Generator[dict[int, Tensor]]:
        """While this is open, collect what each of ``layers`` reads by number: ``[T, B, I]``."""
        found: dict[int, Tensor] = {}

        def hook(number: int) -> Callable[[nn.Module, tuple[Any, ...]], None]:
            def keep(_: nn.Module, arguments: tuple[Any, ...]) -> None:
                found[number] = arguments[0]

            return keep

        handles = [y.register_forward_pre_hook(hook(i)) for i, y in enumerate(self.layers)]
        try:
            yield found
        finally:
            for handle in handles:
                handle.remove()


class WritingSubject(Subject):
    """A language model."""

    def __init__(self, name: str, recipe: LanguageModelRecipe, trained: Trained) -> None:
        super().__init__(name, recipe, trained.model, trained.model.recurrent)
        self.writer: LanguageModel = trained.model
        self.vocabulary: Vocabulary = trained.vocabulary
        self.start = trained.start
        self.document_end = trained.document_end
        self.shape = "language model"
        self.labels = tuple(self.vocabulary.symbols)

    def piece(self, value: Any) -> Piece:
        """Encode a text."""
        if not isinstance(value, str):
            raise DataError(
                f"a language model reads text, got {type(value).__name__}\nmend: give a text"
            )
        if not value:
            raise DataError("the text is empty\nmend: give at least one character")
        ids = self.vocabulary.encode(value)
        symbols = self.vocabulary.symbols
        targets = np.append(ids[1:], -100)
        column = torch.as_tensor(ids)[:, None]
        resets = None if self.document_end is None else column == self.document_end
        return Piece(
            tuple(self.shown(symbols[int(i)]) for i in ids),
            {"ids": column},
            torch.as_tensor(targets),
            resets,
        )

    def shown(self, symbol: str) -> str:
        """Return a unit as a reader knows it: a byte that is no character by its number."""
        if self.vocabulary.unit == "bytes":
            return symbol if " " <= symbol <= "~" or symbol == "\n" else f"{ord(symbol):02X}"
        return from_units(symbol, self.vocabulary.unit)

    def scores(self, piece: Piece) -> Tensor:
        """Return logits ``[T, 1, V]``."""
        return self.writer(piece.inputs["ids"], None, piece.resets)[0]

    def probabilities(self, scores: Tensor, piece: Piece) -> Tensor:  # noqa: ARG002
        """Return those of the next unit, ``[T, V]``."""
        return scores[:, 0].softmax(-1)

    def decision(self, scores: Tensor, piece: Piece, step: int) -> Tensor:
        """Return the loss of the unit after a step, in nats."""
        assert piece.targets is not None
        target = piece.targets[step]
        if int(target) < 0:
            # Nothing follows the last unit: what the model expects there.
            target = scores[step, 0].argmax()
        return F.cross_entropy(scores[step], target[None])


class ExampleSubject(Subject):
    """A network that learned from examples."""

    def __init__(self, name: str, trained: TrainedExamples) -> None:
        encoder = trained.model.encoder
        assert isinstance(encoder, nn.Module)
        super().__init__(name, trained.recipe, trained.model, encoder)
        self.network: SequenceModel = trained.model
        self.trained = trained
        self.shape = "aligned" if isinstance(trained.model, Aligned) else "many to one"
        labels = trained.pipeline.labels
        self.labels = () if labels is None else labels.names

    def piece(self, value: Any) -> Piece:
        """Encode a text, a list of tokens, or an array ``[T, I]``."""
        counts = PartCounts()
        (example,) = self.trained.encode([value], counts)
        return self.piece_of(example, counts.notes("input"))

    def piece_of(self, example: Example, notes: Sequence[str] = ()) -> Piece:
        """Return an example as a piece."""
        inputs, _ = tensors(make_batch([replace(example, target=None)], [0]), torch.device("cpu"))
        return Piece(self._units(example), inputs, notes=tuple(notes))

    def _units(self, example: Example) -> tuple[str, ...]:
        content, encoder = example.content, self.trained.pipeline.encoder
        if content is None:
            return tuple(str(step) for step in range(len(example)))
        if isinstance(content, str):
            assert encoder is not None
            return tuple(encoder.units(content)[: len(example)])
        return content

    def scores(self, piece: Piece) -> Tensor:
        """Return scores ``[T, 1, O]``, or ``[1, O]`` at the end."""
        return self.network(piece.inputs, torch.tensor([len(piece)]))

    def probabilities(self, scores: Tensor, piece: Piece) -> Tensor:
        """Return those of labels or notes, or numbers: ``[T, O]``, or ``[1, O]`` at the end."""
        if self.recipe.task == "regression":
            return self.network.head.decode(scores, torch.tensor([len(piece)]))
        found = self.network.head.probabilities(scores, torch.tensor([len(piece)]))
        return found[:, 0] if self.shape == "aligned" else found

    def decision(self, scores: Tensor, piece: Piece, step: int) -> Tensor:  # noqa: ARG002
        """Return the score of the likeliest label; of numbers, their sum."""
        said = scores[step, 0] if self.shape == "aligned" else scores[0]
        return said.max() if self.labels else said.sum()

    def prefix_probabilities(self, piece: Piece, steps: Sequence[int]) -> Tensor:
        """Return what a many-to-one network would say if the sequence ended after each step.

        Args:
            piece: the sequence.
            steps: N of its steps.

        Returns:
            ``[N, O]``.
        """
        lengths = torch.tensor([step + 1 for step in steps])
        longest = int(lengths.max())
        inputs = {
            name: value
            if name in ("spellings", "spelling_lengths")
            else value[:longest].expand(longest, len(steps), *value.shape[2:])
            for name, value in piece.inputs.items()
        }
        with torch.no_grad():
            scores = self.network(inputs, lengths)
            if self.recipe.task == "regression":
                return self.network.head.decode(scores, lengths)
            return self.network.head.probabilities(scores, lengths)
