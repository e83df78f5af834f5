"""Swap torch's recurrent layers inside a model, in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import nn
from torch.nn.utils import parametrize

from ostinato.core.errors import OptionError
from ostinato.engines.dispatch import check_engine
from ostinato.nn.layer import SequenceLayer
from ostinato.nn.torch_layers import GRU, LSTM, RNN, TorchLayer

_SWAPS: Final[dict[type[nn.Module], type[TorchLayer]]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}
_RECURRENT: Final = {"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"}


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
        What was swapped, and what was left with the reason; a module that a model holds under two
        names is listed under both.

    Raises:
        UnknownNameError: no engine has this name; the model is as it was.
        OptionError: it is no module.
    """
    check_engine(engine)
    _check_module(model)
    swapped: list[Swap] = []
    left: list[Swap] = []
    kinds: dict[int, str] = {}
    # torch gives this method no return type that a checker could read
    found = cast("Iterator[tuple[str, nn.Module]]", model.named_modules(remove_duplicate=False))
    for name, module in list(found):
        if id(module) in kinds:
            swapped.append(Swap(name, kinds[id(module)]))
        elif reason := _reason(module):
            left.append(Swap(name, type(module).__name__, reason))
        elif type(module) in _SWAPS:
            kinds[id(module)] = type(module).__name__
            swapped.append(Swap(name, kinds[id(module)]))
            _swap(module, engine)
    return Summary(tuple(swapped), tuple(left))


def _check_module(model: object) -> None:
    if not isinstance(model, nn.Module):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"{model!r}"
        raise OptionError(f"got {what}, expected a module\nmend: pass the model that was built")


def _swap(module: nn.Module, engine: str) -> None:
    module.__class__ = _SWAPS[type(module)]
    assert isinstance(module, TorchLayer)
    module.set_up(engine=engine)


def _reason(module: nn.Module) -> str:
    """Return why a recurrent module is left as it is; empty for any other one."""
    kind = type(module)
    if isinstance(module, SequenceLayer):
        return "it is a layer of ostinato already"
    if isinstance(module, torch.jit.ScriptModule):
        original = str(getattr(module, "original_name", ""))
        return "it is compiled by torch.jit" if original in _RECURRENT else ""
    if kind.__name__ in _RECURRENT and ".quantiz" in f".{kind.__module__}":
        return "it is quantised, or prepared for it"
    if isinstance(module, nn.RNNBase):
        if parametrize.is_parametrized(module):
            return "its weights are parametrised: remove the parametrisations first"
        if kind not in _SWAPS:
            parent = next(c.__name__ for c in kind.__mro__ if c in _SWAPS or c is nn.RNNBase)
            return f"a subclass of nn.{parent}, whose own forward would be lost"
        return "its forward was replaced on the object" if "forward" in vars(module) else ""
    if isinstance(module, nn.RNNCellBase):
        return "a single cell, whose loop the model writes itself: use ostinato.Recurrent there"
    return ""
