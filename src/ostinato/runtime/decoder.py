"""What writes, in numpy; see ``ostinato.models.decoder``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np

from ostinato.data.text import UNKNOWN_ID
from ostinato.equations.positive import positive_states
from ostinato.models.search import Flags, Ids, Numbers
from ostinato.runtime.arrays import Array
from ostinato.runtime.parts import (
    LOWEST,
    Linear,
    Stack,
    Units,
    Weights,
    damaged,
    log_sigmoid,
    log_softmax,
    log_sum,
    softmax,
    valid_steps,
)
from ostinato.runtime.reading import Reader, Reading


@dataclass(frozen=True, slots=True)
class Source:
    """What the rows of a batch read, as decoding needs it.

    Attributes:
        memory: ``[B, S, F]``, 0 in the padding.
        keys: what queries are compared with ``[B, S, K]``.
        valid: ``[B, S]``, which steps are there.
        summary: ``[B, F]``.
        copied: ``[B, S]``, with a pointer; -1 for what is not copied.
    """

    memory: Array
    keys: Array
    valid: Array
    summary: Array
    copied: Array | None

    def select(self, rows: Ids) -> Source:
        """Return some rows ``[N]``."""
        copied = None if self.copied is None else self.copied[rows]
        return Source(
            self.memory[rows], self.keys[rows], self.valid[rows], self.summary[rows], copied
        )


@dataclass(frozen=True, slots=True)
class Writing:
    """What decoding carries from step to step; see ``ostinato.models.writing_state``.

    Attributes:
        state: of the decoder's layers.
        fed: ``[B, F]``, with input feeding.
        source: what was read: fewer rows than ``B`` where they are shared.
        owners: ``[B]``, the row of the source that each row reads; equally many each, in order.
        num_extended: numbers that source units have beyond the target vocabulary.
    """

    state: tuple[dict[str, Array], ...]
    fed: Array | None
    source: Source
    owners: Ids
    num_extended: int

    def select(self, rows: Ids, /) -> Self:
        """Return the rows of these numbers ``[N]``; a row may be left out or repeated."""
        needed, width = _runs(self.owners[rows])
        is_same = np.array_equal(needed, _runs(self.owners)[0])
        return replace(
            self,
            state=tuple({n: a[:, rows] for n, a in own.items()} for own in self.state),
            fed=None if self.fed is None else self.fed[rows],
            source=self.source if is_same else self.source.select(needed),
            owners=np.arange(len(needed)).repeat(width),
        )

    def after(self, before: Writing, is_read: Flags) -> Writing:
        """Return this in the rows of a flag ``[B]``, and what was before in the others."""

        def chosen(new: Array, old: Array) -> Array:
            return np.where(is_read[:, None], new, old)

        state = tuple(
            {name: chosen(own[name], old[name]) for name in own}
            for own, old in zip(self.state, before.state, strict=True)
        )
        fed = None
        if self.fed is not None and before.fed is not None:
            fed = chosen(self.fed, before.fed)
        return replace(self, state=state, fed=fed)


def _runs(owners: Ids) -> tuple[Ids, int]:
    """Return the sources that rows read, and how many rows in a row read each: 1 if that varies."""
    needed = owners[np.flatnonzero(np.diff(owners, prepend=-1))]
    width = len(owners) // max(1, len(needed))
    return (needed, width) if np.array_equal(needed.repeat(width), owners) else (owners, 1)


class Attention:
    """``c = sum_s a_s m_s``, ``a = softmax_s(score(q, m_s))``.

    See ``ostinato.models.attention``.
    """

    def __init__(self, score: str, weights: Weights, query_size: int, memory_size: int) -> None:
        self._key = self._query = self._weight = None
        if score != "dot":
            self._key = Linear(weights.part("key"), memory_size, query_size)
        if score in ("concat", "bahdanau"):
            self._query = Linear(weights.part("query"), query_size, query_size)
            self._weight = Linear(weights.part("weight"), query_size, 1)

    def keys(self, memory: Array) -> Array:
        """Return what queries are compared with ``[..., K]``."""
        return memory if self._key is None else self._key(memory)

    def __call__(self, queries: Array, source: Source) -> tuple[Array, Array]:
        """Return what each query finds.

        Args:
            queries: ``[N, O]``, equally many for each row of the source, in its order.
            source: with ``B`` rows.

        Returns:
            The context ``[N, F]`` and the scores ``[N, S]``.
        """
        num_rows, num_steps = source.valid.shape
        grouped = queries.reshape(num_rows, -1, queries.shape[-1])
        if self._query is None or self._weight is None:
            scores = grouped @ source.keys.transpose(0, 2, 1)
        else:
            sums = np.tanh(self._query(grouped)[:, :, None] + source.keys[:, None])
            scores = self._weight(sums)[..., 0]
        is_there = source.valid[:, None]
        scores = np.where(is_there, scores, LOWEST)
        # Rows without a step would get equal weights.
        context = (softmax(scores) * is_there) @ source.memory
        num = len(queries)
        return context.reshape(num, source.memory.shape[-1]), scores.reshape(num, num_steps)


@dataclass(frozen=True, slots=True)
class NextUnits:
    """Log-probabilities ``[N, V]`` in an array; see ``ostinato.models.search.NextUnits``."""

    own: Array

    @property
    def num_symbols(self) -> int:
        """``V``."""
        return self.own.shape[1]

    def has_nan(self) -> bool:
        """Return whether one of them is no number."""
        return bool(np.isnan(self.own.max(-1)).any())

    def without(self, units: Sequence[int]) -> Self:
        """Return them with -inf for some units."""
        changed = self.own.copy()
        changed[:, list(units)] = -np.inf
        return replace(self, own=changed)

    def only(self, is_allowed: Flags) -> Self:
        """Return them with -inf where a flag is false."""
        return replace(self, own=np.where(is_allowed, self.own, np.float32(-np.inf)))

    def likeliest(self) -> Ids:
        """Return the likeliest unit of each row ``[N]``."""
        return self.own.argmax(-1)

    def best(self, num: int) -> tuple[Numbers, Ids]:
        """Return the likeliest units ``[N, num]`` behind their log-probabilities, sorted."""
        units = np.argpartition(self.own, -num, axis=-1)[:, -num:]
        units.sort(-1)
        found = np.take_along_axis(self.own, units, -1)
        order = (-found).argsort(axis=-1, kind="stable")
        return (
            np.take_along_axis(found, order, -1).astype(np.float64),
            np.take_along_axis(units, order, -1),
        )

    def of(self, units: Ids) -> Numbers:
        """Return the log-probability of one unit in each row ``[N]``."""
        return np.take_along_axis(self.own, units[:, None], -1)[:, 0].astype(np.float64)

    def array(self) -> Numbers:
        """Return all of them."""
        return self.own.astype(np.float64)


class Decoder:
    """Any cell over the units written so far, and over what was read.

    Args:
        data: the description of a network.
        weights: of the decoder.
        reader: what reads; only its sizes are looked at.
        num_threads: at most so many work on one call.

    Raises:
        ModelFileError: description or weights are damaged.
    """

    def __init__(
        self, data: Mapping[str, Any], weights: Weights, reader: Reader, num_threads: int
    ) -> None:
        own: Any = data.get("decoder")
        num_symbols = data.get("num_symbols")
        if not isinstance(own, dict) or type(num_symbols) is not int:
            raise damaged("decoder")
        own = cast("dict[str, Any]", own)
        self.num_symbols = num_symbols
        self._units = Units(weights.part("inputs"), num_symbols)
        score = own.get("attention")
        is_fed = bool(own.get("input_feeding"))
        self._is_context_first = is_fed and score == "bahdanau"
        self._reads_summary = bool(own.get("reads_summary"))
        memory_size = reader.memory_size
        head = weights.part("head")
        if head.get("weight") is None:  # tied to the vectors
            self._head = np.ascontiguousarray(self._units.vectors.T)
        else:
            self._head = np.ascontiguousarray(head.take("weight", num_symbols, None).T)
        self._head_bias = head.take("bias", num_symbols)
        self._fed_size = 0
        if is_fed:
            self._fed_size = memory_size if self._is_context_first else len(self._head)
        self._stack = Stack(
            own,
            weights.part("layers"),
            self._units.size + self._fed_size + (reader.summary_size if self._reads_summary else 0),
            num_threads,
        )
        made = self._stack.output_size
        self._bridge = _Bridge(weights.part("bridge"), reader.state_sizes, self._stack)
        self._first_query = None
        if self._is_context_first:
            self._first_query = Linear(weights.part("first_query"), reader.summary_size, made)
        self._attention = self._combine = self._gate = None
        if score is not None:
            self._attention = Attention(score, weights.part("attention"), made, memory_size)
            both = memory_size + made
            self._combine = Linear(weights.part("combine"), both, len(self._head))
            if own.get("pointer"):
                self._gate = Linear(weights.part("pointer.gate"), both + self._units.size, 1)
        elif len(self._head) != made:
            raise damaged("decoder")

    def begin(self, reading: Reading, copied: Array | None = None) -> Writing:
        """Return what the first step starts from.

        Args:
            reading: of ``B`` rows.
            copied: ``[S, B]``, with a pointer: the number of each source unit in what is written.
        """
        num_rows = len(reading.lengths)
        memory = np.ascontiguousarray(reading.memory.transpose(1, 0, 2))
        valid = valid_steps(reading.lengths, len(reading.memory)).T
        num_extended = 0
        rows_first = None
        if self._gate is not None:
            assert copied is not None
            rows_first = np.where(valid, copied.T, -1)
            num_extended = max(0, int(rows_first.max(initial=-1)) + 1 - self.num_symbols)
        fed = None
        if self._first_query is not None:
            fed = np.tanh(self._first_query(reading.summary))
        elif self._fed_size:
            fed = np.zeros((num_rows, self._fed_size), np.float32)
        keys = memory if self._attention is None else self._attention.keys(memory)
        return Writing(
            self._bridge(reading.state),
            fed,
            Source(memory, keys, valid, reading.summary, rows_first),
            np.arange(num_rows),
            num_extended,
        )

    def step(self, units: Ids, writing: Writing) -> tuple[NextUnits, Writing]:
        """Read one unit in every row ``[B]``; from ``V`` on, of the source: read as unknown."""
        vectors = self._units(np.where(units >= self.num_symbols, UNKNOWN_ID, units))
        read, source = [vectors], writing.source
        context = scores = None
        if self._is_context_first and self._attention is not None:
            context, scores = self._attention(cast("Array", writing.fed), source)
            read.append(context)
        elif writing.fed is not None:
            read.append(writing.fed)
        if self._reads_summary:
            read.append(source.summary[writing.owners])
        outputs, state = self._stack.step(np.concatenate(read, -1), writing.state)
        features = outputs
        if self._attention is not None and self._combine is not None:
            if context is None:
                context, scores = self._attention(outputs, source)
            features = np.tanh(self._combine(np.concatenate([context, outputs], -1)))
        fed = None
        if self._fed_size:
            fed = outputs if self._is_context_first else features
        log_probabilities = log_softmax(features @ self._head + self._head_bias)
        if self._gate is not None and context is not None and scores is not None:
            gate = self._gate(np.concatenate([context, outputs, vectors], -1))[:, 0]
            copied = cast("Array", source.copied)[writing.owners]
            log_probabilities = _with_copies(
                log_probabilities, gate, scores, copied, writing.num_extended
            )
        return NextUnits(log_probabilities), replace(writing, state=state, fed=fed)

    def resume(self, begun: Sequence[Sequence[int]], writing: Writing) -> Writing:
        """Read units that are known, and return what the step after them needs.

        Args:
            begun: units of each row; of none, a row stays as it is.
            writing: as ``begin`` returned it.
        """
        for number in range(max(map(len, begun), default=0)):
            is_read = np.array([number < len(units) for units in begun])
            units = np.array([[*units, 0][min(number, len(units))] for units in begun])
            _, new = self.step(units, writing)
            writing = new.after(writing, is_read)
        return writing


class _Bridge:
    """``s_0 = tanh(W r + b)`` for every state of every layer; see ``ostinato.models.bridge``."""

    def __init__(self, weights: Weights, read_sizes: list[int], stack: Stack) -> None:
        self._stack = stack
        self._sizes = stack.state_sizes
        self._positive = positive_states(stack.cell.graph)
        skipped = max(0, len(read_sizes) - len(self._sizes))
        last = len(read_sizes) - 1
        self._sources = [min(depth + skipped, last) for depth in range(len(self._sizes))]
        self._maps = [
            Linear(weights.part(f"maps.{depth}"), read_sizes[source], sum(sizes.values()))
            for depth, (source, sizes) in enumerate(zip(self._sources, self._sizes, strict=True))
        ]

    def __call__(self, read: list[Array]) -> tuple[dict[str, Array], ...]:
        parts: list[dict[str, Array]] = []
        for linear, source, sizes in zip(self._maps, self._sources, self._sizes, strict=True):
            ends = np.cumsum(list(sizes.values()))[:-1]
            pieces = np.split(np.tanh(linear(read[source])), ends, -1)
            parts.append(
                {
                    name: np.exp(piece) if name in self._positive else piece
                    for name, piece in zip(sizes, pieces, strict=True)
                }
            )
        return self._stack.joined_state(parts)


def _with_copies(
    log_vocabulary: Array, gate: Array, scores: Array, copied: Array, num_extended: int
) -> Array:
    """Return the log-probability of every unit ``[N, V + X]``; see ``ostinato.models.pointer``.

    Args:
        log_vocabulary: ``[N, V]``, of each unit if it is written.
        gate: ``[N]``: the larger, the likelier it is that a unit is written.
        scores: of the attention ``[N, S]``.
        copied: ``[N, S]``, the number of each step's unit, -1 where it is not copied.
        num_extended: ``X``.
    """
    can_copy = copied >= 0
    is_any = can_copy.any(-1)
    log_written = np.where(is_any, log_sigmoid(gate), 0)
    log_copy = np.where(is_any, log_sigmoid(-gate), LOWEST)
    with np.errstate(over="ignore"):
        log_copied = log_copy[:, None] + log_softmax(np.where(can_copy, scores, LOWEST))
    num_rows, num_symbols = log_vocabulary.shape
    # One column more, for what is not copied.
    found = np.full((num_rows, num_symbols + num_extended + 1), -np.inf, log_vocabulary.dtype)
    found[:, :num_symbols] = log_written[:, None] + log_vocabulary
    if copied.shape[1]:
        places = np.where(can_copy, copied, found.shape[1] - 1)
        is_same = places[:, :, None] == places[:, None]
        # Equal units of the source share their probability, and every one of them writes it.
        sums = log_sum(np.where(is_same, log_copied[:, None], LOWEST))
        both = np.logaddexp(np.take_along_axis(found, places, 1), sums)
        np.put_along_axis(found, places, both.astype(found.dtype), 1)
    return found[:, :-1]
