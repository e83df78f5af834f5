"""Why a layer runs as it does."""

from __future__ import annotations

from torch import Tensor, nn

from ostinato.core.errors import OptionError
from ostinato.engines.dispatch import Request, choose, verdicts
from ostinato.nn.layer import SequenceLayer


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
    program = layer.stack.program(training=layer.training, resets=False, lengths=False)
    request = Request(program, like.dtype, like.device)
    chosen = choose(layer.stack.engine, request)
    loops = [
        f"loop over {', '.join(loop.states)}: {loop.kind}, "
        f"{sum(bool(p.products) for p in loop.phases)} phase(s) of products a step"
        for loop in program.loops
    ]
    lines = [
        repr(layer),
        f"engine: {chosen.name} (engine={layer.stack.engine!r})",
        *(f"  {verdict}" for verdict in verdicts(request)),
        *loops,
        str(program),
    ]
    return Explanation("\n".join(lines))
