"""The adjoint program, run by an engine: the gradients that a forward run needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from ostinato.engines.eager import Call, Result, shifted
from ostinato.equations.program import Adjoint, Program

Runner: TypeAlias = Callable[[Program, Call], Result]


@dataclass(frozen=True)
class Gradients:
    """What the backward pass computes.

    Attributes:
        inputs: stream name to ``[T, B, n]``.
        parameters: parameter name to tensor, in the parameter's shape.
        initial: state name to ``[B, n]``.
    """

    inputs: dict[str, Tensor]
    parameters: dict[str, Tensor]
    initial: dict[str, Tensor]


def forward_for(adjoint: Adjoint, program: Program, call: Call, run: Runner) -> Result:
    """Run the forward program so that ``backward`` has what it needs."""
    states = tuple(s.name for s in program.graph.states)
    return run(program, replace(call, keep=adjoint.saved, states=states))


def backward(
    adjoint: Adjoint,
    program: Program,
    call: Call,
    result: Result,
    grad_outputs: Mapping[str, Tensor],
    grad_final: Mapping[str, Tensor],
    run: Runner,
    grad_states: Mapping[str, Tensor] | None = None,
) -> Gradients:
    """Run the adjoint program.

    Args:
        adjoint: of ``program``.
        program: the forward program.
        call: the arguments that it ran with.
        result: what ``forward_for`` returned.
        grad_outputs: output name to gradient ``[T, B, n]``.
        grad_final: state name to the gradient of its last value ``[B, n]``.
        run: the engine.
        grad_states: state name to the gradient of its value at every step ``[T, B, n]``.
    """
    streams = dict(call.inputs)
    for name, gradient in grad_outputs.items():
        streams[f"grad:{name}"] = gradient
    for state in program.graph.states:
        at_t = result.states[state.name]
        given = (grad_states or {}).get(state.name)
        streams[f"grad_state:{state.name}"] = torch.zeros_like(at_t) if given is None else given
        streams[f"next:{state.name}"] = at_t
        initial = call.initial[state.name].expand(at_t.shape[1:])
        streams[f"last:{state.name}"] = shifted(at_t, initial, reverse=program.reverse)
    streams.update((f"saved:{v}", result.kept[v]) for v in adjoint.saved)
    used = [i.name for i in adjoint.program.graph.inputs]
    back = run(
        adjoint.program,
        replace(
            call,
            inputs={name: streams[name] for name in used},
            initial={f"d:{name}": gradient for name, gradient in grad_final.items()},
            keep=(),
            states=(),
        ),
    )
    final = {name.removeprefix("d:"): gradient for name, gradient in back.final.items()}
    return Gradients(back.outputs, back.reductions, final)
