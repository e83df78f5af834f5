"""Layers and directions: the run that every recurrent layer of the house shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from ostinato.core.caches import remember
from ostinato.core.errors import ShapeError
from ostinato.engines import Call, Result, choose
from ostinato.engines.dispatch import Again, Request, is_plain
from ostinato.engines.parameters import Stacked
from ostinato.equations.graph import Graph
from ostinato.equations.program import Program
from ostinato.equations.rewrites import RESET, VALID, Options, transform
from ostinato.equations.saves import SaveVariant
from ostinato.equations.schedule import compile_graph
from ostinato.nn.sequences import Sequences

Parameters: TypeAlias = Callable[[int, int], Mapping[str, Tensor]]
"""``(layer, direction) -> parameters of the cell by name``."""

_MOST_KNOWN: Final = 64


@lru_cache(maxsize=256)
def _compiled(graph: Graph, options: Options, *, reverse: bool) -> Program:
    return compile_graph(transform(graph, options), reverse=reverse)


@dataclass(frozen=True)
class Stack:
    """Everything about a layer but its weights.

    Attributes:
        graph: the cell's step, before options.
        options: those that hold for every call.
        sizes: dimension class to size, for each layer.
        num_directions: 1, or 2 where bidirectional.
        engine: name of an engine, or ``auto``.
        return_all_states: states are returned at every step.
        memory: what the forward pass saves for the backward pass.
        checkpoint_every: steps between saved states, 0 for every step.
    """

    graph: Graph
    options: Options
    sizes: tuple[Mapping[str, int], ...]
    num_directions: int = 1
    engine: str = "auto"
    return_all_states: bool = False
    memory: SaveVariant = "fast"
    checkpoint_every: int = 0
    step_graph: Graph = field(init=False)
    _known: dict[tuple[object, ...], _Again] = field(init=False)
    _programs: dict[tuple[bool, bool, bool, bool], Program] = field(init=False)

    def __post_init__(self) -> None:
        # Compiled here, not on first use, so that torch.compile and torch.export meet data only
        programs: dict[tuple[bool, bool, bool, bool], Program] = {}
        for training, resets, lengths, reverse in product((False, True), repeat=4):
            options = replace(self.options, training=training, resets=resets, lengths=lengths)
            if not (options.recurrent_dropout or options.zoneout):
                options = replace(options, training=False)
            if not reverse or self.num_directions == 2:
                key = (training, resets, lengths, reverse)
                programs[key] = _compiled(self.graph, options, reverse=reverse)
        object.__setattr__(self, "_programs", programs)
        object.__setattr__(self, "_known", {})
        object.__setattr__(self, "step_graph", transform(self.graph, self.options))

    def __deepcopy__(self, _: object) -> Stack:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.graph, self.options, self.sizes, self.num_directions, self.engine)
        return Stack, (*given, self.return_all_states, self.memory, self.checkpoint_every)

    @property
    def num_layers(self) -> int:
        """Layers L."""
        return len(self.sizes)

    def program(
        self, *, training: bool, resets: bool, lengths: bool, reverse: bool = False
    ) -> Program:
        """Return the program of one layer and direction."""
        return self._programs[training, resets, lengths, reverse]

    def request(self, program: Program, like: Tensor) -> Request:
        """Return what an engine is asked about a run on tensors such as ``like``."""
        return Request(program, like.dtype, like.device, self.checkpoint_every)

    def state_size(self, name: str) -> int:
        """Return the size of a state (that of every layer)."""
        return self.sizes[0][self.graph.state(name).dim]

    @property
    def output_size(self) -> int:
        """Size of the output of one direction."""
        _, value = self.graph.outputs[0]
        return self.sizes[0][self.graph.values[value].dim]

    def added_streams(self, layer: int, direction: int, like: Tensor) -> Mapping[str, Tensor]:
        """Return inputs that a subclass gives to a layer and direction, such as probes.

        Args:
            layer: which.
            direction: which.
            like: a stream of the layer, ``[T, B, n]``.
        """
        del layer, direction, like
        return {}

    def run(
        self,
        parameters: Parameters,
        sequences: Sequences,
        state: Mapping[str, Tensor] | None,
        *,
        dropout: float,
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run all layers.

        Args:
            parameters: the weights.
            sequences: the input in its normal form.
            state: state name to ``[L*D, B, n]``, or None for the initial values.
            dropout: the chance that an output is dropped between two layers.
            training: whether random masks are drawn.

        Returns:
            The output ``[T, B, D*n]`` and the states ``[L*D, B, n]``; with ``return_all_states``
            ``[L*D, T, B, n]``.
        """
        run = _StackRun(self, parameters, sequences, training=training)
        given = None if state is None else self._checked(state, sequences.num_rows)
        first = next(iter(sequences.streams.values()))
        streams = sequences.streams
        output = next(iter(streams.values()))
        for layer in range(self.num_layers):
            if layer and dropout:
                output = F.dropout(output, dropout, training)
            if layer:
                streams = {next(iter(streams)): output}
            output = run.layer(layer, streams, given)
        if run.routes:
            self._remember(first, run.routes, training=training)
        return output, {
            name: torch.stack(parts) if len(parts) > 1 else parts[0].unsqueeze(0)
            for name, parts in run.states.items()
        }

    def _key(self, x: Tensor, *, training: bool) -> tuple[object, ...]:
        return x.shape[1:], x.dtype, x.device, training

    def may_know(self, x: Tensor, *, training: bool) -> bool:
        """Whether ``run_again`` is to run calls on tensors such as ``x``, and cannot yet."""
        return (
            not self.return_all_states
            and len(self.graph.inputs) == 1
            and x.device.type == "cpu"
            and not any(isinstance(s.initial, str) for s in self.step_graph.states)
            and is_plain(x)
            and self._key(x, training=training) not in self._known
        )

    def _remember(self, x: Tensor, routes: Sequence[Again | None], *, training: bool) -> None:
        """Note a call that was run, so that ``run_again`` need not check those like it."""
        found = [route for route in routes if route is not None]
        if len(found) < len(routes):
            return
        places, rows = self.num_layers * self.num_directions, x.shape[1]
        states = {s.name: (places, rows, self.state_size(s.name)) for s in self.graph.states}
        values = {s.name: s.initial for s in self.step_graph.states}
        with torch.inference_mode(mode=False):  # others may need gradients
            starts = [x.new_full(shape[1:], float(values[n])) for n, shape in states.items()]
        made = _Again(found, states, starts)
        remember(self._known, self._key(x, training=training), made, _MOST_KNOWN)

    def run_again(
        self,
        parameters: Parameters,
        x: Tensor,
        state: Mapping[str, Tensor] | None,
        *,
        dropout: float,
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]] | None:
        """Run a call like one before, whose checks need not be made again; None if there is none.

        Args:
            parameters: the weights.
            x: the input ``[T, B, I]``.
            state: state name to ``[L*D, B, n]``, or None for the initial values.
            dropout: the chance that an output is dropped between two layers.
            training: whether it is.
        """
        if not is_plain(x):
            return None
        known = self._known.get(self._key(x, training=training))
        if known is None or not known.fits(state, x):
            return None
        output = x
        finals: list[list[Tensor]] = [[] for _ in known.starts]
        for layer in range(self.num_layers):
            if layer and dropout:
                output = F.dropout(output, dropout, training)
            parts: list[Tensor] = []
            for direction in range(self.num_directions):
                weights = parameters(layer, direction)
                if not _is_alike(weights, x):
                    return None
                index = layer * self.num_directions + direction
                initial = known.starts
                if state is not None:
                    initial = [state[name][index] for name in known.states]
                part, *final = known.routes[index]((output,), weights, initial)
                parts.append(part)
                for tensors, tensor in zip(finals, final, strict=True):
                    tensors.append(tensor)
            output = parts[0] if len(parts) == 1 else torch.cat(parts, -1)
        return output, {
            name: torch.stack(tensors) if len(tensors) > 1 else tensors[0].unsqueeze(0)
            for name, tensors in zip(known.states, finals, strict=True)
        }

    def _checked(self, state: Mapping[str, Tensor], num_rows: int) -> Mapping[str, Tensor]:
        names = [s.name for s in self.graph.states]
        if set(state) != set(names):
            raise ShapeError(
                f"got a state with {', '.join(state) or 'no names'}, expected {', '.join(names)}\n"
                "mend: pass the mapping that the layer returned, or None to start afresh"
            )
        for name, tensor in state.items():
            expected = [self.num_layers * self.num_directions, num_rows, self.state_size(name)]
            if list(tensor.shape) != expected:
                raise ShapeError(
                    f"got state {name!r} of shape {list(tensor.shape)}, expected [L*D, B, size] = "
                    f"{expected}\nmend: one entry for every layer and direction, in that order"
                )
        return state


@dataclass(frozen=True)
class _Again:
    """Calls of one shape.

    Attributes:
        routes: how every layer and direction is run.
        states: state name to the shape of a state that is given, ``[L*D, B, n]``.
        starts: the initial states ``[B, n]`` where none is given.
    """

    routes: list[Again]
    states: dict[str, tuple[int, ...]]
    starts: list[Tensor]

    def fits(self, state: Mapping[str, Tensor] | None, x: Tensor) -> bool:
        """Whether a state is as it must be."""
        if state is None:
            return True
        return state.keys() == self.states.keys() and all(
            type(tensor) in (Tensor, torch.nn.Parameter)
            and tensor.shape == shape
            and tensor.dtype == x.dtype
            and tensor.device == x.device
            for tensor, shape in zip(
                (state[name] for name in self.states), self.states.values(), strict=True
            )
        )


def _is_alike(weights: Mapping[str, Tensor], x: Tensor) -> bool:
    """Whether weights have an input's dtype and device, as far as a call with checks asks."""
    if isinstance(weights, Stacked):
        first = weights.stacks[0][0] if weights.stacks else None
    else:
        first = next(iter(weights.values()), None)
    return first is None or (first.dtype == x.dtype and first.device == x.device)


class _StackRun:
    """One call of a layer."""

    def __init__(
        self, stack: Stack, parameters: Parameters, sequences: Sequences, *, training: bool
    ) -> None:
        self.stack = stack
        self.parameters = parameters
        self.sequences = sequences
        self.training = training
        self.states: dict[str, list[Tensor]] = {s.name: [] for s in stack.graph.states}
        first = next(iter(sequences.streams.values()))
        self.valid = _valid(sequences.lengths, first.shape[0])
        self.seed = self._draw_seed(first.device)
        is_plain_call = self.valid is None and sequences.resets is None
        self.learns = is_plain_call and stack.may_know(first, training=training)
        self.routes: list[Again | None] = []

    def _draw_seed(self, device: torch.device) -> Tensor | None:
        options = self.stack.options
        if not (self.training and (options.recurrent_dropout or options.zoneout)):
            return None
        return torch.randint(1 << 62, (), dtype=torch.int64, device=device)

    def layer(
        self, layer: int, streams: Mapping[str, Tensor], given: Mapping[str, Tensor] | None
    ) -> Tensor:
        outputs: list[Tensor] = []
        for direction in range(self.stack.num_directions):
            result = self._direction(layer, direction, streams, given)
            outputs.extend(result.outputs.values())
            kept = result.states if self.stack.return_all_states else result.final
            for name, parts in self.states.items():
                parts.append(kept[name])
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)

    def _direction(
        self,
        layer: int,
        direction: int,
        streams: Mapping[str, Tensor],
        given: Mapping[str, Tensor] | None,
    ) -> Result:
        stack = self.stack
        program = stack.program(
            training=self.training,
            resets=self.sequences.resets is not None,
            lengths=self.valid is not None,
            reverse=bool(direction),
        )
        parameters = self.parameters(layer, direction)
        index = layer * stack.num_directions + direction
        like = next(iter(streams.values()))
        initial = (
            self._initial(parameters, like)
            if given is None
            else {name: tensor[index] for name, tensor in given.items()}
        )
        call = Call(
            inputs={
                **streams,
                **stack.added_streams(layer, direction, like),
                **self._row_streams(direction),
            },
            parameters=parameters,
            initial=initial,
            sizes=stack.sizes[layer],
            seed=None if self.seed is None else self.seed + index,
            states=tuple(self.states) if stack.return_all_states else (),
            memory=stack.memory,
            checkpoint_every=stack.checkpoint_every,
        )
        engine = choose(stack.engine, stack.request(program, like))
        if self.learns:
            self.routes.append(engine.prepare(program, call))
        return engine.run(program, call)

    def _initial(self, parameters: Mapping[str, Tensor], like: Tensor) -> dict[str, Tensor]:
        initial: dict[str, Tensor] = {}
        for state in self.stack.step_graph.states:
            shape = (like.shape[1], self.stack.state_size(state.name))
            if isinstance(state.initial, str):
                initial[state.name] = parameters[state.initial].expand(shape)
            else:
                initial[state.name] = like.new_full(shape, state.initial)
        return initial

    def _row_streams(self, direction: int) -> dict[str, Tensor]:
        """Return the flags of every step: where a document starts, the reverse run ends it."""
        streams: dict[str, Tensor] = {}
        resets = self.sequences.resets
        if resets is not None and direction:
            kept = resets if self.valid is None else resets & self.valid
            resets = torch.cat([kept[1:], torch.zeros_like(kept[:1])])
        if resets is not None:
            streams[RESET] = resets[..., None]
        if self.valid is not None:
            streams[VALID] = self.valid[..., None]
        return streams


def _valid(lengths: Tensor | None, num_steps: int) -> Tensor | None:
    """Return ``[T, B]``, true up to the length of each row."""
    if lengths is None:
        return None
    return torch.arange(num_steps, device=lengths.device)[:, None] < lengths
