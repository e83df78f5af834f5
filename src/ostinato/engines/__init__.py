"""Engines run programs; the dispatch picks one and gives its reasons."""

from ostinato.engines.dispatch import ENGINES, Engine, Request, Verdict, choose
from ostinato.engines.eager import Call, Result

__all__ = ["ENGINES", "Call", "Engine", "Request", "Result", "Verdict", "choose"]
