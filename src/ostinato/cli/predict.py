"""``ostinato predict``: whatever a run learned, what it says of an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ostinato.core.errors import OptionError

if TYPE_CHECKING:
    from ostinato.training.run_files import Which

Form = Literal["table", "jsonl"]

# By the name of a recipe's class: a module with ``OPTIONS``, and its function.
_COMMANDS = {
    "ExampleRecipe": ("ostinato.cli.predict_examples", "predict_examples"),
    "WritingRecipe": ("ostinato.cli.predict_texts", "predict_texts"),
    "SuggestionRecipe": ("ostinato.cli.predict_suggestions", "predict_suggestions"),
    "ForecastRecipe": ("ostinato.cli.predict_forecasts", "predict_forecasts"),
}


def predict_command(
    run: Path,
    source: str | None,
    changes: Sequence[str],
    *,
    form: Form | None,
    checkpoint: Which,
    options: Mapping[str, Any],
) -> None:
    """Print what a trained network says.

    Args:
        run: the run folder.
        source: what it reads; each kind of run says what that may be.
        changes: ``data.key=value``, where a file is in another form.
        form: None: a table on a terminal, JSON lines elsewhere.
        checkpoint: which weights.
        options: that some kinds of runs know; None or False where one was not given.

    Raises:
        RunError: runs of this kind are for another command.
        OptionError: they do not know an option.
    """
    from ostinato.training.kinds import refuse
    from ostinato.training.run import RunFolder

    recipe = RunFolder.open(run).recipe()
    if type(recipe).__name__ not in _COMMANDS:
        raise refuse(run, recipe, "`ostinato predict`")
    place, name = _COMMANDS[type(recipe).__name__]
    module: Any = import_module(place)
    # Zero is a number that was given.
    given = {k: value for k, value in options.items() if value is not None and value is not False}
    for key in given:
        if key not in module.OPTIONS:
            known = ", ".join(f"--{each}" for each in module.OPTIONS)
            raise OptionError(
                f"--{key} is nothing to a run that learned {recipe.task}\nmend: it knows {known}"
            )
    getattr(module, name)(run, source, changes, form=form, checkpoint=checkpoint, **given)
