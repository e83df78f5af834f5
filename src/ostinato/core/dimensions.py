"""The one legend of dimensions for the whole house; the tests hold the docstrings to it."""

from __future__ import annotations

from typing import Final

LEGEND: Final[dict[str, str]] = {
    "T": "time steps",
    "B": "batch rows",
    "I": "input size",
    "H": "hidden size; before W, the height of an image",
    "O": "output size",
    "L": "layers",
    "D": "directions (1, or 2 where bidirectional)",
    "A": "steps ahead, of a forecast",
    "P": "projected size; of a series, covariates of the past",
    "G": "covariates that are known ahead; of a mixture, its Gaussians",
    "Q": "quantiles; queries of a row: steps, or hypotheses side by side",
    "V": "vocabulary size",
    "E": "length of the vector of a step",
    "F": "features that a head reads",
    "N": "examples; rows of a series, its paths",
    "U": "distinct words of a batch",
    "C": "letters of the longest word; before H, the channels of an image",
    "W": "width of an image",
    "K": "numbers that an example adds to a score, or that say a forecast",
    "R": "resamples of the bootstrap",
    "M": "distinct rows of a table",
    "S": "steps of the source",
    "X": "source units that the target vocabulary lacks",
}
