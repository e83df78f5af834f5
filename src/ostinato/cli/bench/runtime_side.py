"""Our layer as it runs without torch: saved, and loaded by ``ostinato.runtime``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ostinato.cli.bench.contest import Contestant, Problem
from ostinato.nn import save

if TYPE_CHECKING:
    from ostinato import runtime


def enter(problem: Problem) -> Contestant:
    """Make the job: a call over whole sequences, or a step of a stream."""
    assert problem.mode == "inference", "the runtime does not train"
    layer = _reloaded(problem)
    if problem.row.is_stream:
        return _stream(problem, layer)
    x = problem.x.numpy()
    lengths = None if problem.lengths is None else problem.lengths.numpy()

    def run() -> Any:
        return layer(x, lengths=lengths)

    def read(result: Any) -> dict[str, Tensor]:
        output, states = result
        return {"output": torch.from_numpy(output), **_tensors(states)}

    return Contestant(run, read)


def _reloaded(problem: Problem) -> runtime.Layer:
    from ostinato import runtime  # needs the C++ part, which the command itself does not

    with TemporaryDirectory() as folder:
        path = Path(folder) / "layer.safetensors"
        save(problem.layer, path)
        layer = runtime.load(path, num_threads=torch.get_num_threads())
    assert isinstance(layer, runtime.Layer)
    return layer


def _stream(problem: Problem, layer: runtime.Layer) -> Contestant:
    stream = layer.stream(problem.row.batch_size)
    x = problem.x[0].numpy()
    start = {name: state.numpy() for name, state in problem.named(problem.state).items()}
    stream.state = start

    def run() -> Any:
        return stream.step(x)

    def read(output: Any) -> dict[str, Tensor]:
        """Return the numbers of the first step; the next call is one again."""
        numbers = {"output": torch.from_numpy(output.copy())[None], **_tensors(stream.state)}
        stream.state = start
        return numbers

    return Contestant(run, read)


def _tensors(arrays: Any) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
