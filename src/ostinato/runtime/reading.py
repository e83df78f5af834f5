"""What reads a source, in numpy; see ``ostinato.models.readers``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import numpy as np

from ostinato.core.errors import ModelFileError
from ostinato.models.picture_layout import grid_of, halved, num_groups
from ostinato.runtime.arrays import Array
from ostinato.runtime.parts import Linear, Stack, Units, Weights, damaged, valid_steps

_EPSILON: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    Attributes:
        memory: a vector for each step of the source ``[S, B, F]``, 0 in the padding.
        lengths: ``[B]``, steps of each row of the memory.
        summary: one vector for each row ``[B, F]``: the context vector.
        state: for each layer what a decoder's state starts from, ``[B, F]`` of its own F.
    """

    memory: Array
    lengths: Array
    summary: Array
    state: list[Array]


class Reader(Protocol):
    """What reads.

    Attributes:
        memory_size: ``F`` of the memory.
        summary_size: ``F`` of the summary.
        state_sizes: for each layer, that of the state.
    """

    memory_size: int
    summary_size: int
    state_sizes: list[int]

    def __call__(self, inputs: Mapping[str, Array], lengths: Array) -> Reading:
        """Return what was read of a batch."""
        ...


def reader_of(data: Mapping[str, Any], weights: Weights, num_threads: int) -> Reader:
    """Return what reads.

    Args:
        data: ``source`` and ``encoder`` of the description of a network.
        weights: of the reader.
        num_threads: at most so many work on one call.

    Raises:
        ModelFileError: description or weights are damaged, or only torch can read such sources.
    """
    given: Any = data.get("source")
    source = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    match source.get("kind"):
        case "nothing":
            return _NoReader()
        case "pictures":
            return _ImageReader(source, weights)
        case "units":
            steps = _UnitSteps(weights.part("inputs"), _whole(source, "num_symbols"))
        case "frames":
            steps = _FrameSteps(weights.part("inputs"))
        case str(kind):
            raise ModelFileError(
                f"it reads {kind}, which needs torch\nmend: ostinato.load_run(…) with torch"
            )
        case _:
            raise damaged("source")
    encoder: Any = data.get("encoder")
    if not isinstance(encoder, dict):
        raise damaged("encoder")
    stack = Stack(cast("dict[str, Any]", encoder), weights.part("encoder"), steps.size, num_threads)
    return _SequenceReader(steps, stack)


def _whole(data: Mapping[str, Any], key: str) -> int:
    found = data.get(key)
    if type(found) is not int or found < 1:
        raise damaged(key)
    return found


class _UnitSteps:
    """A vector for each unit of ``inputs["ids"]``."""

    def __init__(self, weights: Weights, num_symbols: int) -> None:
        self._units = Units(weights, num_symbols)
        self.size = self._units.size

    def __call__(self, inputs: Mapping[str, Array], lengths: Array) -> Array:  # noqa: ARG002
        return self._units(inputs["ids"])


class _FrameSteps:
    """``(x - mean) / scale`` of ``inputs["frames"]``, through a dense layer where there is one."""

    def __init__(self, weights: Weights) -> None:
        self._mean = weights.take("mean", None)
        self.size = len(self._mean)
        self._scale = weights.take("scale", self.size)
        self._projection = None
        if weights.get("projection.weight") is not None:
            self._projection = Linear(weights.part("projection"), self.size)
            self.size = self._projection.output_size

    def __call__(self, inputs: Mapping[str, Array], lengths: Array) -> Array:
        frames = inputs["frames"]
        is_there = valid_steps(lengths, len(frames))[..., None] & ~np.isnan(frames)
        vectors = np.where(is_there, (frames - self._mean) / self._scale, np.float32(0))
        return vectors if self._projection is None else np.maximum(self._projection(vectors), 0)


class _SequenceReader:
    """The outputs of recurrent layers as memory, the last of each direction as summary."""

    def __init__(self, steps: _UnitSteps | _FrameSteps, stack: Stack) -> None:
        self._steps = steps
        self._stack = stack
        self.memory_size = self.summary_size = stack.output_size
        self._holds_output = stack.cell.output in stack.cell.states
        directions = stack.num_directions
        self.state_sizes = [directions * sum(each.values()) for each in stack.state_sizes]
        if not self._holds_output:
            self.state_sizes[-1] += self.summary_size

    def __call__(self, inputs: Mapping[str, Array], lengths: Array) -> Reading:
        stack = self._stack
        steps, state = stack.run(self._steps(inputs, lengths), lengths)
        memory = np.where(valid_steps(lengths, len(steps))[..., None], steps, 0)
        size = stack.output_size // stack.num_directions
        rows = np.arange(len(lengths))
        last = [memory[np.maximum(lengths - 1, 0), rows, :size]]
        if stack.num_directions > 1:
            last.append(memory[0, :, size:])
        summary = np.concatenate(last, -1)
        is_empty = lengths[:, None] == 0
        states = [np.where(is_empty, 0, each) for each in stack.layer_states(state)]
        if not self._holds_output:
            states[-1] = np.concatenate([states[-1], summary], -1)
        return Reading(memory, lengths, summary, states)


class _NoReader:
    """Nothing: the state that a decoder starts from is learned."""

    memory_size = summary_size = 1

    def __init__(self) -> None:
        self.state_sizes = [1]

    def __call__(self, inputs: Mapping[str, Array], lengths: Array) -> Reading:  # noqa: ARG002
        nothing = np.zeros((len(lengths), 1), np.float32)
        return Reading(nothing[None], np.ones_like(lengths), nothing, [nothing])


class _ImageReader:
    """The places of a picture's features as memory; ``inputs["images"]``, ``[B, C, H, W]``."""

    def __init__(self, data: Mapping[str, Any], weights: Weights) -> None:
        num_channels = _whole(data, "num_channels")
        height, width = _whole(data, "height"), _whole(data, "width")
        self._shape = num_channels, height, width
        self._mean = weights.take("mean", num_channels)[:, None, None]
        self._scale = weights.take("scale", num_channels)[:, None, None]
        self._blocks: list[_Block] = []
        features = num_channels
        while weights.get(f"convolutions.{5 * len(self._blocks)}.weight") is not None:
            self._blocks.append(
                _Block(weights.part("convolutions"), 5 * len(self._blocks), features)
            )
            features = self._blocks[-1].num_features
            height, width = halved(height), halved(width)
        self._place = Linear(weights.part("place"), features + 2)
        self._grid = grid_of(height, width)
        self.memory_size = self.summary_size = self._place.output_size
        self.state_sizes = [self.memory_size]
        num_summarised = self.memory_size * math.prod(self._grid)
        self._whole = Linear(weights.part("whole"), num_summarised, self.memory_size)

    def __call__(self, inputs: Mapping[str, Array], lengths: Array) -> Reading:  # noqa: ARG002
        pictures = inputs["images"]
        # One after the other: the windows of a convolution take nine times a picture's room.
        read = [self._read(picture) for picture in pictures]
        memory = np.stack([places for places, _ in read], 1)
        summary = np.stack([summary for _, summary in read])
        counts = np.full(len(read), len(memory), np.int64)
        return Reading(memory, counts, summary, [summary])

    def _read(self, picture: Array) -> tuple[Array, Array]:
        """Return memory ``[H*W, F]`` and summary ``[F]`` of one picture ``[C, H, W]``."""
        features = (picture.astype(np.float32) - self._mean) / self._scale
        for block in self._blocks:
            features = block(features)
        _, height, width = features.shape
        down, across = np.meshgrid(_coordinates(height), _coordinates(width), indexing="ij")
        places = np.concatenate([features, down[None], across[None]]).transpose(1, 2, 0)
        seen = np.maximum(self._place(places), 0)  # [H, W, F]
        pooled = _means(_means(seen, 0, self._grid[0]), 1, self._grid[1])
        summary = np.tanh(self._whole(pooled.transpose(2, 0, 1).reshape(-1)))
        return seen.reshape(-1, seen.shape[-1]), summary


class _Block:
    """Two convolutions, of which the second takes every second place, normalised."""

    def __init__(self, weights: Weights, first: int, num_channels: int) -> None:
        self._first = weights.take(f"{first}.weight", None, num_channels, 3, 3)
        self.num_features = size = self._first.shape[0]
        self._first_bias = weights.take(f"{first}.bias", size)
        self._second = weights.take(f"{first + 2}.weight", size, size, 3, 3)
        self._second_bias = weights.take(f"{first + 2}.bias", size)
        self._gain = weights.take(f"{first + 3}.weight", size)[:, None, None]
        self._shift = weights.take(f"{first + 3}.bias", size)[:, None, None]

    def __call__(self, features: Array) -> Array:
        features = np.maximum(_convolved(features, self._first, self._first_bias, 1), 0)
        features = _convolved(features, self._second, self._second_bias, 2)
        groups = features.reshape(num_groups(self.num_features), -1)
        centred = groups - groups.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        normal = (centred / np.sqrt(variance + _EPSILON)).reshape(features.shape)
        return np.maximum(normal * self._gain + self._shift, 0)


def _convolved(features: Array, kernel: Array, bias: Array, step: int) -> Array:
    """Return the answers ``[O, H', W']`` of kernels ``[O, C, 3, 3]`` over ``[C, H, W]``."""
    padded = np.pad(features, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    windows = windows[:, ::step, ::step]  # [C, H', W', 3, 3]
    answers: Array = np.tensordot(kernel, windows, ((1, 2, 3), (0, 3, 4)))
    return answers + bias[:, None, None]


def _coordinates(side: int) -> Array:
    return np.linspace(-1, 1, side, dtype=np.float32) if side > 1 else np.zeros(1, np.float32)


def _means(array: Array, axis: int, num: int) -> Array:
    """Return the means of ``num`` stretches of an axis, which overlap where they must."""
    side = array.shape[axis]
    return np.stack(
        [
            array.take(range(k * side // num, -(-(k + 1) * side // num)), axis).mean(axis)
            for k in range(num)
        ],
        axis,
    )
