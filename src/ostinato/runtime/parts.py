"""The parts of networks that stand around their layers, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, cast

import numpy as np

from ostinato.core.errors import ModelFileError
from ostinato.equations.description import LayerDescription
from ostinato.runtime.arrays import Array
from ostinato.runtime.layer import Layer

LOWEST: Final = float(np.finfo(np.float32).min)
"""What is as good as -inf in float32, and can be subtracted from itself."""


_Called: TypeAlias = tuple[Array, dict[str, Array]]


class Weights:
    """The arrays of a network, of which parts are asked for by name.

    Args:
        arrays: by full name.
        prefix: of the names of this part.
    """

    def __init__(self, arrays: Mapping[str, Array], prefix: str = "") -> None:
        self._arrays = arrays
        self._prefix = prefix
        self._taken: set[str] = set()

    def part(self, name: str) -> Weights:
        """Return those of one part."""
        part = Weights(self._arrays, f"{self._prefix}{name}.")
        part._taken = self._taken
        return part

    def get(self, name: str) -> Array | None:
        """Return an array that need not be there."""
        return self._arrays.get(self._prefix + name)

    def take(self, name: str, *shape: int | None) -> Array:
        """Return an array that must be there.

        Args:
            name: of it.
            shape: None where any size will do.

        Raises:
            ModelFileError: it is missing, or of another shape.
        """
        array = self.get(name)
        if array is None or not _fits(array.shape, shape):
            got = "absent" if array is None else list(array.shape)
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            raise ModelFileError(
                f"the weights are of another network: `{self._prefix}{name}` is {got}, expected "
                f"[{expected}]\nmend: put back a copy of the run folder, or train again"
            )
        self._taken.add(self._prefix + name)
        return array

    def check_all_taken(self) -> None:
        """Refuse arrays that no part asked for.

        Raises:
            ModelFileError: there is one.
        """
        for name in self._arrays.keys() - self._taken:
            raise ModelFileError(
                f"the weights are of another network: `{name}` has no place in the one that is "
                "described\nmend: put back a copy of the run folder, or train again"
            )

    def all(self) -> dict[str, Array]:
        """Return the arrays of this part, by their names in it."""
        start = self._prefix
        self._taken.update(name for name in self._arrays if name.startswith(start))
        return {n.removeprefix(start): a for n, a in self._arrays.items() if n.startswith(start)}


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        wanted in (None, size) for size, wanted in zip(shape, expected, strict=True)
    )


class Linear:
    """``y = W x + b``.

    Args:
        weights: ``weight`` ``[O, I]`` and, where there is one, ``bias`` ``[O]``.
        input_size: ``I``.
        output_size: ``O``; None for any.
    """

    def __init__(self, weights: Weights, input_size: int, output_size: int | None = None) -> None:
        matrix = weights.take("weight", output_size, input_size)
        self.output_size = matrix.shape[0]
        self._matrix = np.ascontiguousarray(matrix.T)
        self._bias = None
        if weights.get("bias") is not None:
            self._bias = weights.take("bias", self.output_size)

    def __call__(self, x: Array) -> Array:
        """Return ``[..., O]`` for ``[..., I]``."""
        product = x @ self._matrix
        return product if self._bias is None else product + self._bias


class Units:
    """A vector for each unit: learned, or one-hot.

    Args:
        weights: ``embedding.weight`` ``[V, E]``, or nothing.
        num_symbols: ``V``.

    Attributes:
        num_symbols: ``V``.
        size: ``E``.
    """

    def __init__(self, weights: Weights, num_symbols: int) -> None:
        self.num_symbols = num_symbols
        self.vectors = np.eye(num_symbols, dtype=np.float32)
        if weights.get("embedding.weight") is not None:
            self.vectors = weights.take("embedding.weight", num_symbols, None)
        self.size = self.vectors.shape[1]

    def __call__(self, ids: Array) -> Array:
        """Return the vectors ``[..., E]`` of units ``[...]``."""
        return self.vectors[ids]


class Run(NamedTuple):
    """What layers made of a batch.

    Attributes:
        steps: the output of the last layer ``[T, B, D*O]``, or of one step ``[B, O]``.
        state: after the last step of each row: for each of the stacks, ``[L*D, B, size]`` by name.
    """

    steps: Array
    state: tuple[dict[str, Array], ...]


class Stack:
    """Recurrent layers one behind the other, with residual connections where they were learned.

    Args:
        data: ``layers``, a description of each stack, and ``residual``, a flag of each.
        weights: ``layers.0`` and so on.
        input_size: ``E``, of a step's vector.
        num_threads: at most so many work on one call.

    Raises:
        ModelFileError: description or weights are damaged.
    """

    def __init__(
        self, data: Mapping[str, Any], weights: Weights, input_size: int, num_threads: int
    ) -> None:
        described = [LayerDescription.from_json(each) for each in listed(data, "layers")]
        self._residual: list[bool] = listed(data, "residual")
        if not described or len(described) != len(self._residual):
            raise damaged("layers")
        self.layers = [
            Layer(each, weights.part(f"layers.{number}").all(), num_threads)
            for number, each in enumerate(described)
        ]
        width = input_size
        for layer in self.layers:
            if list(layer.input_sizes.values()) != [width] or layer.description.batch_first:
                raise damaged("layers")
            width = layer.output_size
        self.output_size = width
        self.num_directions = self.layers[0].num_directions
        self.cell = described[0].cell

    @property
    def state_sizes(self) -> list[dict[str, int]]:
        """For each layer, from the first to the last, the size of each state by its name."""
        return [layer.state_sizes for layer in self.layers for _ in range(layer.num_layers)]

    def run(
        self, vectors: Array, lengths: Array, state: tuple[dict[str, Array], ...] | None = None
    ) -> Run:
        """Run over whole sequences ``[T, B, E]``."""

        def call(layer: Layer, steps: Array, own: dict[str, Array] | None) -> _Called:
            return layer(steps, own, lengths=lengths)

        return self._through(vectors, state, call)

    def step(self, vectors: Array, state: tuple[dict[str, Array], ...]) -> Run:
        """Run one step ``[B, E]``."""
        return self._through(vectors, state, Layer.step)

    def _through(
        self,
        steps: Array,
        state: tuple[dict[str, Array], ...] | None,
        call: Callable[[Layer, Array, dict[str, Array] | None], _Called],
    ) -> Run:
        found: list[dict[str, Array]] = []
        for number, (layer, is_residual) in enumerate(
            zip(self.layers, self._residual, strict=True)
        ):
            output, last = call(layer, steps, None if state is None else state[number])
            found.append(last)
            steps = steps + output if is_residual else output
        return Run(steps, tuple(found))

    def layer_states(self, state: tuple[dict[str, Array], ...]) -> list[Array]:
        """Return all states of each layer side by side, those of both directions: ``[B, F]``."""
        directions = self.num_directions
        return [
            np.concatenate(
                [array[p] for array in own.values() for p in range(first, first + directions)], -1
            )
            for layer, own in zip(self.layers, state, strict=True)
            for first in range(0, layer.num_layers * directions, directions)
        ]

    def joined_state(self, parts: list[dict[str, Array]]) -> tuple[dict[str, Array], ...]:
        """Return a state as ``run`` takes it, of states ``[B, size]`` by name for each layer."""
        rest = iter(parts)
        joined: list[dict[str, Array]] = []
        for layer in self.layers:
            own = [next(rest) for _ in range(layer.num_layers)]
            joined.append({name: np.stack([part[name] for part in own]) for name in own[0]})
        return tuple(joined)


def softmax(scores: Array) -> Array:
    """Return the shares of scores ``[..., S]``."""
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def log_softmax(scores: Array) -> Array:
    """Return the logarithms of the shares of scores ``[..., S]``."""
    shifted = scores - scores.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def log_sigmoid(x: Array) -> Array:
    """Return ``log sigmoid(x)``, for numbers of any size."""
    return -np.logaddexp(0, -x)


def log_sum(logarithms: Array) -> Array:
    """Return the logarithm of the sum ``[...]`` of what has these logarithms ``[..., S]``."""
    return np.logaddexp.reduce(logarithms, axis=-1)


def valid_steps(lengths: Array, num_steps: int) -> Array:
    """Return which steps are there, bool ``[T, B]``."""
    return np.arange(num_steps)[:, None] < lengths


def listed(data: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list of a description.

    Raises:
        ModelFileError: it is missing.
    """
    found = data.get(key)
    if not isinstance(found, list):
        raise damaged(key)
    return cast("list[Any]", found)


def damaged(key: str) -> ModelFileError:
    """Return the error of a description that is not what was written."""
    return ModelFileError(
        f"its description is damaged at `{key}`\n"
        "mend: put back a copy of the run folder, or train again"
    )
