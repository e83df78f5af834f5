"""How often a writer in training reads the right unit before, and not its own.

Scheduled sampling (Bengio, Vinyals, Jaitly, Shazeer 2015, arXiv:1506.03099, section 2.4): before
each unit a coin is tossed, and with the chance ε_i the right unit is read, where i counts training
steps. With the ratio r, at which it begins, 1 in the paper::

    none              ε_i = r
    linear            ε_i = max(ε, r - c·i)
    exponential       ε_i = max(ε, r · k^i)                  k < 1
    inverse-sigmoid   ε_i = max(ε, r · k / (k + exp(i/k)))   k ≥ 1
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ostinato.training.writing_recipe import WritingTrainingRecipe

# The largest exponent whose power is a number: behind it the share is 0.
_MOST = 700.0


def forcing_ratio(training: WritingTrainingRecipe, step: int) -> float:
    """Return ε_i of optimizer step ``step``, counted from 0."""
    ratio, speed = training.teacher_forcing_ratio, training.teacher_forcing_speed or 0.0
    match training.teacher_forcing_decay:
        case "none":
            return ratio
        case "linear":
            ratio -= speed * step
        case "exponential":
            ratio *= speed**step
        case "inverse-sigmoid":
            ratio *= speed / (speed + math.exp(min(step / speed, _MOST)))
    return max(training.teacher_forcing_floor, ratio)


def is_scheduled(training: WritingTrainingRecipe) -> bool:
    """Whether a step may read the model's own unit at all."""
    return training.teacher_forcing_ratio < 1 or training.teacher_forcing_decay != "none"


def drawn(shape: tuple[int, ...], ratio: float, *seed: int) -> npt.NDArray[np.bool_]:
    """Toss the coins of a batch ``[T, B]``; the first step reads the start, which is right.

    Args:
        shape: of the targets.
        ratio: chance that the right unit is read.
        seed: the same seed, the same coins.
    """
    forced = np.random.default_rng(list(seed)).random(shape) < ratio
    forced[0] = True
    return forced
