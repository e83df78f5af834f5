"""A trained network of examples, ready to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ostinato.data.batches import Example
from ostinato.data.pipeline import PartCounts, Pipeline
from ostinato.models.sequence_model import SequenceModel
from ostinato.training.errors import RunError
from ostinato.training.example_model import build_example_model
from ostinato.training.example_task import predict
from ostinato.training.kinds import kind_of
from ostinato.training.loop import with_weights
from ostinato.training.naive import Predictions
from ostinato.training.recipe import ExampleRecipe
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, pipeline_of


@dataclass(frozen=True)
class TrainedExamples:
    """A network and everything that its inputs go through.

    Attributes:
        path: where it comes from.
        recipe: that it was trained by.
        pipeline: from rows to examples.
        model: in evaluation mode, on the CPU.
    """

    path: Path
    recipe: ExampleRecipe
    pipeline: Pipeline
    model: SequenceModel

    def encode(self, values: Sequence[Any], counts: PartCounts | None = None) -> list[Example]:
        """Return inputs as examples without targets.

        Args:
            values: texts, lists of tokens, arrays ``[T, I]``, or rows of columns, by name.
            counts: is told of unknown units and of what is cut.

        Raises:
            DataError: an input cannot be read; it is named by its place.
        """
        return self.pipeline.encode(values, counts)

    def predict(self, values: Sequence[Any], counts: PartCounts | None = None) -> Predictions:
        """Predict labels, tags, numbers, or the notes of the step after each.

        Args:
            values: see ``encode``.
            counts: see ``encode``.

        Raises:
            DataError: an input cannot be read.
        """
        return self.predict_examples(self.encode(values, counts))

    def predict_examples(self, examples: Sequence[Example]) -> Predictions:
        """Predict what has been encoded; where there are targets, losses too."""
        size = self.recipe.evaluation.batch_size
        return predict(self.model, self.pipeline, examples, size, torch.device("cpu"))


def load_examples(path: Path, which: Which = "best") -> TrainedExamples:
    """Read the network of a run.

    Args:
        path: the run folder.
        which: of its checkpoints.

    Raises:
        RunError: there is no run, or it learned from a text rather than from examples.
        CheckpointError: the checkpoint is missing or damaged.
    """
    folder = RunFolder.open(path)
    recipe = folder.recipe()
    if not isinstance(recipe, ExampleRecipe):
        raise RunError(
            f"the run {path} learned {recipe.task}, expected one that learned from examples\n"
            f"mend: use it with `ostinato {kind_of(recipe).verb} {path}`"
        )
    facts = folder.facts("pipeline")
    checkpoint = folder.checkpoints.load(which, with_training=False)
    pipeline = pipeline_of(path, facts, Pipeline.from_json)
    return restored(path, recipe, pipeline, checkpoint.model)


def restored(
    path: Path, recipe: ExampleRecipe, pipeline: Pipeline, tensors: Mapping[str, Tensor]
) -> TrainedExamples:
    """Return the network of a recipe with weights that were kept.

    Args:
        path: where they come from.
        recipe: that they were trained by.
        pipeline: from rows to examples.
        tensors: the weights by name.

    Raises:
        CheckpointError: they are of another network.
    """
    model = with_weights(
        lambda: build_example_model(recipe, pipeline, _weights(recipe, pipeline)), tensors
    )
    return TrainedExamples(path, recipe, pipeline, model)


def _weights(recipe: ExampleRecipe, pipeline: Pipeline) -> list[float] | None:
    """Return class weights of the right number, which the checkpoint then replaces."""
    if recipe.training.class_weights == "none" or pipeline.labels is None:
        return None
    return [1.0] * len(pipeline.labels)
