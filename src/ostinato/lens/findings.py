"""What measurements say, in sentences with numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ostinato.data.wording import counted
from ostinato.lens.figures.horizon import horizon_words
from ostinato.lens.wording import number, percent, place_name, shown_unit, signed
from ostinato.training.gradient_decay import FEWEST_STEPS

if TYPE_CHECKING:
    from ostinato.lens.features import FeatureSearch, UnitForFeature
    from ostinato.lens.gate_maps import GateMaps
    from ostinato.lens.gradients import GradientFlow
    from ostinato.lens.reports import Report
    from ostinato.nn.probes import Place

_MOST_UNITS_NAMED = 6
_MOST_FEATURES_NAMED = 6
_SUDDEN = 1e-20
_NOTED_SATURATION = 0.5


def findings(report: Report) -> tuple[str, ...]:
    """Return the findings of a report, one a sentence or two."""
    own, *others = report.gradients
    found = [gradient_words(own, is_alone=not others)]
    found += [gradient_words(other, is_alone=False) for other in others]
    for horizon in report.horizons:
        name = f" of {horizon.name}" if others else ""
        found.append(f"Memory{name}: {horizon_words(horizon)}.")
    if not report.gates.is_short:
        found += _gate_words(report.gates)
        found.append(_idle_words(report.gates))
    if report.features is not None:
        found.append(_feature_words(report.features))
    for place, spectrum in report.lyapunov.items():
        found.append(
            f"Lyapunov exponent of {place_name(*place)}: {signed(spectrum.largest, 3)} ± "
            f"{number(float(spectrum.errors[0]), 1)} nats per step: {spectrum.verdict}."
        )
    return tuple(found)


def gradient_words(flow: GradientFlow, *, is_alone: bool = True) -> str:
    """Say how the gradient fares, and what helps."""
    worst = flow.worst
    name = "" if is_alone else f" of {flow.name}"
    if math.isnan(worst.rate):
        num = flow.step + 1
        why = (
            f"{counted(num, 'step')} {'is' if num == 1 else 'are'} too few for a rate"
            if num < FEWEST_STEPS
            else f"hardly any gradient arrives in {counted(num, 'step')}"
        )
        return f"Gradient{name}: no verdict; {why}{'. Mend: ' + flow.mend if flow.mend else ''}."
    start = start_of_document(flow, _worst_place(flow))
    if start is not None:
        reach = f"it ends {counted(start, 'step')} back, where the document begins"
    elif math.isfinite(worst.reach):
        reach = f"a thousandth is left after {counted(int(worst.reach), 'step')}{_left(flow)}"
    else:
        reach = f"it does not fall to a thousandth within {counted(flow.step, 'step')}"
    mend = f" Mend: {flow.mend}." if flow.mend else ""
    return (
        f"Gradient{name}: {flow.verdict}; each step back multiplies it by {number(worst.rate)}, "
        f"and {reach}.{mend}"
    )


def _worst_place(flow: GradientFlow) -> Place:
    worst = flow.worst
    return next(place for place, decay in flow.decays.items() if decay is worst)


def _left(flow: GradientFlow) -> str:
    """Say what arrives at the first step."""
    place = _worst_place(flow)
    joint = flow.joint[place]
    if place.direction or not joint[flow.step]:
        return ""
    share = number(float(joint[0] / joint[flow.step]), 2)
    return f" ({share} of it after {counted(flow.step, 'step')})"


def start_of_document(flow: GradientFlow, place: Place) -> int | None:
    """Return how many steps back the state was started afresh; None where it was not."""
    if place.direction:
        return None
    back = flow.joint[place][: flow.step + 1][::-1]
    gone = np.flatnonzero(back == 0)
    # What fades reaches 0 through numbers that float32 can hardly tell from it.
    is_cut = len(gone) > 0 and gone[0] > 0 and back[gone[0] - 1] > _SUDDEN * back[0]
    return int(gone[0]) - 1 if is_cut else None


def _gate_words(maps: GateMaps) -> list[str]:
    found: list[str] = []
    for place, values in maps.maps.items():
        gates = [value for value in values if value.kind == "gate"]
        if not gates:
            continue
        parts = [
            f"{value.name} is closed at {percent(value.closed)} of all values and open at "
            f"{percent(value.open)}" + (_stuck_words(len(value.stuck)) if value.stuck else "")
            for value in gates
        ]
        found.append(f"Gates of {place_name(*place)}: {'; '.join(parts)}.")
    flat = [
        f"{value.name} in {place_name(*place)} at {percent(value.flat)}"
        for place, values in maps.maps.items()
        for value in values
        if value.kind == "squashed" and value.flat >= _NOTED_SATURATION
    ]
    if flat:
        found.append(
            f"Saturated tanh: {'; '.join(flat)} of all values; hardly any gradient passes there."
        )
    return found


def _stuck_words(num: int) -> str:
    return f" ({counted(num, 'unit')} never {'changes' if num == 1 else 'change'} that)"


def _idle_words(maps: GateMaps) -> str:
    if not maps.num_idle:
        return f"Idle units: none of {maps.num_units:,}."
    parts: list[str] = []
    for place, states in maps.idle.items():
        for state, idle in states.items():
            for what, units in (
                ("still", idle.still),
                ("without influence", idle.without_influence),
            ):
                if units:
                    shown = ", ".join(map(str, units[:_MOST_UNITS_NAMED]))
                    more = ", …" if len(units) > _MOST_UNITS_NAMED else ""
                    parts.append(
                        f"{len(units)} of {state} in {place_name(*place)} {what} ({shown}{more})"
                    )
    return f"Idle units: {maps.num_idle:,} of {maps.num_units:,}: {'; '.join(parts)}."


def _feature_words(search: FeatureSearch) -> str:
    held = search.confirmed
    if not held:
        return (
            f"Units that mean something: none; of {len(search.found)} features no unit follows one "
            "on both halves of the text."
        )
    more = len(held) - _MOST_FEATURES_NAMED
    shown = "; ".join(map(_unit_words, held[:_MOST_FEATURES_NAMED]))
    return f"Units that mean something: {shown}{f'; and {more} more' if more > 0 else ''}."


def _unit_words(each: UnitForFeature) -> str:
    auc = "" if math.isnan(each.auc) else f", AUC {each.auc:.2f}"
    return (
        f"{each.feature}: unit {each.unit} of {each.state} in {place_name(*each.place)} "
        f"(r {signed(each.found)}, confirmed {signed(each.confirmed)}{auc})"
    )


def shown_text(units: tuple[str, ...], length: int = 200) -> str:
    """Return the beginning of what was read, its layout visible."""
    shown = "".join(shown_unit(unit) if len(unit) < 2 else f"{unit} " for unit in units[:length])
    return f"{shown}…" if len(units) > length else shown
