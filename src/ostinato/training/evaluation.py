"""Evaluation of a run on a part of its data: the model, and naive predictors beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from ostinato.data import DataError
from ostinato.data.batches import Example
from ostinato.data.pipeline import PartCounts, Pipeline, fingerprint
from ostinato.data.rows import Malformed, Row
from ostinato.training.errors import RunError
from ostinato.training.example_data import PartName, Source, data_of_file, other_rows
from ostinato.training.example_scores import Scorer, deciding_metric
from ostinato.training.kinds import kind_of
from ostinato.training.metrics.intervals import Difference, bootstrap_difference, bootstrap_interval
from ostinato.training.metrics.per_example import ExampleScores, pool
from ostinato.training.naive import baselines
from ostinato.training.recipe import RowsRecipe
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, saved_model
from ostinato.training.trained import TrainedExamples, load_examples


@dataclass(frozen=True)
class Score:
    """A score and how sure it is.

    Attributes:
        value: of all examples.
        low: lower end of the 95 % interval of the bootstrap over examples.
        high: its upper end.
    """

    value: float
    low: float
    high: float


def score_json(score: Score) -> dict[str, float | None]:
    """Return a score as JSON; what is not known is null."""
    return {key: None if math.isnan(v) else v for key, v in asdict(score).items()}


@dataclass(frozen=True)
class Report:
    """What an evaluation found.

    Attributes:
        run: the run folder.
        part: what was scored, in words.
        num_examples: how many examples, or characters of a text.
        metric: the score that decides.
        higher_is_better: whether it is.
        scores: predictor (``model`` is the first) to score by name.
        notes: sentences about what was lost.
        item: what was counted and resampled, in words.
        remarks: sentences that say how to read the scores.
    """

    run: Path
    part: str
    num_examples: int
    metric: str
    higher_is_better: bool
    scores: Mapping[str, Mapping[str, Score]]
    notes: tuple[str, ...] = ()
    item: str = "example"
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON; what is not known is null."""
        scores = {
            predictor: {name: score_json(score) for name, score in its.items()}
            for predictor, its in self.scores.items()
        }
        return {**asdict(self), "run": str(self.run), "scores": scores}


def evaluate_run(
    run: Path,
    data: Path | None = None,
    part: PartName = "test",
    checkpoint: Which = "best",
    changes: Sequence[str] = (),
) -> Report:
    """Score a run on examples that it did not learn from, and naive predictors with it.

    Args:
        run: the run folder.
        data: a file in the form of the run's own; None for a part of the run's own data.
        part: which, where no ``data`` are given.
        checkpoint: which weights.
        changes: ``data.key=value``, where ``data`` are in another form; of a run that writes also
            ``decoding.key=value``.

    Raises:
        RunError: there is no run, or it has no such part.
        DataError: the data cannot be read, or changed since the run began.
        RecipeError: a change is not of how a file is read.
    """
    recipe = RunFolder.open(run).recipe()
    if data is None and (of_file := [each for each in changes if each.startswith("data.")]):
        raise RunError(
            f"got {of_file[0]}, but no file that it could be of\n"
            "mend: give the file before it; the run's own data are read as its recipe says"
        )
    return kind_of(recipe).evaluate(run, data, part, checkpoint, changes)


def evaluate_example_run(
    run: Path, data: Path | None, part: PartName, checkpoint: Which, changes: Sequence[str]
) -> Report:
    """Score a run that learned from examples; see ``evaluate_run``."""
    scored = scored_part(load_examples(run, checkpoint), data, part, changes)
    found = {name: with_intervals(scores) for name, scores in _by_example(scored).items()}
    metric = deciding_metric(scored.trained.recipe)
    return Report(
        run,
        part if data is None else str(data),
        len(scored.examples),
        metric.name,
        metric.higher_is_better,
        found,
        scored.notes,
    )


def evaluate_runs(runs: Sequence[Path]) -> Report:
    """Score runs, each on its own test part, as if it were one: those of walking forward in time.

    Args:
        runs: of recipes that differ in their data.

    Raises:
        RunError: there is no such run, it has no test part, or the runs are of another task.
        DataError: the data cannot be read, or changed since a run began.
    """
    if len(runs) == 1:
        return evaluate_run(runs[0])
    return kind_of(RunFolder.open(runs[0]).recipe()).evaluate_together(runs)


def evaluate_example_runs(runs: Sequence[Path]) -> Report:
    """Score runs that learned from examples as one; see ``evaluate_runs``."""
    parts = [scored_part(load_examples(run), None, "test") for run in runs]
    first = parts[0]
    metric = deciding_metric(first.trained.recipe)
    for run, part in zip(runs, parts, strict=True):
        if deciding_metric(part.trained.recipe) != metric:
            raise RunError(
                f"the runs {runs[0]} and {run} are judged by different scores\n"
                "mend: give runs of the same task and evaluation.metric"
            )
    found = [_by_example(part) for part in parts]
    pooled = {
        name: [pool([its[name][score] for its in found]) for score in scores]
        for name, scores in found[0].items()
    }
    return Report(
        runs[0].parent,
        "test",
        sum(len(part.examples) for part in parts),
        metric.name,
        metric.higher_is_better,
        {
            name: with_intervals({each.name: each for each in scores if each is not None})
            for name, scores in pooled.items()
        },
        tuple(note for part in parts for note in part.notes),
    )


def _by_example(scored: ScoredPart) -> dict[str, dict[str, ExampleScores]]:
    """Return the scores of the model and of naive predictors, by their names."""
    found = {"model": scored.trained.predict_examples(scored.examples)}
    if scored.train:
        found |= baselines(scored.trained.pipeline, scored.train, scored.examples)
    return {
        name: scored.scorer.by_example(scored.examples, predictions)
        for name, predictions in found.items()
    }


@dataclass(frozen=True)
class ScoredPart:
    """A run and the examples to score it on.

    Attributes:
        trained: the network.
        scorer: of its task.
        train: what it learned from: naive predictors learn from the same. Empty for a saved model,
            whose data may be elsewhere, on other data.
        examples: what is scored.
        notes: sentences about what was lost.
    """

    trained: TrainedExamples
    scorer: Scorer
    train: Sequence[Example]
    examples: Sequence[Example]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReadPart:
    """Examples to score a run on; attributes as of ``ScoredPart``."""

    train: Sequence[Example]
    examples: Sequence[Example]
    notes: tuple[str, ...]


def scored_part(
    trained: TrainedExamples, data: Path | None, part: PartName, changes: Sequence[str] = ()
) -> ScoredPart:
    """Read the examples that a run is scored on.

    Raises:
        RunError: the run has no such part.
        DataError: the data cannot be read, or the run learned from others.
        RecipeError: a change is not of how a file is read.
    """
    recipe, pipeline = trained.recipe, trained.pipeline
    read = read_part(trained.path, recipe, pipeline, data, part, changes)
    evaluation = recipe.evaluation
    scorer = Scorer(pipeline, evaluation.scheme, evaluation.positive)
    return ScoredPart(trained, scorer, read.train, read.examples, read.notes)


def read_part(
    run: Path,
    recipe: RowsRecipe,
    pipeline: Pipeline,
    data: Path | None,
    part: PartName,
    changes: Sequence[str] = (),
) -> ReadPart:
    """Read the examples that a run is scored on; see ``scored_part``.

    Args:
        run: the run folder, or a saved model.
        recipe: of the run.
        pipeline: that it learned.
        data: a file; None for a part of the run's own data.
        part: which.
        changes: ``data.key=value``, where the file is in another form.
    """
    form = data_of_file(recipe, changes, data)
    source = Source(recipe)
    malformed, counts = source.malformed, PartCounts()
    train: Sequence[Example] = ()
    alone = ""
    if data is None:
        train = _learned_from(run, recipe, pipeline, source)
    elif saved_model(run) is not None:
        alone = "a saved model does not keep what it learned from"
    else:
        try:
            train = _learned_from(run, recipe, pipeline, source)
        except (DataError, RunError) as error:
            alone = str(error).partition("\nmend: ")[0]
    if data is not None:
        malformed = Malformed(form.malformed)
        rows = other_rows(form, data, malformed, pipeline.options)
        _check_target(rows, data, pipeline.options.target)
    elif source.has(part):
        rows = source.rows(part)
    else:
        raise RunError(
            f"the run {run} has no {part} part\nmend: give a file to score, or --part dev"
        )
    malformed.check()
    encoding = Malformed(form.malformed)
    examples = pipeline.examples(rows, encoding, counts)
    encoding.num_rows = len(examples)
    encoding.check()
    if not examples:
        raise DataError(f"{data or part} holds no examples\nmend: give a file with examples")
    notes = [*counts.notes(str(data or part)), malformed.note(), encoding.note()]
    notes += [f"no naive predictor stands beside the model: {alone}"] if alone else []
    return ReadPart(train, examples, tuple(note for note in notes if note))


def _check_target(rows: Sequence[Row], data: Path, target: str | None) -> None:
    """Refuse a file without what is to be found.

    Raises:
        DataError: no row has the column.
    """
    if target is None or not rows or any(target in row.values for row in rows):
        return
    columns = ", ".join(dict.fromkeys(name for row in rows for name in row.values))
    raise DataError(
        f"{data} has no column {target!r} to score by (the columns are {columns})\n"
        f"mend: data.target=COLUMN if it has another name there; `ostinato predict` needs none"
    )


def _learned_from(
    run: Path, recipe: RowsRecipe, pipeline: Pipeline, source: Source
) -> list[Example]:
    """Return what a run learned from, which has to be what it was.

    Raises:
        DataError: it changed.
    """
    # What is malformed in these was tolerated when the run began.
    known = Malformed(recipe.data.malformed)
    train = pipeline.examples(source.rows("train"), known)
    dev = pipeline.examples(source.rows("dev"), known)
    expected = RunFolder.open(run).facts("data_sha256")["data_sha256"]
    if fingerprint([*train, *dev]) != expected:
        raise DataError(
            f"the data changed since the run {run} began: what it learned from may be "
            "among what is scored\nmend: put the old data back, or train a new run"
        )
    return train


def with_intervals(scores: Mapping[str, ExampleScores]) -> dict[str, Score]:
    """Return scores with their 95 % intervals."""
    return {name: Score(each.value, *bootstrap_interval(each)) for name, each in scores.items()}


@dataclass(frozen=True)
class Comparison:
    """Runs on the same examples.

    Attributes:
        part: what was scored, in words.
        num_examples: how many.
        metric: the score that is compared.
        higher_is_better: whether it is.
        scores: of each run.
        differences: of each run after the first, to the first.
        num_parameters: of each run's model.
        seconds: that each took to train.
        item: what was counted, in words.
        notes: sentences about what was lost.
    """

    part: str
    num_examples: int
    metric: str
    higher_is_better: bool
    scores: Sequence[Score]
    differences: Sequence[Difference]
    num_parameters: Sequence[int]
    seconds: Sequence[float]
    item: str = "example"
    notes: tuple[str, ...] = ()


def compare_runs(runs: Sequence[Path], part: PartName = "dev") -> Comparison:
    """Score runs on the same examples, and the differences by the paired bootstrap.

    Args:
        runs: two or more; the first is what the others are compared with.
        part: of their data.

    Raises:
        RunError: fewer than two, or they were not trained for the same task on the same data.
    """
    if len(runs) < 2:
        raise RunError(f"got {len(runs)} run, expected two or more\nmend: give another run")
    return kind_of(RunFolder.open(runs[0]).recipe()).compare(runs, part)


def compare_example_runs(runs: Sequence[Path], part: PartName) -> Comparison:
    """Compare runs that learned from examples; see ``compare_runs``."""
    parts = [scored_part(load_examples(run), None, part) for run in runs]
    first = parts[0]
    metric = deciding_metric(first.trained.recipe)
    each: list[ExampleScores] = []
    for run, scored in zip(runs, parts, strict=True):
        _check_same(runs[0], first, run, scored, metric.name)
        predictions = scored.trained.predict_examples(scored.examples)
        each.append(scored.scorer.by_example(scored.examples, predictions)[metric.name])
    models = [scored.trained.model for scored in parts]
    notes = dict.fromkeys(note for scored in parts for note in scored.notes)
    found = comparison(runs, part, len(first.examples), each, models)
    return replace(found, notes=tuple(notes))


def comparison(
    runs: Sequence[Path],
    part: str,
    num: int,
    each: Sequence[ExampleScores],
    models: Sequence[nn.Module],
    item: str = "example",
) -> Comparison:
    """Return what scores of runs say, each of the same examples; see ``Comparison``."""
    first = each[0]
    return Comparison(
        part,
        num,
        first.name,
        first.higher_is_better,
        [Score(scores.value, *bootstrap_interval(scores)) for scores in each],
        [bootstrap_difference(first, other) for other in each[1:]],
        [sum(p.numel() for p in model.parameters()) for model in models],
        [_seconds(run) for run in runs],
        item,
    )


def _check_same(first: Path, ours: ScoredPart, run: Path, other: ScoredPart, metric: str) -> None:
    said = [
        (scored.trained.recipe.task, [(e.place, e.labels, _known(e)) for e in scored.examples])
        for scored in (ours, other)
    ]
    names = (metric, deciding_metric(other.trained.recipe).name)
    check_comparable((first, run), said, names)


def check_comparable(
    runs: tuple[Path, Path], said: Sequence[object], metrics: tuple[str, str]
) -> None:
    """Refuse to compare two runs that were not asked the same.

    Args:
        runs: the two.
        said: of each, what it is asked and what is right.
        metrics: of each, the score that decides.

    Raises:
        RunError: something differs.
    """
    first, run = runs
    if said[0] != said[1]:
        raise RunError(
            f"the runs {first} and {run} have different examples, so their scores cannot be "
            "compared\nmend: train both by recipes with the same section `data`"
        )
    if metrics[0] != metrics[1]:
        raise RunError(
            f"the runs {first} and {run} are judged by different scores\n"
            "mend: train both with the same evaluation.metric"
        )


def _known(example: Example) -> bytes:
    """Return the target of an example that is no label: its numbers are those of the data."""
    target = example.target
    return b"" if example.labels or target is None else target.tobytes()


def _seconds(run: Path) -> float:
    checkpoint = RunFolder.open(run).checkpoints.load("last", with_training=False)
    return float(checkpoint.progress["seconds"])
