"""What a network did with one text, as numbers for the page."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from ostinato.lens.equations import filled_equations
from ostinato.lens.gradients import gradient_through_time
from ostinato.lens.subject import ExampleSubject, Piece, Subject, WritingSubject
from ostinato.lens.tracing import Trace, trace
from ostinato.nn.probes import Place
from ostinato.serving.errors import invalid
from ostinato.serving.schemas import GradientAsked, StepAsked, TraceAsked
from ostinato.training.gradient_decay import Decay

_DIGITS: Final = 4
_MOST_KEPT: Final = 2
"""Traces: whoever scrolls, or steps through a text, asks for the same one again."""

Numbers = npt.NDArray[Any]

_OF_DECAYS: Final[Mapping[str, Callable[[Decay], float | str | None]]] = {
    "rates": lambda decay: _rounded(decay.rate),
    "half_lives": lambda decay: _rounded(decay.half_life),
    "reaches": lambda decay: _rounded(decay.reach),
    "verdicts": lambda decay: decay.verdict,
}


class Tracer:
    """Traces of one network; one thread at a time.

    Args:
        subject: the network.
        checked: returns an input that is of the kind that the network reads.
        max_window: steps that are returned in full.
    """

    def __init__(self, subject: Subject, checked: Callable[[Any], Any], max_window: int) -> None:
        self._subject = subject
        self._checked = checked
        self._max_window = max_window
        self._kept: OrderedDict[str, Trace] = OrderedDict()

    def trace(self, asked: TraceAsked) -> dict[str, Any]:
        """Return the whole text in overview, and a window of it in full: see ``TraceAnswer``."""
        found = self._trace(asked.text)
        num_steps = len(found.piece)
        start = asked.start
        stop = start + self._max_window if asked.stop is None else asked.stop
        _check_window(start, stop, num_steps)
        stop = min(stop, start + self._max_window, num_steps)
        places = found.places
        return {
            "num_steps": num_steps,
            "units": list(found.piece.units),
            "loss": [None] * num_steps if found.losses is None else _listed(found.losses),
            "places": [place._asdict() for place in places],
            "names": list(found.names),
            "states": list(self._subject.cell.states),
            "overview": {
                _key(place): {name: _listed(_size(v)) for name, v in own.values.items()}
                for place, own in places.items()
            },
            "window": {
                "start": start,
                "stop": stop,
                "values": {
                    _key(place): {n: _listed(v[start:stop]) for n, v in own.values.items()}
                    for place, own in places.items()
                },
                "top": self._top(found, start, stop, asked.top_k),
                "target": self._targets(found.piece, start, stop),
            },
        }

    def step(self, asked: StepAsked) -> dict[str, Any]:
        """Return the equations of a step with the numbers of one unit: see ``StepAnswer``."""
        found = self._trace(asked.text)
        lines = filled_equations(found, asked.step, asked.unit, asked.layer, asked.direction)
        values = found.place(asked.layer, asked.direction).values
        return {
            "equations": [
                {
                    "name": line.name,
                    "mathml": line.symbols,
                    "filled": line.filled,
                    "value": line.value if np.isfinite(line.value) else None,
                }
                for line in lines
            ],
            "unit": asked.unit,
            "num_units": max(value.shape[1] for value in values.values()),
        }

    def gradient(self, asked: GradientAsked) -> dict[str, Any]:
        """Return how the gradient fares on its way back: see ``GradientAnswer``."""
        piece = self._subject.piece(self._checked(asked.text))
        flow = gradient_through_time(self._subject, piece, asked.step)
        return {
            "step": flow.step,
            "places": [place._asdict() for place in flow.norms],
            "norms": {
                # The run from the end to the start passes a gradient on to later steps.
                _key(place): {
                    name: _exact(norms if place.direction else norms[: flow.step + 1])
                    for name, norms in own.items()
                }
                for place, own in flow.norms.items()
            },
            "rate": {_key(place): _rounded(decay.rate) for place, decay in flow.decays.items()},
            **{
                name: {_key(place): read(decay) for place, decay in flow.decays.items()}
                for name, read in _OF_DECAYS.items()
            },
            "verdict": flow.verdict,
            "mend": flow.mend,
        }

    def _trace(self, text: Any) -> Trace:
        key = repr(text)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = trace(self._subject, self._subject.piece(self._checked(text)))
        self._kept[key] = found
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def _top(self, found: Trace, start: int, stop: int, k: int) -> list[list[dict[str, Any]]]:
        """Return the likeliest of what is said after each step of a window."""
        if start == stop or self._subject.recipe.task == "regression":
            return [[] for _ in range(start, stop)]
        if isinstance(self._subject, ExampleSubject) and self._subject.shape == "many to one":
            steps = range(start, stop)
            chances = self._subject.prefix_probabilities(found.piece, steps).numpy()
        else:
            chances = found.probabilities[start:stop]
        order = np.argsort(-chances, axis=-1, kind="stable")[:, :k]
        return [
            [{"text": self._label(i), "probability": _rounded(float(row[i]))} for i in best]
            for row, best in zip(chances, order, strict=True)
        ]

    def _label(self, index: int) -> str:
        labels = self._subject.labels
        if not labels:
            return str(index)
        if isinstance(self._subject, WritingSubject):
            return self._subject.shown(labels[index])
        return labels[index]

    def _targets(self, piece: Piece, start: int, stop: int) -> list[str | None]:
        if piece.targets is None:
            return [None] * (stop - start)
        following = (*piece.units[1:], None)
        return list(following[start:stop])


def _check_window(start: int, stop: int, num_steps: int) -> None:
    """Refuse windows that hold nothing; a stop behind the end is cut off, since pages ask so.

    Raises:
        RequestError: it begins behind the end of the text, or behind its own.
    """
    last = max(num_steps - 1, 0)
    if start > last:
        raise invalid(
            f"start: got {start}, expected a step of the text, which has steps 0 to {last}",
            f"send a start from 0 to {last}",
        )
    if stop < start:
        raise invalid(
            f"stop: got {stop}, expected the step behind the last one, at least start = {start}",
            "send a stop that is larger than start, or leave it out",
        )


def _key(place: Place) -> str:
    return f"{place.layer}.{place.direction}"


def _size(values: Numbers) -> Numbers:
    return np.abs(values).mean(1)


def _listed(values: Numbers) -> list[Any]:
    """Return numbers of a few digits; None for what is no finite number."""
    found: list[Any] = np.round(values.astype(np.float64), _DIGITS).tolist()
    return found if np.isfinite(values).all() else _without_nan(found)


def _without_nan(values: list[Any]) -> list[Any]:
    return [
        _without_nan(cast("list[Any]", v)) if isinstance(v, list) else _rounded(v) for v in values
    ]


def _exact(norms: Numbers) -> list[float | None]:
    """Return norms to as many significant digits: they are shown on a logarithmic axis."""
    return [float(f"{norm:.4g}") if np.isfinite(norm) else None for norm in norms]


def _rounded(value: float) -> float | None:
    return round(value, _DIGITS) if np.isfinite(value) else None
