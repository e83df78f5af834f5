"""All measurements of a trained network together: in words, as numbers, as a page."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np

from ostinato.core.errors import OptionError
from ostinato.core.files import replace_file, writing
from ostinato.core.outputs import check_output
from ostinato.data import DataError
from ostinato.data.wording import counted
from ostinato.lens import features, gate_maps, horizon, jacobians
from ostinato.lens.features import FeatureSearch
from ostinato.lens.gate_maps import GateMaps
from ostinato.lens.gradients import GradientFlow, gradient_through_time
from ostinato.lens.horizon import MemoryHorizon
from ostinato.lens.jacobians import LyapunovSpectrum, StateJacobian
from ostinato.lens.samples import Network, Sample, sample_of, several_of
from ostinato.lens.subject import ExampleSubject, Piece, Subject
from ostinato.lens.tracing import Trace, trace
from ostinato.nn.probes import Place

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GRADIENT_STEPS: Final = 150
"""Steps that a gradient is traced back through: what is further away than that is seldom seen."""

_MOST_UNITS: Final = 600
"""Of all states of a layer, up to which its singular values are part of a report."""

_SEARCHED: Final = 2000
"""Steps in which units that mean something are looked for."""

_Measured = TypeVar("_Measured")


@dataclass(frozen=True)
class Facts:
    """What is looked at.

    Attributes:
        name: of the network.
        task: that it learned.
        cell: the equations as text.
        mathml: the equations as mathematics.
        layers: in words.
        num_parameters: of the whole network.
        origin: what it was looked at with.
        num_steps: of that.
    """

    name: str
    task: str
    cell: str
    mathml: str
    layers: str
    num_parameters: int
    origin: str
    num_steps: int


@dataclass(frozen=True)
class Report:
    """What the memory of a network does, measured on one sequence.

    Attributes:
        facts: what is looked at.
        gradients: of the network, then of those beside it.
        horizons: the same; empty where the sequence is too short.
        gates: the named values of its cell, and idle units.
        jacobian: of the last layer; None where the sequence is too short or the layer too large.
        lyapunov: place to exponents; without those that could not be measured.
        features: units that mean something; None where there is no text to search.
        notes: what was left out, and why.
    """

    facts: Facts
    gradients: tuple[GradientFlow, ...]
    horizons: tuple[MemoryHorizon, ...]
    gates: GateMaps
    jacobian: StateJacobian | None
    lyapunov: Mapping[Place, LyapunovSpectrum]
    features: FeatureSearch | None
    notes: tuple[str, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """The findings in words, with numbers."""
        from ostinato.lens.findings import findings

        return findings(self)

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """The figures by name, in the order in which they are read."""
        from ostinato.lens.figures.gradients import gradient_figure
        from ostinato.lens.figures.horizon import horizon_figure

        found = {"gradient": gradient_figure(self.gradients)}
        if self.horizons:
            found["horizon"] = horizon_figure(self.horizons)
        if not self.gates.is_short:
            found["saturation"] = self.gates.saturation_figure()
        for place, maps in self.gates.maps.items():
            for value in maps:
                key = f"{value.name}, {place.layer}.{place.direction}"
                found[key] = self.gates.figure(value.name, place.layer, place.direction)
        if self.jacobian is not None:
            found["jacobian"] = self.jacobian.figure()
        for place, spectrum in self.lyapunov.items():
            found[f"lyapunov, {place.layer}.{place.direction}"] = spectrum.figure()
        if self.features is not None and self.features.found:
            found["features"] = self.features.overview_figure()
            for each in self.features.confirmed:
                found[f"text: {each.feature}"] = self.features.figure(each.feature)
        return found

    def to_html(self) -> str:
        """Return a page that needs no network: the findings, then figures and tables."""
        from ostinato.lens.report_page import report_page

        return report_page(self)

    def to_json(self) -> dict[str, Any]:
        """Return every number, as JSON takes it; what is not finite is null."""
        is_short = self.gates.is_short
        numbers = {
            "facts": self.facts,
            "summary": self.summary,
            "gradients": self.gradients,
            "horizons": self.horizons,
            "gates": {
                _key(place): {
                    value.name: {
                        "kind": value.kind,
                        # Null: too few steps to tell.
                        "closed": None if is_short else value.closed,
                        "open": None if is_short else value.open,
                        "flat": None if is_short else value.flat,
                        "stuck": None if is_short else value.stuck,
                    }
                    for value in maps
                }
                for place, maps in self.gates.maps.items()
            },
            "idle": None if is_short else self.gates.idle,
            "jacobian": self.jacobian,
            "lyapunov": self.lyapunov,
            "features": None
            if self.features is None
            else [
                {f.name: getattr(each, f.name) for f in dataclasses.fields(each)}
                | {"values": None, "holds": each.holds}
                for each in self.features.found
            ],
            "notes": self.notes,
        }
        return cast("dict[str, Any]", _plain(numbers))

    def write_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the page.

        Raises:
            StorageError: it could not be written.
        """
        path = Path(path)
        check_output(path, " (--html FILE)")
        content = self.to_html().encode()
        with writing(path, how=" (--html FILE)"):
            replace_file(path, content)
        return path

    def _repr_html_(self) -> str:
        from ostinato.lens.report_page import report_fragment

        return report_fragment(self)

    def __repr__(self) -> str:
        return "\n".join([f"Report of {self.facts.name}, {self.facts.origin}:", *self.summary])


def report(
    run: Network,
    value: Any = None,
    *,
    beside: Sequence[Network] = (),
    example: int | None = None,
    seed: int = 0,
) -> Report:
    """Measure what the memory of a trained network does, on one text.

    >>> import ostinato as ost
    >>> run = ost.train("hello", run=getfixture("tmp_path") / "hello", progress=False)
    >>> found = report(run, "hello")
    >>> "gradient" in found.figures
    True

    Args:
        run: a run, its folder, or a ``Subject``.
        value: a text, tokens, or an array ``[T, I]``; None for what the run kept from learning: the
            beginning of the held-out text, or an example of the dev part.
        beside: others, whose gradient and horizon on the same text are drawn on the same figures.
        example: which one of the dev part, counted from 0; None for the longest of the first ones.
        seed: of what is drawn.

    Raises:
        OstinatoError: a run or the value is not as it must be; the message says what and the mend.
    """
    subject = Subject.open(run)
    sample = sample_of(subject, value, example=example)
    piece, notes = sample.piece, list(sample.notes)
    others = [(other, _piece_for(other, sample)) for other in map(Subject.open, beside)]
    pairs = _named([(subject, piece), *others])
    step = traced_step(piece)
    flows = [
        replace(gradient_through_time(who, what, min(step, len(what) - 1)), name=name)
        for name, who, what in pairs
    ]
    horizons: list[MemoryHorizon] = []
    if piece.resets is not None and bool(piece.resets[1:].any()):
        notes.append(
            "the state starts afresh with every document, so no gradient and no memory reaches "
            "beyond; Jacobians and Lyapunov exponents are of the text as one document"
        )
    if len(piece) >= horizon.FEWEST_STEPS:
        for name, who, what in pairs:
            # One beside it may read larger units, and so take fewer steps.
            if len(what) >= horizon.FEWEST_STEPS:
                own = horizon.memory_horizon(who, what, seed=seed)
                horizons.append(replace(own, name=name))
            else:
                few = _fewer_than(what, horizon.FEWEST_STEPS)
                notes.append(f"no memory horizon of {name}: it reads the same in few steps, {few}")
    else:
        notes.append(f"no memory horizon: {_fewer_than(piece, horizon.FEWEST_STEPS)}")
    traced = trace(subject, piece)
    maps = gate_maps.gates_of(traced)
    if maps.is_short:
        notes.append(
            "no words on saturated gates, stuck and idle units: "
            f"{_fewer_than(piece, gate_maps.FEWEST_STEPS)}"
        )
    places = list(traced.places)
    found = _or_note(
        "no search for units that mean something",
        lambda: features.units_for_features_of(
            [traced] if value is not None else _traces(subject, traced), seed=seed
        ),
        notes,
    )
    spectra = {place: _spectrum(subject, piece, place, seed, notes) for place in places}
    return Report(
        _facts(subject, sample),
        tuple(flows),
        tuple(horizons),
        maps,
        _jacobian(subject, piece, places[-1], notes),
        {place: spectrum for place, spectrum in spectra.items() if spectrum is not None},
        found,
        tuple(notes),
    )


def _fewer_than(piece: Piece, fewest: int) -> str:
    verb = "is" if len(piece) == 1 else "are"
    return f"{counted(len(piece), 'step')} {verb} fewer than {fewest}"


def _or_note(what: str, measure: Callable[[], _Measured], notes: list[str]) -> _Measured | None:
    """Measure, or note why that cannot be: the rest of a report is still worth having."""
    try:
        return measure()
    except OptionError as error:
        note = f"{what}: {str(error).partition(chr(10))[0]}"
        if note not in notes:
            notes.append(note)
        return None


def traced_step(piece: Piece) -> int:
    """Return the step whose loss is traced back: one that can look back far.

    Where the state starts afresh at documents, it is the end of the longest one.
    """
    last = min(len(piece) - 1, GRADIENT_STEPS)
    if piece.resets is None:
        return last
    starts = [0, *np.flatnonzero(piece.resets[:, 0].numpy()).tolist(), len(piece)]
    spans = [(stop - start, stop - 1) for start, stop in itertools.pairwise(starts)]
    length, end = max(spans, key=lambda span: (span[0], -span[1]))
    return end - length + min(length, GRADIENT_STEPS + 1) if length else last


def _traces(subject: Subject, traced: Trace) -> list[Trace]:
    """Return what units are looked for in: one short example says little, so several do."""
    if len(traced.piece) >= _SEARCHED or not isinstance(subject, ExampleSubject):
        return [traced]
    if not features.reads_text(subject):
        return [traced]
    return [trace(subject, piece) for piece in several_of(subject, _SEARCHED)]


def _spectrum(
    subject: Subject, piece: Piece, place: Place, seed: int, notes: list[str]
) -> LyapunovSpectrum | None:
    return _or_note(
        "no Lyapunov exponents",
        lambda: jacobians.lyapunov(
            subject, piece, layer=place.layer, direction=place.direction, seed=seed
        ),
        notes,
    )


def _jacobian(
    subject: Subject, piece: Piece, place: Place, notes: list[str]
) -> StateJacobian | None:
    """Return the singular values of the last layer, at the end of the traced gradient."""

    def measure() -> StateJacobian:
        num_units = sum(jacobians.sizes_of(subject, place.layer, place.direction))
        if num_units > _MOST_UNITS:
            raise OptionError(f"its {num_units:,} units are more than {_MOST_UNITS:,}")
        step = traced_step(piece)
        if not step:
            raise OptionError("there is no step before the first one")
        longest = 7 if num_units <= _MOST_UNITS // 2 else 6
        return jacobians.jacobian(
            subject,
            piece,
            layer=place.layer,
            direction=place.direction,
            step=step,
            spans=[2**power for power in range(longest) if 2**power <= step],
        )

    return _or_note(f"no singular values of layer {place.layer}", measure, notes)


def _piece_for(other: Subject, sample: Sample) -> Piece:
    """Return the same sequence as another network reads it."""
    try:
        return sample_of(other, sample.piece if sample.value is None else sample.value).piece
    except (DataError, OptionError) as error:
        raise DataError(f"{other.name} cannot read the same: {error}") from error


def _named(
    pairs: Sequence[tuple[Subject, Piece]],
) -> list[tuple[str, Subject, Piece]]:
    """Give networks of the same name numbers."""
    names = [subject.name for subject, _ in pairs]
    return [
        (name if names.count(name) == 1 else f"{name} ({number})", subject, piece)
        for number, (name, (subject, piece)) in enumerate(zip(names, pairs, strict=True), 1)
    ]


def _facts(subject: Subject, sample: Sample) -> Facts:
    stacks = [layer.stack for layer in subject.layers]
    num_layers = sum(stack.num_layers for stack in stacks)
    both = ", in both directions" if stacks[0].num_directions > 1 else ""
    size = stacks[0].output_size
    return Facts(
        subject.name,
        subject.recipe.task,
        subject.cell.to_text(),
        subject.cell.to_mathml(),
        f"{counted(num_layers, 'layer')} of {counted(size, 'unit')}{both}",
        sum(parameter.numel() for parameter in subject.model.parameters()),
        sample.origin,
        len(sample.piece),
    )


def _key(place: Place) -> str:
    return f"{place.layer}.{place.direction}"


def _plain(value: Any) -> Any:
    """Return numbers in the types of JSON."""
    match value:
        case Place():
            return _key(value)
        case np.ndarray():
            return _plain(cast("Any", value).tolist())
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            items = cast("Mapping[Any, Any]", value).items()
            return {str(_plain(key)): _plain(each) for key, each in items}
        case tuple() | list():
            return [_plain(each) for each in cast("Sequence[Any]", value)]
        case _ if dataclasses.is_dataclass(value):
            return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case _:
            return value
