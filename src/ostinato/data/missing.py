"""What a table writes where it has nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np

_MISSING: Final = ("", "na", "n/a", "nan", "null", "none", "-", "?", "nat")


def is_missing(value: Any) -> bool:
    """Whether a cell of a table is empty, by any usual sign of it."""
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    if isinstance(value, float | np.floating | datetime | np.datetime64):
        # A missing number or time of a frame equals nothing, not even itself.
        return bool(value != value)  # noqa: PLR0124
    return value is None
