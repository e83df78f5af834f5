"""A saved layer, one step at a time, in memory that is set up once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from ostinato.core.checks import check_count, check_streamable
from ostinato.core.errors import OptionError, ShapeError
from ostinato.runtime.arrays import Array, by_name, check_array, check_state, place
from ostinato.runtime.layer import WEIGHTS_KEY, Layer


class Stream:
    """The steps of B streams side by side; made by ``Layer.stream``.

    One thread at a time may use it.

    Args:
        layer: runs forward only.
        num_rows: B.

    Raises:
        OptionError: the layer is bidirectional, so it must see the end first.
    """

    def __init__(self, layer: Layer, num_rows: int = 1) -> None:
        check_streamable(layer.num_directions)
        self.layer = layer
        self.num_rows = check_count("num_rows", num_rows)
        self._dtype = layer.dtype
        self._inputs = {
            name: np.zeros((1, self.num_rows, size), self._dtype)
            for name, size in layer.input_sizes.items()
        }
        self._state = layer.initial_state(self.num_rows)
        self._held: list[Array] = []  # the memory behind the addresses that the engine knows
        self._steps: list[Callable[[], None]] = []
        streams = self._inputs
        output = np.empty(0, self._dtype)
        for k in range(layer.num_layers):
            output = self._add_layer(k, streams)
            streams = {next(iter(streams)): output}
        self._output = output[0]
        self._views: dict[tuple[int, ...], tuple[Array, Array]] = {}
        if len(self._inputs) == 1:
            source = next(iter(self._inputs.values()))[0]
            self._views[source.shape] = source, self._output
            if self.num_rows == 1:
                self._views[source[0].shape] = source[0], self._output[0]

    def _add_layer(self, k: int, streams: Mapping[str, Array]) -> Array:
        """Set up the steps of one layer, which reads the memory that the layer below fills."""
        one = self.layer.places[k]
        executor = one.executor(self.num_rows)
        buffers = {f"input:{name}": stream for name, stream in streams.items()}
        buffers |= {f"parameter:{name}": weight for name, weight in one.weights.items()}
        buffers |= {f"initial:{name}": array[k] for name, array in self._state.items()}
        for spec in executor.made:
            buffers[spec.name] = np.zeros(spec.shape(1, self.num_rows), self._dtype)
        order = {spec.name: index for index, spec in enumerate(executor.buffers)}
        stream = executor.engine(one.precision).stream(
            self.num_rows,
            [place(buffers[name]) for name in order],
            [(order[f"final:{name}"], order[f"initial:{name}"]) for name in self._state],
            num_threads=self.layer.num_threads,
            weights_key=WEIGHTS_KEY,
        )
        self._held += buffers.values()
        self._steps.append(stream.step)
        return buffers[executor.streams[one.output_name]]

    def step(self, x: Array | Mapping[str, Array]) -> Array:
        """Run one step.

        Args:
            x: ``[B, I]``; ``[I]`` where B is 1; or a mapping from input name to such arrays.

        Returns:
            The output ``[B, O]``, or ``[O]`` for ``[I]``. It is a view of the stream's own memory,
            which the next step overwrites: copy what is to stay.

        Raises:
            ShapeError: a shape, dtype or name does not fit; the state is as it was.
        """
        if isinstance(x, np.ndarray) and x.dtype == self._dtype:
            found = self._views.get(x.shape)
            if found is not None:
                source, output = found
                source[...] = x
                for step in self._steps:
                    step()
                return output
        return self._step_of_any(x)

    def _step_of_any(self, x: Array | Mapping[str, Array]) -> Array:
        """Run one step on several inputs, or say what is wrong with the one."""
        sizes = self.layer.input_sizes
        given = by_name(x, sizes)
        for name, array in given.items():
            check_array(array, f"input {name!r}", "[B, I]", self._dtype)
        is_single = self.num_rows == 1 and next(iter(given.values())).ndim == 1
        rows = () if is_single else (self.num_rows,)
        for name, array in given.items():
            if array.shape != (*rows, sizes[name]):
                raise ShapeError(
                    f"got a step of input {name!r} of shape {list(array.shape)}, expected "
                    f"{'[I]' if is_single else '[B, I]'} = {[*rows, sizes[name]]}\n"
                    "mend: pass one step, x[t], of as many rows as the stream was made for"
                )
        for name, array in given.items():
            self._inputs[name][...] = array
        for step in self._steps:
            step()
        return self._output[0] if is_single else self._output

    @property
    def state(self) -> dict[str, Array]:
        """The state after the last step, ``[L, B, size]`` by name: copies, to be set again.

        Where B is 1, ``[L, size]`` may be set, too.

        Raises:
            ShapeError: what is set is not a state of this layer.
        """
        return {name: array.copy() for name, array in self._state.items()}

    @state.setter
    def state(self, state: Mapping[str, Array]) -> None:
        layer, rows = self.layer, (self.num_rows,)
        if self.num_rows == 1 and _are_unbatched(state):
            rows = ()
        check_state(state, layer.state_sizes, (layer.num_layers, *rows), self._dtype)
        for name, array in self._state.items():
            array[...] = state[name].reshape(array.shape)

    def state_of(self, row: int) -> dict[str, Array]:
        """Return a copy of one row's state, ``[L, size]`` by name.

        Raises:
            OptionError: there is no such row.
        """
        self._check_row(row)
        return {name: array[:, row].copy() for name, array in self._state.items()}

    def set_state_of(self, row: int, state: Mapping[str, Array]) -> None:
        """Set one row's state, ``[L, size]`` by name; the other rows stay as they are.

        Raises:
            OptionError: there is no such row.
            ShapeError: it is not a state of this layer.
        """
        self._check_row(row)
        check_state(state, self.layer.state_sizes, (self.layer.num_layers,), self._dtype)
        for name, array in self._state.items():
            array[:, row] = state[name]

    def reset(self, row: int | None = None) -> None:
        """Return to the initial values, in one row or in all.

        Raises:
            OptionError: there is no such row.
        """
        if row is not None:
            self._check_row(row)
        rows = slice(None) if row is None else slice(row, row + 1)
        for name, value in self.layer.initial_state(1).items():
            self._state[name][:, rows] = value

    def _check_row(self, row: int) -> None:
        if row not in range(self.num_rows):
            raise OptionError(
                f"got row {row!r}, expected 0 to {self.num_rows - 1}\nmend: name a row, or none"
            )


def _are_unbatched(state: object) -> bool:
    if not isinstance(state, Mapping):
        return False
    arrays = cast("Mapping[str, object]", state).values()
    return all(isinstance(a, np.ndarray) and a.ndim == 2 for a in arrays)
