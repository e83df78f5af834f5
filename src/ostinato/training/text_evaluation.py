"""Evaluation of a language model on the text that was kept for it, or on another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from ostinato.core.errors import OptionError
from ostinato.data import DataError, Part, read_text
from ostinato.data.corpus import Corpus, other_part
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.evaluation import Comparison, Report, Score, comparison
from ostinato.training.example_data import PartName
from ostinato.training.interrupt import StopRequest
from ostinato.training.language_model import BlockLosses, LanguageModelTask
from ostinato.training.metrics.intervals import bootstrap_interval
from ostinato.training.metrics.per_example import ExampleScores, mean_loss, perplexity
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which
from ostinato.training.session import load_trained

_METRIC = "nats_per_character"


def evaluate_text_run(
    run: Path,
    recipe: LanguageModelRecipe,
    data: Path | None,
    part: PartName,
    checkpoint: Which,
    changes: Sequence[str] = (),
) -> Report:
    """Score a language model, and unigram and bigram beside it.

    The interval is of the bootstrap over windows of the text.

    Args:
        run: the run folder.
        recipe: of the run.
        data: another text; None for a part of the run's own.
        part: ``dev`` is the held-out part, ``test`` the one behind it.
        checkpoint: which weights.
        changes: ``data.encoding=NAME``, where ``data`` are in another one.

    Raises:
        RecipeError: a change is of something else.
        DataError: the text changed since the run began, or has characters that the model does not
            know.
        OptionError: the run kept no such part.
    """
    task = _task(run, recipe)
    encoding = _encoding(recipe, changes)
    if data is None:
        chosen = _part(task.corpus, part)
    else:
        chosen = _other(task.corpus, read_text(data, encoding), recipe, data)
    model = load_trained(run, checkpoint).model
    blocks = task.block_losses(chosen, model, StopRequest())
    scores = {
        each.name: Score(each.value, *bootstrap_interval(each))
        for each in _scores(blocks, chosen.units_per_character)
    }
    naive = {
        name: {
            "bits_per_character": Score(bits, math.nan, math.nan),
            _METRIC: Score(bits * math.log(2), math.nan, math.nan),
        }
        for name, bits in task.baselines(chosen).items()
    }
    return Report(
        run,
        part if data is None else str(data),
        chosen.num_characters,
        _METRIC,
        higher_is_better=False,
        scores={"model": scores, **naive},
        item="character",
    )


def compare_text_runs(runs: Sequence[Path], part: PartName) -> Comparison:
    """Score language models on the same windows of one text; see ``compare_runs``.

    Args:
        runs: two or more; the first is what the others are compared with.
        part: of their text.

    Raises:
        RunError: they learned from different texts, or not all from texts.
        DataError: the text changed.
        OptionError: the runs kept no such part.
    """
    first = RunFolder.open(runs[0]).recipe()
    assert isinstance(first, LanguageModelRecipe)
    for run in runs[1:]:
        other = RunFolder.open(run).recipe()
        if not isinstance(other, LanguageModelRecipe) or other.data != first.data:
            raise RunError(
                f"the runs {runs[0]} and {run} have different texts, so their scores cannot be "
                "compared\nmend: train both by recipes with the same section `data`"
            )
        if other.data.documents == "lines" and other.seed != first.seed:
            raise RunError(
                f"the runs {runs[0]} and {run} have the seeds {first.seed} and {other.seed}, by "
                "which their lines were dealt to the parts: what one is scored on, the other "
                "learned\nmend: train both with the same seed"
            )
    for run in runs[1:]:
        _task(run, first)
    task = _task(runs[0], first)
    chosen = _part(task.corpus, part)
    models = [load_trained(run, "best").model for run in runs]
    each: list[ExampleScores] = []
    for model in models:
        blocks = task.block_losses(chosen, model, StopRequest())
        _, bits, _ = _scores(blocks, chosen.units_per_character)
        each.append(bits)
    return comparison(runs, part, chosen.num_characters, each, models, "character")


def _task(run: Path, recipe: LanguageModelRecipe) -> LanguageModelTask:
    """Return the task of a run on the text that it learned from.

    Raises:
        DataError: the text changed.
    """
    task = LanguageModelTask.from_recipe(recipe, torch.device("cpu"))
    facts = RunFolder.open(run).facts("data_sha256")
    if task.corpus.sha256 != facts["data_sha256"]:
        raise DataError(
            f"the text changed since the run {run} began\n"
            "mend: put the old text back, or train a new run"
        )
    return task


def _scores(blocks: BlockLosses, units_per_character: float) -> list[ExampleScores]:
    nats = mean_loss(blocks.losses * units_per_character, blocks.counts, _METRIC)
    bits = mean_loss(
        blocks.losses * units_per_character / math.log(2), blocks.counts, "bits_per_character"
    )
    return [nats, bits, perplexity(blocks.losses, blocks.counts)]


def _part(corpus: Corpus, part: PartName) -> Part:
    if part == "train":
        return corpus.train
    if part == "dev":
        return corpus.held_out
    if corpus.tested is None:
        raise OptionError(
            "nothing of the text was kept for a test: data.tested=0\n"
            "mend: score the held-out part with --part dev, or train with data.tested=0.05"
        )
    return corpus.tested


def _encoding(recipe: LanguageModelRecipe, changes: Sequence[str]) -> str:
    encoding = recipe.data.encoding
    for change in changes:
        key, _, encoding = change.partition("=")
        if key != "data.encoding":
            raise RecipeError(
                f"{key} cannot be changed now: the model has learned\n"
                "mend: only how another file is read: data.encoding=NAME"
            )
    return encoding


def _other(corpus: Corpus, text: str, recipe: LanguageModelRecipe, path: Path) -> Part:
    part = other_part(corpus, text, recipe.data.documents)
    if len(part.ids) < 2:
        raise DataError(
            f"{path} holds {len(part.ids)} units, expected 2 or more\nmend: a longer text"
        )
    return part
