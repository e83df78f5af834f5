"""Why a layer runs as it does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.engines.dispatch import choose, verdicts
from ostinato.equations.analysis import Analysis
from ostinato.nn.layer import SequenceLayer
from ostinato.nn.stack import Stack


class Explanation:
    """Text that shows itself in a prompt, a notebook and ``print``."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def explain(layer: nn.Module, x: Tensor | None = None) -> Explanation:
    """Say which engine runs a layer and why, and what a step does.

    Args:
        layer: a recurrent layer of the house.
        x: an input whose dtype and device count; without it those of the weights.

    Raises:
        OptionError: the module is not a recurrent layer of the house.
    """
    if not isinstance(layer, SequenceLayer):
        raise OptionError(
            f"got a {type(layer).__name__}, expected a recurrent layer of ostinato\n"
            "mend: call ostinato.accelerate(model) first, and explain one of its layers"
        )
    like = next(layer.parameters()) if x is None else x
    stack = layer.stack
    program = stack.program(training=layer.training, resets=False, lengths=False)
    request = stack.request(program, like)
    chosen = choose(stack.engine, request)
    lines = [
        repr(layer),
        f"engine: {chosen.name} (engine={stack.engine!r})",
        *(f"  {verdict}" for verdict in verdicts(request)),
        *(
            f"loop over {', '.join(loop.states)}: {loop.kind}, "
            f"{sum(bool(p.products) for p in loop.phases)} phase(s) of products a step"
            for loop in program.loops
        ),
        *_costs(stack, Analysis(program.kind, program), _computed_size(like)),
        str(program),
    ]
    return Explanation("\n".join(lines))


def _computed_size(like: Tensor) -> int:
    """Return the bytes of a number as an engine computes it: bfloat16 in float32."""
    return 4 if like.dtype == torch.bfloat16 else like.element_size()


def _costs(stack: Stack, analysis: Analysis, itemsize: int) -> list[str]:
    """Return what a step costs, a line for each layer whose sizes differ."""
    lines: list[str] = []
    for sizes in dict.fromkeys(tuple(s.items()) for s in stack.sizes):
        named = dict(sizes)
        first = stack.graph.inputs[0]
        saved = analysis.saved_bytes(named, stack.memory, itemsize)
        lines.append(
            f"a step of one row of {first.name}[{named[first.dim]}]: "
            f"{analysis.flops(named):,} flops, {analysis.loop_flops(named):,} of them in the loop,"
            f" which reads and writes {analysis.bytes_per_step(named, itemsize):,} bytes;"
            f" training keeps {saved:,} bytes beside states and input (memory={stack.memory!r})"
        )
    if stack.checkpoint_every:
        lines.append(
            f"checkpoint_every={stack.checkpoint_every}: training keeps the states of every "
            f"{stack.checkpoint_every}th step alone, and the rest for that many steps at a time"
        )
    return lines
