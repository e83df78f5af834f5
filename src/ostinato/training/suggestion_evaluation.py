"""Evaluation of a run that completes queries, with popular queries and popular ends beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ostinato.data.batches import Example
from ostinato.data.wording import counted
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
from ostinato.training.metrics.intervals import bootstrap_difference
from ostinato.training.metrics.per_example import ExampleScores
from ostinato.training.run_files import Which
from ostinato.training.suggester import Suggester, changed_suggesting, load_completing
from ostinato.training.suggestion_naive import naive_completions
from ostinato.training.suggestion_recipe import SuggestionEvaluationRecipe
from ostinato.training.suggestion_scores import (
    NUM_SCORED,
    RANKED,
    Begun,
    Completions,
    begun,
    by_example,
    queries_of,
    suggestion_metric,
)
from ostinato.training.suggestion_task import grouped
from ostinato.training.trained_writer import TrainedWriter, split_changes
from ostinato.training.writing import losses
from ostinato.training.written import trie_of

_CPU = torch.device("cpu")


def evaluate_suggestion_run(
    run: Path, data: Path | None, part: PartName, checkpoint: Which, changes: Sequence[str]
) -> Report:
    """Score a run on queries; see ``evaluation.evaluate_run``.

    Raises:
        RecipeError: a change is neither of how a file is read nor of how the model suggests.
        RunError: only queries of training are to be suggested, and they are not there.
    """
    of_file, of_decoding = split_changes(changes)
    trained = load_completing(run, checkpoint)
    read = read_part(run, trained.recipe, trained.pipeline, data, part, of_file)
    suggester = _suggester(trained, read, of_decoding)
    scored = begun(trained.pipeline, read.examples, suggester.recipe.evaluation)
    found = {"model": _completed(suggester, scored, with_losses=True)}
    if read.train:
        found |= naive_completions(trained.pipeline, read.train, scored)
    metric = suggestion_metric(suggester.recipe)
    scores = {name: by_example(scored, each) for name, each in found.items()}
    return Report(
        run,
        part if data is None else str(data),
        len(scored),
        metric.name,
        metric.higher_is_better,
        {name: with_intervals(each) for name, each in scores.items()},
        read.notes,
        item="query",
        remarks=(*_remarks(suggester, scored, read), *_ahead(scores)),
    )


def compare_suggestion_runs(runs: Sequence[Path], part: PartName) -> Comparison:
    """Compare runs on the same beginnings, by mrr@5 whatever chose their weights.

    A loss is of units, and these may be characters of one run and letters of another.
    """
    trained = [load_completing(run) for run in runs]
    parts = [read_part(each.path, each.recipe, each.pipeline, None, part) for each in trained]
    each: list[ExampleScores] = []
    first: list[Begun] = []
    for run, network, read in zip(runs, trained, parts, strict=True):
        suggester = _suggester(network, read, ())
        scored = begun(network.pipeline, read.examples, suggester.recipe.evaluation)
        first = first or scored
        check_comparable((runs[0], run), (_wanted(first), _wanted(scored)), (RANKED, RANKED))
        each.append(by_example(scored, _completed(suggester, scored))[RANKED])
    notes = dict.fromkeys(note for read in parts for note in read.notes)
    models = [network.model for network in trained]
    found = comparison(runs, part, len(first), each, models, "query")
    return replace(found, notes=tuple(notes))


def evaluate_suggestion_runs(runs: Sequence[Path]) -> Report:
    """Refuse: what several networks suggest is not pooled.

    Raises:
        RunError: always.
    """
    raise RunError(
        f"the runs {runs[0]} … learned to complete queries, each its own\n"
        "mend: score each by itself"
    )


def _wanted(scored: Sequence[Begun]) -> object:
    return [(each.example.place, each.query, each.beginnings) for each in scored]


def _suggester(trained: TrainedWriter, read: ReadPart, changes: Sequence[str]) -> Suggester:
    decoding = changed_suggesting(trained, changes)
    if not decoding.trie:
        return Suggester(trained, decoding)
    if not read.train:
        raise RunError(
            f"{trained.path} suggests queries of training alone (decoding.trie), and they are not "
            "there\nmend: decoding.trie=false, or put the data back"
        )
    seen = queries_of(trained.pipeline, read.train)
    assert trained.pipeline.target is not None
    return Suggester(trained, decoding, trie_of(trained.pipeline.target, seen))


def _completed(
    suggester: Suggester, scored: Sequence[Begun], *, with_losses: bool = False
) -> Completions:
    trained = suggester.trained
    wanted = [(each.example, text) for each in scored for text in each.beginnings]
    found = suggester.complete(wanted, NUM_SCORED)
    texts = grouped(scored, [[each.text for each in best] for best in found])
    if not with_losses:
        return Completions(texts)
    examples: list[Example] = [each.example for each in scored]
    size = suggester.recipe.evaluation.batch_size
    return Completions(texts, losses(trained.model, examples, size, _CPU))


def _ahead(scores: Mapping[str, Mapping[str, ExampleScores]]) -> Iterator[str]:
    """Say how far the model is ahead of each that completes queries, too: a query is one pair."""
    ranked = {name: each[RANKED] for name, each in scores.items() if RANKED in each}
    model = ranked.pop("model")
    for name, other in ranked.items():
        found = bootstrap_difference(other, model)
        yield (
            f"{RANKED}, model above {name}: {found.value:+.4f} [{found.low:.4f}, {found.high:.4f}]"
        )


def _remarks(suggester: Suggester, scored: Sequence[Begun], read: ReadPart) -> tuple[str, ...]:
    how: SuggestionEvaluationRecipe = suggester.recipe.evaluation
    num = sum(len(each.beginnings) for each in scored)
    known = set(queries_of(suggester.trained.pipeline, read.train))
    seen = (
        f"; training has {sum(each.query in known for each in scored):,} of them" if known else ""
    )
    alone = ", those of training alone" if suggester.decoding.trie else ""
    without = sum(not each.beginnings for each in scored)
    asked = f"{counted(num, 'beginning')} of {counted(len(scored), 'query')}, {how.prefixes} of "
    asked += f"each at most, of lengths drawn with seed {how.prefix_seed}{seen}"
    model = f"model: a beam of {suggester.decoding.beam_size}{alone}; partial: a query's beginning "
    model += "up to the end of a word counts, too"
    remarks = [asked, model, "loss, in nats a unit, and perplexity are of whole queries"]
    if without:
        remarks.append(f"{counted(without, 'query')} of one character cannot be begun")
    return tuple(remarks)
