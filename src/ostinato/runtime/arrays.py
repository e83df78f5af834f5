"""What a saved layer may be given (batched or not, either order) in one normal form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import ShapeError

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Sequences:
    """Streams in time-major, batched form, and the way back to the form they came in.

    Attributes:
        streams: input name to ``[T, B, n]``.
        lengths: steps of each row, int64 ``[B]``, or None where all rows have ``T``.
        resets: ``[T, B]``, true where the state returns to its initial value before the step.
        batch_first: the caller's streams were ``[B, T, n]``.
        is_batched: the caller's streams had a batch dimension.
    """

    streams: dict[str, Array]
    lengths: Array | None
    resets: Array | None
    batch_first: bool
    is_batched: bool

    @property
    def num_steps(self) -> int:
        """Steps T."""
        return next(iter(self.streams.values())).shape[0]

    @property
    def num_rows(self) -> int:
        """Batch rows B."""
        return next(iter(self.streams.values())).shape[1]

    def restore(self, output: Array) -> Array:
        """Return a stream ``[T, B, n]`` in the caller's form."""
        if not self.is_batched:
            return output[:, 0]
        return output.swapaxes(0, 1) if self.batch_first else output

    def restore_steps(self, states: Array) -> Array:
        """Return states of every step ``[L*D, T, B, n]``, streams in the caller's form."""
        if not self.is_batched:
            return states[:, :, 0]
        return states.swapaxes(1, 2) if self.batch_first else states

    def restore_state(self, state: Array) -> Array:
        """Return a state ``[L*D, B, n]`` in the caller's form."""
        return state if self.is_batched else state[:, 0]


def normalise(
    x: Array | Mapping[str, Array],
    sizes: Mapping[str, int],
    dtype: np.dtype[Any],
    *,
    batch_first: bool,
    lengths: Array | Sequence[int] | None,
    resets: Array | None,
) -> Sequences:
    """Bring inputs into the normal form.

    Args:
        x: ``[T, B, n]``, ``[B, T, n]`` with ``batch_first``, ``[T, n]``, or a mapping from input
            name to any of these.
        sizes: input name to its size n.
        dtype: that of the weights.
        batch_first: whether the batch dimension comes first.
        lengths: steps of each row.
        resets: ``[T, B]``, ``[B, T]`` or ``[T]``, in the order of ``x``.

    Raises:
        ShapeError: something is no array, or a shape or dtype does not fit.
    """
    given = by_name(x, sizes)
    for name, stream in given.items():
        check_array(stream, f"input {name!r}", "[T, B, I]", dtype)
    is_batched = _check_shapes(given, sizes)
    streams = {
        name: _time_major(given[name], batch_first=batch_first, is_batched=is_batched)
        for name in sizes
    }
    first = next(iter(streams.values()))
    for name, stream in streams.items():
        if stream.shape[:2] != first.shape[:2]:
            raise ShapeError(
                f"input {name!r} has {stream.shape[0]} steps and {stream.shape[1]} rows, the first "
                f"input {first.shape[0]} and {first.shape[1]}\nmend: give all inputs one T and B"
            )
    num_steps, num_rows = first.shape[0], first.shape[1]
    return Sequences(
        streams,
        _lengths(lengths, num_steps, num_rows),
        _resets(resets, num_steps, num_rows, batch_first=batch_first, is_batched=is_batched),
        batch_first,
        is_batched,
    )


def by_name(x: Array | Mapping[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """Return the inputs by name.

    Raises:
        ShapeError: the names are not those of the cell's inputs.
    """
    given = dict(x) if isinstance(x, Mapping) else {next(iter(sizes)): x}
    if given.keys() != sizes.keys():
        raise ShapeError(
            f"got inputs {', '.join(given)}, expected {', '.join(sizes)}\n"
            "mend: pass a mapping from every input's name to its array"
        )
    return given


def check_array(value: object, what: str, shape: str, dtype: np.dtype[Any]) -> None:
    """Refuse what is no array of the weights' dtype.

    Raises:
        ShapeError: the message says what was expected.
    """
    if not isinstance(value, np.ndarray):
        raise ShapeError(
            f"{what} is of type {type(value).__name__}, expected an array {shape}\n"
            f"mend: np.asarray(…, np.{dtype})"
        )
    array = cast("Array", value)
    if array.dtype != dtype:
        raise ShapeError(
            f"{what} is of {array.dtype}, the layer's weights are {dtype}\n"
            f"mend: x.astype(np.{dtype})"
        )


def check_state(
    state: Mapping[str, Array],
    sizes: Mapping[str, int],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> None:
    """Refuse a state that is not the layer's.

    Args:
        state: state name to array.
        sizes: state name to the size of its units.
        shape: of every array but for the units: ``[L*D, B]`` or ``[L*D]``.
        dtype: that of the weights.

    Raises:
        ShapeError: a name, shape or dtype does not fit.
    """
    if not isinstance(state, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ShapeError(
            f"got a state of type {type(state).__name__}, expected a mapping from state name to "
            "array\nmend: pass what the layer returned, or {'h': h, …}"
        )
    if state.keys() != sizes.keys():
        raise ShapeError(
            f"got a state with {', '.join(state) or 'no names'}, expected "
            f"{', '.join(sizes) or 'no names'}\n"
            "mend: pass the mapping that the layer returned, or None to start afresh"
        )
    letters = "[L*D, B, size]" if len(shape) > 1 else "[L*D, size]"
    for name, array in state.items():
        check_array(array, f"state {name!r}", letters, dtype)
        if array.shape != (*shape, sizes[name]):
            raise ShapeError(
                f"got state {name!r} of shape {list(array.shape)}, expected {letters} = "
                f"{[*shape, sizes[name]]}\nmend: one entry for every layer and direction, in that "
                "order"
            )


def readable(array: Array) -> Array:
    """Return an array as the engine reads it: aligned, units adjacent, steps and rows forward."""
    size = array.itemsize
    fits = array.flags.aligned and all(s >= 0 and s % size == 0 for s in array.strides)
    if fits and (array.shape[-1] <= 1 or array.strides[-1] == size):
        return array
    return np.ascontiguousarray(array)


def place(array: Array) -> tuple[int, ...]:
    """Return where an array lies: address, shape, strides in numbers."""
    size = array.itemsize
    # The strides of an array without numbers may be anything.
    strides = [stride // size for stride in array.strides] if array.size else [1] * array.ndim
    return array.ctypes.data, *array.shape, *strides


def _check_shapes(given: Mapping[str, Array], sizes: Mapping[str, int]) -> bool:
    dims = {stream.ndim for stream in given.values()}
    if len(dims) > 1 or not dims <= {2, 3}:
        shapes = ", ".join(str(list(s.shape)) for s in given.values())
        raise ShapeError(
            f"got input of shape {shapes}, expected [T, B, I], [B, T, I] with batch_first, or "
            "[T, I] for one sequence\nmend: add or remove dimensions"
        )
    for name, stream in given.items():
        if stream.shape[-1] != sizes[name]:
            raise ShapeError(
                f"got input {name!r} of shape {list(stream.shape)}, expected {sizes[name]} as its "
                "last dimension\nmend: check the order of dimensions"
            )
    return dims == {3}


def _time_major(stream: Array, *, batch_first: bool, is_batched: bool) -> Array:
    if not is_batched:
        return stream[:, None]
    return stream.swapaxes(0, 1) if batch_first else stream


def _lengths(lengths: Array | Sequence[int] | None, num_steps: int, num_rows: int) -> Array | None:
    if lengths is None:
        return None
    counts = _asarray(lengths, f"lengths must be integers of shape [{num_rows}]")
    if (counts.size and counts.dtype.kind not in "iu") or counts.ndim > 1:
        raise ShapeError(
            f"lengths must be integers of shape [{num_rows}], got {counts.dtype} of shape "
            f"{list(counts.shape)}\nmend: pass the number of steps of each row"
        )
    counts = np.ascontiguousarray(counts.reshape(-1).astype(np.int64))
    if counts.shape[0] != num_rows:
        raise ShapeError(
            f"got {counts.shape[0]} lengths for {num_rows} rows\nmend: pass one length a row"
        )
    for length in counts[(counts < 0) | (counts > num_steps)][:1]:
        raise ShapeError(
            f"lengths must lie between 0 and T = {num_steps}, got {length}\n"
            "mend: check that lengths count steps, and whether the layer is batch_first"
        )
    return counts


def _resets(
    resets: Array | None, num_steps: int, num_rows: int, *, batch_first: bool, is_batched: bool
) -> Array | None:
    if resets is None:
        return None
    flags = _asarray(resets, "resets must be booleans")
    if flags.size and flags.dtype.kind not in "biu":
        raise ShapeError(
            f"resets must be booleans, got {flags.dtype}\nmend: pass `starts.astype(bool)`"
        )
    shape = list(flags.shape)
    if not is_batched:
        flags = flags[..., None]
    elif batch_first and flags.ndim == 2:
        flags = flags.T
    if flags.shape != (num_steps, num_rows):
        raise ShapeError(
            f"got resets of shape {shape} for {num_steps} steps and {num_rows} rows\n"
            "mend: pass one flag for every step of every row, in the order of the input"
        )
    return flags.astype(bool)


def _asarray(value: object, expected: str) -> Array:
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:  # rows of different length
        raise ShapeError(f"{expected}, got {value!r}\nmend: pass one array") from error
