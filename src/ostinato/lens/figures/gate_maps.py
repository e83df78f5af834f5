"""Named values of a cell as maps over a text, and how saturated its gates are."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ostinato.lens.figures import theme
from ostinato.lens.gate_maps import FLAT, GateMaps, ValueMap
from ostinato.lens.wording import number, percent, place_name, shown_unit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_STEPS_DRAWN: Final = 100
MOST_UNITS_DRAWN: Final = 64


def map_figure(
    value: ValueMap,
    units: Sequence[str],
    network: str,
    layer: int,
    direction: int,
    *,
    order: Sequence[int] | None = None,
) -> Figure:
    """Draw a value as a map.

    Args:
        value: ``[T, n]``.
        units: what each step reads.
        network: its name.
        layer: counted from 0.
        direction: counted from 0.
        order: the units that are drawn, from the top; None for those that move most.
    """
    steps = min(len(units), MOST_STEPS_DRAWN)
    # Some states begin at -inf, which has no spread and no colour.
    values = np.where(np.isfinite(value.values), value.values, np.nan).astype(np.float64)
    spread = np.nan_to_num(values).std(0)
    chosen = list(order) if order is not None else _moving(spread)
    drawn = values[:steps, chosen].T
    cut = [] if len(units) <= steps else [f"the first {steps} of {len(units):,} steps"]
    if len(chosen) < value.values.shape[1]:
        cut.append(f"the {len(chosen)} of {value.values.shape[1]} units that move most")
    where = place_name(layer, direction)
    figure = theme.new_figure(
        f"{value.name} over the text",
        subtitle="; ".join([f"{network}, {where}", *cut]),
        description=f"Map of {value.name} in {where}, {drawn.shape[0]} units over {steps} steps: "
        f"{_in_words(value)}.",
        reading=_map_reading(value),
        x="step, and what it reads",
        y="unit",
        height=170 + max(160, min(520, 9 * drawn.shape[0])),
    )
    labels = [shown_unit(unit) for unit in units[:steps]]
    signed = value.kind != "gate"
    limit = float(np.nanmax(np.abs(drawn), initial=0.0)) or 1.0
    bounds = {"zmin": -limit, "zmax": limit} if signed else {"zmin": 0, "zmax": 1}
    figure.add_heatmap(
        z=drawn.astype(np.float32),
        x=list(range(steps)),
        y=[str(unit) for unit in chosen],
        customdata=np.broadcast_to(np.array(labels, object), drawn.shape),
        hovertemplate="unit %{y}, step %{x} (%{customdata}): %{z:.3f}<extra></extra>",
        colorscale=theme.diverging_scale() if signed else theme.ONE_SIDED,
        colorbar={"title": {"text": value.name}, "thickness": 14},
        **bounds,
    )
    # A hundred wide letters, such as Hangul, stand side by side at this size only.
    is_wide = any(unicodedata.east_asian_width(c) in "WF" for label in labels for c in label)
    figure.update_xaxes(
        tickvals=list(range(steps)),
        ticktext=labels,
        ticks="",
        tickangle=0,
        showgrid=False,
        tickfont={"family": theme.MONOSPACE, "size": 7 if is_wide and steps > 60 else 10},
    )
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, nticks=16)
    return figure


def saturation_figure(maps: GateMaps) -> Figure:
    """Draw how much of every gate is closed, open, or at work."""
    rows = [
        (f"{value.name}, {place_name(place.layer, place.direction)}", value)
        for place, values in maps.maps.items()
        for value in values
        if value.kind != "free"
    ]
    spoken = [f"{label}: {_in_words(value)}" for label, value in rows]
    figure = theme.new_figure(
        "Saturated gates",
        subtitle=f"{maps.name}; share of all values over {len(maps.units):,} steps",
        description="; ".join(spoken) + "." if spoken else "No value of the cell is a gate.",
        reading="Where a gate is closed or open it lets no gradient through; a bar that is mostly "
        "striped belongs to a gate that decides little, one that is plain works in between.",
        x="share of values",
        height=230 + 34 * max(1, len(rows)),
    )
    parts = [
        ("closed, or at −1", [_below(value) for _, value in rows], 0, "/"),
        ("in between", [1 - _below(value) - _above(value) for _, value in rows], 5, ""),
        ("open, or at 1", [_above(value) for _, value in rows], 1, "\\"),
    ]
    for label, shares, colour, pattern in parts:
        figure.add_bar(
            y=[row for row, _ in rows],
            x=shares,
            name=label,
            orientation="h",
            marker={
                "color": theme.LINE_COLOURS[colour],
                "pattern": {
                    "shape": pattern,
                    "bgcolor": theme.LINE_COLOURS[colour],
                    "fgcolor": theme.PAPER,
                    "size": 7,
                    "solidity": 0.12,
                },
            },
            text=[percent(share) if share > 0.06 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textfont={"color": theme.PAPER if pattern else theme.INK, "size": 13},
            hovertemplate="%{y}: %{x:.1%}<extra>" + label + "</extra>",
        )
    figure.update_layout(
        barmode="stack",
        legend={"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def _below(value: ValueMap) -> float:
    return value.closed if value.kind == "gate" else float((value.values < -FLAT).mean())


def _above(value: ValueMap) -> float:
    return value.open if value.kind == "gate" else float((value.values > FLAT).mean())


def _moving(spread: npt.NDArray[np.floating]) -> list[int]:
    """Return the units that move most, in their own order."""
    if len(spread) <= MOST_UNITS_DRAWN:
        return list(range(len(spread)))
    return sorted(map(int, np.argsort(-spread)[:MOST_UNITS_DRAWN]))


def _in_words(value: ValueMap) -> str:
    match value.kind:
        case "gate":
            return f"{percent(value.closed)} closed, {percent(value.open)} open"
        case "squashed":
            return f"{percent(value.flat)} saturated"
        case _:
            finite = value.values[np.isfinite(value.values)]
            if not finite.size:
                return "no finite values"
            return f"from {number(float(finite.min()))} to {number(float(finite.max()))}"


def _map_reading(value: ValueMap) -> str:
    if value.kind == "gate":
        return (
            "Each row is a unit, each column a step: yellow is an open gate (1), dark blue a "
            "closed one (0)."
        )
    return (
        "Each row is a unit, each column a step: orange is positive, blue negative, white 0; a row "
        "of one colour is a unit that says the same all the time."
    )
