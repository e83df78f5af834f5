"""Evaluation of networks that draw: the density of drawings, and naive densities beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.data import DataError
from ostinato.data.batches import Example
from ostinato.data.drawings import Strokes, points_of
from ostinato.data.pipeline import fingerprint
from ostinato.data.readers import read_rows
from ostinato.data.rows import Malformed, Row
from ostinato.training.drawing_naive import Numbers, naive_losses
from ostinato.training.drawing_task import NATS_PER_POINT, scores_of
from ostinato.training.drawing_trained import TrainedDrawings, load_drawings
from ostinato.training.errors import RunError
from ostinato.training.evaluation import Comparison, Report, comparison, with_intervals
from ostinato.training.example_data import Source, data_of_file, read_options
from ostinato.training.kinds import PartName
from ostinato.training.metrics.per_example import ExampleScores, pool
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, saved_model


@dataclass(frozen=True)
class DrawnPart:
    """A run and the drawings to score it on.

    Attributes:
        trained: the network.
        train: what it learned from: naive predictors learn from the same. Empty for a saved model,
            whose data may be elsewhere, on other data.
        examples: what is scored.
        notes: sentences about what was lost.
    """

    trained: TrainedDrawings
    train: Sequence[Example]
    examples: Sequence[Example]
    notes: tuple[str, ...]

    def scores(self) -> dict[str, dict[str, ExampleScores]]:
        """Return the scores of the network and of naive predictors, by their names."""
        found: dict[str, Numbers] = {"model": self.trained.losses(self.examples)}
        if self.train:
            num = self.trained.recipe.model.num_components
            found |= naive_losses(self.trained.pipeline, self.train, self.examples, num)
        return {
            name: {each.name: each for each in scores_of(self.examples, losses)}
            for name, losses in found.items()
        }


def evaluate_drawing_run(
    run: Path, data: Path | None, part: PartName, which: Which, changes: Sequence[str]
) -> Report:
    """Score a run on drawings; see ``evaluation.evaluate_run``."""
    drawn = drawn_part(load_drawings(run, which), data, part, changes)
    shown = part if data is None else str(data)
    return _report(run, shown, len(drawn.examples), drawn.scores(), drawn.notes)


def evaluate_drawing_runs(runs: Sequence[Path]) -> Report:
    """Score the drawings of several runs as one part; see ``evaluation.evaluate_runs``."""
    parts = [drawn_part(load_drawings(run), None, "test") for run in runs]
    each = [part.scores() for part in parts]
    pooled: dict[str, dict[str, ExampleScores]] = {}
    for name, scores in each[0].items():
        joined = {score: pool([its[name][score] for its in each]) for score in scores}
        pooled[name] = {score: found for score, found in joined.items() if found is not None}
    num = sum(len(part.examples) for part in parts)
    notes = tuple(note for part in parts for note in part.notes)
    return _report(runs[0].parent, "test", num, pooled, notes)


def _report(
    run: Path,
    part: str,
    num: int,
    scores: Mapping[str, Mapping[str, ExampleScores]],
    notes: tuple[str, ...],
) -> Report:
    found = {name: with_intervals(its) for name, its in scores.items()}
    return Report(
        run, part, num, NATS_PER_POINT, higher_is_better=False, scores=found, notes=notes,
        item="drawing",
    )  # fmt: skip


def compare_drawing_runs(runs: Sequence[Path], part: PartName) -> Comparison:
    """Score networks on the same drawings; see ``evaluation.compare_runs``.

    Raises:
        RunError: they did not learn from the same drawings, or not all to draw.
    """
    parts = [drawn_part(load_drawings(run), None, part) for run in runs]
    first = parts[0]
    each: list[ExampleScores] = []
    for run, drawn in zip(runs, parts, strict=True):
        if fingerprint(drawn.examples) != fingerprint(first.examples):
            raise RunError(
                f"the runs {runs[0]} and {run} have different drawings, so their scores cannot be "
                "compared\nmend: train both by recipes with the same sections data and strokes"
            )
        each.append(scores_of(drawn.examples, drawn.trained.losses(drawn.examples))[0])
    models = [drawn.trained.model for drawn in parts]
    notes = dict.fromkeys(note for drawn in parts for note in drawn.notes)
    found = comparison(runs, part, len(first.examples), each, models, "drawing")
    return replace(found, notes=tuple(notes))


def drawn_part(
    trained: TrainedDrawings, data: Path | None, part: PartName, changes: Sequence[str] = ()
) -> DrawnPart:
    """Read the drawings that a run is scored on.

    Raises:
        RunError: the run has no such part.
        DataError: the data cannot be read, or the run learned from others.
        RecipeError: a change is not of how a file is read.
    """
    pipeline = trained.pipeline
    form = data_of_file(trained.recipe, changes, data)
    source = Source(trained.recipe)
    train: Sequence[Example] = ()
    alone = ""
    if data is None:
        train = learned_from(trained, source)
    elif saved_model(trained.path) is not None:
        alone = "a saved model does not keep what it learned from"
    else:
        try:
            train = learned_from(trained, source)
        except (DataError, RunError) as error:
            alone = str(error).partition("\nmend: ")[0]
    malformed = source.malformed
    if data is not None:
        malformed = Malformed(form.malformed)
        read = malformed.counting(read_rows(data, read_options(form), malformed))
        rows = _renamed(list(read), form.input, pipeline.column)
    elif source.has(part):
        rows = source.rows(part)
    else:
        raise RunError(
            f"the run {trained.path} has no {part} part\nmend: give a file to score, or --part dev"
        )
    malformed.check()
    encoding = Malformed(form.malformed)
    examples = pipeline.examples(rows, encoding)
    encoding.num_rows = len(examples)
    encoding.check()
    if not examples:
        raise DataError(f"{data or part} holds no drawings\nmend: give a file with drawings")
    notes = [pipeline.cut_note(str(data or part), examples), malformed.note(), encoding.note()]
    notes += [f"no naive predictor stands beside the model: {alone}"] if alone else []
    return DrawnPart(trained, train, examples, tuple(note for note in notes if note))


def learned_from(trained: TrainedDrawings, source: Source) -> list[Example]:
    """Return what a run learned from, which has to be what it was.

    Raises:
        DataError: it changed.
    """
    # What is malformed in these was tolerated when the run began.
    known = Malformed(trained.recipe.data.malformed)
    train = trained.pipeline.examples(source.rows("train"), known)
    dev = trained.pipeline.examples(source.rows("dev"), known)
    expected = RunFolder.open(trained.path).facts("data_sha256")["data_sha256"]
    if fingerprint([*train, *dev]) != expected:
        raise DataError(
            f"the data changed since the run {trained.path} began: what it learned from may be "
            "among what is scored\nmend: put the old data back, or train a new run"
        )
    return train


def _renamed(rows: list[Row], theirs: str | None, ours: str) -> list[Row]:
    """Return rows with the column ``theirs`` in the place of the one that the run learned from."""
    if theirs is None or theirs == ours:
        return rows
    return [Row(r.place, {ours: r.values[theirs]} if theirs in r.values else {}) for r in rows]


def held_out(trained: TrainedDrawings, num: int) -> list[Strokes]:
    """Return the first drawings of the dev part of a run, ``[N, 3]`` each.

    Raises:
        DataError: they cannot be read.
        RunError: they are in no file.
    """
    rows = Source(trained.recipe).rows("dev")
    examples = trained.pipeline.examples(rows, Malformed(trained.recipe.data.malformed))[:num]
    return [points_of(example) for example in examples]
