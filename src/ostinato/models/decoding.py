"""How a network's writing is chosen: greedily, by drawing, or by beam search; in batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, cast

import torch
from torch import Tensor

from ostinato.core.errors import ShapeError
from ostinato.models.decoding_options import DecodingOptions
from ostinato.models.drawing import draw, uniforms
from ostinato.models.trie import Trie
from ostinato.models.writers import State, Writer, WritingError


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


@torch.no_grad()
def decode(
    writer: Writer[State],
    state: State,
    num_rows: int,
    options: DecodingOptions,
    *,
    numbers: Sequence[int] | None = None,
    begun: Sequence[Sequence[int]] | None = None,
    allowed: Trie | None = None,
    forbidden: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """Write a text, or several, for each row; those that have ended leave the batch.

    What is written for a row does not depend on the rows beside it.

    Args:
        writer: a network in evaluation mode.
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

    Returns:
        For each row ``num_best`` hypotheses, the best first: those that ended before those that
        did not, then by score; of a beam they are distinct.

    Raises:
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
    if not num_rows:
        return []
    run = _Run(writer, options, begun, allowed, tuple(forbidden))
    found = _beams(run, state) if options.method == "beam" else _lines(run, state, numbers)
    # Sorting is stable: of equal texts that were drawn, and of equal scores, the first stays.
    return [
        sorted(texts, key=lambda text: (not text.is_ended, -text.score))[: options.num_best]
        for texts in found
    ]


@dataclass(frozen=True, slots=True)
class _Run(Generic[State]):
    """What stays the same while a batch is written; see ``decode``."""

    writer: Writer[State]
    options: DecodingOptions
    begun: Sequence[Sequence[int]]
    allowed: Trie | None
    forbidden: tuple[int, ...]

    def first(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the units that these rows read first ``[N]``, and their places in the trie."""
        begun = [self.begun[row] for row in _integers(rows)]
        units = [units[-1] if units else self.writer.start for units in begun]
        places = None
        if self.allowed is not None:
            places = rows.new_tensor([self.allowed.place(units) for units in begun])
        return rows.new_tensor(units), places

    def step(
        self, units: Tensor, state: State, places: Tensor | None, num_written: int
    ) -> tuple[Tensor, State]:
        """Return the log-probabilities ``[N, V]`` of the next unit, -inf for what is not allowed.

        Raises:
            WritingError: they are no numbers.
        """
        log_probabilities, state = self.writer.step(units, state)
        # NaN is the maximum wherever it occurs.
        if bool(log_probabilities.amax(-1).isnan().any()):
            raise WritingError(
                "the network cannot write: its log-probabilities are not finite\n"
                "mend: train with a cell whose state stays bounded, such as model.cell=gru"
            )
        refused = [*self.forbidden]
        if num_written < self.options.min_length:
            refused.append(self.writer.end)
        if refused:
            log_probabilities = log_probabilities.clone()
            log_probabilities[:, refused] = -torch.inf
        if self.allowed is not None and places is not None:
            is_allowed = self.allowed.is_allowed(places, log_probabilities.shape[1])
            log_probabilities = log_probabilities.masked_fill(~is_allowed, -torch.inf)
        return log_probabilities, state

    def after(self, places: Tensor | None, units: Tensor) -> Tensor | None:
        """Return the places in the trie behind one more unit each."""
        if self.allowed is None or places is None:
            return None
        return self.allowed.after(places, units)

    def chosen(
        self, log_probabilities: Tensor, examples: Tensor, draws: Tensor, step: int
    ) -> Tensor:
        """Return the unit of each row ``[N]``: the likeliest, or one that is drawn.

        Args:
            log_probabilities: ``[N, V]``.
            examples: int64 ``[N]``, number of each row's example.
            draws: int64 ``[N]``, which of its texts.
            step: of the text.
        """
        options = self.options
        if options.method == "greedy":
            return log_probabilities.argmax(-1)
        return draw(
            log_probabilities,
            uniforms(options.seed, examples, draws, step),
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
        )

    def text(self, units: Sequence[int], log_probability: float) -> Hypothesis:
        """Return a text of units that may hold the end as the last."""
        is_ended = units[-1] == self.writer.end
        score = log_probability / len(units) ** self.options.length_penalty
        kept = units[:-1] if is_ended else units
        return Hypothesis(tuple(kept), log_probability, score, is_ended)


def _lines(run: _Run[State], state: State, numbers: Sequence[int]) -> list[list[Hypothesis]]:
    """Write texts that go on alone: the likeliest unit at every step, or one that is drawn."""
    options = run.options
    found: list[list[Hypothesis]] = [[] for _ in numbers]
    num_draws = options.num_best
    device = run.writer.device
    rows = torch.arange(len(numbers), device=device).repeat_interleave(num_draws)
    example = torch.tensor(numbers, device=device).repeat_interleave(num_draws)
    number = torch.arange(num_draws, device=device).repeat(len(numbers))
    if num_draws > 1:
        state = state.select(rows)
    units, places = run.first(rows)
    written: list[list[int]] = [[] for _ in range(len(rows))]
    totals = [0.0] * len(rows)
    lines = torch.arange(len(rows), device=device)
    for step in range(options.max_length):
        log_probabilities, state = run.step(units, state, places, step)
        units = run.chosen(log_probabilities, example[lines], number[lines], step)
        chosen = log_probabilities.gather(1, units[:, None])[:, 0]
        is_last = (units == run.writer.end) | (chosen == -torch.inf)
        if step == options.max_length - 1:
            is_last[:] = True
        for line, unit, each, ends in zip(
            _integers(lines), _integers(units), _values(chosen), _values(is_last), strict=True
        ):
            if each == -math.inf:
                continue
            written[line].append(unit)
            totals[line] += each
            if ends:
                found[line // num_draws].append(run.text(written[line], totals[line]))
        places = run.after(places, units)
        if bool(is_last.any()):
            kept = (~is_last).nonzero()[:, 0]
            if not len(kept):
                break
            state, units, lines = state.select(kept), units[kept], lines[kept]
            places = None if places is None else places[kept]
    return found


def _integers(tensor: Tensor) -> list[int]:
    return cast("list[int]", tensor.tolist())


def _values(tensor: Tensor) -> Any:
    return cast("Any", tensor).tolist()


def _beams(run: _Run[State], state: State) -> list[list[Hypothesis]]:
    """Follow the likeliest ``beam_size`` beginnings of each text side by side.

    A beginning that comes to its end among them is a text, and another takes its place; a row is
    done with ``beam_size`` texts, or when none that is still to come can be among the best.
    """
    options = run.options
    width = options.beam_size
    found: list[list[Hypothesis]] = [[] for _ in run.begun]
    device = run.writer.device
    rows = torch.arange(len(found), device=device).repeat_interleave(width)
    units, places = run.first(rows)
    state = state.select(rows)
    examples = list(range(len(found)))
    # At first the hypotheses of a row are one.
    totals = torch.full((len(found), width), -torch.inf, dtype=torch.float64, device=device)
    totals[:, 0] = 0
    written = units.new_zeros(len(found), width, 0)
    for step in range(options.max_length):
        log_probabilities, state = run.step(units, state, places, step)
        best = _best(totals, log_probabilities)
        is_end = best.units == run.writer.end
        after = best.behind(written)
        is_text = is_end & (torch.arange(is_end.shape[1], device=device) < width)
        for row, text in _texts(run, after, best.totals, is_text):
            found[examples[row]].append(text)
        best, written = best.without(is_end, after, width)
        totals = best.totals
        num_found = torch.tensor([len(found[example]) for example in examples], device=device)
        likeliest = totals.amax(-1)
        is_open = (num_found < width) & (likeliest > -torch.inf)
        if not options.length_penalty:
            # What goes on becomes less likely with every unit.
            least = [_least([text.score for text in found[e]], options.num_best) for e in examples]
            is_open &= likeliest > totals.new_tensor(least)
        if step == options.max_length - 1:
            for row, text in _texts(run, written, totals, is_open[:, None]):
                found[examples[row]].append(text)
        kept = is_open.nonzero()[:, 0]
        if not len(kept):
            break
        rows = (kept[:, None] * width + best.parents[kept]).flatten()
        state, units = state.select(rows), best.units[kept].flatten()
        places = None if places is None else run.after(places[rows], units)
        totals, written = totals[kept], written[kept]
        examples = [examples[row] for row in _integers(kept)]
    return found


def _least(scores: Sequence[float], num: int) -> float:
    """Return what the score of another text has to exceed to be among the first ``num``."""
    return sorted(scores)[-num] if len(scores) >= num else -math.inf


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Continuations of the hypotheses of each row, the likeliest first.

    Attributes:
        totals: ``[B, N]``, their log-probabilities.
        parents: int64 ``[B, N]``, which hypothesis each goes on with.
        units: int64 ``[B, N]``, by which unit.
    """

    totals: Tensor
    parents: Tensor
    units: Tensor

    def behind(self, written: Tensor) -> Tensor:
        """Return the units ``[B, N, T + 1]`` of all, where hypotheses hold ``[B, width, T]``."""
        before = self.parents[..., None].expand(-1, -1, written.shape[2])
        return torch.cat([written.gather(1, before), self.units[..., None]], -1)

    def without(self, is_end: Tensor, written: Tensor, width: int) -> tuple[_Candidates, Tensor]:
        """Return the first ``width`` of each row that do not end, and their units.

        Where there are less, others of log-probability -inf stand in their place.
        """
        order = is_end.long().argsort(dim=-1, stable=True)[:, :width]
        totals = self.totals.masked_fill(is_end, -torch.inf)
        kept = (part.gather(1, order) for part in (totals, self.parents, self.units))
        places = order[..., None].expand(-1, -1, written.shape[2])
        return _Candidates(*kept), written.gather(1, places)


def _texts(
    run: _Run[State], written: Tensor, totals: Tensor, is_text: Tensor
) -> Iterator[tuple[int, Hypothesis]]:
    """Yield row and text of those that are one; of log-probability -inf none is.

    Args:
        run: what stays the same.
        written: units, int64 ``[B, N, T]``.
        totals: ``[B, N]``.
        is_text: bool ``[B, N]`` or ``[B, 1]``.
    """
    for row, rank in _values((is_text & (totals > -torch.inf)).nonzero()):
        yield row, run.text(_integers(written[row, rank]), totals[row, rank].item())


def _best(totals: Tensor, log_probabilities: Tensor) -> _Candidates:
    """Return twice as many continuations as there are hypotheses: half of them may be ends.

    Args:
        totals: ``[B, width]``.
        log_probabilities: ``[B * width, V]``.
    """
    num_rows, width = totals.shape
    # No hypothesis can fill more places than these, one of them with its end.
    each, units = log_probabilities.topk(min(width + 1, log_probabilities.shape[1]))
    sums = (totals.flatten()[:, None] + each.double()).view(num_rows, -1)
    best, places = sums.topk(min(2 * width, sums.shape[1]))
    chosen = units.view(num_rows, -1).gather(1, places)
    return _Candidates(best, places // units.shape[1], chosen)
