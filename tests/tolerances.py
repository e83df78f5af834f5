"""The one table of tolerances: the largest error relative to the largest entry of the reference."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

TOLERANCES: Final[dict[torch.dtype, float]] = {torch.float64: 1e-12, torch.float32: 1e-5}
ADJOINT: Final = 1e-10
"""The adjoint program against autograd, in float64."""
WALKED: Final = 1e-9
"""A random cell against its equations walked in numpy: sums in another order, values to 1e4."""
_FLOOR: Final = 1e-3
"""Where the reference is smaller than this, as a gradient that is zero but for rounding is, the
error is absolute: ``_FLOOR`` times the tolerance."""


def assert_close(
    got: Tensor, expected: Tensor, what: str = "", tolerance: float | None = None
) -> None:
    """Compare shape, dtype and values; NaN equals nothing, an infinity itself."""
    assert got.shape == expected.shape, f"{what}: {list(got.shape)} is not {list(expected.shape)}"
    assert got.dtype == expected.dtype, f"{what}: {got.dtype} is not {expected.dtype}"
    if not expected.numel():
        return
    limit = TOLERANCES[expected.dtype] if tolerance is None else tolerance
    difference = torch.where(got == expected, 0.0, got - expected).abs().max()
    scale = torch.where(expected.isinf(), 0.0, expected).abs().max().clamp_min(_FLOOR)
    error = difference / scale
    assert error <= limit, f"{what}: error {error:.2e} exceeds {limit:.0e}"
