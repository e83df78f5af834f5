"""safetensors into numpy, and what the file says of itself."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

import numpy as np
import safetensors

from ostinato.core.errors import ModelFileError
from ostinato.runtime.arrays import Array

_DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16}


class Tensors(NamedTuple):
    """The content of a safetensors file.

    Attributes:
        arrays: by name; those of 16 bits as float32.
        metadata: text by key.
    """

    arrays: dict[str, Array]
    metadata: dict[str, str]


def read_tensors(content: bytes) -> Tensors:
    """Read the content of a safetensors file.

    Raises:
        ModelFileError: it is none, or it holds something else than floating-point numbers.
    """
    try:
        # Its type is not declared.
        found: list[tuple[str, dict[str, Any]]] = cast("Any", safetensors).deserialize(content)
    except safetensors.SafetensorError as error:
        raise ModelFileError(
            f"it is no safetensors file, or damaged ({error})\n"
            "mend: give a file that `ostinato.nn.save` wrote, or a run folder of `ostinato train`"
        ) from error
    # The header is whole: the reader has been through it.
    header: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    arrays = {name: _array(name, tensor) for name, tensor in found}
    return Tensors(arrays, header.get("__metadata__") or {})


def _array(name: str, tensor: dict[str, Any]) -> Array:
    kind, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
    if kind == "BF16":  # the upper half of a float32
        wide = np.frombuffer(data, "<u2").astype("<u4") << 16
        return wide.view("<f4").astype(np.float32, copy=False).reshape(shape)
    if kind not in _DTYPES:
        raise ModelFileError(
            f"`{name}` holds numbers of kind {kind}, expected BF16, {', '.join(_DTYPES)}\n"
            "mend: save the layer in one of these"
        )
    array = np.frombuffer(data, np.dtype(_DTYPES[kind]).newbyteorder("<")).reshape(shape)
    return array.astype(np.float64 if kind == "F64" else np.float32)
