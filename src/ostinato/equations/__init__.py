"""Text or LaTeX to ``Cell`` to ``Graph`` to ``Program``: the language, without torch."""

from ostinato.equations.cell import Cell

__all__ = ["Cell"]
