"""A saved layer over whole sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from ostinato.core.checks import check_count, check_streamable
from ostinato.core.errors import ModelFileError, ShapeError
from ostinato.engines.native.executor import BufferSpec, Executor, Precision, fitting
from ostinato.engines.native.lower import Request
from ostinato.equations.description import LayerDescription, place_suffix
from ostinato.equations.program import Program
from ostinato.equations.rewrites import RESET, transform
from ostinato.equations.schedule import compile_graph
from ostinato.runtime.arrays import (
    Array,
    Sequences,
    check_array,
    check_state,
    normalise,
    place,
    readable,
)

if TYPE_CHECKING:
    from ostinato.runtime.stream import Stream

WEIGHTS_KEY: Final = 0
"""An executor belongs to one place of one layer, whose weights never change."""


class Layer:
    """A stack of programs with weights, as ``ostinato.nn.save`` wrote it; see ``runtime.load``.

    What is random in training is what it is in evaluation: dropout does nothing, zoneout mixes the
    old state with the new one. Several threads may call one layer.

    Attributes:
        description: equations, options and sizes.
        dtype: of inputs, outputs and states: float32, or float64. Weights of 16 bits were
            converted to float32.
        num_threads: at most so many work on one call.
        program_rows: the programs are those that suit so many rows; None for the rows of a call.
        places: the directions of every layer, from the bottom.
    """

    program_rows: int | None = None

    def __init__(
        self, description: LayerDescription, weights: Mapping[str, Array], num_threads: int
    ) -> None:
        self.description = description
        self.num_threads = check_count("num_threads", num_threads)
        self.dtype = np.dtype(np.float64 if description.dtype == "float64" else np.float32)
        self._check_weights(weights)
        self.places = [
            Place(self, layer, direction, weights)
            for layer in range(self.num_layers)
            for direction in range(self.num_directions)
        ]

    def _check_weights(self, weights: Mapping[str, Array]) -> None:
        expected = self.description.weight_shapes()
        shapes = {name: array.shape for name, array in weights.items()}
        for name in dict.fromkeys((*expected, *shapes)):
            if shapes.get(name) != expected.get(name):
                raise ModelFileError(
                    f"the weights are of another layer: `{name}` is {shapes.get(name, 'absent')} "
                    f"among them and {expected.get(name, 'absent')} by its description\n"
                    "mend: save the layer again"
                )

    @property
    def num_layers(self) -> int:
        """Layers L."""
        return len(self.description.sizes)

    @property
    def num_directions(self) -> int:
        """Directions D."""
        return self.description.num_directions

    @cached_property
    def input_sizes(self) -> dict[str, int]:
        """Size of every input by name."""
        return {
            i.name: self.description.sizes[0][i.dim] for i in self.description.cell.graph.inputs
        }

    @cached_property
    def state_sizes(self) -> dict[str, int]:
        """Size of every state by name."""
        return {
            s.name: self.description.sizes[0][s.dim] for s in self.description.cell.graph.states
        }

    @cached_property
    def output_size(self) -> int:
        """The last dimension of the output: D times the size of the cell's output."""
        graph = self.description.cell.graph
        size = self.description.sizes[-1][graph.values[graph.outputs[0][1]].dim]
        return size * self.num_directions

    def __repr__(self) -> str:
        cell = self.description.cell
        return (
            f"{type(self).__name__}({cell.name or cell.to_text()!r}, inputs={self.input_sizes}, "
            f"states={self.state_sizes}, num_layers={self.num_layers}, "
            f"num_directions={self.num_directions}, dtype={self.dtype})"
        )

    def __call__(
        self,
        x: Array | Mapping[str, Array],
        state: Mapping[str, Array] | None = None,
        lengths: Array | Sequence[int] | None = None,
        resets: Array | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """Run over whole sequences.

        Args:
            x: ``[T, B, I]``, ``[B, T, I]`` where the layer is batch first, ``[T, I]``, or a mapping
                from input name to array.
            state: state name to ``[L*D, B, size]`` (``[L*D, size]`` for one sequence); None starts
                at the cell's initial values.
            lengths: steps of each row ``[B]``, in any order. Past its end a row's state holds and
                its output is 0; what the padding holds changes nothing.
            resets: booleans in the order of ``x`` without its last dimension: before these steps
                the state returns to the cell's initial values.

        Returns:
            The output (``[T, B, D*O]`` in the form of ``x``) and the states after the last step by
            name, ``[L*D, B, size]``; of a layer with ``return_all_states`` those of every step,
            ``[L*D, T, B, size]``.

        Raises:
            ShapeError: a shape, dtype or name does not fit.
        """
        sequences = normalise(
            x,
            self.input_sizes,
            self.dtype,
            batch_first=self.description.batch_first,
            lengths=lengths,
            resets=resets,
        )
        if state is not None:
            rows = (sequences.num_rows,) if sequences.is_batched else ()
            check_state(state, self.state_sizes, (len(self.places), *rows), self.dtype)
            if not sequences.is_batched:
                state = {name: array[:, None] for name, array in state.items()}
        output, states = self._run(sequences, state)
        every = self.description.return_all_states
        restore = sequences.restore_steps if every else sequences.restore_state
        return sequences.restore(output), {name: restore(s) for name, s in states.items()}

    def step(
        self, x: Array | Mapping[str, Array], state: Mapping[str, Array] | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Run one step; ``stream`` does so without making new arrays.

        Args:
            x: ``[B, I]``, or ``[I]`` for one stream; or a mapping from input name to array.
            state: as returned by the step before; None at the start.

        Returns:
            The output ``[B, O]`` or ``[O]``, and the state to pass on.

        Raises:
            OptionError: the layer is bidirectional, so it must see the end first.
            ShapeError: a shape, dtype or name does not fit.
        """
        check_streamable(self.num_directions)
        like = cast("object", next(iter(x.values()), None) if isinstance(x, Mapping) else x)
        check_array(like, "the input of a step", "[B, I]", self.dtype)
        num_dims = cast("Array", like).ndim
        if num_dims not in (1, 2):
            raise ShapeError(
                f"got a step of shape {list(cast('Array', like).shape)}, expected [B, I], or [I] "
                "for one stream\nmend: pass one step, x[t]; whole sequences go to the layer itself"
            )
        axis = 1 if self.description.batch_first and num_dims == 2 else 0
        one = (
            {name: np.expand_dims(a, axis) for name, a in x.items()}
            if isinstance(x, Mapping)
            else np.expand_dims(x, axis)
        )
        output, states = self(one, state)
        if self.description.return_all_states:
            states = {name: s.take(0, 1 + axis) for name, s in states.items()}
        return output.take(0, axis), states

    def stream(self, num_rows: int = 1) -> Stream:
        """Return a stream of single steps that holds its state and all memory that it needs.

        Args:
            num_rows: B, streams that go side by side.

        Raises:
            OptionError: the layer is bidirectional, so it must see the end first.
        """
        from ostinato.runtime.stream import Stream

        return Stream(self, num_rows)

    def initial_state(self, num_rows: int) -> dict[str, Array]:
        """Return the cell's initial values, ``[L*D, B, size]`` by name."""
        found = {
            name: np.empty((len(self.places), num_rows, size), self.dtype)
            for name, size in self.state_sizes.items()
        }
        for k, one in enumerate(self.places):
            for name, value in one.initial.items():
                found[name][k] = value
        return found

    def _run(
        self, sequences: Sequences, state: Mapping[str, Array] | None
    ) -> tuple[Array, dict[str, Array]]:
        num_steps, num_rows = sequences.num_steps, sequences.num_rows
        given = self.initial_state(num_rows) if state is None else state
        every = self.description.return_all_states
        steps = (num_steps,) if every else ()
        states = {
            name: np.empty((len(self.places), *steps, num_rows, size), self.dtype)
            for name, size in self.state_sizes.items()
        }
        streams = {name: readable(stream) for name, stream in sequences.streams.items()}
        output = np.empty(0, self.dtype)
        for layer in range(self.num_layers):
            places = self.places[layer * self.num_directions : (layer + 1) * self.num_directions]
            width = places[0].output_size
            shape = num_steps, num_rows, width * self.num_directions
            output = (np.empty if sequences.lengths is None else np.zeros)(shape, self.dtype)
            for k, one in enumerate(places, layer * self.num_directions):
                first = width * one.direction
                one.run(
                    replace(sequences, streams=streams),
                    {name: array[k] for name, array in given.items()},
                    output[..., first : first + width],
                    {name: array[k] for name, array in states.items()},
                )
            streams = {next(iter(streams)): output}
        return output, states


class Place:
    """One direction of one layer: its weights, and its programs as they are asked for."""

    def __init__(
        self, owner: Layer, layer: int, direction: int, weights: Mapping[str, Array]
    ) -> None:
        description = owner.description
        self.direction = direction
        self.sizes = description.sizes[layer]
        self._owner = owner
        self._graph, self._options = description.cell.graph, description.options
        self._programs: dict[tuple[bool, bool], Program] = {}
        self._executors: dict[tuple[bool, bool, bool, bool], Executor] = {}
        graph = transform(self._graph, self._options)
        suffix = place_suffix(layer, direction)
        self.weights = {
            p.name: np.ascontiguousarray(np.atleast_1d(weights[f"{p.name}{suffix}"]), owner.dtype)
            for p in graph.parameters
        }
        self.initial = {
            s.name: self.weights[s.initial] if isinstance(s.initial, str) else s.initial
            for s in graph.states
        }
        self.output_size = self.sizes[graph.values[graph.outputs[0][1]].dim]
        self.output_name = f"output:{graph.outputs[0][0]}"

    @property
    def precision(self) -> Precision:
        """As the engine names it."""
        return "float64" if self._owner.dtype == np.float64 else "float32"

    def executor(self, num_rows: int, *, resets: bool = False, lengths: bool = False) -> Executor:
        """Return what runs calls of a kind; the weights that it packs are those of this place."""
        if (resets, lengths) not in self._programs:
            options = replace(self._options, resets=resets, lengths=lengths)
            self._programs[resets, lengths] = compile_graph(
                transform(self._graph, options), reverse=bool(self.direction)
            )
        program = self._programs[resets, lengths]
        fuse, sink = fitting(program, self.sizes, self._owner.program_rows or num_rows)
        key = fuse, sink, resets, lengths
        if key not in self._executors:
            wanted = tuple(self.initial) if self._owner.description.return_all_states else ()
            request = Request(states=wanted, trim=lengths, fuse=fuse, sink=sink)
            self._executors[key] = Executor(program, self.sizes, request)
        return self._executors[key]

    def run(
        self,
        sequences: Sequences,
        initial: Mapping[str, Array],
        output: Array,
        states: Mapping[str, Array],
    ) -> None:
        """Run over whole sequences.

        Args:
            sequences: the input of this layer.
            initial: state name to ``[B, n]``.
            output: ``[T, B, n]``, filled.
            states: state name to ``[B, n]`` after the last step, or ``[T, B, n]`` where every step
                is wanted; filled.
        """
        num_steps, num_rows, lengths = sequences.num_steps, sequences.num_rows, sequences.lengths
        every = self._owner.description.return_all_states
        has_resets = sequences.resets is not None
        executor = self.executor(num_rows, resets=has_resets, lengths=lengths is not None)
        buffers = {executor.streams[self.output_name]: output}
        buffers |= {f"input:{name}": stream for name, stream in sequences.streams.items()}
        buffers |= {f"parameter:{name}": weight for name, weight in self.weights.items()}
        buffers |= {f"initial:{name}": readable(array) for name, array in initial.items()}
        if has_resets:
            buffers[f"input:{RESET}"] = self._resets(sequences)[..., None].astype(output.dtype)
        if not every:
            buffers |= {f"final:{name}": array for name, array in states.items()}
        for spec in executor.made:
            if spec.name not in buffers:
                buffers[spec.name] = self._made(spec, sequences)
        executor.engine(self.precision).run_at(
            num_steps,
            num_rows,
            [place(buffers[spec.name]) for spec in executor.buffers],
            lengths,
            num_threads=self._owner.num_threads,
            weights_key=WEIGHTS_KEY,
        )
        if every:
            for name, array in states.items():
                stream = buffers[executor.streams[f"state:{name}"]]
                array[...] = self._held(stream, initial[name], lengths)

    def _made(self, spec: BufferSpec, sequences: Sequences) -> Array:
        shape = spec.shape(sequences.num_steps, sequences.num_rows)
        is_ragged = sequences.lengths is not None and spec.kind == "stream"
        return (np.zeros if is_ragged else np.empty)(shape, self._owner.dtype)

    def _resets(self, sequences: Sequences) -> Array:
        """Return the steps that start afresh: a document's start is the end of it in reverse."""
        resets = cast("Array", sequences.resets)
        if not self.direction:
            return resets
        if sequences.lengths is not None:
            resets = resets & (np.arange(sequences.num_steps)[:, None] < sequences.lengths)
        return np.concatenate([resets[1:], np.zeros_like(resets[:1])])

    def _held(self, stream: Array, initial: Array, lengths: Array | None) -> Array:
        """Return a state at every step, past the end of a row as it is there."""
        if lengths is None:
            return stream
        held = initial
        if not self.direction and stream.shape[0]:
            last = np.take_along_axis(stream, np.maximum(lengths - 1, 0)[None, :, None], 0)[0]
            held = np.where(lengths[:, None] > 0, last, initial)
        valid = cast("Any", np.arange(stream.shape[0])[:, None, None]) < lengths[:, None]
        return np.where(valid, stream, held)
