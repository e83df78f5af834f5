"""Runs programs on the CPU through plans; torch tensors in and out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from ostinato.engines.eager import Call, Result
from ostinato.engines.native import _native
from ostinato.engines.native.lower import Delay, Lowered, lower
from ostinato.equations.program import Program
from ostinato.equations.rewrites import VALID

DTYPES = {torch.float32: _native.EngineFloat, torch.float64: _native.EngineDouble}


@lru_cache(maxsize=256)
def _ready(
    program: Program,
    sizes: tuple[tuple[str, int], ...],
    keep: tuple[int, ...],
    states: tuple[str, ...],
    delays: tuple[tuple[str, Delay], ...],
    dtype: torch.dtype,
    instruction_set: str,
) -> tuple[Lowered, object]:
    lowered = lower(program, dict(sizes), keep=keep, states=states, delays=dict(delays))
    words, numbers = lowered.plan.encode()
    engine = DTYPES[dtype](
        torch.tensor(words, dtype=torch.int64).numpy(),
        torch.tensor(numbers, dtype=torch.float64).numpy(),
        instruction_set,
    )
    return lowered, engine


def run(
    program: Program,
    call: Call,
    *,
    delays: Mapping[str, tuple[Delay, Tensor]] | None = None,
    instruction_set: str = "",
    num_threads: int | None = None,
    weights_key: int = -1,
) -> Result:
    delays = delays or {}
    stream = next(iter(call.inputs.values()))
    num_steps, num_rows = stream.shape[:2]
    dtype = next((s.dtype for s in call.inputs.values() if s.is_floating_point()), stream.dtype)
    lowered, engine = _ready(
        program,
        tuple(sorted(call.sizes.items())),
        tuple(sorted(call.keep)),
        tuple(sorted(call.states)),
        tuple(sorted((n, d) for n, (d, _) in delays.items())),
        dtype,
        instruction_set,
    )
    lengths = None
    if VALID in call.inputs:
        lengths = (call.inputs[VALID][..., 0] != 0).sum(0)
    given: dict[str, Tensor] = {}
    for name, x in call.inputs.items():
        given[f"input:{name}"] = x.to(dtype)
    for name, x in call.parameters.items():
        given[f"parameter:{name}"] = x
    for name, x in call.initial.items():
        given[f"initial:{name}"] = x
    for d, tensor in delays.values():
        given[d.initial] = tensor
    by_name = {a.buffer: a for a in lowered.plan.arrays if a.buffer is not None}
    buffers: list[Tensor] = []
    made: dict[str, Tensor] = {}
    for name in lowered.plan.buffers:
        array = by_name[name]
        tensor = given.get(name)
        if tensor is None:
            shape = {
                "stream": (num_steps, num_rows, array.size),
                "rows": (num_rows, array.size),
                "vector": (array.size,),
                "matrix": (array.size, array.columns),
            }[array.kind]
            zero = name.startswith("gradient:") or lengths is not None
            tensor = torch.zeros(shape, dtype=dtype) if zero else torch.full(shape, torch.nan, dtype=dtype)
            made[name] = tensor
        else:
            tensor = tensor.detach()
            if array.kind == "rows":
                tensor = tensor.expand(num_rows, array.size)
            if array.kind == "vector":
                tensor = tensor.reshape(array.size)
            if tensor.shape[-1] > 1 and tensor.stride(-1) != 1:
                tensor = tensor.contiguous()
        buffers.append(tensor)
    engine.run(
        num_steps,
        num_rows,
        buffers,
        None if lengths is None else lengths.numpy(),
        0 if call.seed is None else int(call.seed),
        call.first_step,
        torch.get_num_threads() if num_threads is None else num_threads,
        weights_key,
    )
    streams = {name: made[buffer] for name, buffer in lowered.streams.items()}
    outputs = {n: streams[f"output:{n}"] for n, _ in program.graph.outputs}
    final = {s.name: made[f"final:{s.name}"] for s in program.graph.states}
    states = {n: streams[f"state:{n}"] for n in call.states}
    kept = {v: streams[f"keep:{v}"] for v in call.keep}
    reductions = {
        name.removeprefix("gradient:"): tensor
        for name, tensor in made.items()
        if name.startswith("gradient:")
    }
    for p in program.graph.parameters:
        if p.kind == "scalar" and p.name in reductions:
            reductions[p.name] = reductions[p.name].reshape(())
    return Result(outputs, final, states, kept, reductions)
