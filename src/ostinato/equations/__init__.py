"""Text or LaTeX → ``Cell`` → ``Graph`` → ``Program`` → its adjoint. No torch."""

from ostinato.equations.cell import Cell
from ostinato.equations.program import Adjoint, Program

__all__ = ["Adjoint", "Cell", "Program"]
