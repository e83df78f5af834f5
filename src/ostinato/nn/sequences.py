"""What a layer may be given (batched or not, packed, either order) in one normal form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ostinato.core.errors import OptionError, ShapeError


@dataclass(frozen=True)
class Sequences:
    """Streams in time-major, batched form, and the way back to the form they came in.

    Attributes:
        streams: input name to ``[T, B, n]``.
        lengths: steps of each row ``[B]``, or None where all rows have ``T``.
        resets: ``[T, B]``, true where the state returns to its initial value before the step.
        batch_first: the caller's streams were ``[B, T, n]``.
        is_batched: the caller's streams had a batch dimension.
        packed: the PackedSequence that the stream came as.
    """

    streams: dict[str, Tensor]
    lengths: Tensor | None
    resets: Tensor | None
    batch_first: bool
    is_batched: bool
    packed: PackedSequence | None

    def with_streams(self, streams: dict[str, Tensor]) -> Sequences:
        """Return the same sequences with other numbers."""
        return replace(self, streams=streams)

    @property
    def num_rows(self) -> int:
        """Batch rows B."""
        return next(iter(self.streams.values())).shape[1]

    def restore(self, output: Tensor) -> Tensor | PackedSequence:
        """Return a stream ``[T, B, n]`` in the caller's form."""
        if self.packed is not None:
            return _repack(output, self.packed)
        if not self.is_batched:
            return output.squeeze(1)
        return output.transpose(0, 1) if self.batch_first else output

    def restore_steps(self, states: Tensor) -> Tensor:
        """Return states of every step ``[L*D, T, B, n]``, streams in the caller's form."""
        if not self.is_batched:
            return states.squeeze(2)
        return states.transpose(1, 2) if self.batch_first else states

    def restore_state(self, state: Tensor) -> Tensor:
        """Return a state ``[L*D, B, n]`` in the caller's form."""
        return state if self.is_batched else state.squeeze(1)


def normalise(
    x: Tensor | PackedSequence | Mapping[str, Tensor],
    sizes: Mapping[str, int],
    *,
    batch_first: bool,
    lengths: Tensor | Sequence[int] | None,
    resets: Tensor | None,
) -> Sequences:
    """Bring inputs into the normal form.

    Args:
        x: ``[T, B, n]``, ``[B, T, n]`` with ``batch_first``, ``[T, n]``, packed, or a mapping from
            input name to any of the first three.
        sizes: input name to its size n.
        batch_first: whether the batch dimension of tensors comes first.
        lengths: steps of each row.
        resets: ``[T, B]``, ``[B, T]`` or ``[T]``, in the order of ``x``.

    Raises:
        ShapeError: something is no tensor, or a shape does not fit.
        OptionError: ``lengths`` or ``resets`` cannot go with a PackedSequence.
    """
    if isinstance(x, PackedSequence):
        return _unpack(x, sizes, lengths, resets)
    given = dict(x) if isinstance(x, Mapping) else {next(iter(sizes)): x}
    for name, stream in given.items():
        check_tensor(stream, f"input {name!r}", "[T, B, I]")
    _check_names(given, sizes)
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
        _lengths(lengths, num_steps, num_rows, first.device),
        _resets(resets, num_steps, num_rows, batch_first=batch_first, is_batched=is_batched),
        batch_first,
        is_batched,
        None,
    )


def _check_names(given: Mapping[str, Tensor], sizes: Mapping[str, int]) -> None:
    if given.keys() != sizes.keys():
        raise ShapeError(
            f"got inputs {', '.join(given)}, expected {', '.join(sizes)}\n"
            "mend: pass a mapping from every input's name to its tensor"
        )


def _check_shapes(given: Mapping[str, Tensor], sizes: Mapping[str, int]) -> bool:
    dims = {stream.dim() for stream in given.values()}
    if len(dims) > 1 or not dims <= {2, 3}:
        shapes = ", ".join(str(list(s.shape)) for s in given.values())
        raise ShapeError(
            f"got input of shape {shapes}, expected [T, B, I], [B, T, I] with batch_first, or "
            "[T, I] for one sequence\nmend: add or remove dimensions"
        )
    for name, stream in given.items():
        if stream.shape[-1] != sizes[name]:
            raise ShapeError(
                f"got input of shape {list(stream.shape)}, expected {sizes[name]} as its last "
                f"dimension\nmend: build the layer with input_size={stream.shape[-1]}, or check "
                "the order of dimensions"
            )
    return dims == {3}


def _time_major(stream: Tensor, *, batch_first: bool, is_batched: bool) -> Tensor:
    if not is_batched:
        return stream.unsqueeze(1)
    return stream.transpose(0, 1) if batch_first else stream


def _lengths(
    lengths: Tensor | Sequence[int] | None, num_steps: int, num_rows: int, device: torch.device
) -> Tensor | None:
    if lengths is None:
        return None
    try:
        counts = torch.as_tensor(lengths, device=device)
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"lengths must be integers of shape [{num_rows}], got {lengths!r}\n"
            "mend: pass the number of steps of each row"
        ) from error
    if counts.is_floating_point() or counts.dtype == torch.bool or counts.dim() > 1:
        raise ShapeError(
            f"lengths must be integers of shape [{num_rows}], got {counts.dtype} of shape "
            f"{list(counts.shape)}\nmend: pass the number of steps of each row"
        )
    counts = counts.reshape(-1)
    if counts.shape[0] != num_rows:
        raise ShapeError(
            f"got {counts.shape[0]} lengths for {num_rows} rows\nmend: pass one length a row"
        )
    if _has_numbers(counts) and num_rows:
        low, high = int(counts.min()), int(counts.max())
        if low < 0 or high > num_steps:
            raise ShapeError(
                f"lengths must lie between 0 and T = {num_steps}, got {low if low < 0 else high}\n"
                "mend: check that lengths count steps, and whether batch_first fits the input"
            )
    return counts


def check_tensor(value: object, what: str, shape: str) -> None:
    """Refuse what is no tensor.

    Raises:
        ShapeError: the message says what was expected.
    """
    if not isinstance(value, Tensor):
        raise ShapeError(
            f"{what} is of type {type(value).__name__}, expected a tensor {shape}\n"
            "mend: torch.as_tensor(…), or what the layer returned"
        )


def _has_numbers(tensor: Tensor) -> bool:
    """Whether the entries can be looked at: not under torch.compile, torch.func, or on meta."""
    if torch.compiler.is_compiling() or tensor.is_meta:
        return False
    # torch.func has no public question for this.
    functorch = torch._C._functorch  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownVariableType]
    return not functorch.is_functorch_wrapped_tensor(tensor)


def _resets(
    resets: Tensor | None, num_steps: int, num_rows: int, *, batch_first: bool, is_batched: bool
) -> Tensor | None:
    if resets is None:
        return None
    if resets.is_floating_point():
        raise ShapeError(f"resets must be booleans, got {resets.dtype}\nmend: pass `starts.bool()`")
    flags = resets.bool()
    if not is_batched:
        flags = flags.unsqueeze(-1)
    elif batch_first:
        flags = flags.transpose(0, 1)
    if flags.shape != (num_steps, num_rows):
        raise ShapeError(
            f"got resets of shape {list(resets.shape)} for {num_steps} steps and {num_rows} rows\n"
            "mend: pass one flag for every step of every row, in the order of the input"
        )
    return flags


def _unpack(
    packed: PackedSequence,
    sizes: Mapping[str, int],
    lengths: Tensor | Sequence[int] | None,
    resets: Tensor | None,
) -> Sequences:
    if lengths is not None or resets is not None:
        raise OptionError(
            "a PackedSequence was given together with lengths or resets\n"
            "mend: pass the padded tensor with lengths= (no sorting is needed) and resets="
        )
    if len(sizes) > 1:
        raise OptionError("a PackedSequence holds one input\nmend: pass a mapping of tensors")
    _check_shapes({next(iter(sizes)): packed.data}, sizes)
    padded, counts = pad_packed_sequence(packed)
    counts = counts.to(padded.device)
    return Sequences({next(iter(sizes)): padded}, counts, None, False, True, packed)


def _repack(output: Tensor, like: PackedSequence) -> PackedSequence:
    """Pack a stream with the rows in the very order of ``like``."""
    counts = _row_lengths(like)
    if like.sorted_indices is not None:
        output = output.index_select(1, like.sorted_indices)
    data = pack_padded_sequence(output, counts).data
    return PackedSequence(data, like.batch_sizes, like.sorted_indices, like.unsorted_indices)


def _row_lengths(packed: PackedSequence) -> Tensor:
    """Return the lengths of the rows of a PackedSequence, longest first, on the CPU."""
    rows = torch.arange(int(packed.batch_sizes[0]))
    return (packed.batch_sizes[None, :] > rows[:, None]).sum(1)
