"""A trained network that writes, ready to be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ostinato.data.batches import Example, make_batch
from ostinato.data.pipeline import PartCounts, Pipeline
from ostinato.models.decoding_options import METHOD_KEYS, DecodingOptions
from ostinato.models.encoder_decoder import EncoderDecoder
from ostinato.training.errors import RecipeError, RunError
from ostinato.training.kinds import kind_of
from ostinato.training.loop import with_weights
from ostinato.training.recipe_files import changed, validate
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, pipeline_of
from ostinato.training.writing import pairs_of, tell_units, write
from ostinato.training.writing_model import build_writing_model, decoding_options
from ostinato.training.writing_recipe import DecodingRecipe, WritingRecipe
from ostinato.training.written import Written

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class TrainedWriter:
    """A network and everything that its inputs and outputs go through.

    Attributes:
        path: where it comes from.
        recipe: that it was trained by.
        pipeline: from rows to pairs.
        model: in evaluation mode, on the CPU.
    """

    path: Path
    recipe: WritingRecipe
    pipeline: Pipeline
    model: EncoderDecoder

    def options(self, changes: Sequence[str] = ()) -> DecodingOptions:
        """Return how texts are written: as the recipe says, but for ``decoding.key=value``.

        Raises:
            RecipeError: a change is of something else, or its value is of no use.
            OptionError: a value is of another method.
        """
        return decoding_options(changed_decoding(self.recipe, changes), self.pipeline)

    def encode(self, values: Sequence[Any], counts: PartCounts | None = None) -> list[Example]:
        """Return inputs as examples without targets; see ``Pipeline.encode``."""
        return self.pipeline.encode(values, counts)

    def write(
        self,
        values: Sequence[Any],
        options: DecodingOptions | None = None,
        counts: PartCounts | None = None,
    ) -> list[list[Written]]:
        """Write for each input, the best text first.

        Args:
            values: texts, lists of tokens, arrays, or rows of columns by name.
            options: how; None: as the recipe says.
            counts: is told of unknown units and of what is cut.

        Raises:
            DataError: an input cannot be read; it is named by its place.
        """
        return self.write_examples(self.encode(values, counts), options)

    def write_examples(
        self,
        examples: Sequence[Example],
        options: DecodingOptions | None = None,
        numbers: Sequence[int] | None = None,
    ) -> list[list[Written]]:
        """Write for what has been encoded; see ``write``.

        Args:
            examples: what is read.
            options: how; None: as the recipe says.
            numbers: of the examples among all: what is drawn depends on them; None for 0, 1, ….
        """
        options = self.options() if options is None else options
        size = self.recipe.evaluation.batch_size
        found = write(self.model, self.pipeline, examples, options, size, _CPU, numbers=numbers)
        pairs = zip(examples, found, strict=True)
        assert self.pipeline.target is not None
        target = self.pipeline.target
        return [[Written.of(target, example, each) for each in best] for example, best in pairs]

    def tell(
        self,
        example: Example,
        options: DecodingOptions,
        number: int,
        say: Callable[[str], None],
    ) -> None:
        """Write the best text for an example, and say its pieces as its units become known.

        Args:
            example: what is read.
            options: how; of a beam, the text is one piece.
            number: of the example among all.
            say: is given one piece after another.
        """
        assert self.pipeline.target is not None
        target, joiner = self.pipeline.target, self.pipeline.target.joiner()
        if options.method == "beam" or options.num_best > 1:
            say(self.write_examples([example], options, [number])[0][0].text)
            return

        def push(unit: int) -> None:
            if piece := joiner.push(target.unit(unit, example.copied)):
                say(piece)

        tell_units(self.model, self.pipeline, example, options, number, push)
        if piece := joiner.flush():
            say(piece)

    @torch.no_grad()
    def attention(self, example: Example, tokens: Sequence[int]) -> Tensor:
        """Return how much each unit of a text looked at each step of its source ``[T, S]``.

        Args:
            example: what was read.
            tokens: what was written, the end included.

        Raises:
            OptionError: the network has no attention.
        """
        pairs = pairs_of(make_batch([example], [0]), _CPU)
        targets = torch.tensor(list(tokens))[:, None]
        lengths = torch.tensor([len(tokens)])
        weights = self.model.attend(
            pairs.inputs, pairs.lengths, targets, lengths, copied=pairs.copied
        )
        return weights[:, 0]


def changed_decoding(recipe: WritingRecipe, changes: Sequence[str]) -> DecodingRecipe:
    """Return how a run writes now.

    With another method, what the recipe says of its own is left behind.

    Raises:
        RecipeError: a change is of something else, or its value is of no use.
    """
    if not changes:
        return recipe.decoding
    keys = [change.partition("=")[0] for change in changes]
    for key in keys:
        if not key.startswith("decoding."):
            raise RecipeError(
                f"{key} cannot be changed now: the model has learned\n"
                "mend: only how it writes: decoding.beam_size=1, decoding.method=sample, …"
            )
    raw = changed(recipe.model_dump(mode="json"), changes)
    method = raw["decoding"].get("method")
    if method != recipe.decoding.method and "decoding" in raw:
        own = METHOD_KEYS.get(str(method), ())
        raw["decoding"] = {
            key: value
            for key, value in raw["decoding"].items()
            if f"decoding.{key}" in keys or key in own
        }
    found = validate(raw, "of the run")
    assert isinstance(found, WritingRecipe)
    return found.decoding


def split_changes(changes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the changes of how a file is read, and those of how the model writes."""
    own = [change for change in changes if change.startswith("decoding.")]
    return [change for change in changes if change not in own], own


def load_writer(path: Path, which: Which = "best") -> TrainedWriter:
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
    if type(recipe) is not WritingRecipe:
        raise RunError(
            f"the run {path} learned {recipe.task}, expected one that learned to write for what "
            f"it reads\nmend: use it with `ostinato {kind_of(recipe).verb} {path}`"
        )
    return read_writer(folder, recipe, which)


def read_writer(folder: RunFolder, recipe: WritingRecipe, which: Which) -> TrainedWriter:
    """Read the network of a run whose recipe is known; see ``load_writer``."""
    path = folder.path
    facts = folder.facts("pipeline")
    checkpoint = folder.checkpoints.load(which, with_training=False)
    pipeline = pipeline_of(path, facts, Pipeline.from_json)
    return restored_writer(path, recipe, pipeline, checkpoint.model)


def restored_writer(
    path: Path, recipe: WritingRecipe, pipeline: Pipeline, tensors: Mapping[str, Tensor]
) -> TrainedWriter:
    """Return the network of a recipe with weights that were kept; see ``trained.restored``."""
    model = with_weights(lambda: build_writing_model(recipe, pipeline), tensors)
    return TrainedWriter(path, recipe, pipeline, model)
