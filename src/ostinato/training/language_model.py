"""The task of a language model: streamed windows in, bits per character out."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ostinato.core.errors import OptionError
from ostinato.data import (
    PADDING,
    Corpus,
    StreamedWindows,
    Vocabulary,
    Window,
    build_corpus,
    read_text,
    standard_library_text,
    with_context,
)
from ostinato.data.wording import counted
from ostinato.models.language_model import LanguageModel, RecurrentOptions
from ostinato.training.baselines import bigram_bits, unigram_bits
from ostinato.training.cell_text import cell_of_text
from ostinato.training.generate import generate
from ostinato.training.interrupt import StopRequest
from ostinato.training.recipe import DataRecipe, ModelRecipe, Recipe
from ostinato.training.task import State, StepLoss

_STANDARD_LIBRARY_CHARACTERS = 2_000_000
_NOTED_SHARE = 0.05


class LanguageModelTask:
    """See ``Task``."""

    score_name = "bits_per_character"
    item_name = "characters"

    def __init__(self, recipe: Recipe, corpus: Corpus, device: torch.device) -> None:
        self.recipe = recipe
        self.corpus = corpus
        self.device = device
        training, evaluation = recipe.training, recipe.evaluation
        unit = corpus.vocabulary.unit
        self._windows = StreamedWindows(
            corpus.train.ids, training.batch_size, training.tbptt_steps, unit
        )
        scored = with_context(corpus)
        window = min(evaluation.window, len(scored) - 1)
        self._scored = StreamedWindows(scored, evaluation.batch_size, window)
        self.scored_on = "held out" if corpus.is_held_out else "training text"
        self.steps_per_epoch = len(self._windows)
        self.items_per_target = 1 / corpus.train.units_per_character
        self._start = start_symbol(corpus)
        self._prompt = self._start if recipe.sample.prompt is None else recipe.sample.prompt
        corpus.vocabulary.encode(self._prompt)

    @classmethod
    def from_recipe(cls, recipe: Recipe, device: torch.device) -> LanguageModelTask:
        """Read the text that the recipe names.

        Raises:
            DataError: the text cannot be used.
        """
        return cls.of_text(recipe, read_source(recipe.data), device)

    @classmethod
    def of_text(cls, recipe: Recipe, text: str, device: torch.device) -> LanguageModelTask:
        """Cut and encode ``text`` as the recipe says.

        Raises:
            DataError: the text cannot be used.
        """
        data = recipe.data
        corpus = build_corpus(
            text,
            unit=data.unit,
            normalization=data.normalization,
            held_out=data.held_out,
            distinct_lines=data.distinct_lines,
            max_characters=data.max_characters,
        )
        return cls(recipe, corpus, device)

    def build_model(self) -> LanguageModel:
        """Return a new model, from torch's random state."""
        return build_language_model(self.recipe.model, len(self.corpus.vocabulary)).to(self.device)

    def loss(self, model: nn.Module, step: int, carried: State | None) -> StepLoss:
        """Run one window; the state starts afresh with each epoch."""
        window = self._windows[step % self.steps_per_epoch]
        inputs, targets = self._tensors(window)
        logits, state = model(inputs, None if window.is_first else carried)
        loss = functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING
        )
        num_targets = int((window.targets != PADDING).sum())
        return StepLoss(loss, num_targets, {name: value.detach() for name, value in state.items()})

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return nats per unit and bits per character."""
        return _scores(mean_loss, self.corpus.train.units_per_character)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Predict every unit of the held-out part once, the state carried from window to window.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two windows.
        """
        total, count, state = 0.0, 0, None
        with _evaluating(model):
            for index in range(len(self._scored)):
                stop.check()
                window = self._scored[index]
                inputs, targets = self._tensors(window)
                logits, state = model(inputs, state)
                losses = functional.cross_entropy(
                    logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING, reduction="none"
                )
                total += float(losses.double().sum())
                count += int((window.targets != PADDING).sum())
        return _scores(total / count, self.corpus.held_out.units_per_character)

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:
        """Write some text; which random numbers are drawn depends on the seed and the step only.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two characters.
        """
        settings = self.recipe.sample
        if not settings.length:
            return ""
        text = ""
        with _evaluating(model):
            for piece in generate(
                cast("LanguageModel", model),
                self.corpus.vocabulary,
                self._prompt,
                length=settings.length,
                temperature=settings.temperature,
                top_p=settings.top_p,
                seed=self.recipe.seed + step,
            ):
                stop.check()
                text += piece
        return text.removeprefix(self._start) if self.recipe.sample.prompt is None else text

    def baselines(self) -> dict[str, float]:
        """Return bits per character of the unigram and the bigram on the same held-out text."""
        train, scored = self.corpus.train.ids, with_context(self.corpus)
        ratio = self.corpus.held_out.units_per_character
        num_symbols = len(self.corpus.vocabulary)
        return {
            "unigram": unigram_bits(train, scored, num_symbols) * ratio,
            "bigram": bigram_bits(train, scored, num_symbols) * ratio,
        }

    def notes(self) -> tuple[str, ...]:
        """Describe text and streams."""
        corpus, training = self.corpus, self.recipe.training
        unit = corpus.vocabulary.unit
        kinds = {
            "bytes": "",
            "jamo": f", {len(corpus.vocabulary):,} different jamo",
            "characters": f", {counted(len(corpus.vocabulary), 'different character')}",
        }[unit]
        held = f"{corpus.held_out.num_characters:,}" if corpus.is_held_out else "none"
        learned = f"{counted(corpus.train.num_characters, 'character')} to learn from"
        notes = [f"text: {learned}, {held} held out{kinds}"]
        if corpus.num_unseen:
            unseen = counted(corpus.num_unseen, "held-out character")
            verb = "occurs" if corpus.num_unseen == 1 else "occur"
            notes.append(f"{unseen} never {verb} in the first part")
        if corpus.is_held_out and corpus.repeated_share >= _NOTED_SHARE:
            notes.append(
                f"{corpus.repeated_share:.0%} of the held-out text is lines that the first part "
                "holds, too: the score rewards learning them by heart "
                "(data.distinct_lines=true keeps one of each)"
            )
        if self._windows.num_streams < training.batch_size:
            notes.append(
                f"the text is short: {counted(self._windows.num_streams, 'stream')} instead of "
                f"batch_size={training.batch_size}"
            )
        return tuple(notes)

    def facts(self) -> Mapping[str, Any]:
        """Return the vocabulary, what a text without a prompt follows, and the fingerprint."""
        return {
            "vocabulary": self.corpus.vocabulary.to_json(),
            "start": self._start,
            "data_sha256": self.corpus.sha256,
        }

    def _tensors(self, window: Window) -> tuple[Tensor, Tensor]:
        inputs = torch.as_tensor(window.inputs, device=self.device)
        return inputs, torch.as_tensor(window.targets, device=self.device)


def build_language_model(recipe: ModelRecipe, num_symbols: int) -> LanguageModel:
    """Return the model of a recipe.

    Raises:
        UnknownNameError: the recipe names no known cell.
        EquationError: its equations cannot be read.
        OptionError: an option does not fit the cell.
    """
    options = RecurrentOptions(
        num_layers=recipe.num_layers,
        recurrent_dropout=recipe.recurrent_dropout,
        zoneout=recipe.zoneout,
        layer_norm=recipe.layer_norm,
        engine=recipe.engine,
    )
    if recipe.sizes:
        options["sizes"] = recipe.sizes
    try:
        return LanguageModel(
            num_symbols,
            cell_of_text(recipe.cell, recipe.functions),
            recipe.hidden_size,
            output_size=recipe.output_size,
            embedding_size=None if recipe.embedding_size == "one-hot" else recipe.embedding_size,
            tied=recipe.tied,
            dropout=recipe.dropout,
            **options,
        )
    except (MemoryError, RuntimeError) as error:
        # torch's allocator raises RuntimeError where numpy's raises MemoryError.
        if isinstance(error, RuntimeError) and "alloc" not in str(error):
            raise
        raise OptionError(
            f"a model with hidden_size={recipe.hidden_size} does not fit into memory\n"
            "mend: a smaller model.hidden_size"
        ) from error


def start_symbol(corpus: Corpus) -> str:
    """Return what stands before a text without a prompt: a line end, or else the text's first."""
    vocabulary: Vocabulary = corpus.vocabulary
    return "\n" if "\n" in vocabulary.symbols else vocabulary.decode(corpus.train.ids[:1])


@contextmanager
def _evaluating(model: nn.Module) -> Generator[None]:
    """Put the model into evaluation mode, and back."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def read_source(data: DataRecipe) -> str:
    """Return the text that a recipe names.

    Raises:
        DataError: its file cannot be read.
    """
    if data.path is not None:
        return read_text(data.path, data.encoding)
    if data.name == "stdlib":
        return standard_library_text(data.max_characters or _STANDARD_LIBRARY_CHARACTERS)
    return data.text or ""


def _scores(nats_per_unit: float, units_per_character: float) -> dict[str, float]:
    return {
        "loss": nats_per_unit,
        "bits_per_character": nats_per_unit / math.log(2) * units_per_character,
    }
