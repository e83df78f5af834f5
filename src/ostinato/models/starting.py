"""How the recurrent weights of a network start, as a recipe says it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from ostinato.core.errors import OptionError
from ostinato.nn import init
from ostinato.nn.layer import SequenceLayer

Start = Literal["roles", "chrono", "forget-bias", "identity", "orthogonal"]
"""``roles``: as every layer starts by itself; the others are schemes of ``ostinato.nn.init``."""

_LEAST_STEPS: Final = 3


def start_layers(layers: Iterable[SequenceLayer], start: Start, max_steps: int | None) -> None:
    """Start the weights of layers, which stand as they were made, by a scheme.

    Args:
        layers: of one network.
        start: the scheme.
        max_steps: the longest memory at the start; ``chrono`` needs it, and no other takes it.

    Raises:
        OptionError: ``max_steps`` is missing or not asked for; or the equations have no gates, or
            multiply no state, where the scheme acts on that.
    """
    arguments: dict[str, Any] = {}
    if start == "chrono":
        if max_steps is None or max_steps < _LEAST_STEPS:
            raise OptionError(
                f"model.start=chrono got start_steps={max_steps}, expected the longest memory in "
                f"steps, {_LEAST_STEPS} or more\nmend: model.start_steps=STEPS"
            )
        arguments["max_steps"] = max_steps
    elif max_steps is not None:
        raise OptionError(
            f"model.start_steps={max_steps} is of model.start=chrono, got model.start={start}\n"
            "mend: model.start_steps=null, or model.start=chrono"
        )
    if start == "roles":
        return
    for layer in layers:
        try:
            init.apply(layer, start.replace("-", "_"), **arguments)
        except OptionError as error:
            reason = str(error).partition("\nmend: ")[0]
            raise OptionError(
                f"{reason}\nmend: model.start=roles, or another model.cell"
            ) from error
