"""Swap torch's recurrent layers inside a model, in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from torch import nn

from ostinato.nn.recurrent import Recurrent
from ostinato.nn.torch_layers import GRU, LSTM, RNN, TorchLayer

_SWAPS: Final[dict[type[nn.Module], type[TorchLayer]]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


@dataclass(frozen=True)
class Swap:
    """One recurrent module of a model.

    Attributes:
        name: its path in the model (``""`` for the model itself).
        kind: its class before.
        reason: why it was left; empty where it was swapped.
    """

    name: str
    kind: str
    reason: str = ""


@dataclass(frozen=True)
class Summary:
    """What ``accelerate`` did.

    Attributes:
        swapped: the layers that run on an engine of the house now.
        left: the recurrent modules that were left as they are, with reasons.
    """

    swapped: tuple[Swap, ...]
    left: tuple[Swap, ...]

    def __str__(self) -> str:
        lines = [f"swapped {s.name or 'the model itself'} ({s.kind})" for s in self.swapped]
        lines += [f"left {s.name or 'the model itself'} ({s.kind}): {s.reason}" for s in self.left]
        return "\n".join(lines or ["no recurrent layer found"])


def accelerate(model: nn.Module, *, engine: str = "auto") -> Summary:
    """Let every ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU`` of a model run on an engine of the house.

    The modules stay the same objects with another class: parameters (so optimisers stay valid),
    buffers, hooks, names and ``state_dict`` keys are untouched.

    Args:
        model: any module, or a recurrent layer itself.
        engine: ``auto`` or the name of an engine.

    Returns:
        What was swapped, and what was left with the reason.
    """
    swapped: list[Swap] = []
    left: list[Swap] = []
    # torch gives this method no return type that a checker could read
    modules = cast("Iterator[tuple[str, nn.Module]]", model.named_modules())
    for name, module in modules:
        kind = type(module).__name__
        replacement = _SWAPS.get(type(module))
        if replacement is not None:
            module.__class__ = replacement
            assert isinstance(module, TorchLayer)
            module.set_up(engine=engine)
            swapped.append(Swap(name, kind))
        elif reason := _reason(module):
            left.append(Swap(name, kind, reason))
    return Summary(tuple(swapped), tuple(left))


def _reason(module: nn.Module) -> str:
    if isinstance(module, TorchLayer | Recurrent):
        return "it is a layer of ostinato already"
    if isinstance(module, nn.RNNBase):
        parent = next(c.__name__ for c in type(module).__mro__ if c in _SWAPS or c is nn.RNNBase)
        return f"a subclass of nn.{parent}, whose own forward would be lost"
    if isinstance(module, nn.RNNCellBase):
        return "a single cell, whose loop the model writes itself: use ostinato.Recurrent there"
    if "quantized" in type(module).__module__ and type(module).__name__ in ("LSTM", "GRU", "RNN"):
        return "its weights are quantised"
    return ""
