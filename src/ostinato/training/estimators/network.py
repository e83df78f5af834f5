"""A trained network that goes through pickle as text, JSON and safetensors: no code is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from ostinato.data import Vocabulary
from ostinato.data.pipeline import Pipeline
from ostinato.training.forecast_recipe import ForecastRecipe
from ostinato.training.forecasting import TrainedForecaster, restored_forecaster
from ostinato.training.language_model import build_language_model
from ostinato.training.loop import with_weights
from ostinato.training.model_card import Loader
from ostinato.training.pretrained import SavedModel
from ostinato.training.recipe import ExampleRecipe, LanguageModelRecipe
from ostinato.training.recipe_files import dump_recipe, parse_recipe, validate
from ostinato.training.recipe_parts import Recipe
from ostinato.training.results_of_run import Results, results_of_run
from ostinato.training.run import RunFolder
from ostinato.training.session import Trained, document_end_of
from ostinato.training.trained import TrainedExamples, restored


class Network:
    """The recipe, the facts and the weights of a run.

    Args:
        recipe: it was trained by.
        facts: of the run: among them pipeline, or vocabulary and start; and its results.
        tensors: the weights by name.
    """

    def __init__(
        self, recipe: Recipe, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        self.recipe = recipe
        self._facts = facts
        self._tensors = dict(tensors)

    @classmethod
    def of_run(cls, path: Path) -> Network:
        """Take the best weights out of a run folder, or out of a saved model.

        Raises:
            RunError: it is damaged.
            CheckpointError: the weights are not those that were written.
        """
        folder = RunFolder.open(path)
        checkpoint = folder.checkpoints.load("best", with_training=False)
        facts = {
            **folder.facts(),
            "results": results_of_run(path).to_json(),
            "progress": dict(checkpoint.progress),
        }
        return cls(folder.recipe(), facts, checkpoint.model)

    def saved(self, others: Mapping[str, bytes], loader: Loader) -> SavedModel:
        """Return what ``write_model`` writes.

        Args:
            others: further files, by name.
            loader: what loads it.
        """
        facts = dict(self._facts)
        results, progress = Results(**facts.pop("results")), facts.pop("progress")
        weights = save(self._tensors)
        return SavedModel(self.recipe, facts, results, progress, weights, others, loader)

    @cached_property
    def examples(self) -> TrainedExamples:
        """The network of examples, ready to predict."""
        assert isinstance(self.recipe, ExampleRecipe)
        pipeline = Pipeline.from_json(self._facts["pipeline"])
        return restored(Path(), self.recipe, pipeline, self._tensors)

    @cached_property
    def forecaster(self) -> TrainedForecaster:
        """The network of a series, ready to forecast."""
        assert isinstance(self.recipe, ForecastRecipe)
        return restored_forecaster(Path(), self.recipe, self._facts, self._tensors)

    @cached_property
    def writer(self) -> Trained:
        """The language model, ready to write."""
        assert isinstance(self.recipe, LanguageModelRecipe)
        vocabulary = Vocabulary.from_json(self._facts["vocabulary"])
        recipe = self.recipe.model
        model = with_weights(lambda: build_language_model(recipe, len(vocabulary)), self._tensors)
        end = document_end_of(self.recipe, vocabulary)
        return Trained(model, vocabulary, self._facts["start"], end)

    def __getstate__(self) -> dict[str, str | bytes]:
        return {
            "recipe": dump_recipe(self.recipe),
            "facts": json.dumps(self._facts),
            "weights": save(self._tensors),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        recipe = validate(parse_recipe(state["recipe"], "of the estimator"), "of the estimator")
        Network.__init__(self, recipe, json.loads(state["facts"]), load(state["weights"]))
