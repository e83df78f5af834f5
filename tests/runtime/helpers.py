"""Layers of torch, and the same ones read back without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

import ostinato as ost
from ostinato.runtime import Layer
from tests.tolerances import assert_close


def reload(layer: Any, folder: Path, num_threads: int = 1) -> Layer:
    """Save a layer and load it again."""
    path = folder / "layer.safetensors"
    ost.nn.save(layer, path)
    return cast("Layer", ost.runtime.load(path, num_threads=num_threads))


def to_numpy(given: Any) -> Any:
    """Turn tensors, and mappings of them, into arrays."""
    if isinstance(given, Mapping):
        return {name: to_numpy(value) for name, value in given.items()}
    return given.detach().numpy() if isinstance(given, Tensor) else given


def compare(got: tuple[Any, Mapping[str, Any]], expected: tuple[Any, Any]) -> None:
    """Hold an output and its states against torch's, by the one table of tolerances."""
    assert_close(torch.from_numpy(np.ascontiguousarray(got[0])), expected[0], "output")
    assert got[1].keys() == expected[1].keys()
    for name, state in expected[1].items():
        array = np.ascontiguousarray(got[1][name])
        assert_close(torch.from_numpy(array), state, f"state {name}")


def same_call(layer: Any, loaded: Layer, x: Any, state: Any = None, **given: Any) -> None:
    """Compare one call of both."""
    with torch.no_grad():
        expected = layer(x, state, **given)
    compare(loaded(to_numpy(x), to_numpy(state), **to_numpy(given)), expected)
