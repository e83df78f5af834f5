"""A run, opened to be served."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ostinato import runtime
from ostinato.equations import Cell
from ostinato.runtime.language_model import LanguageModel
from ostinato.serving.desk import Desk
from ostinato.serving.errors import RequestError, invalid
from ostinato.serving.predictor import Predictor
from ostinato.serving.settings import Settings
from ostinato.serving.trials import Trials
from ostinato.serving.writer import Writer
from ostinato.training.errors import RunError
from ostinato.training.run_files import RECIPE, RUN, Which, read_facts

if TYPE_CHECKING:
    from ostinato.serving.traces import Tracer
    from ostinato.training.recipe_parts import Recipe

_LOCK = "lock"
_SAMPLE_SECONDS = 5.0


class Service:
    """What the endpoints use: a writer or a predictor, and what is known of the network.

    Attributes:
        path: the folder.
        settings: limits.
        task: of the recipe.
        writer: of a language model; None for others.
        predictor: of other networks; None for language models.
        desk: where predictions and traces are made, one after another.
        cells: where equations are read.
        trials: of cells that learn.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        model: LanguageModel | Predictor,
        checkpoint: Which = "best",
        first_prompt: str = "",
    ) -> None:
        self.path = path
        self.settings = settings
        self.writer = Writer(model, settings) if isinstance(model, LanguageModel) else None
        self.predictor = model if isinstance(model, Predictor) else None
        self.task = (
            "language-model" if self.predictor is None else self.predictor.trained.recipe.task
        )
        self.desk = Desk("requests", settings.max_jobs)
        self.cells = Desk("cells", settings.max_jobs)
        self.trials = Trials(settings, path if self.writer is not None else None)
        self._checkpoint: Which = checkpoint
        self._first_prompt = first_prompt
        # A language model begins with its prompt.
        self._samples: list[Any] | None = None if self.writer is None else []
        self.is_stopping = False

    @classmethod
    def open(cls, path: Path, settings: Settings, checkpoint: Which = "best") -> Service:
        """Open a run folder, or a saved model.

        Raises:
            RunError: there is no run, it is damaged, or it is still being trained.
            CheckpointError: the checkpoint is missing or damaged.
        """
        if not (path / RUN).is_file() or not (path / RECIPE).is_file():
            # It names runs that are near.
            from ostinato.training.run import RunFolder

            RunFolder.open(path)
        refuse_in_training(path)
        _refuse_other_kinds(path)
        if "pipeline" in read_facts(path):
            from ostinato.training.trained import load_examples

            return cls(path, settings, Predictor(load_examples(path, checkpoint)), checkpoint)
        model = runtime.load(path, checkpoint=checkpoint)
        assert isinstance(model, LanguageModel)
        return cls(path, settings, model, checkpoint, _sample_prompt(path) or "")

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.path.resolve().name

    def start(self) -> None:
        """Begin to work for the running event loop."""
        if self.writer is not None:
            self.writer.start()

    def stop(self) -> None:
        """Take no more work; texts that are being written end."""
        self.is_stopping = True
        self.trials.stop()
        if self.writer is not None:
            self.writer.stop()

    def writing(self) -> Writer:
        """Return the writer.

        Raises:
            RequestError: the network predicts.
        """
        if self.writer is None:
            raise RequestError(
                422, "task", f"the model does {self.task}, and does not write", "/predict"
            )
        return self.writer

    def predicting(self) -> Predictor:
        """Return the predictor.

        Raises:
            RequestError: the network writes.
        """
        if self.predictor is None:
            raise RequestError(
                422, "task", "the model writes: it does not predict", "use /generate"
            )
        return self.predictor

    async def samples(self) -> list[Any]:
        """Return some inputs to begin with; none where the data are gone, or take too long."""
        if self._samples is None:
            with suppress(RequestError):
                return await self.desk.run(self._read_samples, _SAMPLE_SECONDS)
        return self._samples or []

    def _read_samples(self) -> list[Any]:
        if self._samples is None:
            from ostinato.serving.samples import first_samples

            found = first_samples(self.predicting().trained, self.settings.max_text)
            self._samples = found
        return self._samples

    @cached_property
    def tracer(self) -> Tracer:
        """Traces of the network; its weights are read when the first one is asked for.

        Raises:
            OptionError: it has no recurrent layer.
        """
        from ostinato.lens.subject import Subject
        from ostinato.serving.traces import Tracer

        subject = Subject.open(self.path, self._checkpoint)
        return Tracer(subject, self._checked, self.settings.max_window)

    def _checked(self, value: Any) -> Any:
        if self.predictor is not None:
            return self.predictor.checked(value)
        if not isinstance(value, str):
            raise invalid("text: the model reads texts", "send a string")
        return value

    @cached_property
    def facts(self) -> dict[str, Any]:
        """See ``ModelInfo``."""
        limits = self.settings
        found = _facts_of_writer(self.writer) if self.writer else _facts_of_predictor(self)
        return {
            "name": self.name,
            "task": self.task,
            "writes": self.writer is not None,
            "predicts": self.predictor is not None,
            **found,
            "prompt": self._first_prompt,
            "limits": {
                "text": limits.max_text,
                "length": limits.max_length,
                "window": limits.max_window,
                "inputs": limits.max_inputs,
                "equations": limits.max_equations,
            },
        }


def _facts_of_writer(writer: Writer) -> dict[str, Any]:
    model = writer.model
    layer = model.layer
    return {
        "reads": "text",
        "unit": model.vocabulary.unit,
        "vocabulary_size": len(model.vocabulary),
        "labels": [],
        "cell": cell_facts(layer.description.cell),
        "num_layers": layer.num_layers,
        "num_directions": 1,
        "hidden_size": next(iter(layer.state_sizes.values()), layer.output_size),
        "num_parameters": model.num_parameters,
    }


def _facts_of_predictor(service: Service) -> dict[str, Any]:
    from torch import nn

    from ostinato.nn.layer import SequenceLayer

    predictor = service.predicting()
    trained = predictor.trained
    # Those that read letters of words are not of the sequence.
    encoder = cast("nn.Module", getattr(trained.model, "encoder", nn.Module()))
    layers = [each for each in encoder.modules() if isinstance(each, SequenceLayer)]
    pipeline = trained.pipeline
    return {
        "reads": predictor.reads,
        "unit": pipeline.unit_name,
        "vocabulary_size": None if pipeline.encoder is None else pipeline.encoder.num_symbols,
        "labels": predictor.labels,
        "cell": cell_facts(layers[0].cell) if layers else None,
        "num_layers": sum(layer.stack.num_layers for layer in layers),
        "num_directions": layers[0].stack.num_directions if layers else 1,
        "hidden_size": trained.recipe.model.hidden_size,
        "num_parameters": sum(weight.numel() for weight in trained.model.parameters()),
    }


def cell_facts(cell: Cell) -> dict[str, Any]:
    """Return what is shown of a cell: see ``CellInfo``."""
    return {
        "name": cell.name,
        "text": cell.to_text(),
        "latex": cell.to_latex(),
        "mathml": cell.to_mathml(),
        "states": list(cell.states),
        "values": list(dict.fromkeys(equation.target for equation in cell.syntax.assignments)),
    }


def _refuse_other_kinds(path: Path) -> None:
    """Refuse a run that neither writes nor predicts labels.

    Raises:
        RunError: it is of such a kind.
    """
    from ostinato.training.kinds import kind_of, refuse

    recipe = _recipe(path)
    if not kind_of(recipe).is_served:
        raise refuse(path, recipe, "the server")


def _recipe(path: Path) -> Recipe:
    from ostinato.training.recipe_files import parse_recipe, validate

    place = path / RECIPE
    return validate(parse_recipe(place.read_text("utf-8"), str(place)), str(place))


def _sample_prompt(path: Path) -> str | None:
    from ostinato.training.recipe import LanguageModelRecipe

    recipe = _recipe(path)
    return recipe.sample.prompt if isinstance(recipe, LanguageModelRecipe) else None


def refuse_in_training(path: Path) -> None:
    """Refuse a run that another process trains: its weights change while they are read.

    Raises:
        RunError: it is being trained.
    """
    lock = path / _LOCK
    if sys.platform == "win32" or not lock.is_file():
        return
    import fcntl

    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"another process is training the run {path} now\n"
                "mend: wait until it ends, or stop it"
            ) from error
