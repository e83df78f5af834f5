"""How the features of a picture are put together: the same with torch and without it."""

from __future__ import annotations

import math
from typing import Final

_TOGETHER: Final = 8
"""Features that are normalised together, or a divisor of it."""
_LARGEST_GRID: Final = (4, 8)
"""Rows and columns into which a picture's features are averaged for its summary."""


def num_groups(num_features: int) -> int:
    """Return into how many groups features are divided, each normalised by itself."""
    return num_features // math.gcd(num_features, _TOGETHER)


def halved(side: int) -> int:
    """Return what is left of a side where every second place is taken."""
    return -(-side // 2)


def grid_of(height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of the grid on which so many places are averaged."""
    return min(_LARGEST_GRID[0], height), min(_LARGEST_GRID[1], width)
