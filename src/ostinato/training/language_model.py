"""The task of a language model: streamed windows in, bits per character out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ostinato.core.errors import OptionError
from ostinato.data import (
    PADDING,
    Corpus,
    Part,
    StreamedWindows,
    Vocabulary,
    Window,
    build_corpus,
    read_text,
    standard_library_text,
    with_context,
)
from ostinato.data.corpus import document_end
from ostinato.data.streams import DocumentWindows, gap_note, shuffled_documents
from ostinato.data.wording import counted
from ostinato.models.language_model import LanguageModel, RecurrentOptions
from ostinato.models.starting import start_layers
from ostinato.nn.saving import describe
from ostinato.training.baselines import bigram_bits, unigram_bits
from ostinato.training.cell_text import cell_of_text
from ostinato.training.evaluating import evaluating
from ostinato.training.generate import generate
from ostinato.training.interrupt import StopRequest
from ostinato.training.memory import MEMORY, not_kept
from ostinato.training.model_memory import fitting_into_memory
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_parts import TextModelRecipe, TextRecipe
from ostinato.training.task import EndLoss, State, StepLoss
from ostinato.training.unused_keys import unused_text_keys
from ostinato.training.windows import loss_of_window

_STANDARD_LIBRARY_CHARACTERS = 2_000_000
_NOTED_SHARE = 0.05
_NUM_WATCHED = 16


@dataclass(frozen=True)
class TextBatch:
    """One window of the streams; see ``TaskBatch``."""

    window: Window

    @property
    def num_targets(self) -> int:
        """Units that are predicted."""
        return int((self.window.targets != PADDING).sum())

    @property
    def num_items(self) -> int:
        """The same."""
        return self.num_targets

    @property
    def is_empty(self) -> bool:
        """Never: a share has streams, whose state is carried, if perhaps none that goes on."""
        return False

    @property
    def num_sequences(self) -> int:
        """None is whole."""
        return 0

    def share(self, index: int, num: int) -> TextBatch:
        """Return the streams that process ``index`` of ``num`` runs.

        Raises:
            OptionError: there are fewer streams than processes.
        """
        num_streams = self.window.inputs.shape[1]
        if num_streams < num:
            raise OptionError(
                f"{num} processes cannot share {counted(num_streams, 'stream')} of text\n"
                "mend: a larger training.batch_size, a longer text, or fewer --processes"
            )
        return TextBatch(self.window.columns(index, num))


class BlockLosses(NamedTuple):
    """The loss of every window of every stream.

    Attributes:
        losses: in nats, ``[N]``.
        counts: targets that each is the sum over, ``[N]``.
    """

    losses: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


class LanguageModelTask:
    """See ``Task``."""

    score_name = "bits_per_character"
    higher_is_better = False
    item_name = "characters"

    def __init__(self, recipe: LanguageModelRecipe, corpus: Corpus, device: torch.device) -> None:
        self.recipe = recipe
        self.corpus = corpus
        self.device = device
        self._has_documents = corpus.train.starts is not None
        self._epoch = 0
        self._windows = self._streams(0)
        self.scored_on = "held out" if corpus.is_held_out else "training text"
        self.steps_per_epoch = math.ceil(len(self._windows) / recipe.training.accumulate)
        self.items_per_target = 1 / corpus.train.units_per_character
        self._start = start_symbol(corpus)
        self._prompt = self._start if recipe.sample.prompt is None else recipe.sample.prompt
        corpus.vocabulary.encode(self._prompt)

    @classmethod
    def from_recipe(cls, recipe: LanguageModelRecipe, device: torch.device) -> LanguageModelTask:
        """Read the text that the recipe names.

        Raises:
            DataError: the text cannot be used.
        """
        return cls.of_text(recipe, read_source(recipe.data), device)

    @classmethod
    def of_text(
        cls, recipe: LanguageModelRecipe, text: str, device: torch.device
    ) -> LanguageModelTask:
        """Cut and encode ``text`` as the recipe says.

        Raises:
            DataError: the text cannot be used.
        """
        data = recipe.data
        corpus = build_corpus(
            text,
            unit=data.unit,
            normalization=data.normalization,
            documents=data.documents,
            held_out=data.held_out,
            held_out_at=data.held_out_at,
            tested=data.tested,
            distinct_lines=data.distinct_lines,
            max_characters=data.max_characters,
            seed=recipe.seed,
        )
        return cls(recipe, corpus, device)

    def build_model(self) -> LanguageModel:
        """Return a new model, from torch's random state."""
        return build_language_model(self.recipe.model, len(self.corpus.vocabulary)).to(self.device)

    def batches(self, step: int) -> Sequence[TextBatch]:
        """Return the windows of optimizer step ``step``: one after another in the same streams."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._has_documents and epoch != self._epoch:
            self._windows, self._epoch = self._streams(epoch), epoch
        first = place * self.recipe.training.accumulate
        last = min(first + self.recipe.training.accumulate, len(self._windows))
        return [TextBatch(self._windows[index]) for index in range(first, last)]

    def loss(self, model: nn.Module, batch: TextBatch, carried: State | None) -> StepLoss:
        """Run one window; the state starts afresh with each epoch."""
        inputs, targets, resets = self._tensors(batch.window)

        def run(steps: slice, state: State | None, *, is_learned: bool) -> tuple[Tensor, State]:
            logits, new_state = model(inputs[steps], state, *(r[steps] for r in resets))
            return _loss(logits, targets[steps], "sum") if is_learned else logits, new_state

        return loss_of_window(batch.window, carried, run)

    def end_loss(self, model: nn.Module) -> EndLoss:
        """Return the loss of the last unit of the first window of some held-out streams."""
        window = self._scored_windows(self.corpus.held_out)[0]
        ends = (window.targets != PADDING).sum(0) - 1
        # A stream of nothing but padding has no end.
        rows = np.flatnonzero(ends >= 0)[:_NUM_WATCHED]
        inputs, targets, resets = self._tensors(window)
        streams = torch.as_tensor(rows, device=self.device)
        logits, _ = model(inputs[:, streams], None, *(r[:, streams] for r in resets))
        places = torch.as_tensor(ends[rows], device=self.device)
        said = logits[places, torch.arange(len(rows), device=self.device)]
        loss = functional.cross_entropy(said, targets[places, streams], reduction="sum")
        return EndLoss(loss, ends[rows], is_whole=False)

    def train_scores(self, mean_loss: float) -> dict[str, float]:
        """Return nats per unit and bits per character."""
        return _scores(mean_loss, self.corpus.train.units_per_character)

    def evaluate(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Predict every unit of the held-out part once, the state carried from window to window.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two windows.
        """
        return self._scores_of(self.corpus.held_out, model, stop)

    def evaluate_test(self, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        """Score the part that was kept for a test, as ``evaluate`` does the held-out one.

        Raises:
            OptionError: nothing was kept.
            Stopped: someone asked to stop.
        """
        if self.corpus.tested is None:
            raise OptionError(
                "nothing of the text was kept for a test: data.tested=0\n"
                "mend: train with a share for it, such as data.tested=0.05"
            )
        return self._scores_of(self.corpus.tested, model, stop)

    @torch.no_grad()
    def block_losses(self, part: Part, model: nn.Module, stop: StopRequest) -> BlockLosses:
        """Score a part of the text, every unit once, the state carried from window to window.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two windows.
        """
        losses: list[npt.NDArray[np.float64]] = []
        counts: list[npt.NDArray[np.int64]] = []
        state = None
        windows = self._scored_windows(part)
        with evaluating(model):
            for index in range(len(windows)):
                stop.check()
                window = windows[index]
                inputs, targets, _ = self._tensors(window)
                logits, state = model(inputs, None if window.is_first else state)
                each = _loss(logits, targets, "none").double().view(targets.shape)
                losses.append(each.sum(0).cpu().numpy())
                counts.append((window.targets != PADDING).sum(0))
        return BlockLosses(np.concatenate(losses), np.concatenate(counts))

    def _scores_of(self, part: Part, model: nn.Module, stop: StopRequest) -> dict[str, float]:
        blocks = self.block_losses(part, model, stop)
        mean = float(blocks.losses.sum()) / int(blocks.counts.sum())
        return _scores(mean, part.units_per_character)

    def sample(self, model: nn.Module, step: int, stop: StopRequest) -> str:
        """Write some text; which random numbers are drawn depends on the seed and the step only.

        Raises:
            Stopped: someone asked to stop; it is obeyed between two characters.
        """
        settings = self.recipe.sample
        if not settings.length:
            return ""
        text = ""
        with evaluating(model):
            for piece in generate(
                cast("LanguageModel", model),
                self.corpus.vocabulary,
                self._prompt,
                length=settings.length,
                temperature=settings.temperature,
                top_p=settings.top_p,
                seed=self.recipe.seed + step,
                document_end=document_end(self.corpus) if self._has_documents else None,
            ):
                stop.check()
                text += piece
        return text.removeprefix(self._start) if self.recipe.sample.prompt is None else text

    def baselines(self, part: Part | None = None) -> dict[str, float]:
        """Return bits per character of the unigram and the bigram on the same part of the text.

        Args:
            part: default the held-out one.
        """
        part = self.corpus.held_out if part is None else part
        train, scored = self.corpus.train.ids, with_context(self.corpus, part)
        ratio = part.units_per_character
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
        tested = corpus.tested
        test = "" if tested is None else f", {tested.num_characters:,} for a test"
        notes = [f"text: {learned}, {held} held out{test}{kinds}"]
        if corpus.train.starts is not None:
            notes.append(
                f"{counted(len(corpus.train.starts), 'document')} to learn from, one a line"
            )
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
        if note := gap_note(training.tbptt_steps, training.tbptt_stride):
            notes.append(note)
        if keys := unused_text_keys(self.recipe):
            notes.append(f"without effect here: {', '.join(keys)}")
        if self._windows.num_streams < training.batch_size:
            notes.append(
                f"the text is short: {counted(self._windows.num_streams, 'stream')} instead of "
                f"batch_size={training.batch_size}"
            )
        return tuple(notes)

    def facts(self, model: nn.Module) -> Mapping[str, Any]:
        """Return what writing needs: vocabulary, layer, start; and the fingerprint of the text."""
        return {
            "vocabulary": self.corpus.vocabulary.to_json(),
            "start": self._start,
            "documents": self.recipe.data.documents,
            "recurrent": describe(cast("LanguageModel", model).recurrent).to_json(),
            "data_sha256": self.corpus.sha256,
        }

    def _streams(self, epoch: int) -> StreamedWindows:
        """Return the windows of an epoch; the order of documents depends on seed and epoch."""
        training, part = self.recipe.training, self.corpus.train
        ids, resets = part.ids, None
        if part.starts is not None:
            random = np.random.default_rng([self.recipe.seed, epoch])
            ids, starts = shuffled_documents(ids, part.starts, random)
            ids = np.concatenate([[document_end(self.corpus)], ids])
            resets = np.zeros(len(ids), np.bool_)
            resets[starts] = True
        return StreamedWindows(
            ids,
            training.batch_size,
            training.tbptt_steps,
            self.corpus.vocabulary.unit,
            stride=training.tbptt_stride,
            resets=resets,
        )

    def _scored_windows(self, part: Part) -> StreamedWindows | DocumentWindows:
        batch_size, window = self.recipe.evaluation.batch_size, self.recipe.evaluation.window
        if part.starts is not None:
            end = document_end(self.corpus)
            return DocumentWindows(part.ids, part.starts, end, batch_size, window)
        scored = with_context(self.corpus, part)
        return StreamedWindows(scored, batch_size, min(window, len(scored) - 1))

    def _tensors(self, window: Window) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        inputs = torch.as_tensor(window.inputs, device=self.device)
        targets = torch.as_tensor(window.targets, device=self.device)
        resets = window.resets
        return (
            inputs,
            targets,
            () if resets is None else (torch.as_tensor(resets, device=self.device),),
        )


def build_language_model(recipe: TextModelRecipe, num_symbols: int) -> LanguageModel:
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
        memory=recipe.memory,
        checkpoint_every=recipe.checkpoint_every,
    )
    if recipe.sizes:
        options["sizes"] = recipe.sizes
    with fitting_into_memory(recipe.hidden_size):
        model = LanguageModel(
            num_symbols,
            cell_of_text(recipe.cell, recipe.functions),
            recipe.hidden_size,
            output_size=recipe.output_size,
            embedding_size=None if recipe.embedding_size == "one-hot" else recipe.embedding_size,
            tied=recipe.tied,
            dropout=recipe.dropout,
            **options,
        )
    start_layers([model.recurrent], recipe.start, recipe.start_steps)
    return model


def start_symbol(corpus: Corpus) -> str:
    """Return what stands before a text without a prompt: a line end, or else the text's first."""
    vocabulary: Vocabulary = corpus.vocabulary
    return "\n" if "\n" in vocabulary.symbols else vocabulary.decode(corpus.train.ids[:1])


def read_source(data: TextRecipe) -> str:
    """Return the text that a recipe names.

    Raises:
        DataError: its file cannot be read.
        RunError: it was given in Python, and is in no file.
    """
    if data.name == MEMORY:
        raise not_kept()
    if data.path is not None:
        return read_text(data.path, data.encoding)
    if data.name == "stdlib":
        return standard_library_text(data.max_characters or _STANDARD_LIBRARY_CHARACTERS)
    if data.name is not None:
        from ostinato.data.sets.catalogue import find_set, text_of

        return text_of(find_set(data.name))
    return data.text or ""


def _scores(nats_per_unit: float, units_per_character: float) -> dict[str, float]:
    nats = nats_per_unit * units_per_character
    return {
        "loss": nats_per_unit,
        "nats_per_character": nats,
        "bits_per_character": nats / math.log(2),
    }


def _loss(logits: Tensor, targets: Tensor, reduction: Literal["sum", "none"]) -> Tensor:
    return functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING, reduction=reduction
    )
