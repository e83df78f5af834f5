"""What every recurrent layer of the house shares: its places, its run, its step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ostinato.core.checks import check_count, check_streamable
from ostinato.core.errors import OptionError, ShapeError
from ostinato.equations.cell import Cell
from ostinato.equations.saves import SaveVariant
from ostinato.nn.sequences import check_tensor, normalise
from ostinato.nn.stack import Stack

Stream = Tensor | PackedSequence
Streams = Tensor | PackedSequence | Mapping[str, Tensor]
State = Mapping[str, Tensor]


class SequenceLayer(nn.Module):
    """A stack of programs with weights; how the weights are held is the subclass's affair."""

    cell: Cell
    stack: Stack
    batch_first: bool
    dropout: float

    def cell_parameters(self, layer: int = 0, direction: int = 0) -> dict[str, Tensor]:
        """Return the weights of one layer and direction by their names in the equations."""
        raise NotImplementedError

    def _call_parameters(self, layer: int, direction: int) -> Mapping[str, Tensor]:
        """Return the same as an engine takes it: perhaps in stacks."""
        return self.cell_parameters(layer, direction)

    def set_cell_parameter(
        self, name: str, value: Tensor, layer: int = 0, direction: int = 0
    ) -> None:
        """Overwrite one weight of one layer and direction, named as in the equations."""
        raise NotImplementedError

    def places(self) -> Iterator[tuple[int, int]]:
        """Go through the layers and directions, in the order of torch's parameters."""
        for layer in range(self.stack.num_layers):
            for direction in range(self.stack.num_directions):
                yield layer, direction

    def _run(
        self,
        x: Streams,
        state: State | None,
        lengths: Tensor | Sequence[int] | None,
        resets: Tensor | None,
    ) -> tuple[Stream, dict[str, Tensor]]:
        """Run over whole sequences; see ``Recurrent.forward``."""
        if lengths is None and resets is None:
            found = self._run_again(x, state)
            if found is not None:
                return found
        sizes = {i.name: self.stack.sizes[0][i.dim] for i in self.stack.graph.inputs}
        sequences = normalise(
            x, sizes, batch_first=self.batch_first, lengths=lengths, resets=resets
        )
        state = _checked_state(state, is_batched=sequences.is_batched)
        weight = next(self.parameters(), None)
        streams = sequences.streams
        autocast = _autocast_dtype(next(iter(streams.values())))
        if autocast is None:
            for tensor in (*streams.values(), *(state or {}).values()):
                check_dtype(tensor, weight)
        with _without_autocast(next(iter(streams.values())), autocast):
            output, states = self.stack.run(
                lambda layer, direction: _cast(self._call_parameters(layer, direction), autocast),
                sequences.with_streams(dict(_cast(streams, autocast))),
                None if state is None else _cast(state, autocast),
                dropout=self.dropout,
                training=self.training,
            )
        restore = (
            sequences.restore_steps if self.stack.return_all_states else sequences.restore_state
        )
        return sequences.restore(output), {name: restore(s) for name, s in states.items()}

    def _run_again(
        self, x: Streams, state: State | None
    ) -> tuple[Tensor, dict[str, Tensor]] | None:
        """Run a batch of whole sequences as one before it, if there was one alike."""
        if torch.compiler.is_compiling() or type(x) is not Tensor or x.dim() != 3:
            return None
        if state is not None and not isinstance(state, dict):
            return None
        found = self.stack.run_again(
            self._call_parameters,
            x.transpose(0, 1) if self.batch_first else x,
            state,
            dropout=self.dropout,
            training=self.training,
        )
        if found is None or not self.batch_first:
            return found
        output, states = found
        return output.transpose(0, 1), states

    def _step(
        self, x: Tensor | Mapping[str, Tensor], state: State | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run one step of a stream; see ``Recurrent.step``."""
        check_streamable(self.stack.num_directions)
        like = next(iter(x.values())) if isinstance(x, Mapping) else x
        check_tensor(like, "the input of a step", "[B, I]")
        if like.dim() not in (1, 2):
            raise ShapeError(
                f"got a step of shape {list(like.shape)}, expected [B, I], or [I] for one stream\n"
                "mend: pass one step, x[t]; whole sequences go to the layer itself"
            )
        axis = 1 if self.batch_first and like.dim() == 2 else 0
        one = (
            {name: tensor.unsqueeze(axis) for name, tensor in x.items()}
            if isinstance(x, Mapping)
            else x.unsqueeze(axis)
        )
        output, states = self._run(one, state, None, None)
        assert isinstance(output, Tensor)
        if self.stack.return_all_states:
            states = {name: s.select(1 + axis, 0) for name, s in states.items()}
        return output.select(axis, 0), states


def check_chance(name: str, value: object) -> float:
    """Return a number that is to be a probability; its range is for the user of it to check.

    Raises:
        OptionError: it is no number.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise OptionError(f"{name} must be a number, got {value!r}\nmend: pass a probability")
    return float(value)


def check_flags(**flags: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        OptionError: the message names the option.
    """
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise OptionError(f"{name} must be True or False, got {value!r}\nmend: pass a boolean")


def check_memory(memory: object, checkpoint_every: object) -> tuple[SaveVariant, int]:
    """Return what the forward pass saves, and how often.

    Raises:
        OptionError: the variant is unknown, or the number of steps no whole number from 0.
    """
    if memory not in get_args(SaveVariant):
        raise OptionError(
            f"memory must be one of {', '.join(get_args(SaveVariant))}, got {memory!r}\n"
            "mend: 'fast' is the default, 'lean' and 'states' save less and recompute more"
        )
    if checkpoint_every == 0 and not isinstance(checkpoint_every, bool):
        return cast("SaveVariant", memory), 0
    return cast("SaveVariant", memory), check_count("checkpoint_every", checkpoint_every)


def check_dtype(x: Tensor, weight: Tensor | None) -> None:
    """Refuse tensors of another dtype or device than the weights.

    Raises:
        ShapeError: the message says how to convert.
    """
    if weight is None:
        return
    if x.dtype != weight.dtype:
        raise ShapeError(
            f"got a tensor of {x.dtype}, the layer's weights are {weight.dtype}\n"
            f"mend: x.to({weight.dtype}), or layer.to({x.dtype})"
        )
    if x.device != weight.device:
        raise ShapeError(
            f"got a tensor on {x.device}, the layer's weights are on {weight.device}\n"
            f"mend: x.to('{weight.device}'), or layer.to('{x.device}')"
        )


def _checked_state(state: State | None, *, is_batched: bool) -> State | None:
    if state is None:
        return None
    _check_mapping(state)
    for name, tensor in state.items():
        check_tensor(tensor, f"state {name!r}", "[L*D, B, size]")
    return state if is_batched else {name: tensor.unsqueeze(1) for name, tensor in state.items()}


def described_options(stack: Stack) -> list[str]:
    """Return the options that differ from their defaults, as arguments, for a ``repr``."""
    options = stack.options
    given: dict[str, object] = {
        "recurrent_dropout": options.recurrent_dropout,
        "zoneout": dict(options.zoneout),
        "layer_norm": options.layer_norm,
        "learn_initial_state": options.learn_initial_state,
        "return_all_states": stack.return_all_states,
        "memory": stack.memory if stack.memory != "fast" else "",
        "checkpoint_every": stack.checkpoint_every,
    }
    return [f"{name}={value!r}" for name, value in given.items() if value]


def _check_mapping(state: object) -> None:
    if not isinstance(state, Mapping):
        raise ShapeError(
            f"got a state of type {type(state).__name__}, expected a mapping from state name to "
            "tensor\nmend: pass what the layer returned, or {'h': h, …}"
        )


def _autocast_dtype(x: Tensor) -> torch.dtype | None:
    """Return the dtype that autocast asks for, or None outside of it."""
    kind = x.device.type
    # Autocast does not know the meta device, and Dynamo not always the question whether it does.
    if x.is_meta or not torch.is_autocast_enabled(kind):
        return None
    return torch.get_autocast_dtype(kind)


def _without_autocast(x: Tensor, dtype: torch.dtype | None) -> AbstractContextManager[object]:
    """Leave autocast for a run whose tensors are cast already, as torch's own layers do."""
    return nullcontext() if dtype is None else torch.autocast(x.device.type, enabled=False)


def _cast(tensors: Mapping[str, Tensor], dtype: torch.dtype | None) -> Mapping[str, Tensor]:
    if dtype is None:
        return tensors
    return {n: t.to(dtype) if t.is_floating_point() else t for n, t in tensors.items()}
