"""Which part an example belongs to, from what it reads: equal ones stay together."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

PartName = Literal["train", "dev", "test"]


def chance(value: object) -> float:
    """Return a number in 0 .. 1 that depends on the value alone."""
    if isinstance(value, np.ndarray):
        content = value.tobytes()
    elif isinstance(value, str):
        content = value.strip().encode("utf-8", "surrogatepass")
    else:
        content = repr(value).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64


def part_at(place: float, *, dev: float, test: float) -> PartName:
    """Return the part to which a place from 0 to 1 belongs: the test first, training last."""
    if place < test:
        return "test"
    return "dev" if place < test + dev else "train"
