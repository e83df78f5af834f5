"""Ostinato: recurrent networks from their equations.

>>> import ostinato as ost
>>> cell = ost.Cell("h = tanh(W @ h + U @ x + b)")

``import ostinato`` loads nothing heavy: each name below is fetched when it is first used, and the
layers alone need torch (``pip install 'ostinato[torch]'``); ``ostinato.runtime`` runs saved ones
without it.
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
    "OstinatoError",
    "Program",
    "Recurrent",
    "__version__",
    "accelerate",
    "cells",
    "explain",
    "init",
    "nn",
    "runtime",
]

if TYPE_CHECKING:
    from ostinato import cells, nn, runtime
    from ostinato.core.errors import EquationError, EquationHint, OstinatoError
    from ostinato.equations import Cell, Program
    from ostinato.nn import GRU, LSTM, RNN, Recurrent, accelerate, explain, init
else:
    # A checker that saw `__getattr__` would accept every misspelt name of the package.

    _MODULES = {
        "cells": "ostinato.cells",
        "init": "ostinato.nn.init",
        "nn": "ostinato.nn",
        "runtime": "ostinato.runtime",
    }
    _HOMES = {
        "ostinato.core.errors": ("EquationError", "EquationHint", "OstinatoError"),
        "ostinato.equations": ("Cell", "Program"),
        "ostinato.nn": ("GRU", "LSTM", "RNN", "Recurrent", "accelerate", "explain"),
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name):
        """Fetch a public name on first use.

        Raises:
            MissingExtraError: the name needs torch, which is not installed.
            AttributeError: the package has no such name.
        """
        from importlib import import_module

        if name not in _MODULES and name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            if name in _MODULES:
                value = import_module(_MODULES[name])
            else:
                value = getattr(import_module(_HOME_OF[name]), name)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            from ostinato.core.errors import MissingExtraError

            raise MissingExtraError(f"ostinato.{name}", "torch") from error
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
