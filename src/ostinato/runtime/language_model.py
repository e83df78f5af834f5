"""A trained language model: it writes, and says how likely a text is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import numpy as np

from ostinato.core.errors import ModelFileError, OptionError, ShapeError
from ostinato.data.vocabulary import Ids, Vocabulary
from ostinato.data.writing import check_settings, written
from ostinato.runtime.arrays import Array
from ostinato.runtime.layer import Layer
from ostinato.training.errors import DivergedError

_WINDOW: Final = 256
"""Steps whose distributions are held at once."""


class LanguageModel:
    """Embedding or one-hot, a layer, and a linear head over the vocabulary; see ``runtime.load``.

    ``P(next unit) = softmax(V y_t + c)`` with ``y_t`` the layer's output at step t.

    Attributes:
        layer: in the middle.
        vocabulary: the units.
        start: what stands before a text without a prompt.
        document_end: the unit behind which the state starts afresh, of a model that learned
            documents; None for one that learned one text.
    """

    def __init__(
        self,
        layer: Layer,
        weights: Mapping[str, Array],
        vocabulary: Vocabulary,
        start: str,
        document_end: int | None = None,
    ) -> None:
        self.layer = layer
        self.vocabulary = vocabulary
        self.start = start
        self.document_end = document_end
        num_symbols, width = len(vocabulary), layer.output_size
        (input_size,) = layer.input_sizes.values()
        self._embedding = weights.get("embedding.weight")
        # A tied head is the embedding.
        head = weights.get("head.weight", self._embedding)
        bias = weights.get("head.bias")
        if self._embedding is None:
            _check_shape("one-hot vectors", (num_symbols,), (input_size,))
        else:
            _check_shape("embedding.weight", self._embedding.shape, (num_symbols, input_size))
        _check_shape("head.weight", None if head is None else head.shape, (num_symbols, width))
        _check_shape("head.bias", None if bias is None else bias.shape, (num_symbols,))
        self._head = np.ascontiguousarray(cast("Array", head).T, layer.dtype)
        self._bias = cast("Array", bias).astype(layer.dtype)
        own = [*weights.values(), *(w for one in layer.places for w in one.weights.values())]
        self._num_parameters = sum(array.size for array in own)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.vocabulary)} {self.vocabulary.unit}, {self.layer})"

    @property
    def num_parameters(self) -> int:
        """How many numbers were learned; a head that is tied to the embedding counts once."""
        return self._num_parameters

    def __call__(
        self, ids: Array, state: Mapping[str, Array] | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Return the logits of the next unit at every step, and the final state.

        Args:
            ids: integers ``[T, B]``, or ``[T]`` for one text.
            state: state name to ``[L, B, size]``, or ``[L, size]`` for one text; None for the
                cell's initial values.

        Returns:
            Logits ``[T, B, V]`` or ``[T, V]``, and the state after the last step.

        Raises:
            ShapeError: a shape does not fit, or a number is no unit's.
        """
        vectors, resets = self._embed(ids, (1, 2), "[T, B], or [T]"), None
        if self.document_end is not None:
            resets = np.asarray(ids) == self.document_end
        output, new_state = self.layer(vectors, state, resets=resets)
        return self.logits_of(output), new_state

    def step(
        self, ids: Array, state: Mapping[str, Array] | None = None
    ) -> tuple[Array, dict[str, Array]]:
        """Advance by one unit: ids ``[B]`` to logits ``[B, V]`` and the new state.

        Raises:
            ShapeError: a shape does not fit, or a number is no unit's.
        """
        vectors = self._embed(ids, (1,), "[B]")
        if self.document_end is not None:
            logits, new_state = self(np.asarray(ids)[None], state)
            return logits[0], new_state
        output, new_state = self.layer.step(vectors, state)
        return self.logits_of(output), new_state

    def vectors_of(self, ids: Array) -> Array:
        """Return what the layer reads: ids ``[T, B]``, ``[B]`` or one to ``[..., I]``.

        Raises:
            ShapeError: a shape does not fit, or a number is no unit's.
        """
        return self._embed(ids, (0, 1, 2), "[T, B], [B] or one")

    def generate(
        self,
        prompt: str | None = None,
        *,
        length: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Yield the prompt and then what the model writes, in pieces, as they become certain.

        Args:
            prompt: at least one character; with jamo, its last syllable may still gain a tail. None
                for ``start``.
            length: characters to write after the prompt.
            temperature: 1 draws as the model says, less is more careful, 0 takes the most likely.
            top_p: draw from the smallest set of units that holds this share of the probability.
            seed: the same seed writes the same text (another one than in torch); None for another
                one each time.

        Raises:
            DataError: the prompt has a character that the model does not know.
            OptionError: a setting is out of range.
        """
        prompt = self.start if prompt is None else prompt
        check_settings(prompt, length, temperature, top_p)
        ids = self.vocabulary.encode(prompt)
        drawn = self._drawn(ids, temperature, top_p, np.random.default_rng(seed))
        return written(self.vocabulary, ids, length, drawn)

    def score(self, text: str) -> float:
        """Return the bits per unit of a text: how well each unit is predicted from those before it.

        The first unit has none before it, and does not count.

        Raises:
            DataError: the text has a character that the model does not know.
            OptionError: it is shorter than two units.
        """
        ids = self.vocabulary.encode(text)
        if len(ids) < 2:
            raise OptionError(
                f"got a text of {len(ids)} units, expected 2 or more\n"
                "mend: give a longer text: each unit is predicted from those before it"
            )
        total, state = 0.0, None
        for first in range(0, len(ids) - 1, _WINDOW):
            window = ids[first : first + _WINDOW + 1]
            logits, state = self(window[:-1], state)
            chosen = np.take_along_axis(logits, window[1:, None], -1)[:, 0].astype(np.float64)
            total += float((_log_sum_exp(logits) - chosen).sum())
        return total / (len(ids) - 1) / math.log(2)

    def _drawn(
        self, ids: Ids, temperature: float, top_p: float, generator: np.random.Generator
    ) -> Iterator[int]:
        """Yield the units that the model draws after a prompt."""
        stream = self.layer.stream()
        logits, state = self(ids)
        stream.state = state
        unit = choose(logits[-1], temperature, top_p, generator)
        while True:
            yield unit
            if unit == self.document_end:
                stream.reset()
            y = stream.step(self._embed(np.array(unit), (0,), "one unit"))
            unit = choose(self.logits_of(y), temperature, top_p, generator)

    def _embed(self, ids: Array, num_dims: tuple[int, ...], shape: str) -> Array:
        numbers = np.asarray(ids)
        if numbers.dtype.kind not in "iu" or numbers.ndim not in num_dims:
            raise ShapeError(
                f"got units of {numbers.dtype} and shape {list(numbers.shape)}, expected integers "
                f"{shape}\nmend: vocabulary.encode(text)"
            )
        num_symbols = len(self.vocabulary)
        for number in numbers[(numbers < 0) | (numbers >= num_symbols)].flat:
            raise ShapeError(
                f"got the unit {number}, expected 0 to {num_symbols - 1}\n"
                "mend: vocabulary.encode(text)"
            )
        if self._embedding is not None:
            return self._embedding[numbers]
        hot = np.zeros((*numbers.shape, num_symbols), self.layer.dtype)
        np.put_along_axis(hot, numbers[..., None], 1, -1)
        return hot

    def logits_of(self, output: Array) -> Array:
        """Return the logits of the next unit from the layer's output: ``[..., O]`` to ``[..., V]``.

        Args:
            output: of the layer, or of a stream of it.
        """
        return output @ self._head + self._bias


def choose(logits: Array, temperature: float, top_p: float, generator: np.random.Generator) -> int:
    """Draw one unit.

    Args:
        logits: ``[V]``.
        temperature: see ``LanguageModel.generate``.
        top_p: see ``LanguageModel.generate``.
        generator: of random numbers.

    Raises:
        DivergedError: the logits are not finite.
    """
    # NaN is the maximum wherever it occurs.
    if not math.isfinite(highest := float(logits.max())):
        raise DivergedError(
            f"the model cannot write: its highest logit is {highest}, expected a finite number\n"
            "mend: train with a cell whose state stays bounded, such as model.cell=gru"
        )
    if temperature == 0:
        return int(logits.argmax())
    # The largest becomes 0 first: dividing by a tiny temperature must not overflow.
    with np.errstate(over="ignore"):
        shares = np.exp((logits.astype(np.float64) - highest) / temperature)
    shares /= shares.sum()
    if top_p < 1:
        places = np.argsort(-shares, kind="stable")
        ordered = shares[places]
        shares[places[ordered.cumsum() - ordered >= top_p]] = 0.0
    bounds: Any = shares.cumsum()
    # Rounding could let the draw reach the units of share 0 behind the last bound.
    last = bounds.searchsorted(bounds[-1])
    return int(min(bounds.searchsorted(generator.random() * bounds[-1], "right"), last))


def _log_sum_exp(logits: Array) -> Array:
    wide: Any = logits.astype(np.float64)
    highest = wide.max(-1)
    return highest + np.log(np.exp(wide - highest[..., None]).sum(-1))


def _check_shape(name: str, shape: tuple[int, ...] | None, expected: tuple[int, ...]) -> None:
    if shape != expected:
        got = "absent" if shape is None else shape
        raise ModelFileError(
            f"the weights are of another model: {name}: got {got}, expected {expected}\n"
            "mend: put back a copy of the run folder, or train again"
        )
