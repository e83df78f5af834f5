"""How a text is chosen from what a network says step by step; free of torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt

from ostinato.core.errors import OptionError, OstinatoError, ShapeError
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.sampling import draw, uniforms
from ostinato.models.trie import Trie

Ids = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class WritingError(OstinatoError, ArithmeticError):
    """A network cannot write: what it says are no probabilities."""


class Selectable(Protocol):
    """What a network carries from step to step, one row for each text."""

    def select(self, rows: Ids, /) -> Self:
        """Return the state of these rows ``[N]``, in this order; some left out, some repeated."""
        ...


State = TypeVar("State", bound=Selectable)


class NextUnits(Protocol):
    """The log-probability of every unit as the next of each row, ``[N, V]``, in any library.

    Attributes:
        num_symbols: ``V``.
    """

    @property
    def num_symbols(self) -> int:
        """``V``."""
        ...

    def has_nan(self) -> bool:
        """Return whether one of them is no number."""
        ...

    def without(self, units: Sequence[int]) -> Self:
        """Return them with -inf for some units."""
        ...

    def only(self, is_allowed: Flags) -> Self:
        """Return them with -inf where a flag ``[N, V]`` is false."""
        ...

    def likeliest(self) -> Ids:
        """Return the likeliest unit of each row ``[N]``; of equal ones the first."""
        ...

    def best(self, num: int) -> tuple[Numbers, Ids]:
        """Return the likeliest units ``[N, num]`` behind their log-probabilities, sorted."""
        ...

    def of(self, units: Ids) -> Numbers:
        """Return the log-probability of one unit in each row ``[N]``."""
        ...

    def array(self) -> Numbers:
        """Return all of them."""
        ...


class Network(Protocol[State]):
    """What writes, one unit at a time.

    Attributes:
        start: the unit that is read before the first is written.
        end: the unit that ends a text.
    """

    @property
    def start(self) -> int:
        """The unit that is read before the first is written."""
        ...

    @property
    def end(self) -> int:
        """The unit that ends a text."""
        ...

    def step(self, units: Ids, state: State, /) -> tuple[NextUnits, State]:
        """Read a unit in every row ``[N]``, and return what may come next, and the new state."""
        ...


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text that was written.

    Attributes:
        tokens: its units, without the end.
        log_probability: as the network says it (whatever temperature or set they were drawn with),
            of all units and the end.
        score: the log-probability, divided by a power of the length.
        is_ended: whether it came to its end within ``max_length``.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float
    is_ended: bool


def search(
    network: Network[State],
    state: State,
    num_rows: int,
    options: DecodingOptions,
    *,
    numbers: Sequence[int] | None = None,
    begun: Sequence[Sequence[int]] | None = None,
    allowed: Trie | None = None,
    forbidden: Sequence[int] = (),
    tell: Callable[[int, int], None] | None = None,
) -> list[list[Hypothesis]]:
    """Write a text, or several, for each row; those that have ended leave the batch.

    What is written for a row does not depend on the rows beside it.

    Args:
        network: what says how likely each unit is.
        state: what it starts from, with ``num_rows`` rows.
        num_rows: ``B``.
        options: how the units are chosen.
        numbers: number of each row's example: what is drawn for it follows from the seed and this
            number; None for 0, 1, ….
        begun: units with which each row's text begins: ``state`` has read all but the last of
            them, and the start before them; they are no part of the hypotheses.
        allowed: nothing else is written; it holds whole texts, ``begun`` included. A row gets
            fewer texts than asked for, or none, where there are not more.
        forbidden: units that are never written, such as padding.
        tell: is given row and unit as soon as it is chosen; of one text a row, and no beam.

    Returns:
        For each row ``num_best`` hypotheses, the best first: those that ended before those that
        did not, then by score; of a beam they are distinct.

    Raises:
        OptionError: units are to be told of several texts.
        ShapeError: ``numbers`` or ``begun`` are not one for each row.
        WritingError: the log-probabilities are no numbers.
    """
    begun = [()] * num_rows if begun is None else begun
    numbers = range(num_rows) if numbers is None else numbers
    for name, given in (("numbers", numbers), ("begun", begun)):
        if len(given) != num_rows:
            raise ShapeError(
                f"got {name} of {len(given)} rows, expected {num_rows}\nmend: one for each row"
            )
    if tell is not None and (options.method == "beam" or options.num_best > 1):
        raise OptionError(
            f"got decoding.method={options.method}, decoding.num_best={options.num_best}: which "
            "units are those of the best text is known at its end alone\n"
            "mend: decoding.method=greedy, or sample with decoding.num_best=1"
        )
    if not num_rows:
        return []
    run = _Run(network, options, begun, allowed, tuple(forbidden), tell)
    found = _beams(run, state) if options.method == "beam" else _lines(run, state, numbers)
    # Sorting is stable: of equal texts that were drawn, and of equal scores, the first stays.
    return [
        sorted(texts, key=lambda text: (not text.is_ended, -text.score))[: options.num_best]
        for texts in found
    ]


@dataclass(frozen=True, slots=True)
class _Run(Generic[State]):
    """What stays the same while a batch is written; see ``search``."""

    network: Network[State]
    options: DecodingOptions
    begun: Sequence[Sequence[int]]
    allowed: Trie | None
    forbidden: tuple[int, ...]
    tell: Callable[[int, int], None] | None

    def first(self, rows: Ids) -> tuple[Ids, Ids | None]:
        """Return the units that these rows read first ``[N]``, and their places in the trie."""
        numbers: list[int] = _list(rows)
        begun = [self.begun[row] for row in numbers]
        units = [units[-1] if units else self.network.start for units in begun]
        places = None
        if self.allowed is not None:
            places = np.array([self.allowed.place(units) for units in begun], np.int64)
        return np.array(units, np.int64), places

    def step(
        self, units: Ids, state: State, places: Ids | None, num_written: int
    ) -> tuple[NextUnits, State]:
        """Return what may come next, -inf for what is not allowed.

        Raises:
            WritingError: the log-probabilities are no numbers.
        """
        following, state = self.network.step(units, state)
        if following.has_nan():
            raise WritingError(
                "the network cannot write: its log-probabilities are not finite\n"
                "mend: train with a cell whose state stays bounded, such as model.cell=gru"
            )
        refused = [*self.forbidden]
        if num_written < self.options.min_length:
            refused.append(self.network.end)
        if refused:
            following = following.without(refused)
        if self.allowed is not None and places is not None:
            following = following.only(self.allowed.is_allowed(places, following.num_symbols))
        return following, state

    def after(self, places: Ids | None, units: Ids) -> Ids | None:
        """Return the places in the trie behind one more unit each."""
        if self.allowed is None or places is None:
            return None
        return self.allowed.after(places, units)

    def chosen(self, following: NextUnits, examples: Ids, draws: Ids, step: int) -> Ids:
        """Return the unit of each row ``[N]``: the likeliest, or one that is drawn.

        Args:
            following: what may come next.
            examples: ``[N]``, number of each row's example.
            draws: ``[N]``, which of its texts.
            step: of the text.
        """
        options = self.options
        if options.method == "greedy":
            return following.likeliest()
        return draw(
            following.array(),
            uniforms(options.seed, examples, draws, step),
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
        )

    def text(self, units: Sequence[int], log_probability: float) -> Hypothesis:
        """Return a text of units that may hold the end as the last."""
        is_ended = units[-1] == self.network.end
        score = log_probability / len(units) ** self.options.length_penalty
        kept = units[:-1] if is_ended else units
        return Hypothesis(tuple(kept), log_probability, score, is_ended)


def _lines(run: _Run[State], state: State, numbers: Sequence[int]) -> list[list[Hypothesis]]:
    """Write texts that go on alone: the likeliest unit at every step, or one that is drawn."""
    options = run.options
    found: list[list[Hypothesis]] = [[] for _ in numbers]
    num_draws = options.num_best
    rows = np.arange(len(numbers)).repeat(num_draws)
    examples = np.array(numbers, np.int64).repeat(num_draws)
    draws = np.tile(np.arange(num_draws), len(numbers))
    if num_draws > 1:
        state = state.select(rows)
    units, places = run.first(rows)
    written: list[list[int]] = [[] for _ in rows]
    totals = [0.0] * len(rows)
    lines = np.arange(len(rows))
    for step in range(options.max_length):
        following, state = run.step(units, state, places, step)
        units = run.chosen(following, examples[lines], draws[lines], step)
        chosen = following.of(units)
        is_last = (units == run.network.end) | (chosen == -np.inf)
        if step == options.max_length - 1:
            is_last[:] = True
        places_of: list[int] = _list(lines)
        each_of: list[float] = _list(chosen)
        for line, unit, each, ends in zip(
            places_of, _list(units), each_of, _list(is_last), strict=True
        ):
            if each == -math.inf:
                continue
            written[line].append(unit)
            totals[line] += each
            if run.tell is not None and unit != run.network.end:
                run.tell(line, unit)
            if ends:
                found[line // num_draws].append(run.text(written[line], totals[line]))
        places = run.after(places, units)
        if is_last.any():
            kept = (~is_last).nonzero()[0]
            if not len(kept):
                break
            state, units, lines = state.select(kept), units[kept], lines[kept]
            places = None if places is None else places[kept]
    return found


def _list(array: npt.NDArray[Any]) -> Any:
    return cast("Any", array).tolist()


def _beams(run: _Run[State], state: State) -> list[list[Hypothesis]]:
    """Follow the likeliest ``beam_size`` beginnings of each text side by side.

    A beginning that comes to its end among them is a text, and another takes its place; a row is
    done with ``beam_size`` texts, or when none that is still to come can be among the best.
    """
    options = run.options
    width = options.beam_size
    found: list[list[Hypothesis]] = [[] for _ in run.begun]
    rows = np.arange(len(found)).repeat(width)
    units, places = run.first(rows)
    state = state.select(rows)
    examples = np.arange(len(found))
    # At first the hypotheses of a row are one.
    totals = np.full((len(found), width), -np.inf)
    totals[:, 0] = 0
    written = np.zeros((len(found), width, 0), np.int64)
    for step in range(options.max_length):
        following, state = run.step(units, state, places, step)
        best = _best(totals, following)
        is_end = best.units == run.network.end
        after = best.behind(written)
        for row, text in _texts(run, after, best.totals, is_end[:, :width]):
            found[examples[row]].append(text)
        best, written = best.without(is_end, after, width)
        totals = best.totals
        num_found = np.array([len(found[example]) for example in examples])
        likeliest = totals.max(-1)
        is_open = (num_found < width) & (likeliest > -np.inf)
        if not options.length_penalty:
            # What goes on becomes less likely with every unit.
            least = [_least([text.score for text in found[e]], options.num_best) for e in examples]
            is_open &= likeliest > np.array(least)
        if step == options.max_length - 1:
            is_text = np.broadcast_to(is_open[:, None], totals.shape)
            for row, text in _texts(run, written, totals, is_text):
                found[examples[row]].append(text)
        kept = is_open.nonzero()[0]
        if not len(kept):
            break
        rows = (kept[:, None] * width + best.parents[kept]).reshape(-1)
        state, units = state.select(rows), best.units[kept].reshape(-1)
        places = None if places is None else run.after(places[rows], units)
        totals, written, examples = totals[kept], written[kept], examples[kept]
    return found


def _least(scores: Sequence[float], num: int) -> float:
    """Return what the score of another text has to exceed to be among the first ``num``."""
    return sorted(scores)[-num] if len(scores) >= num else -math.inf


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Continuations of the hypotheses of each row, the likeliest first.

    Attributes:
        totals: ``[B, N]``, their log-probabilities.
        parents: ``[B, N]``, which hypothesis each goes on with.
        units: ``[B, N]``, by which unit.
    """

    totals: Numbers
    parents: Ids
    units: Ids

    def behind(self, written: Ids) -> Ids:
        """Return the units ``[B, N, T + 1]`` of all, where hypotheses hold ``[B, width, T]``."""
        before = np.take_along_axis(written, self.parents[..., None], 1)
        return np.concatenate([before, self.units[..., None]], -1)

    def without(self, is_end: Flags, written: Ids, width: int) -> tuple[_Candidates, Ids]:
        """Return the first ``width`` of each row that do not end, and their units.

        Where there are less, others of log-probability -inf stand in their place.
        """
        order = is_end.argsort(axis=-1, kind="stable")[:, :width]
        totals = np.where(is_end, -np.inf, self.totals)
        kept = (np.take_along_axis(part, order, 1) for part in (self.parents, self.units))
        open_totals = np.take_along_axis(totals, order, 1)
        return _Candidates(open_totals, *kept), np.take_along_axis(written, order[..., None], 1)


def _texts(
    run: _Run[State], written: Ids, totals: Numbers, is_text: Flags
) -> Iterator[tuple[int, Hypothesis]]:
    """Yield row and text of those that are one; of log-probability -inf none is.

    Args:
        run: what stays the same.
        written: units ``[B, N, T]``.
        totals: ``[B, N]``.
        is_text: of the first ``M`` of each row, ``[B, M]``.
    """
    is_there = is_text & (totals[:, : is_text.shape[1]] > -np.inf)
    for row, rank in _list(np.argwhere(is_there)):
        units: list[int] = _list(written[row, rank])
        yield row, run.text(units, float(totals[row, rank]))


def _best(totals: Numbers, following: NextUnits) -> _Candidates:
    """Return twice as many continuations as there are hypotheses: half of them may be ends.

    Args:
        totals: ``[B, width]``.
        following: of ``B * width`` rows.
    """
    num_rows, width = totals.shape
    # No hypothesis can fill more places than these, one of them with its end.
    each, units = following.best(min(width + 1, following.num_symbols))
    sums = (totals.reshape(-1)[:, None] + each).reshape(num_rows, -1)
    places = (-sums).argsort(axis=-1, kind="stable")[:, : 2 * width]
    chosen = np.take_along_axis(units.reshape(num_rows, -1), places, 1)
    return _Candidates(np.take_along_axis(sums, places, 1), places // units.shape[1], chosen)
