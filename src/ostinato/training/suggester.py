"""A trained network that completes queries, ready to be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ostinato.core.checks import check_count
from ostinato.data.batches import Example
from ostinato.data.pipeline import PartCounts, Pipeline
from ostinato.data.rows import Malformed, Row
from ostinato.data.text import UNKNOWN_ID
from ostinato.models.trie import Trie
from ostinato.training.errors import RunError
from ostinato.training.example_data import Source
from ostinato.training.kinds import kind_of
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which
from ostinato.training.suggesting import (
    Asked,
    Suggestion,
    asked,
    complete,
    suggesting_options,
)
from ostinato.training.suggestion_recipe import SuggestingRecipe, SuggestionRecipe
from ostinato.training.suggestion_scores import queries_of
from ostinato.training.trained_writer import TrainedWriter, changed_decoding, read_writer
from ostinato.training.written import trie_of

_CPU = torch.device("cpu")

Question = tuple[str, str | None]
"""What is begun, and the query before it, if any."""


class Suggester:
    """Completes what is begun, by the likeliest queries of a network.

    Args:
        trained: the network.
        decoding: how; None: as its recipe says.
        allowed: the queries of which alone are suggested; None for any text.

    Attributes:
        trained: the network, its recipe and its pipeline.
        decoding: how.
    """

    def __init__(
        self,
        trained: TrainedWriter,
        decoding: SuggestingRecipe | None = None,
        allowed: Trie | None = None,
    ) -> None:
        assert isinstance(trained.recipe, SuggestionRecipe)
        self.trained = trained
        self.recipe = trained.recipe
        self.decoding = trained.recipe.decoding if decoding is None else decoding
        self._allowed = allowed

    @property
    def reads_before(self) -> bool:
        """Whether it learned what follows the query before."""
        return not self.trained.pipeline.reads_nothing

    def suggest(
        self, prefix: str, before: str | None = None, num: int | None = None
    ) -> list[Suggestion]:
        """Return the likeliest queries that begin so, the likeliest first.

        Args:
            prefix: what is begun; nothing of it: the likeliest queries of all.
            before: the query before; None for the first of a session.
            num: how many at most; None: as the recipe says.

        Raises:
            DataError: a text holds a lone surrogate.
            RunError: there is a query before, but the network learned from none.
        """
        return self.suggest_all([(prefix, before)], num)[0]

    def suggest_all(
        self,
        questions: Sequence[Question],
        num: int | None = None,
        counts: PartCounts | None = None,
    ) -> list[list[Suggestion]]:
        """Return suggestions for each question; see ``suggest``.

        Args:
            questions: of each, what is begun, and the query before or None.
            num: how many at most for each; None: as the recipe says.
            counts: is told of unknown units, and of what is longer than any query of training.
        """
        counts = PartCounts() if counts is None else counts
        return self.complete(
            [(self._encoded(before, counts), prefix) for prefix, before in questions], num, counts
        )

    def complete(
        self,
        questions: Sequence[tuple[Example, str]],
        num: int | None = None,
        counts: PartCounts | None = None,
    ) -> list[list[Suggestion]]:
        """Return suggestions for questions whose query before is encoded; see ``suggest_all``."""
        pipeline, decoding = self.trained.pipeline, self.decoding
        if num is not None:
            check_count("num", num)
            decoding = decoding.model_copy(update={"num_best": num})
        options = suggesting_options(decoding, pipeline)
        wanted = [asked(pipeline, before, prefix) for before, prefix in questions]
        if counts is not None:
            _count(wanted, pipeline, counts)
        size = self.recipe.evaluation.batch_size
        return complete(
            self.trained.model, pipeline, wanted, options, size, _CPU, allowed=self._allowed
        )

    def _encoded(self, before: str | None, counts: PartCounts) -> Example:
        if before and not self.reads_before:
            raise RunError(
                f"the run {self.trained.path} learned from queries without the one before\n"
                "mend: leave it out, or train on data with a column of queries before: data.input"
            )
        row = Row("the query before", {self.trained.pipeline.options.input: before or ""})
        return self.trained.encode([row], counts)[0]


def _count(wanted: Sequence[Asked], pipeline: Pipeline, counts: PartCounts) -> None:
    """Count what is unknown in beginnings, and those that are longer than all of training."""
    for each in wanted:
        counts.text.num_units += len(each.numbers)
        counts.text.num_unknown += list(each.numbers).count(UNKNOWN_ID)
        # The longest of training has its end.
        if 0 < pipeline.longest_target <= len(each.numbers):
            counts.num_longer += 1
            counts.longest = pipeline.longest_target - 1


def load_suggester(path: Path, which: Which = "best", changes: Sequence[str] = ()) -> Suggester:
    """Read the network of a run.

    Args:
        path: the run folder, or a saved model.
        which: of its checkpoints.
        changes: ``decoding.key=value``, how it suggests now.

    Raises:
        RunError: there is no run, or it learned something else.
        CheckpointError: the checkpoint is missing or damaged.
        RecipeError: a change is of something else, or its value is of no use.
        DataError: only queries of training are to be suggested, and they cannot be read.
    """
    trained = load_completing(path, which)
    decoding = changed_suggesting(trained, changes)
    if not decoding.trie:
        return Suggester(trained, decoding)
    source = Source(trained.recipe)
    known = Malformed(trained.recipe.data.malformed)
    train = trained.pipeline.examples(source.rows("train"), known)
    assert trained.pipeline.target is not None
    queries = queries_of(trained.pipeline, train)
    return Suggester(trained, decoding, trie_of(trained.pipeline.target, queries))


def load_completing(path: Path, which: Which = "best") -> TrainedWriter:
    """Read the network of a run without what it suggests from; see ``load_suggester``."""
    folder = RunFolder.open(path)
    recipe = folder.recipe()
    if not isinstance(recipe, SuggestionRecipe):
        raise RunError(
            f"the run {path} learned {recipe.task}, expected one that learned to complete queries\n"
            f"mend: use it with `ostinato {kind_of(recipe).verb} {path}`"
        )
    return read_writer(folder, recipe, which)


def changed_suggesting(trained: TrainedWriter, changes: Sequence[str]) -> SuggestingRecipe:
    """Return how a run suggests now; see ``changed_decoding``."""
    found = changed_decoding(trained.recipe, changes)
    assert isinstance(found, SuggestingRecipe)
    return found
