"""Engines run programs; the dispatch picks one and gives its reasons.

Names are fetched on first use, so that the native engine can be used where torch is not installed.
"""

from typing import TYPE_CHECKING

__all__ = ["ENGINES", "Call", "Engine", "Request", "Result", "Verdict", "choose"]

if TYPE_CHECKING:
    from ostinato.engines.dispatch import ENGINES, Engine, Request, Verdict, choose
    from ostinato.engines.eager import Call, Result
else:

    def __getattr__(name):
        """Fetch a public name on first use."""
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = "eager" if name in {"Call", "Result"} else "dispatch"
        return getattr(import_module(f"ostinato.engines.{home}"), name)
