"""Evaluation of a run that writes: free-running, teacher-forced, and naive writers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ostinato.data.batches import Example
from ostinato.models.decoding_options import DecodingOptions
from ostinato.training.errors import RunError
from ostinato.training.evaluation import (
    Comparison,
    ReadPart,
    Report,
    check_comparable,
    comparison,
    read_part,
    with_intervals,
)
from ostinato.training.kinds import PartName
from ostinato.training.metrics.per_example import ExampleScores
from ostinato.training.run_files import Which
from ostinato.training.trained_writer import TrainedWriter, load_writer, split_changes
from ostinato.training.writing import losses, text_of, trace
from ostinato.training.writing_naive import naive_writings
from ostinato.training.writing_scores import Writings, WritingScorer, writing_metric

FORCED = "model, teacher-forced"
_CPU = torch.device("cpu")
# Means over the units of the right texts.
_OF_UNITS = ("loss", "perplexity", "unit_error")


def evaluate_writing_run(
    run: Path, data: Path | None, part: PartName, checkpoint: Which, changes: Sequence[str]
) -> Report:
    """Score a run on pairs; see ``evaluation.evaluate_run``.

    Raises:
        RecipeError: a change is neither of how a file is read nor of how the model writes.
    """
    of_file, of_decoding = split_changes(changes)
    trained = load_writer(run, checkpoint)
    options = trained.options(of_decoding)
    read = read_part(run, trained.recipe, trained.pipeline, data, part, of_file)
    scorer = _scorer(trained)
    free = _free(trained, read.examples, options)
    found = {"model": free, FORCED: _forced(trained, read.examples, free)}
    if read.train:
        found |= naive_writings(trained.pipeline, read.train, read.examples)
    metric = writing_metric(trained.recipe)
    return Report(
        run,
        part if data is None else str(data),
        len(read.examples),
        metric.name,
        metric.higher_is_better,
        {
            name: with_intervals(scorer.by_example(read.examples, each))
            for name, each in found.items()
        },
        read.notes,
        item="pair",
        remarks=(
            f"model: free-running, reads what it writes ({in_words(options)})",
            f"{FORCED}: reads the right unit before each, and says the likeliest one",
            "loss, in nats a unit, and perplexity are of the right texts, teacher-forced",
            f"BLEU: {scorer.signature(read.examples, free)}",
        ),
    )


def compare_writing_runs(runs: Sequence[Path], part: PartName) -> Comparison:
    """Score runs on the same pairs; see ``evaluation.compare_runs``."""
    trained = [load_writer(run) for run in runs]
    parts = [read_part(each.path, each.recipe, each.pipeline, None, part) for each in trained]
    metric = writing_metric(trained[0].recipe).name
    each: list[ExampleScores] = []
    for run, writer, read in zip(runs, trained, parts, strict=True):
        said = [_asked(trained[0], parts[0]), _asked(writer, read)]
        check_comparable((runs[0], run), said, (metric, writing_metric(writer.recipe).name))
        _check_units((runs[0], run), (trained[0], writer), metric)
        if metric == "loss":
            found = Writings(losses=_losses(writer, read.examples))
        else:
            found = _free(writer, read.examples, writer.options())
        each.append(_scorer(writer).by_example(read.examples, found)[metric])
    notes = dict.fromkeys(note for read in parts for note in read.notes)
    models = [writer.model for writer in trained]
    found = comparison(runs, part, len(parts[0].examples), each, models, "pair")
    return replace(found, notes=tuple(notes))


def evaluate_writing_runs(runs: Sequence[Path]) -> Report:
    """Refuse: scores of texts are not pooled.

    Raises:
        RunError: always.
    """
    raise RunError(
        f"the runs {runs[0]} … learned to write: BLEU of several sets of texts is none of one\n"
        "mend: score each by itself"
    )


def in_words(options: DecodingOptions) -> str:
    """Say how texts are written."""
    match options.method:
        case "beam":
            return f"beam of {options.beam_size}, length penalty {options.length_penalty:g}"
        case "greedy":
            return "greedy"
        case "sample":
            return f"drawn at temperature {options.temperature:g}, seed {options.seed}"


def _scorer(trained: TrainedWriter) -> WritingScorer:
    return WritingScorer(trained.pipeline, trained.recipe.evaluation.tokenizer)


def _asked(trained: TrainedWriter, read: ReadPart) -> object:
    return trained.recipe.task, [(each.place, each.labels) for each in read.examples]


def _check_units(
    runs: tuple[Path, Path], trained: tuple[TrainedWriter, TrainedWriter], metric: str
) -> None:
    """Refuse to compare scores of each unit where the units are not the same.

    Raises:
        RunError: one writes other units than the other.
    """
    if metric not in _OF_UNITS:
        return
    first, second = (each.pipeline.target for each in trained)
    assert first is not None
    assert second is not None
    if first.encoder.to_json() != second.encoder.to_json():
        raise RunError(
            f"the runs {runs[0]} and {runs[1]} write other units ({first.num_symbols:,} "
            f"{first.encoder.options.unit}, {second.num_symbols:,} {second.encoder.options.unit}): "
            f"their {metric.replace('_', ' ')} is not of the same things\n"
            "mend: train both with the same section target_text, or evaluation.metric=bleu, chrf, "
            "exact or word_error"
        )


def _losses(trained: TrainedWriter, examples: Sequence[Example]) -> np.ndarray:
    return losses(trained.model, examples, trained.recipe.evaluation.batch_size, _CPU)


def _free(
    trained: TrainedWriter, examples: Sequence[Example], options: DecodingOptions
) -> Writings:
    written = trained.write_examples(examples, options)
    return Writings([best[0].text for best in written], _losses(trained, examples))


def _forced(trained: TrainedWriter, examples: Sequence[Example], free: Writings) -> Writings:
    """Return the likeliest unit in each place of the right texts, as texts."""
    size = trained.recipe.evaluation.batch_size
    found = trace(trained.model, trained.pipeline, examples, size, _CPU, is_forced=True)
    pairs = zip(examples, found, strict=True)
    texts = [text_of(trained.pipeline, example, each.numbers.tolist()) for example, each in pairs]
    return Writings(texts, free.losses)
