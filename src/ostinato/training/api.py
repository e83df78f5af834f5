"""Training and trained models for programs: what the commands do, as functions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError
from ostinato.data import DataError
from ostinato.data.pipeline import PartCounts
from ostinato.training import pretrained, session
from ostinato.training.errors import RunError
from ostinato.training.events import Finished, ignore
from ostinato.training.generate import generate
from ostinato.training.interrupt import Stopped, stop_on_signals
from ostinato.training.printed import PrintedLines
from ostinato.training.recipe import LanguageModelRecipe
from ostinato.training.recipe_files import changed, load_recipe, validate
from ostinato.training.recipe_parts import Recipe
from ostinato.training.results_of_run import Results, metrics_of_run, results_of_run
from ostinato.training.run import RunFolder
from ostinato.training.run_files import Which, free_folder
from ostinato.training.suggester import Question, Suggester, load_suggester
from ostinato.training.suggesting import Suggestion
from ostinato.training.suggestion_recipe import SuggestionRecipe
from ostinato.training.trained import TrainedExamples, load_examples
from ostinato.training.trained_writer import TrainedWriter, Written, load_writer
from ostinato.training.writing_recipe import WritingRecipe

if TYPE_CHECKING:
    from ostinato.data.drawings import Strokes
    from ostinato.training.drawing_trained import TrainedDrawings
    from ostinato.training.evaluation import Report
    from ostinato.training.example_data import PartName
    from ostinato.training.forecast_evaluation import BackTest
    from ostinato.training.forecasting import Forecast, TrainedForecaster
    from ostinato.training.naive import Predictions

PathLike = str | os.PathLike[str]
Numbers = npt.NDArray[np.float64]


class Run:
    """What a training run made: its folder, its scores, and the model to use.

    >>> import ostinato as ost
    >>> data = {"text": "the quick brown fox jumps over the lazy dog. " * 8}
    >>> run = ost.train(
    ...     {"task": "language-model", "data": data, "training": {"max_steps": 2}},
    ...     "model.hidden_size=8",
    ...     run=getfixture("tmp_path") / "fox",
    ...     progress=False,
    ... )
    >>> run.finished.step
    2
    >>> len(run.generate("the ", length=5, seed=0))
    9

    Attributes:
        path: the run folder, or the folder of a saved model.
        recipe: the resolved recipe.
        finished: how the sitting that made this object ended; None for one that was opened.

    Args:
        path: the folder.
        finished: see the attribute.
        checkpoint: which weights are used: ``best`` or ``last``.

    Raises:
        RunError: there is no run.
    """

    def __init__(
        self, path: PathLike, finished: Finished | None = None, *, checkpoint: Which = "best"
    ) -> None:
        self.path = Path(path)
        self.finished = finished
        self._folder = RunFolder.open(self.path)
        self.recipe = self._folder.recipe()
        self._checkpoint: Which = checkpoint

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, task={self.recipe.task!r})"

    @property
    def results(self) -> Results:
        """The scores of the weights and of naive predictors, and what they are of."""
        return results_of_run(self.path, self._checkpoint)

    @property
    def scores(self) -> Mapping[str, float]:
        """The scores of the weights on what the run chose them by."""
        return self.results.scores

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of ``predict_proba``; empty where there are none."""
        if isinstance(self.recipe, WritingRecipe):
            return ()
        labels = self._examples.pipeline.labels
        return () if labels is None else labels.names

    def metrics(self) -> list[dict[str, Any]]:
        """Return the records of the log: of training and of evaluations, in their order."""
        return metrics_of_run(self.path)

    def predict(self, values: Sequence[Any]) -> list[Any] | Numbers:
        """Predict labels, lists of labels, tags, numbers, or notes.

        Args:
            values: texts, lists of tokens, arrays ``[T, I]``, or rows of columns by name.

        Returns:
            By the task: classification, a label each; multi-label, a list of labels each; tagging,
            a list of tags each; regression, float64 ``[B, O]``; polyphony, bool ``[T, I]`` each,
            the notes after each step that are likelier than not; text-to-text, a text each;
            suggestion, the likeliest query that begins so, of a beginning or of the query before
            and a beginning, and an empty text where there is none.

        Raises:
            DataError: an input cannot be read; it is named by its place.
            RunError: the model goes on with a text, and does not predict.
        """
        if isinstance(self.recipe, SuggestionRecipe):
            _refuse_one(values)
            counts = PartCounts()
            questions = [_question(value) for value in values]
            found = self._suggester.suggest_all(questions, 1, counts)
            counts.warn()
            return [best[0].text if best else "" for best in found]
        if isinstance(self.recipe, WritingRecipe):
            return [best[0].text for best in self.write(values)]
        found = self._predictions(values)
        match self.recipe.task:
            case "classification":
                return [labels[0] for labels in found.labels]
            case "regression":
                return np.zeros((0, 1)) if found.numbers is None else found.numbers
            case "polyphony":
                return [chances > 0.5 for chances in found.probabilities]
            case _:
                return [list(labels) for labels in found.labels]

    def write(self, values: Sequence[Any], **decoding: Any) -> list[list[Written]]:
        """Let the model write for each input, and return its texts, the best first.

        It warns of inputs that are cut, empty, or longer than any of training.

        Args:
            values: see ``predict``.
            decoding: keys of the recipe's section of that name, such as ``num_best=5``,
                ``method="sample"`` or ``temperature=0.7``; what is not given is as the recipe says.

        Raises:
            DataError: an input cannot be read; it is named by its place.
            RecipeError: there is no such key, or its value is of no use.
            RunError: the model does not write for what it reads.
        """
        _refuse_one(values)
        trained = self._translator
        changes = [f"decoding.{key}={json.dumps(value)}" for key, value in decoding.items()]
        counts = PartCounts()
        found = trained.write(list(values), trained.options(changes), counts)
        counts.warn()
        return found

    def suggest(
        self, prefix: str, before: str | None = None, num: int | None = None, **decoding: Any
    ) -> list[Suggestion]:
        """Return the likeliest queries that begin as a user has begun, the likeliest first.

        It warns of what is cut, or longer than any query of training.

        Args:
            prefix: what is begun; nothing of it: the likeliest queries of all.
            before: the query before; None for the first of a session.
            num: how many at most; None: as the recipe says.
            decoding: keys of the recipe's section of that name, such as ``beam_size=30`` or
                ``trie=True``; what is not given is as the recipe says.

        Raises:
            DataError: a text holds a lone surrogate.
            RecipeError: there is no such key, or its value is of no use.
            RunError: the model does not complete queries, or learned from none before.
        """
        changes = [f"decoding.{key}={json.dumps(value)}" for key, value in decoding.items()]
        chosen = self._suggester
        if changes:
            chosen = load_suggester(self.path, self._checkpoint, changes)
        counts = PartCounts()
        (found,) = chosen.suggest_all([(prefix, before)], num, counts)
        counts.warn()
        return found

    def predict_proba(self, values: Sequence[Any]) -> list[Numbers] | Numbers:
        """Return probabilities, in the order of ``labels``.

        Args:
            values: see ``predict``.

        Returns:
            ``[B, O]`` of classification and multi-label; of tagging and polyphony ``[T, O]`` each.

        Raises:
            DataError: an input cannot be read.
            RunError: the task has no probabilities.
        """
        if self.recipe.task == "regression":
            raise RunError("a regression has no probabilities\nmend: use predict")
        if isinstance(self.recipe, WritingRecipe):
            verb = "suggest" if isinstance(self.recipe, SuggestionRecipe) else "write"
            raise RunError(f"a text has a log-probability, not one of each label\nmend: use {verb}")
        found = self._predictions(values).probabilities
        if self.recipe.task in ("tagging", "polyphony"):
            return list(found)
        return np.stack(found) if len(found) else np.zeros((0, len(self.labels)))

    def evaluate(
        self, data: PathLike | None = None, part: PartName = "test", *, changes: Sequence[str] = ()
    ) -> Report:
        """Score the model on examples that it did not learn from, and naive predictors with it.

        Args:
            data: a file in the form of the run's own; None for a part of the run's own data.
            part: which, where no ``data`` are given: train, dev or test.
            changes: ``data.key=value`` each, where ``data`` are in another form.

        Raises:
            RunError: the run has no such part.
            DataError: the data cannot be read, or changed since the run began.
            RecipeError: a change is not of how a file is read.
        """
        from ostinato.training.evaluation import evaluate_run

        path = None if data is None else Path(data)
        return evaluate_run(self.path, path, part, self._checkpoint, changes)

    def generate(
        self,
        prompt: str | None = None,
        *,
        length: int = 500,
        temperature: float = 0.8,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> str:
        """Return the prompt and what the language model writes after it.

        Args:
            prompt: None for the beginning of a line, which is then not part of the text.
            length: characters to write.
            temperature: 1 draws as the model says, less is more careful, 0 takes the most likely.
            top_p: draw from the smallest set of units that holds this share of the probability.
            seed: the same seed writes the same text; None for another one each time.

        Raises:
            RunError: the model predicts, and does not write.
            DataError: the prompt has a character that the model does not know.
            OptionError: a setting is out of range.
        """
        trained = self._writer
        text = "".join(
            generate(
                trained.model,
                trained.vocabulary,
                trained.start if prompt is None else prompt,
                length=length,
                temperature=temperature,
                top_p=top_p,
                seed=seed,
                document_end=trained.document_end,
            )
        )
        is_line_end = prompt is None and trained.start == "\n"
        return text.removeprefix("\n") if is_line_end else text

    def draw(
        self,
        num: int = 1,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        max_points: int | None = None,
    ) -> list[Strokes]:
        """Return what a network that draws makes up.

        Args:
            num: drawings.
            seed: drawing i is the same for the same seed, whatever ``num`` is; None for others each
                time.
            temperature: 1 draws as the network says, less is more careful; above 0.
            max_points: of one drawing; None for as many as the recipe lets the network read.

        Returns:
            float32 ``[N, 3]`` each: dx, dy, and 1 where the pen is lifted after the point.

        Raises:
            RunError: the run did not learn to draw.
            OptionError: a setting is out of range.
        """
        return self._drawings.draw(num, seed=seed, temperature=temperature, max_points=max_points)

    def save_pretrained(self, folder: PathLike) -> None:
        """Write the model into a folder of its own, complete or not at all.

        Args:
            folder: new or empty; a saved model that is there is replaced.

        Raises:
            RunError: the folder holds something else.
            StorageError: it could not be written.
        """
        pretrained.save_pretrained(self.path, Path(folder), self._checkpoint)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        message: str = "Upload the model",
    ) -> str:
        """Upload the model to the Hugging Face hub; return the address of the commit.

        Args:
            repo_id: ``user/repository``; made if it is not there.
            private: whether a new repository is hidden; None for what the user's account says.
            token: None for the one that is logged in.
            revision: branch; None for the main one.
            message: of the commit.

        Raises:
            RunError: the hub refuses, or cannot be reached.
        """
        return pretrained.push_to_hub(
            self.path,
            repo_id,
            private=private,
            token=token,
            revision=revision,
            message=message,
            which=self._checkpoint,
        )

    def forecast(
        self,
        data: Any = None,
        *,
        horizon: int | None = None,
        quantiles: Sequence[float] | None = None,
        num_paths: int = 0,
        seed: int = 0,
    ) -> Forecast:
        """Forecast what follows a series.

        Args:
            data: a pandas frame, columns by name, or the path of a table, with the columns that the
                run learned from; None for its own series. The end is read.
            horizon: steps ahead; None for as many as were learned.
            quantiles: rising, between 0 and 1; None for some usual ones, where there are any.
            num_paths: to draw, of a recursive forecaster.
            seed: of the draws.

        Raises:
            RunError: the run learned something else.
            DataError: the series cannot be used, or is too short.
            OptionError: the network has no such horizon, quantiles or paths.
        """
        from ostinato.training.forecasting import usual_levels

        trained = self._forecaster
        levels = usual_levels(trained.model) if quantiles is None else quantiles
        return trained.forecast(
            trained.read(data), horizon=horizon, levels=levels, num_paths=num_paths, seed=seed
        )

    def back_test(self, part: PartName = "test", *, stride: int | None = None) -> BackTest:
        """Forecast from every moment of a part of the run's own series; weights stay as they are.

        Args:
            part: train, dev or test.
            stride: steps between two origins; None for what the recipe says.

        Raises:
            RunError: the run learned something else, or has no such part.
            DataError: the series cannot be used, or changed since the run began.
        """
        from ostinato.training.forecast_evaluation import back_test

        return back_test(self._forecaster, part, stride)

    @cached_property
    def _forecaster(self) -> TrainedForecaster:
        from ostinato.training.forecasting import load_forecaster

        return load_forecaster(self.path, self._checkpoint)

    @cached_property
    def _examples(self) -> TrainedExamples:
        if isinstance(self.recipe, LanguageModelRecipe):
            raise RunError(
                f"the model of {self.path} writes, and does not predict\nmend: use generate"
            )
        return load_examples(self.path, self._checkpoint)

    @cached_property
    def _drawings(self) -> TrainedDrawings:
        from ostinato.training.drawing_trained import load_drawings

        return load_drawings(self.path, self._checkpoint)

    @cached_property
    def _writer(self) -> session.Trained:
        return session.load_trained(self.path, self._checkpoint)

    @cached_property
    def _suggester(self) -> Suggester:
        return load_suggester(self.path, self._checkpoint)

    @cached_property
    def _translator(self) -> TrainedWriter:
        return load_writer(self.path, self._checkpoint)

    def _predictions(self, values: Sequence[Any]) -> Predictions:
        _refuse_one(values)
        counts = PartCounts()
        found = self._examples.predict(list(values), counts)
        counts.warn()
        return found


def _question(value: Any) -> Question:
    """Return what is begun, and the query before: of a text, or of a pair of both.

    Raises:
        DataError: it is neither.
    """
    match value:
        case str():
            return value, None
        case (str() | None as before, str() as text):
            return text, before
        case _:
            raise DataError(
                f"got {value!r}, expected what is begun, or the query before and what is begun\n"
                'mend: predict(["what is"]), or predict([("who was", "what is")])'
            )


def _refuse_one(values: object) -> None:
    if isinstance(values, str | Mapping):
        raise DataError(
            "got one input, expected several\nmend: put it into a list: predict([input])"
        )


def train(
    recipe: PathLike | Mapping[str, Any] | Recipe,
    *changes: str,
    run: PathLike | None = None,
    force: bool = False,
    progress: bool = True,
) -> Run:
    """Train by a recipe.

    Ctrl-C ends the training after the step that is under way: the run comes back with what it has
    learned until then (``finished.reason`` is ``interrupted``), and a second one stops at once.

    >>> import ostinato as ost
    >>> run = ost.train("hello", run=getfixture("tmp_path") / "hello", progress=False)
    >>> run.generate("h", length=4, temperature=0)
    'hello'

    Args:
        recipe: a built-in name, the path of a YAML file, nested dictionaries, or a recipe.
        changes: ``key.path=value`` each, as the command line takes them.
        run: the run folder, new or empty; None for ``runs/NAME``, numbered where that is taken.
        force: replace a run that is there.
        progress: print what happens.

    Raises:
        OstinatoError: recipe, data, model, folder or disk are not as they must be.
        KeyboardInterrupt: Ctrl-C before the first step, when nothing is trained, or a second one.
    """
    resolved, name = _resolved(recipe, changes)
    path = free_folder(Path("runs") / name, force=force) if run is None else Path(run)
    observe = PrintedLines() if progress else ignore
    with stop_on_signals() as stop:
        try:
            finished = session.train(resolved, path, force=force, observe=observe, stop=stop)
        except Stopped as stopped:
            raise KeyboardInterrupt from stopped
    return Run(path, finished)


def load_run(path: PathLike, checkpoint: Which = "best") -> Run:
    """Open a run folder.

    >>> import ostinato as ost
    >>> folder = getfixture("tmp_path") / "hello"
    >>> trained = ost.train("hello", "training.max_steps=1", run=folder, progress=False)
    >>> ost.load_run(folder).recipe == trained.recipe
    True

    Args:
        path: that ``ostinato train`` or ``train`` made.
        checkpoint: which weights are used: ``best`` or ``last``.

    Raises:
        RunError: there is no run.
    """
    if checkpoint not in ("best", "last"):
        raise OptionError(f"checkpoint: got {checkpoint!r}, expected best or last\nmend: 'best'")
    return Run(path, checkpoint=checkpoint)


def from_pretrained(
    source: PathLike, *, revision: str | None = None, token: str | bool | None = None
) -> Run:
    """Open a model that ``save_pretrained`` or ``push_to_hub`` wrote.

    >>> import ostinato as ost
    >>> folder = getfixture("tmp_path")
    >>> run = ost.train("hello", "training.max_steps=1", run=folder / "run", progress=False)
    >>> run.save_pretrained(folder / "saved")
    >>> model = ost.from_pretrained(folder / "saved")
    >>> model.generate("h", seed=1) == run.generate("h", seed=1)
    True

    Args:
        source: a folder, or ``user/repository`` of the Hugging Face hub.
        revision: branch, tag or commit there.
        token: for a private repository; None for the one that is logged in.

    Raises:
        RunError: it is neither, the hub cannot be reached, or the folder is no saved model.
        CheckpointError: the weights are not those that were written.
    """
    return Run(pretrained.find_pretrained(os.fspath(source), revision=revision, token=token))


def _resolved(
    recipe: PathLike | Mapping[str, Any] | Recipe, changes: Sequence[str]
) -> tuple[Recipe, str]:
    """Return the validated recipe, and a name for its run."""
    match recipe:
        case Recipe():
            raw = changed(recipe.model_dump(mode="json"), changes)
            return validate(raw, "given in Python"), recipe.task
        case Mapping():
            resolved = validate(changed(recipe, changes), "given in Python")
            return resolved, resolved.task
        case _:
            source = os.fspath(recipe)
            return load_recipe(source, changes), Path(source).stem
