"""What goes wrong while training; each message names the mend."""

from __future__ import annotations

from ostinato.core.errors import OstinatoError


class RecipeError(OstinatoError, ValueError):
    """A recipe cannot be read, or a key or value in it is wrong."""


class RunError(OstinatoError, ValueError):
    """A run folder is missing, taken, finished, or not a run."""


class CheckpointError(OstinatoError, ValueError):
    """A checkpoint is missing or damaged."""


class DivergedError(OstinatoError, ArithmeticError):
    """The loss or the gradients are no longer finite numbers."""
