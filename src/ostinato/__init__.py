"""Ostinato: recurrent networks from their equations.

>>> import ostinato as ost
>>> cell = ost.Cell("h = tanh(W @ h + U @ x + b)")

``import ostinato`` loads nothing heavy: each name below is fetched when it is first used, and the
layers need torch (``pip install 'ostinato[torch]'``), training and the estimators need more
(``pip install 'ostinato[train]'``); ``ostinato.runtime`` runs saved models without either.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Cell",
    "EquationError",
    "EquationHint",
    "LanguageModel",
    "OstinatoError",
    "Program",
    "Recurrent",
    "Run",
    "SequenceClassifier",
    "SequenceForecaster",
    "SequenceRegressor",
    "SequenceTagger",
    "__version__",
    "accelerate",
    "cells",
    "explain",
    "from_pretrained",
    "init",
    "lens",
    "load_run",
    "nn",
    "runtime",
    "train",
]

if TYPE_CHECKING:
    from ostinato import cells, lens, nn, runtime
    from ostinato.core.errors import EquationError, EquationHint, OstinatoError
    from ostinato.equations import Cell, Program
    from ostinato.nn import GRU, LSTM, RNN, Recurrent, accelerate, explain, init
    from ostinato.training.api import Run, from_pretrained, load_run, train
    from ostinato.training.estimators.classifier import SequenceClassifier
    from ostinato.training.estimators.forecaster import SequenceForecaster
    from ostinato.training.estimators.language_model import LanguageModel
    from ostinato.training.estimators.regressor import SequenceRegressor
    from ostinato.training.estimators.tagger import SequenceTagger
else:
    # A checker that saw `__getattr__` would accept every misspelt name of the package.

    _MODULES = {
        "cells": "ostinato.cells",
        "init": "ostinato.nn.init",
        "lens": "ostinato.lens",
        "nn": "ostinato.nn",
        "runtime": "ostinato.runtime",
    }
    _HOMES = {
        "ostinato.core.errors": ("EquationError", "EquationHint", "OstinatoError"),
        "ostinato.equations": ("Cell", "Program"),
        "ostinato.nn": ("GRU", "LSTM", "RNN", "Recurrent", "accelerate", "explain"),
        "ostinato.training.api": ("Run", "from_pretrained", "load_run", "train"),
        "ostinato.training.estimators.classifier": ("SequenceClassifier",),
        "ostinato.training.estimators.forecaster": ("SequenceForecaster",),
        "ostinato.training.estimators.language_model": ("LanguageModel",),
        "ostinato.training.estimators.regressor": ("SequenceRegressor",),
        "ostinato.training.estimators.tagger": ("SequenceTagger",),
    }
    _EXTRAS = {"lens": "lens", "training": "train"}
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name):
        """Fetch a public name on first use.

        Raises:
            MissingExtraError: the name needs packages that are not installed.
            AttributeError: the package has no such name.
        """
        from importlib import import_module

        home = _MODULES.get(name) or _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            module = import_module(home)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "ostinato":
                raise
            from ostinato.core.errors import MissingExtraError

            extra = _EXTRAS.get(home.split(".")[1], "torch")
            raise MissingExtraError(f"ostinato.{name}", extra) from error
        value = module if name in _MODULES else getattr(module, name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
