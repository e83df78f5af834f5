"""A layer as one file that runs without torch: see ``ostinato.runtime``."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.torch import save as to_safetensors

from ostinato.core.errors import OptionError
from ostinato.core.files import replace_file, writing
from ostinato.equations.description import DTYPES, LayerDescription, place_suffix
from ostinato.nn.layer import SequenceLayer


def save(layer: SequenceLayer, path: str | os.PathLike[str]) -> None:
    """Write a layer into one safetensors file, complete or not at all.

    The weights have their names of the equations with torch's suffix, ``W_hh_l0_reverse``, where
    torch's two biases are one; equations, options and sizes are in the metadata. Options that act
    in training only are kept as what they are in evaluation.

    Args:
        layer: ``Recurrent``, ``RNN``, ``LSTM`` or ``GRU``.
        path: the file; replaced if it is there.

    Raises:
        OptionError: it is no such layer, or its weights cannot be read.
        StorageError: it could not be written; the file that was there is untouched.
    """
    description = describe(layer)
    weights = {
        f"{name}{place_suffix(*place)}": tensor.detach().cpu().contiguous().clone()
        for place in layer.places()
        for name, tensor in layer.cell_parameters(*place).items()
    }
    metadata = {"ostinato": json.dumps(description.to_json())}
    with writing(file := Path(path)):
        replace_file(file, to_safetensors(weights, metadata))


def describe(layer: SequenceLayer) -> LayerDescription:
    """Return everything about a layer but its weights.

    Raises:
        OptionError: it is no layer of ours, or its weights are of a dtype that no file holds.
    """
    if not isinstance(layer, SequenceLayer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(
            f"got {type(layer).__name__}, expected a recurrent layer of ostinato\n"
            "mend: `ostinato.accelerate` makes such layers of torch's; of a model, save its layers"
        )
    weight = next(layer.parameters(), None)
    dtype = "float32" if weight is None else str(weight.dtype).removeprefix("torch.")
    if dtype not in DTYPES or (weight is not None and weight.is_meta):
        got = "weights without numbers (device meta)" if dtype in DTYPES else f"weights of {dtype}"
        raise OptionError(f"got {got}, expected {', '.join(DTYPES)}\nmend: convert the layer first")
    stack = layer.stack
    return LayerDescription(
        layer.cell,
        stack.options,
        stack.sizes,
        stack.num_directions,
        layer.batch_first,
        stack.return_all_states,
        dtype,
    )
