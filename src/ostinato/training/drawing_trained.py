"""A trained network that draws, ready to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ostinato.data.batches import Example
from ostinato.data.drawings import DrawingPipeline, Strokes
from ostinato.models.drawing_model import DrawingModel
from ostinato.training.drawing_recipe import DrawingRecipe
from ostinato.training.drawing_task import build_drawing_model, losses_of
from ostinato.training.errors import DivergedError
from ostinato.training.kinds import refuse
from ostinato.training.loop import with_weights
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, pipeline_of


@dataclass(frozen=True)
class TrainedDrawings:
    """A network that draws, and how drawings become its steps.

    Attributes:
        path: where it comes from.
        recipe: that it was trained by.
        pipeline: from rows to points.
        model: in evaluation mode, on the CPU.
    """

    path: Path
    recipe: DrawingRecipe
    pipeline: DrawingPipeline
    model: DrawingModel

    def draw(
        self,
        num: int,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        max_points: int | None = None,
    ) -> list[Strokes]:
        """Return drawings that the network makes up; see ``DrawingModel.draw``.

        Args:
            num: of them.
            seed: the same seed, the same drawings; None for others each time.
            temperature: 1 draws as the network says, less is more careful.
            max_points: of one drawing; None for as many as the recipe lets the network read.

        Raises:
            OptionError: a setting is out of range.
            DivergedError: the network says numbers that are not finite.
        """
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0]) >> 1
        most = self.pipeline.max_length if max_points is None else max_points
        drawings = self.model.draw(num, seed=seed, temperature=temperature, max_points=most)
        if not all(np.isfinite(each).all() for each in drawings):
            raise DivergedError(
                "the network cannot draw: it says numbers that are not finite\n"
                "mend: train with a cell whose state stays bounded, such as model.cell=gru"
            )
        return drawings

    def losses(self, examples: Sequence[Example]) -> npt.NDArray[np.float64]:
        """Return the loss of each drawing in nats, ``[N]``."""
        size = self.recipe.evaluation.batch_size
        return losses_of(self.model, examples, size, torch.device("cpu"))


def load_drawings(path: Path, which: Which = "best") -> TrainedDrawings:
    """Read the network of a run.

    Args:
        path: the run folder.
        which: of its checkpoints.

    Raises:
        RunError: there is no run, or it learned something else.
        CheckpointError: the checkpoint is missing or damaged.
    """
    folder = RunFolder.open(path)
    recipe = folder.recipe()
    if not isinstance(recipe, DrawingRecipe):
        raise refuse(path, recipe, "drawing")
    facts = folder.facts("pipeline")
    checkpoint = folder.checkpoints.load(which, with_training=False)
    pipeline = pipeline_of(path, facts, DrawingPipeline.from_json)
    model = with_weights(lambda: build_drawing_model(recipe, pipeline), checkpoint.model)
    return TrainedDrawings(path, recipe, pipeline, model)
